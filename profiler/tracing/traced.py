"""Any nn.Module counted into the closed form's rows, by running it on tensors that hold nothing.

A ladder: on the meta device; there with meta as the default device; there with the values of integer and boolean inputs;
then on the CPU with real tensors. Traced says which rung counted, and why those before it did not.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from profiler.errors import ProfilerError
from profiler.module.trees import map_tensors, mapped_tensors
from profiler.records.profile import Profile, Row, Shape, Totals
from profiler.records.traced import Coverage, Traced, Uncounted
from profiler.tracing.fallbacks import Given, forward, run_with_fallbacks, to_meta
from profiler.tracing.recorder import Recorder
from profiler.tracing.restore import Places, SavedState, gc_disabled, places, preserved_state
from profiler.tracing.rows import RowBuilder


def trace(
    module: nn.Module,
    args: tuple[Any, ...] = (),
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
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    everything = places(module)
    lazy = any(isinstance(m, nn.modules.lazy.LazyModuleMixin) for _, m in everything)
    if lazy:
        module = copy.deepcopy(module)
        everything = places(module)
    name = name or type(module).__name__
    if isinstance(module, torch.jit.ScriptModule):
        raise ProfilerError(
            f"{name} is a script module, which torch runs out of sight; trace the nn.Module that it was made from"
        )
    with gc_disabled(), preserved_state(everything) as (kept, harm):
        recorder, rung, reason = run_with_fallbacks(module, everything, (args, dict(kwargs or {})), name, kept.restore, wired)
        rows = tuple(recorder.rows)
        unused = _unused(everything, recorder)
        if rung == "meta" and unused:
            rows = _with_training_rows(rows, module, everything, (args, dict(kwargs or {})), unused, kept, recorder)
    wires = recorder.wires
    recorded = [i for i, row in enumerate(rows) if not row.side]
    wiring = None if wires is None else wires.wiring(recorded, len(rows))
    shapes = inputs or tuple(tuple(t.shape[1:]) if batch else tuple(t.shape) for t in mapped_tensors((args, kwargs)))
    first = shapes[0] if shapes else ()
    resolution = first[-1] if len(first) >= 3 and first[-1] == first[-2] else None
    builder = recorder.builder
    missing = tuple(Uncounted(op, times, path) for op, (times, path) in builder.uncounted.items())
    profile = Profile(name, dict(options or {}), None, resolution, shapes, batch or 1, rows, sums(rows), "traced",
                      tuple(each.op for each in missing), *_unread(builder, unused), _bytes_by_dtype(builder))  # fmt: skip
    return Traced(
        profile, rung, reason, Coverage(**builder.tally), missing, unused, profile.unread, tuple(builder.tied),
        () if lazy else tuple(harm), wiring,
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


def _unread(builder: RowBuilder, unused: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """How many parameters nothing read, and where: modules that never ran, and names of single parameters."""
    idle = {key: p.numel() for key, p in builder.parameters.items() if key not in builder.counted_tensors}
    owners = (builder.owners[key] for key in idle)
    names = [f"{builder.paths[id(module)]}.{name}".removeprefix(".") for module, name, _ in owners]
    above = [next((path for path in unused if name.startswith(f"{path}.")), name) for name in names]
    return sum(idle.values()), tuple(dict.fromkeys(above))


def _bytes_by_dtype(builder: RowBuilder) -> dict[str, int]:
    """Bytes of the parameters that were read, by dtype."""
    found: dict[str, int] = {}
    for key, p in builder.parameters.items():
        if key in builder.counted_tensors:
            dtype = str(p.dtype).removeprefix("torch.")
            found[dtype] = found.get(dtype, 0) + p.numel() * p.element_size()
    return found


def _unused(everything: Places, recorder: Recorder) -> tuple[str, ...]:
    """Modules that never ran and whose parameters nothing read, the highest of them only."""
    builder = recorder.builder
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
    main: Recorder,
) -> tuple[Row, ...]:
    """The rows with those of what runs in training only: parts that evaluation left out and a forward in training runs."""
    below = tuple(f"{path}." for path in unused)
    if not any(m._parameters for path, m in everything if f"{path}.".startswith(below)):
        return rows
    recorder = Recorder(module, everything, earlier=main)
    try:
        kept.set_training(True)
        forward(recorder, module, map_tensors(given, to_meta), nullcontext)
    except Exception:  # a forward of the user's that evaluates and does not train: what evaluation ran is all there is
        return rows
    finally:
        kept.set_training(False)
    side = [f"{row.path}.".startswith(below) for row in recorder.rows]
    aside = [row._replace(side=True) for row, is_side in zip(recorder.rows, side, strict=True) if is_side]
    if [row.path for row, is_side in zip(recorder.rows, side, strict=True) if not is_side] != [row.path for row in rows]:
        return (*rows, *aside)
    turns = {True: iter(aside), False: iter(rows)}
    return tuple(next(turns[is_side]) for is_side in side)
