"""The ways in which a training step or an evaluation is tried, one after the other, and whose error it is where none does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import GeneratorType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError
from profiler.module.available import check_memory
from profiler.module.copying import copied
from profiler.tracing.arguments import Given
from profiler.tracing.constants import is_table
from profiler.tracing.fallbacks import on_cpu
from profiler.tracing.refusals import check_arguments, sentence
from profiler.tracing.restore import places, preserved_state
from profiler.tracing.training.kernels import Autocasts
from profiler.tracing.training.step import Step

Run = Callable[[Step | None, str, nn.Module, Given], object]
"""What is done with a copy of a module and of its arguments, under a step and by what way of GRADIENTS."""


@contextmanager
def _enabled() -> Iterator[None]:
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in
        yield


GRADIENTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "inference": torch.inference_mode, "disabled": torch.no_grad, "enabled": _enabled
}  # fmt: skip
Copy = Callable[[nn.Module, Given], tuple[nn.Module, Given]]


class Way(NamedTuple):
    """How a step is run: on which tensors, and which of them keep their values."""

    rung: str
    copy: Copy
    gradients: str
    constants: bool = False
    """Whether the small tables of integers that it makes keep their values."""
    fused: bool = True
    """Whether attention is handed to the kernels that devices have for it."""
    cast: bool = True
    """Whether autocast is passed over, or does to these tensors what it does to real ones."""


def on_meta(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
    """A copy of the module and of its arguments on the meta device, gradients asked for where they were."""
    memo: dict[Any, Any] = {}
    return copied(module, to_meta, memo=memo), copied(given, to_meta, memo=memo)


def with_tables(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
    """The same, with the values of the module's small tables of integers."""
    memo: dict[Any, Any] = {}
    return copied(module, _but_tables, memo=memo), copied(given, to_meta, memo=memo)


def with_integers(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
    """The same, with the values of the integer arguments too; where they have none they are 1."""
    memo: dict[Any, Any] = {}
    return copied(module, _but_tables, memo=memo), copied(given, _floats_to_meta, memo=memo)


def as_fakes(device: str) -> Copy:
    """A copy on tensors that hold nothing and say that they are on a device, so that its autocast does to them what it does."""

    def copy(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
        from torch._subclasses.fake_tensor import FakeTensorMode

        mode = FakeTensorMode(allow_non_fake_inputs=True)

        def fake(t: Tensor) -> Tensor:
            with mode:
                return torch.empty_strided(t.shape, t.stride(), dtype=t.dtype, device=device)

        memo: dict[Any, Any] = {}
        return copied(module, fake, memo=memo), copied(given, fake, memo=memo)

    return copy


def to_meta(t: Tensor) -> Tensor:
    return torch.empty_like(t, device="meta")


def _but_tables(t: Tensor) -> Tensor:
    return t.detach().clone() if t.is_cpu and is_table(t) else to_meta(t)


def _floats_to_meta(t: Tensor) -> Tensor:
    if t.is_floating_point() or t.is_complex():
        return to_meta(t)
    return torch.ones(t.shape, dtype=t.dtype) if t.is_meta else t.detach().to("cpu", copy=True)


def checked(module: object, asked: str) -> nn.Module:
    """The module, without what torch.compile wraps around it. Raises ProfilerError for anything but a module."""
    if not isinstance(module, nn.Module):
        raise ProfilerError(f"{asked} takes an nn.Module, not {type(module).__name__}")
    inner = getattr(module, "_orig_mod", module)
    return inner if isinstance(inner, nn.Module) else module


def run_in_some_way(module: nn.Module, given: Given, step: Step, run: Run, name: str, what: str, training: bool) -> None:
    """Does `run` to a copy of the module under `step`, in the first way that can; `what` is it that "does not run".

    On the meta device; there with the values of small tables of integers; there with those of integer arguments; with real
    tensors on the CPU. What none can do is run without `step`, which tells whose error it is.
    """
    name = name or type(module).__name__
    fault: Exception = RuntimeError("it was not run")
    gradients = "enabled" if training else "inference"
    ways = [
        Way("meta", on_meta, gradients, cast=False),
        Way("meta", with_tables, gradients, constants=True),
        Way("data-dependent", with_integers, gradients, constants=True),
        Way("real", on_cpu, gradients, fused=False),
    ]
    check_arguments(module, *given, name)
    with preserved_state(places(module)), _own_gradients(module):
        while ways:
            way = ways.pop(0)
            if way.rung == "real":
                check_memory(f"{_place(name, step)}: {what} needs values ({_said(fault)}) and", _owned(module))
            step.begin(way.rung, constants=way.constants, fused=way.fused, cast=way.cast)
            try:
                run(step, way.gradients, *way.copy(module, given))
            except Autocasts as region:
                ways.insert(0, Way("meta", as_fakes(region.device), gradients))
                ways[1:] = ways[-1:]
            except ProfilerError:
                raise
            except Exception as raised:
                fault = raised
                other = _otherwise(way, step, raised)
                ways[:0] = [] if other is None else [other]
            else:
                return
        raise _refused(module, given, step, run, name, what, fault) from None


@contextmanager
def _own_gradients(module: nn.Module) -> Iterator[None]:
    """What holds the module itself, and not its copy, may run it: its gradients are as before."""
    before = [(p, p.grad) for p in module.parameters() if not nn.parameter.is_lazy(p)]
    try:
        yield
    finally:
        for p, gradient in before:
            p.grad = gradient


def _otherwise(way: Way, step: Step, fault: Exception) -> Way | None:
    """The same way with another kernel, or with gradients, where that is what it lacked."""
    text = str(fault)
    if way.fused and step.kernels.used and "is not implemented" in text:  # no fused kernel has a second derivative
        return way._replace(fused=False)
    if way.gradients != "enabled" and "require grad" in text:  # a forward that differentiates
        return way._replace(gradients="enabled")
    if way.gradients == "inference" and "nference" in text:
        return way._replace(gradients="disabled")
    return None


def _refused(module: nn.Module, given: Given, step: Step, run: Run, name: str, what: str, fault: Exception) -> ProfilerError:
    """Tells an error of ours from one of the model's, by running it without us."""
    at = _place(name, step)
    try:
        run(None, "enabled", *on_cpu(module, given))
    except Exception as own:
        return ProfilerError(f"{at}: {what} does not run ({_said(own)}); check the input, or the model")
    return ProfilerError(
        f"{at}: {what} runs, and counting it raises {_said(fault)}; this is a bug in profiler, please report it with the module"
    )


def _place(name: str, step: Step) -> str:
    return f"{name}, in {step.fault_path}" if step.fault_path else name


def _said(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {sentence(fault, 200)}"


def _owned(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def drained(out: Any) -> Any:
    """The output of a forward; what it yields, where it is a generator."""
    return list(out) if isinstance(out, GeneratorType) else out
