"""A module as a function of tensors alone, for exporters that take no others: the rest is bound, and outputs are flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from profiler.module.trees import map_tensors, tensors, tensors_of_call


class TensorsOnly(nn.Module):
    """Takes the tensors of a call of `module`, in the order of `tensors_of_call`, and gives the tensors of its output."""

    def __init__(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        super().__init__()
        self.module = module
        self._call = (args, dict(kwargs))

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        rest = iter(given)
        args, kwargs = map_tensors(self._call, lambda _: next(rest))
        return tuple(tensors(self.module(*args, **kwargs)))


def tensors_only(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The module as a function of tensors, in evaluation mode, and those that it is given."""
    return TensorsOnly(module, args, kwargs).eval(), tuple(tensors_of_call(args, kwargs))
