"""The formula of an operator of torch, and what a product of tensors is: four real ones where they are complex."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from profiler.count.products import Work

Formula = Callable[..., Work]
"""(output, *args, **kwargs) as the operator was called → Work."""


def product(out: Any, macs: int, **facts: Any) -> Work:
    first = out if isinstance(out, Tensor) else out[0]
    factor = 4 if first.is_complex() else 1
    return Work(factor * macs, first.numel(), 0, facts)
