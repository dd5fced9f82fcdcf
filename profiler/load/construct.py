"""Calling what makes a module: on the meta device, or on a real one, with every fault one sentence."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from profiler.errors import ProfilerError
from profiler.load.inputs import Call
from profiler.module.copying import copied
from profiler.module.meta import on_meta
from profiler.module.user_code import quiet, user_code
from profiler.tracing.restore import places

_RANDOM = ("normal_", "uniform_", "erfinv_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_", "random_")
"""What initialises weights and takes long. Fills with a constant stay: constructors compute tables with them."""


class _ZerosForRandom(TorchDispatchMode):
    """Fills with zeros what was to be filled at random: quick, and memory holds no numbers that are slow to compute with."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in _RANDOM:
            return args[0].zero_()
        return func(*args, **(kwargs or {}))


@contextmanager
def zeros_for_random() -> Iterator[None]:
    """What is built inside is zeros where it would be random; the generator is left as it was."""
    with torch.random.fork_rng(devices=[]), _ZerosForRandom():  # type: ignore[no-untyped-call]
        yield


def make_module(name: str, make: Callable[[], Any], device: str, bare: bool) -> nn.Module:
    """The module that `make` makes, in evaluation mode; see Reference.module. Raises ProfilerError."""
    if device == "meta":
        try:
            with quiet(name, building=name), on_meta():
                return in_evaluation_mode(_checked(name, make()))
        except Exception:  # a constructor that computes with tensors, which have no values there
            bare = True
    with user_code(name, building=name):
        if device == "meta" or bare:
            with zeros_for_random():
                module = make()
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                module = make()
        module = in_evaluation_mode(_checked(name, module))
        return module if device == "meta" else module.to(device)


def in_evaluation_mode(module: nn.Module) -> nn.Module:
    """The module after its own `eval`; one that holds itself, where that has no end, has only its flags set."""
    try:
        module.eval()
    except RecursionError:
        for _, part in places(module):
            part.__dict__["training"] = False
    return module


def initialise_lazy(name: str, module: nn.Module, call: Callable[[str], Call], owned: bool) -> nn.Module:
    """The module with the shapes that its lazy parts take from their first input; a copy of it unless it is `owned`.

    `call` gives arguments on a device. Raises ProfilerError.
    """
    with user_code(name):
        lazy = [tensor for tensor in (*module.parameters(), *module.buffers()) if nn.parameter.is_lazy(tensor)]
        if not lazy:
            return module
        if not owned:
            module = copied(module, lambda t: t.detach().clone())
        device = lazy[0].device.type

        def beside(t: torch.Tensor) -> torch.Tensor:
            return torch.ones(t.shape, dtype=t.dtype, device=device) if t.is_meta else t.to(device)

        args, kwargs = copied(call(device), beside)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            training = module.training
            module.eval()(*args, **kwargs)
        return module.train(training)


def with_real_tensors(module: nn.Module) -> nn.Module:
    """The module where it has values; of one on the meta device a copy on the CPU, of zeros."""
    tensors = [*module.parameters(), *module.buffers()]
    if not any(tensor.is_meta for tensor in tensors):
        return module
    memo: dict[int, Any] = {}
    for tensor in tensors:
        real = torch.zeros(tensor.shape, dtype=tensor.dtype, device="cpu")
        memo[id(tensor)] = nn.Parameter(real, requires_grad=False) if isinstance(tensor, nn.Parameter) else real
    return copy.deepcopy(module, memo)


def _checked(name: str, module: Any) -> nn.Module:
    if not isinstance(module, nn.Module):
        kind = "a class" if isinstance(module, type) else f"{type(module).__name__}"
        raise ProfilerError(
            f"{name} must return a torch.nn.Module, not {kind}; name the class or function that creates the module"
        )
    return module
