"""Any nn.Module counted into the closed form's rows, by running it on tensors that hold nothing.

A ladder: on the meta device; there with meta as the default device; there with the values of integer and boolean inputs;
then on the CPU with real tensors. Traced says which rung counted, and why those before it did not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from profiler.count.harm import Kept, Places, places, uncollected, unharmed
from profiler.count.recorder import Recorder
from profiler.errors import ProfilerError, ShapeError
from profiler.records import Profile, Row, Shape, Totals

LARGEST_REAL = 1 << 31
"""Elements of parameters that are put into memory for a count with real tensors, at most."""


@dataclass(frozen=True)
class Uncounted:
    """An operator without a formula."""

    op: str
    times: int
    path: str
    """Where it first ran."""

    @property
    def cure(self) -> str:
        return f"profiler.register('{self.op}') adds its formula"


@dataclass(frozen=True)
class Coverage:
    """How many of the operations that ran were counted, and how."""

    counted: int
    """With multiply-adds."""
    elementwise: int
    free: int
    """Known to cost nothing: views, copies, creation."""
    uncounted: int
    """Without a formula."""

    @property
    def share(self) -> float:
        """The part of the operations that had a formula or are known to be free."""
        every = self.counted + self.elementwise + self.free + self.uncounted
        return (every - self.uncounted) / every if every else 1.0


@dataclass(frozen=True)
class Traced:
    """A profile with how it was come by."""

    profile: Profile
    rung: str
    """"meta", "meta-device", "data-dependent" (counted on these input values) or "real"."""
    reason: str
    """Why the rungs before it did not do; empty on the first."""
    coverage: Coverage
    uncounted: tuple[Uncounted, ...] = ()
    unused: tuple[str, ...] = ()
    """Modules that never ran, without those below them."""
    unread: int = 0
    """Parameters that nothing read."""
    tied: tuple[str, ...] = ()
    """Second names of parameters that are counted once."""
    harm: tuple[str, ...] = ()
    """What the trace found changed afterwards, and put back; empty is no harm."""
    notes: tuple[str, ...] = field(default=())

    @property
    def useful_macs(self) -> int:
        """Multiply-adds without the half of causal attention that a kernel may skip."""
        return self.profile.macs - sum(row.macs - row.facts.get("useful_macs", row.macs) for row in self.profile.rows)

    @property
    def active_params(self) -> int:
        """Parameters that one token meets: of a mixture of experts, those of the experts that it is sent to."""
        idle = 0
        for row in self.profile.rows:
            if "active" in row.facts:
                idle += row.weights - row.weights * row.facts["active"] // row.facts["experts"]
        return self.profile.params - idle


Given = tuple[tuple[Any, ...], dict[str, Any]]


def trace(
    module: nn.Module,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    inputs: tuple[Shape, ...] = (),
    batch: int | None = 1,
) -> Traced:
    """The rows of one evaluation of `module` on these arguments, tensors of any device, meta included, or anything else.

    Counts are for the whole batch; `inputs` (shapes of one sample) and `batch` are only noted in the profile. The module, the
    generators and torch are as before, also after an error. Raises ProfilerError where the module does not run, with the path.
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
    with uncollected(), unharmed(everything) as (kept, harm):
        recorder, rung, reason = _climb(module, everything, (args, dict(kwargs or {})), name)
        rows = tuple(recorder.rows)
        unused = _unused(everything, recorder)
        if rung == "meta" and unused:
            rows = _beside(rows, module, everything, (args, dict(kwargs or {})), unused, kept, recorder)
    shapes = inputs or tuple(tuple(t.shape[1:]) if batch else tuple(t.shape) for t in tensors((args, kwargs)))
    first = shapes[0] if shapes else ()
    resolution = first[-1] if len(first) >= 3 and first[-1] == first[-2] else None
    books = recorder.books
    missing = tuple(Uncounted(op, times, path) for op, (times, path) in books.uncounted.items())
    profile = Profile(name, dict(options or {}), None, resolution, shapes, batch or 1, rows, sums(rows), "traced",
                      tuple(each.op for each in missing))  # fmt: skip
    unread = sum(p.numel() for key, p in books.parameters.items() if key not in books.booked)
    return Traced(
        profile, rung, reason, Coverage(**books.tally), missing, unused, unread, tuple(books.tied), () if lazy else tuple(harm)
    )


def sums(rows: tuple[Row, ...]) -> Totals:
    """Totals of rows."""
    main = [row[7:14] for row in rows if not row.side]
    weights, bias, norm, buffers, macs, elementwise, activations = map(sum, zip(*main, strict=True)) if main else [0] * 7
    side = [row for row in rows if row.side]
    return Totals(
        weights, bias, norm, buffers, macs, elementwise, activations, sum(r.params for r in side), sum(r.macs for r in side)
    )


# The ladder


def _climb(module: nn.Module, everything: Places, given: Given, name: str) -> tuple[Recorder, str, str]:
    """The first rung on which the module runs. Raises ProfilerError with the path where it runs on none."""
    reason, fault, recorder = "", None, None
    for rung, prepare, context in _RUNGS:
        recorder = Recorder(module, everything)
        try:
            _forward(recorder, module, prepare(given), context)
        except ShapeError:
            raise
        except Exception as raised:
            fault = raised
            if _asks_for_gradients(raised):
                recorder = Recorder(module, everything, grad=True)
                try:
                    _forward(recorder, module, prepare(given), context)
                except Exception as again:
                    fault = again
                else:
                    return recorder, rung, reason or "its forward asks for gradients, so it was run with autograd"
            reason = reason or _why(raised, recorder)
            continue
        if rung == "data-dependent":
            reason += "; counted on these values of the integer inputs"
        return recorder, rung, reason
    assert fault is not None
    assert recorder is not None
    return _really(module, given, name, reason, fault, recorder)


def _asks_for_gradients(fault: Exception) -> bool:
    """Whether a forward differentiates, as those of force fields do, which inference mode does not let it."""
    text = str(fault)
    return isinstance(fault, RuntimeError) and ("nference" in text or "does not require grad" in text)


def _forward(recorder: Recorder, module: nn.Module, given: Given, context: Callable[[], Any]) -> None:
    args, kwargs = given
    with context(), torch.enable_grad() if recorder.grad else torch.inference_mode(), recorder.listening():
        module(*args, **kwargs)


def _really(
    module: nn.Module, given: Given, name: str, reason: str, fault: Exception, before: Recorder
) -> tuple[Recorder, str, str]:
    """The last rung: a copy on the CPU, with the values that there are, or none where it stands on meta."""
    if sum(p.numel() for p in module.parameters()) > LARGEST_REAL:
        raise _refused(name, fault, before) from None
    try:
        real, (args, kwargs) = _on_cpu(module, given)
    except Exception:
        raise _refused(name, fault, before) from None
    recorder = Recorder(real, places(real), real=True)
    try:
        _forward(recorder, real, (args, kwargs), nullcontext)
    except ShapeError:
        raise
    except Exception as raised:
        raise _refused(name, raised, recorder) from None
    twins = dict(zip(map(id, real.modules()), map(id, module.modules()), strict=False))
    recorder.called |= {twins[key] for key in recorder.called if key in twins}
    own = zip(_owned(real), _owned(module), strict=True)
    recorder.books.booked |= {id(theirs) for copied, theirs in own if id(copied) in recorder.books.booked}
    recorder.books.parameters = {id(p): p for p in module.parameters()}
    if recorder.dependent:
        return recorder, "data-dependent", f"{reason}; counted on this input"
    return recorder, "real", reason


def _on_cpu(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
    generator = torch.Generator().manual_seed(0)

    def real(t: Tensor) -> Tensor:
        if not t.is_meta:
            return t.detach().to("cpu", copy=True)
        if t.is_floating_point():
            return torch.empty(t.shape, dtype=t.dtype).normal_(0, 0.02, generator=generator)
        return torch.ones(t.shape, dtype=t.dtype)  # a token, a length, a mask that hides nothing

    memo: dict[int, Any] = {}
    for t in [*module.parameters(), *module.buffers()]:
        made = real(t)
        memo[id(t)] = nn.Parameter(made, requires_grad=False) if isinstance(t, nn.Parameter) else made
    return copy.deepcopy(module, memo), mapped(given, real)


def _owned(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _why(fault: Exception, recorder: Recorder) -> str:
    place = recorder.fault_path or "its forward"
    if recorder.dependent:
        return f"{recorder.dependent} asks for values, which the meta device has not"
    return f"{place}: {_sentence(fault)}"


def _refused(name: str, fault: BaseException, recorder: Recorder) -> ProfilerError:
    path = recorder.fault_path
    at = f"{name}, in {path}" if path else name
    return ProfilerError(
        f"{at}: its forward raises {type(fault).__name__}: {_sentence(fault)}; check the input that is given, or the model"
    )


def _sentence(fault: BaseException) -> str:
    text = " ".join(line.strip() for line in str(fault).strip().splitlines()[:2])
    return (text or type(fault).__name__)[:300].rstrip(" .;:")


def _to_meta(t: Tensor) -> Tensor:
    return t if t.is_meta else torch.empty_like(t, device="meta")


def _floats_to_meta(t: Tensor) -> Tensor:
    if t.is_floating_point() or t.is_complex():
        return _to_meta(t)
    return torch.ones(t.shape, dtype=t.dtype) if t.is_meta else t.detach().cpu()


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`value` with every tensor changed, in lists, tuples, dicts and dataclass-like outputs of transformers."""
    if isinstance(value, PackedSequence):
        return value._replace(data=change(value.data))
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(x, change) for x in value))
    if isinstance(value, list | tuple):
        return type(value)(mapped(x, change) for x in value)
    if type(value) is dict:
        return {key: mapped(x, change) for key, x in value.items()}
    return value


def tensors(value: Any) -> Iterator[Tensor]:
    found: list[Tensor] = []

    def keep(t: Tensor) -> Tensor:
        found.append(t)
        return t

    mapped(value, keep)
    return iter(found)


@contextmanager
def _default_meta() -> Iterator[None]:
    with torch.device("meta"):
        yield


_RUNGS: tuple[tuple[str, Callable[[Given], Given], Callable[[], Any]], ...] = (
    ("meta", lambda given: mapped(given, _to_meta), nullcontext),
    ("meta-device", lambda given: mapped(given, _to_meta), _default_meta),
    ("data-dependent", lambda given: mapped(given, _floats_to_meta), nullcontext),
)


# What did not run


def _unused(everything: Places, recorder: Recorder) -> tuple[str, ...]:
    """Modules that never ran and whose parameters nothing read, the highest of them only."""
    books = recorder.books
    idle: list[str] = []
    paths = {id(m): path for path, m in everything}

    def runs(m: nn.Module) -> bool:
        """Whether a module or anything below it ran; the highest that did not are noted."""
        ran = id(m) in recorder.called or any(id(t) in books.booked for t in (*m._parameters.values(), *m._buffers.values()))
        below = [(child, runs(child)) for child in m._modules.values() if child is not None]
        used = ran or any(used for _, used in below)
        if used:
            idle.extend(paths[id(child)] for child, used in below if not used and not _only_holds(child))
        return used

    root = everything[0][1]
    if not runs(root):
        return tuple(name for name, child in root._modules.items() if child is not None)
    order = {path: i for i, (path, _) in enumerate(everything)}
    return tuple(sorted(dict.fromkeys(idle), key=order.__getitem__))


def _only_holds(m: nn.Module) -> bool:
    """An empty list or dict of modules."""
    return isinstance(m, nn.ModuleList | nn.ModuleDict | nn.ParameterList | nn.ParameterDict) and not m._modules


def _beside(
    rows: tuple[Row, ...],
    module: nn.Module,
    everything: Places,
    given: Given,
    unused: tuple[str, ...],
    kept: Kept,
    main: Recorder,
) -> tuple[Row, ...]:
    """The rows with those of what runs in training only: parts that evaluation left out and a forward in training runs."""
    below = tuple(f"{path}." for path in unused)
    if not any(m._parameters for path, m in everything if f"{path}.".startswith(below)):
        return rows
    recorder = Recorder(module, everything, earlier=main)
    try:
        kept.mode(True)
        _forward(recorder, module, mapped(given, _to_meta), nullcontext)
    except Exception:
        return rows
    finally:
        kept.mode(False)
    side = [f"{row.path}.".startswith(below) for row in recorder.rows]
    aside = [row._replace(side=True) for row, is_side in zip(recorder.rows, side, strict=True) if is_side]
    if [row.path for row, is_side in zip(recorder.rows, side, strict=True) if not is_side] != [row.path for row in rows]:
        return (*rows, *aside)
    turns = {True: iter(aside), False: iter(rows)}
    return tuple(next(turns[is_side]) for is_side in side)


def with_rows(profile: Profile, rows: tuple[Row, ...]) -> Profile:
    """The profile with other rows and their sums."""
    return replace(profile, rows=rows, totals=sums(rows))
