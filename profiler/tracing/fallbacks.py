"""The ladder: how a module is run so that it can be counted, and what is tried where one way does not do.

On the meta device; there with meta as the default device; there with the values of integer and boolean inputs; then a copy on
the CPU with real tensors. Where a forward differentiates, a copy is run with autograd on the same rung.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError, ShapeError
from profiler.module.available import check_memory
from profiler.module.copying import copied
from profiler.module.trees import tensors
from profiler.tracing.arguments import Given, argument_tensors, copy_arguments, floats_to_meta, to_meta
from profiler.tracing.constants import is_table
from profiler.tracing.functional_transforms import refused_in_inference
from profiler.tracing.recorder import Recorder, WrappedRecorder
from profiler.tracing.refusals import (
    asks_for_gradients,
    asks_for_values,
    has_no_meta_form,
    mixes_devices,
    refused,
    refuses_hooks,
    sentence,
)
from profiler.tracing.restore import Places, places, preserved_state
from profiler.tracing.training.kernels import Kernels
from profiler.tracing.wiring import Wires


class Outcome(NamedTuple):
    """A run that went to its end."""

    recorder: Recorder
    rung: str
    reason: str
    """Why the rungs before it did not do; empty on the first."""


class Ladder:
    """One module with what it is given, and what the rungs that failed have told."""

    def __init__(
        self, module: nn.Module, everything: Places, given: Given, name: str, restore: Callable[[], object], wired: bool
    ) -> None:
        self.module, self.everything, self.given, self.name = module, everything, given, name
        self.restore, self.wired = restore, wired
        self.modules = [m for _, m in everything]
        self.reason = ""
        self.fault: Exception | None = None
        self.fault_path = ""
        self.dependent = False
        """Whether a rung failed for want of values."""

    def climb(self) -> Outcome:
        """The first run that goes to its end. Raises ProfilerError where none does."""
        every = [*argument_tensors(self.given), *(t for m in self.modules for t in _own(m))]
        lacking = has_no_meta_form(every)
        if lacking and any(t.is_meta and t.layout is not torch.strided for t in every):
            raise ProfilerError(
                f"{self.name}: a sparse tensor on the meta device does not say what it holds; give one with values"
            )
        if lacking:
            self.reason = f"{lacking} has no form on the meta device"
        else:
            for rung, change, context in _RUNGS:
                found = self.on_meta(rung, change, context)
                if found is not None:
                    return found
        return self.on_cpu()

    def on_meta(self, rung: str, change: Callable[[Tensor], Tensor], context: Callable[[], Any]) -> Outcome | None:
        """The run on one rung of the meta device, None where it fails."""
        recorder = Recorder(self.module, self.everything, wires=self.wires(), values=rung != "data-dependent" and self.values)
        fault = self.attempt(recorder, self.module, copy_arguments(self.given, change, self.modules), context)
        why = ""
        for grad, mode, asked in _MODES:
            if fault is None or not asked(fault):
                continue
            self.restore()
            twin, given = self.on_one_device(change)
            recorder = Recorder(twin, places(twin), grad=grad, wires=self.wires())
            fault = self.attempt(recorder, twin, given, context, mode)
            if fault is None:
                why = "its forward asks for gradients, so it was run with autograd" if grad else ""
                _translate(recorder, twin, self.module)
        if fault is None:
            reason = self.reason or why
            if rung == "data-dependent":
                reason += "; counted on these values of the integer inputs"
            return Outcome(recorder, rung, reason)
        self.note(fault, recorder)
        self.restore()
        return None

    def on_one_device(self, change: Callable[[Tensor], Tensor]) -> tuple[nn.Module, Given]:
        """A copy of the module on the meta device, which autograd may follow, with its arguments; small tables have values."""

        def moved(t: Tensor) -> Tensor:
            return t.detach().clone() if is_table(t) and not t.is_meta else to_meta(t)

        memo: dict[Any, Any] = {}
        return copied(self.module, moved, memo=memo), copied(self.given, change, memo=memo)

    def on_cpu(self) -> Outcome:
        """The last rung: a copy on the CPU, with the values that there are, or drawn ones where it stands on meta."""
        owned = _owned(self.module)
        try:
            check_memory(f"{self.name} needs values ({self.reason}) and", owned)
        except ProfilerError:
            if self.dependent or self.fault is None or self.fault_path == "":
                raise
            raise refused(self.name, self.fault_path, self.fault, lambda: False) from None
        fault: Exception | None = None
        for grad, fast in ((False, False), (True, False), (False, True)):
            if (grad and not (fault is not None and asks_for_gradients(fault))) or (fast and "fast path" not in str(fault)):
                continue
            try:
                real, given = on_cpu(self.module, self.given)
            except ProfilerError:
                raise
            except Exception as raised:
                raise refused(self.name, self.fault_path, self.fault or raised, self.runs_in_eager) from None
            recorder = WrappedRecorder(real, places(real), real=True, grad=grad, wires=self.wires())
            fault = self.attempt(recorder, real, given, _fast_paths if fast else nullcontext)
            if fault is None:
                _translate(recorder, real, self.module)
                if recorder.undefined:
                    self.reason += "; its output holds NaN, which what depends on values may have met"
                if self.dependent or recorder.dependent:
                    return Outcome(recorder, "data-dependent", f"{self.reason}; counted on this input")
                return Outcome(recorder, "real", self.reason)
        assert fault is not None
        raise refused(self.name, recorder.fault_path, fault, self.runs_in_eager) from None

    def attempt(
        self,
        recorder: Recorder,
        module: nn.Module,
        given: Given,
        context: Callable[[], Any],
        mode: Callable[[], Any] | None = None,
    ) -> Exception | None:
        """Runs a module under a recorder; what it raises, None where it goes to its end. Raises ShapeError."""
        try:
            forward(recorder, module, given, context, mode)
        except (ShapeError, ProfilerError):
            raise
        except Exception as fault:
            return fault.with_traceback(None)  # its frames hold what the forward was within, as the hooks of a checkpoint
        return None

    def note(self, fault: Exception, recorder: Recorder) -> None:
        """What a rung that failed tells: the first reason is kept."""
        self.fault, self.fault_path = fault, recorder.fault_path
        wants = bool(recorder.dependent) or asks_for_values(fault)
        self.dependent = self.dependent or wants
        if not self.reason:
            place = recorder.fault_path or "its forward"
            asked = recorder.dependent or (f"{place} ({sentence(fault, 80)})" if wants else "")
            self.reason = f"{asked} asks for values, which the meta device has not" if wants else f"{place}: {sentence(fault)}"

    def runs_in_eager(self) -> bool:
        """Whether the module runs without a recorder, on a copy with its values; False where it has none."""
        if any(t.is_meta for t in _owned(self.module)):
            return False
        try:
            real, (args, kwargs) = on_cpu(self.module, self.given)
        except Exception:
            return False
        for gradients in (torch.no_grad, torch.enable_grad):
            try:
                with gradients():
                    real(*args, **kwargs)
            except Exception:
                continue
            return True
        return False

    @property
    def values(self) -> bool:
        """Whether integer inputs have values that another rung can take."""
        return any(not t.is_meta and not t.is_floating_point() for t in argument_tensors(self.given))

    def wires(self) -> Wires | None:
        return Wires() if self.wired else None


def run_with_fallbacks(
    module: nn.Module,
    everything: Places,
    given: Given,
    name: str,
    restore: Callable[[], object] = lambda: None,
    wired: bool = False,
) -> Outcome:
    """The first rung on which the module runs. Raises ProfilerError with the path where it runs on none.

    `restore` undoes what a rung that failed left on the module: tensors of the meta device that no other rung can use. With
    `wired` the recorder also holds which row takes whose output.
    """
    return Ladder(module, everything, given, name, restore, wired).climb()


def forward(
    recorder: Recorder,
    module: nn.Module,
    given: Given,
    context: Callable[[], Any],
    mode: Callable[[], Any] | None = None,
) -> None:
    """One run under a recorder, with gradients where it follows them; what is drawn at random is the same each time."""
    args, kwargs = given
    torch.default_generator.manual_seed(0)
    random.seed(0)
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed(0)
    real = Kernels(fused=False, casting=frozenset(), counted=True) if recorder.grad else nullcontext()
    mode = mode or (torch.enable_grad if recorder.grad else torch.inference_mode)
    with context(), mode(), refused_in_inference(), uncompiled(), real, recorder.listening():
        out = module(*args, **kwargs)
    if recorder.elsewhere:
        raise ProfilerError(
            f"{type(module).__name__}: {recorder.elsewhere} was called in another thread while it was counted, where it is not "
            "seen; call it in the thread of the forward, or count a copy that nothing else uses"
        )
    if recorder.real:
        recorder.undefined = _has_nan(out)
    recorder.builder.finish()


def _has_nan(out: Any) -> bool:
    """Whether an output holds a NaN."""
    given = [
        t for t in tensors(out) if t.layout is torch.strided and not t.is_nested and (t.is_floating_point() or t.is_complex())
    ]
    return any(bool(t.isnan().any()) for t in given if not t.is_meta)


def initialised(module: nn.Module, given: Given) -> nn.Module:
    """A copy of a module whose lazy parameters have the shapes of their first call; of one that fails, a plain copy.

    On the meta device, where nothing is computed, or with values where that does not do.
    """
    for change in (to_meta, _clone):
        memo: dict[Any, Any] = {}
        twin = copied(module, change, memo=memo)
        args, kwargs = copied(given, change, memo=memo)
        try:
            with torch.no_grad(), preserved_state([]):  # what it does to itself is what is asked for
                twin.eval()(*args, **kwargs)
        except Exception:  # the run under a recorder says what is wrong
            continue
        return twin
    return copied(module, _clone)


def _clone(t: Tensor) -> Tensor:
    return t.detach().clone()


def _translate(recorder: Recorder, twin: nn.Module, module: nn.Module) -> None:
    """What a copy called and read, as of the module itself."""
    twins = dict(zip(map(id, twin.modules()), map(id, module.modules()), strict=False))
    recorder.called |= {twins[key] for key in recorder.called if key in twins}
    builder = recorder.builder
    own = list(zip(_owned(twin), _owned(module), strict=False))
    builder.counted_tensors |= {id(theirs) for copied, theirs in own if id(copied) in builder.counted_tensors}


def _owned(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _own(module: nn.Module) -> list[Tensor]:
    return [t for table in (module._parameters, module._buffers) for t in table.values() if t is not None]


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


@contextmanager
def uncompiled() -> Iterator[None]:
    """What is compiled runs as it was written, so that it is seen; control flow and flex attention compile themselves."""
    flex: Any = sys.modules.get("torch.nn.attention.flex_attention")
    flag = "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG"
    was, compiled = getattr(flex, flag, None), torch.compile
    stance = torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
    try:
        if was is not None:
            setattr(flex, flag, True)
        torch.compile = _as_written
        with stance:
            yield
    finally:
        torch.compile = compiled
        if was is not None:
            setattr(flex, flag, was)


def _as_written(model: Any = None, **_: Any) -> Any:
    """In place of torch.compile, which may also be a decorator with options."""
    return (lambda function: function) if model is None else model


@contextmanager
def _fast_paths() -> Iterator[None]:
    """With torch's fast paths, which alone take some nested tensors."""
    torch.backends.mha.set_fastpath_enabled(True)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(False)


@contextmanager
def _default_meta() -> Iterator[None]:
    with torch.device("meta"):
        yield


_MODES: tuple[tuple[bool, Callable[[], Any], Callable[[BaseException], bool]], ...] = (
    (False, torch.inference_mode, mixes_devices),
    (True, torch.enable_grad, asks_for_gradients),
    (True, torch.no_grad, refuses_hooks),
)
"""What is tried again on a rung where a fault asks for it: whether gradients are followed, and in which mode of torch."""
_RUNGS: tuple[tuple[str, Callable[[Tensor], Tensor], Callable[[], Any]], ...] = (
    ("meta", to_meta, nullcontext),
    ("meta-device", to_meta, _default_meta),
    ("data-dependent", floats_to_meta, nullcontext),
)
