"""Building on the meta device, with nothing allocated and nothing initialised."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.utils._device import DeviceContext, _device_constructors

from profiler.module.exclusive import exclusive

_RESETS = ("reset_parameters", "_reset_parameters", "reset_running_stats")
_FILLED = (
    *(nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.Embedding, nn.EmbeddingBag, nn.MultiheadAttention, nn.RNNBase),
    *(nn.RNNCellBase, nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU),
)
"""torch.nn's own modules, with methods that only fill what the constructor made."""


_FILLS: frozenset[Any] = frozenset(
    getattr(torch.Tensor, name)
    for name in (
        "normal_",
        "uniform_",
        "bernoulli_",
        "exponential_",
        "log_normal_",
        "cauchy_",
        "geometric_",
        "random_",
        "erfinv_",
    )
)
_PLAIN_SIZED = frozenset({torch.randn, torch.rand, torch.zeros, torch.ones})
_CONSTRUCTORS = _device_constructors()


class _Meta(DeviceContext):
    """`torch.device("meta")` that draws nothing: there, torch's rules for drawing are Python that takes a second to import."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FILLS and args[0].is_meta:
            return args[0]
        kwargs = kwargs or {}
        if func in _CONSTRUCTORS and kwargs.get("device") is None:
            kwargs["device"] = self.device
            if func in _PLAIN_SIZED and "generator" not in kwargs:
                func = torch.empty  # what it would hold is nothing
        return func(*args, **kwargs)


@contextmanager
def on_meta() -> Iterator[None]:
    """What is built inside stands on the meta device and is not initialised; the generators and torch are left as they were.

    Filling by torch.nn.init, and by torch.nn's own modules, does nothing; other filling fills nothing, there.
    """
    with exclusive():
        given = _filling()
        collecting = gc.isenabled()
        gc.disable()  # a module is thousands of objects and none of them garbage
        try:
            for owner, name, _ in given:
                setattr(owner, name, _first if owner is nn.init else _nothing)
            nn.Module.__setattr__ = _set  # type: ignore[method-assign]
            with torch.random.fork_rng(devices=[]), _Meta("meta"):
                yield
        finally:
            nn.Module.__setattr__ = _OWN_SET  # type: ignore[method-assign]
            for owner, name, own in given:
                setattr(owner, name, own)
            if collecting:
                gc.enable()


@lru_cache(maxsize=1)
def _filling() -> tuple[tuple[Any, str, Callable[..., Any]], ...]:
    """(owner, name, function) of everything in torch.nn that fills."""
    resets = [(cls, name, vars(cls)[name]) for cls in _FILLED for name in _RESETS if name in vars(cls)]
    fills = [(nn.init, name, f) for name, f in vars(nn.init).items() if name.endswith("_") and name[0] != "_" and callable(f)]
    return (*resets, *fills)


_OWN_SET = nn.Module.__setattr__
_PLAIN = frozenset({int, float, bool, str, tuple})


def _set(self: nn.Module, name: str, value: Any) -> None:
    """torch's own way of setting an attribute, without its search for tensors and modules where a number or a text is set."""
    own = self.__dict__
    if (
        type(value) in _PLAIN
        and "_parameters" in own
        and not (name in own["_parameters"] or name in own["_buffers"] or name in own["_modules"])
    ):
        object.__setattr__(self, name, value)
    else:
        _OWN_SET(self, name, value)


def _nothing(self: nn.Module) -> None:
    """In place of filling."""


def _first(tensor: Any = None, *_: Any, **named: Any) -> Any:
    """In place of filling a tensor, which is given back."""
    return named.get("tensor") if tensor is None else tensor
