"""What one call of an operator does: multiply-adds, the elements that it makes, and what its row tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor


class Work(NamedTuple):
    """What one call does, for the whole batch."""

    macs: int = 0
    activations: int = 0
    elementwise: int = 0
    facts: Mapping[str, Any] = {}


Formula = Callable[..., Work]
"""(output, *args, **kwargs) as the operator was called → Work."""


def product(out: Any, macs: int, **facts: Any) -> Work:
    first = out if isinstance(out, Tensor) else out[0]
    factor = 4 if first.is_complex() else 1
    return Work(factor * macs, first.numel(), 0, facts)
