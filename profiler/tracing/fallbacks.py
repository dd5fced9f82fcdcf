"""The ladder: how a module is run so that it can be counted, and what is tried where one way does not do.

On the meta device; there with meta as the default device; there with the values of integer and boolean inputs; then a copy on
the CPU with real tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError, ShapeError, shortened
from profiler.module.copying import copied
from profiler.module.trees import map_tensors
from profiler.tracing.recorder import Recorder, WrappedRecorder
from profiler.tracing.restore import Places, places
from profiler.tracing.wiring import Wires

Given = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""
LARGEST_REAL = 1 << 31
"""Elements of parameters that are put into memory for a count with real tensors, at most."""


def run_with_fallbacks(
    module: nn.Module,
    everything: Places,
    given: Given,
    name: str,
    restore: Callable[[], object] = lambda: None,
    wired: bool = False,
) -> tuple[Recorder, str, str]:
    """The first rung on which the module runs. Raises ProfilerError with the path where it runs on none.

    `restore` undoes what a rung that failed left on the module: tensors of the meta device that no other rung can use. With
    `wired` the recorder also holds which row takes whose output.
    """
    reason, fault, recorder = "", None, None
    for rung, prepare, context in _RUNGS:
        recorder = Recorder(module, everything, wires=Wires() if wired else None)
        try:
            forward(recorder, module, prepare(given), context)
        except ShapeError:
            raise
        except Exception as raised:
            fault = raised
            other = _with_autograd(raised, module, everything, wired)
            if other is not None:
                recorder, why = other
                try:
                    forward(recorder, module, prepare(given), context)
                except Exception as again:
                    fault = again
                else:
                    return recorder, rung, reason or why
            reason = reason or _why(raised, recorder)
            restore()
            continue
        if rung == "data-dependent":
            reason += "; counted on these values of the integer inputs"
        return recorder, rung, reason
    assert fault is not None
    assert recorder is not None
    return _run_on_cpu(module, given, name, reason, fault, recorder, wired)


def _with_autograd(fault: Exception, module: nn.Module, everything: Places, wired: bool) -> tuple[Recorder, str] | None:
    """Another way of running on the same rung, for what the usual one is not made for, with its reason."""
    text = str(fault)
    if isinstance(fault, RuntimeError) and ("nference" in text or "does not require grad" in text):
        # a forward that differentiates, as those of force fields do
        again = Recorder(module, everything, grad=True, wires=Wires() if wired else None)
        return again, "its forward asks for gradients, so it was run with autograd"
    return None


def forward(recorder: Recorder, module: nn.Module, given: Given, context: Callable[[], Any]) -> None:
    args, kwargs = given
    with context(), torch.enable_grad() if recorder.grad else torch.inference_mode(), _uncompiled(), recorder.listening():
        module(*args, **kwargs)


def _run_on_cpu(
    module: nn.Module, given: Given, name: str, reason: str, fault: Exception, before: Recorder, wired: bool
) -> tuple[Recorder, str, str]:
    """The last rung: a copy on the CPU, with the values that there are, or none where it stands on meta."""
    if sum(p.numel() for p in module.parameters()) > LARGEST_REAL:
        raise _refused(name, fault, before) from None
    try:
        real, (args, kwargs) = on_cpu(module, given)
    except Exception:
        raise _refused(name, fault, before) from None
    recorder = WrappedRecorder(real, places(real), real=True, wires=Wires() if wired else None)
    try:
        forward(recorder, real, (args, kwargs), nullcontext)
    except ShapeError:
        raise
    except Exception as raised:
        raise _refused(name, raised, recorder) from None
    twins = dict(zip(map(id, real.modules()), map(id, module.modules()), strict=False))
    recorder.called |= {twins[key] for key in recorder.called if key in twins}
    own = zip(_owned(real), _owned(module), strict=True)
    recorder.builder.counted_tensors |= {id(theirs) for copied, theirs in own if id(copied) in recorder.builder.counted_tensors}
    recorder.builder.parameters = {id(p): p for p in module.parameters()}
    if recorder.dependent:
        return recorder, "data-dependent", f"{reason}; counted on this input"
    return recorder, "real", reason


def on_cpu(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
    """A copy of a module and of its arguments with real tensors, gradients asked for where they were.

    Of the meta device, weights are drawn small and integers are 1; variances are 1 and means 0, so that nothing becomes NaN.
    """
    generator = torch.Generator().manual_seed(0)
    statistics = {id(b): value for name, b in module.named_buffers() if (value := _statistic(name)) is not None}

    def real(t: Tensor) -> Tensor:
        if not t.is_meta:
            return t.detach().to("cpu", copy=True)
        if not (t.is_floating_point() or t.is_complex()):
            return torch.ones(t.shape, dtype=t.dtype)  # a token, a length, a mask that hides nothing
        if id(t) in statistics:
            return torch.full(t.shape, statistics[id(t)], dtype=t.dtype)
        return torch.empty(t.shape, dtype=t.dtype).normal_(0, 0.02, generator=generator)

    memo: dict[Any, Any] = {}
    return copied(module, real, memo=memo), copied(given, real, memo=memo)


def _statistic(name: str) -> float | None:
    """What a buffer of a normalisation holds before it saw anything, by its name: `bn.running_var` 1, `bn.running_mean` 0."""
    words = set(name.rpartition(".")[2].lower().split("_"))
    if words & {"var", "variance", "std", "stddev", "sigma", "scale"}:
        return 1.0
    return 0.0 if words & {"mean", "avg"} else None


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
    return shortened(text or type(fault).__name__).rstrip(" .;:")


def to_meta(t: Tensor) -> Tensor:
    return t if t.is_meta else torch.empty_like(t, device="meta")


def floats_to_meta(t: Tensor) -> Tensor:
    if t.is_floating_point() or t.is_complex():
        return to_meta(t)
    return torch.ones(t.shape, dtype=t.dtype) if t.is_meta else t.detach().cpu()


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Flex attention runs as an operator, where it is loaded, and not through torch.compile, which hides what runs."""
    flex: Any = sys.modules.get("torch.nn.attention.flex_attention")
    name = "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG"
    if flex is None or not hasattr(flex, name):
        yield
        return
    was = getattr(flex, name)
    try:
        setattr(flex, name, True)
        yield
    finally:
        setattr(flex, name, was)


@contextmanager
def _default_meta() -> Iterator[None]:
    with torch.device("meta"):
        yield


_RUNGS: tuple[tuple[str, Callable[[Given], Given], Callable[[], Any]], ...] = (
    ("meta", lambda given: map_tensors(given, to_meta), nullcontext),
    ("meta-device", lambda given: map_tensors(given, to_meta), _default_meta),
    ("data-dependent", lambda given: map_tensors(given, floats_to_meta), nullcontext),
)
