"""Any nn.Module counted into the closed form's rows, by running it on tensors that hold nothing.

A ladder: on the meta device; there with meta as the default device; there with the values of integer and boolean inputs;
then on the CPU with real tensors. Traced says which rung counted, and why those before it did not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.module.packed import packed_weights
from profiler.module.trees import shape_of
from profiler.module.user_code import guarded
from profiler.records.profile import Profile, Row, Shape, Totals
from profiler.records.traced import Coverage, Traced, Uncounted
from profiler.tracing.arguments import Given, argument_tensors, copy_arguments, to_meta
from profiler.tracing.fallbacks import forward, initialised, run_with_fallbacks
from profiler.tracing.recorder import Recorder
from profiler.tracing.refusals import check_arguments
from profiler.tracing.restore import Places, SavedState, gc_disabled, places, preserved_state
from profiler.tracing.sharded import gathered, sharded

_LAZY = frozenset({UninitializedParameter, UninitializedBuffer})


@checked
@guarded
def trace(
    module: nn.Module,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    inputs: tuple[Shape, ...] = (),
    batch: int | None = 1,
    wired: bool = False,
) -> Traced:
    """The rows of one evaluation of `module` on these arguments, tensors of any device, meta included, or anything else.

    Counts are for the whole batch; `inputs` (shapes of one sample) and `batch` are only noted in the profile. With `wired`,
    also which row takes whose output, by the identity of tensors: what is written in place into a view is not followed. The
    module, the generators and torch are as before, also after an error. Raises ProfilerError where the module does not run,
    with the path.
    """
    if not isinstance(module, nn.Module):
        raise ProfilerError(f"trace takes an nn.Module, not {type(module).__name__}")
    args = args if isinstance(args, tuple) else (args,)
    kwargs = dict(kwargs or {})
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    everything = places(module)
    name = name or type(module).__name__
    check_arguments(module, args, kwargs, name)
    lazy = any(type(t) in _LAZY for _, m in everything for table in (m._parameters, m._buffers) for t in table.values())
    if lazy:
        module = initialised(module, (args, kwargs))
        everything = places(module)
    whole = sharded(m for _, m in everything)
    with gathered(whole), gc_disabled(), preserved_state(everything) as (kept, harm):
        recorder, rung, reason = run_with_fallbacks(module, everything, (args, kwargs), name, kept.restore, wired)
        rows = tuple(recorder.rows)
        unused = _unused(everything, recorder)
        read = recorder.builder.counted_tensors
        if rung == "meta" and unused:
            rows, aside = _with_training_rows(rows, module, everything, (args, kwargs), unused, kept, harm)
            read = read | aside
        unread, unread_at = _unread(everything, read, unused)
        held = _bytes(everything, recorder)
    wires = recorder.wires
    recorded = [i for i, row in enumerate(rows) if not row.side]
    wiring = None if wires is None else wires.wiring(recorded, len(rows))
    receptive = () if wires is None else wires.receptive(recorded, len(rows))
    shapes = inputs or tuple(shape_of(t)[1 if batch else 0 :] for t in argument_tensors((args, kwargs)))
    first = shapes[0] if shapes else ()
    resolution = first[-1] if len(first) >= 3 and first[-1] == first[-2] else None
    builder = recorder.builder
    missing = tuple(Uncounted(op, times, path) for op, (times, path) in builder.uncounted.items())
    profile = Profile(
        name, dict(options or {}), None, resolution, shapes, batch or 1, rows, sums(rows), "traced",
        tuple(each.op for each in missing), unread, unread_at, held,
    )  # fmt: skip
    return Traced(
        profile, rung, reason, Coverage(**builder.tally), missing, unused, profile.unread, tuple(builder.tied),
        () if lazy else tuple(harm), wiring, receptive=receptive,
    )  # fmt: skip


def sums(rows: tuple[Row, ...]) -> Totals:
    """Totals of rows."""
    main = [row[7:14] for row in rows if not row.side]
    weights, bias, norm, buffers, macs, elementwise, activations = map(sum, zip(*main, strict=True)) if main else [0] * 7
    side = [row for row in rows if row.side]
    return Totals(
        weights, bias, norm, buffers, macs, elementwise, activations, sum(r.params for r in side), sum(r.macs for r in side),
        sum(row.moved for row in rows if not row.side),
    )  # fmt: skip


# What was read, and what did not run


def _unused(everything: Places, recorder: Recorder) -> tuple[str, ...]:
    """Modules that never ran and whose parameters nothing read, the highest of them only."""
    builder = recorder.builder
    if all(id(m) in recorder.called for _, m in everything):
        return ()
    idle: list[str] = []
    paths = {id(m): path for path, m in everything}

    def runs(m: nn.Module) -> bool:
        """Whether a module or anything below it ran; the highest that did not are noted."""
        ran = id(m) in recorder.called or any(
            id(t) in builder.counted_tensors for t in (*m._parameters.values(), *m._buffers.values())
        )
        below = [(child, runs(child)) for child in m._modules.values() if child is not None]
        used = ran or any(used for _, used in below)
        if used:
            idle.extend(paths[id(child)] for child, used in below if not used and not _is_container(child))
        return used

    root = everything[0][1]
    if not runs(root):
        return tuple(name for name, child in root._modules.items() if child is not None)
    order = {path: i for i, (path, _) in enumerate(everything)}
    return tuple(sorted(dict.fromkeys(idle), key=order.__getitem__))


def _unread(everything: Places, read: set[int], unused: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """How many parameters nothing read, and where: a module that never ran, or the name of one."""
    count, at, seen = 0, dict[str, None](), set(read)
    for path, m in everything:
        for name, p in m._parameters.items():
            if p is None or id(p) in seen:
                continue
            seen.add(id(p))
            if is_lazy(p):
                continue
            count += p.numel()
            where = f"{path}.{name}" if path else name
            at[next((each for each in unused if f"{where}.".startswith(f"{each}.")), where)] = None
    return count, tuple(at)


def _bytes(everything: Places, recorder: Recorder) -> dict[str, int]:
    """Bytes of the parameters that were read, by dtype, and of weights that quantised modules keep packed."""
    found: dict[torch.dtype, int] = {}
    owners = recorder.builder.owners
    read = [owners[key].tensor for key in recorder.builder.counted_tensors if key in owners and owners[key].parameter]
    for t in [*read, *packed_weights([m for _, m in everything])]:
        found[t.dtype] = found.get(t.dtype, 0) + t.numel() * t.element_size()
    return {str(dtype).removeprefix("torch."): size for dtype, size in found.items()}


def _is_container(m: nn.Module) -> bool:
    """An empty list or dict of modules."""
    return isinstance(m, nn.ModuleList | nn.ModuleDict | nn.ParameterList | nn.ParameterDict) and not m._modules


def _with_training_rows(
    rows: tuple[Row, ...],
    module: nn.Module,
    everything: Places,
    given: Given,
    unused: tuple[str, ...],
    kept: SavedState,
    harm: list[str],
) -> tuple[tuple[Row, ...], set[int]]:
    """The rows with those of what runs in training only, and the parameters that it reads.

    It is what evaluation left out and a forward in training runs.
    """
    below = tuple(f"{path}." for path in unused)
    if not any(m._parameters for path, m in everything if f"{path}.".startswith(below)):
        return rows, set()
    recorder = Recorder(module, everything)
    harm += kept.restore()
    try:
        kept.set_training(True)
        forward(recorder, module, copy_arguments(given, to_meta, [m for _, m in everything]), nullcontext)
    except Exception:  # a forward of the user's that evaluates and does not train: what evaluation ran is all there is
        return rows, set()
    finally:
        kept.restore()  # what training changes is no change of the evaluation that was asked for
        kept.set_training(False)
    read = {
        key
        for key in recorder.builder.counted_tensors
        if (owner := recorder.builder.owners.get(key)) is not None
        and f"{recorder.builder.paths.get(id(owner.module), '')}.".startswith(below)
    }
    side = [f"{row.path}.".startswith(below) for row in recorder.rows]
    aside = [row._replace(side=True) for row, is_side in zip(recorder.rows, side, strict=True) if is_side]
    if [row.path for row, is_side in zip(recorder.rows, side, strict=True) if not is_side] != [row.path for row in rows]:
        return (*rows, *aside), read
    turns = {True: iter(aside), False: iter(rows)}
    return tuple(next(turns[is_side]) for is_side in side), read
