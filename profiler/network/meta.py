"""Building on the meta device, with nothing allocated and nothing initialised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

_INITIALISED = (nn.Linear, nn.modules.conv._ConvNd, nn.Embedding, nn.EmbeddingBag, nn.Bilinear)
"""Stock modules whose reset_parameters does nothing but fill."""


class _Unfilled(TorchDispatchMode):
    """Gives back the first argument of an in-place fill instead of filling it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.is_inplace and func in _fills():
            return args[0]
        return func(*args, **(kwargs or {}))


_KNOWN: set[Any] = set()


def _fills() -> set[Any]:
    if not _KNOWN:
        aten: Any = torch.ops.aten
        names = (
            "normal_",
            "uniform_",
            "zero_",
            "fill_",
            "erfinv_",
            "clamp_",
            "mul_",
            "add_",
            "bernoulli_",
            "copy_",
            "trunc_normal_",
        )
        _KNOWN.update(getattr(getattr(aten, n), o) for n in names if hasattr(aten, n) for o in getattr(aten, n).overloads())
    return _KNOWN


@contextmanager
def on_meta() -> Iterator[None]:
    """What is built inside stands on the meta device and is not initialised; the generator and torch are left as they were."""
    kept = {cls: cls.reset_parameters for cls in _INITIALISED}
    try:
        for cls in kept:
            cls.reset_parameters = _nothing  # type: ignore[method-assign,assignment]
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            yield
    finally:
        for cls, method in kept.items():
            cls.reset_parameters = method  # type: ignore[method-assign]


def _nothing(self: nn.Module) -> None:
    """In place of filling."""
