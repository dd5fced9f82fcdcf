"""Small tables of integers and booleans that a forward makes: positions and masks, which keep their values on the CPU.

So a model that asks for the largest of its positions, or whether a mask hides anything, is answered.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor

_CREATED = frozenset({"aten::arange", "aten::zeros", "aten::ones", "aten::full", "aten::scalar_tensor", "aten::eye"})
SMALL = 1 << 20
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)


def is_small_constant(name: str, args: Any, kwargs: Any) -> bool:
    """Whether a few integers or booleans are made: positions and masks, which keep their values on the CPU."""
    if name not in _CREATED:
        return False
    dtype = kwargs.get("dtype")
    if name == "aten::arange":
        whole = all(isinstance(x, int) for x in args)
        return (dtype in WHOLE or (dtype is None and whole)) and abs(args[-1 if len(args) < 3 else 1]) <= SMALL
    if name == "aten::full" and dtype is None:
        dtype = torch.int64 if isinstance(args[1], int) else None
    size = args[0] if args and isinstance(args[0], list | tuple) else [x for x in args if isinstance(x, int)]
    return dtype in WHOLE and prod(size) <= SMALL


def at_home(value: Any) -> Any:
    """The arguments with the CPU for the meta device: integers keep their values, wherever they are sent."""
    if isinstance(value, torch.device):
        return torch.device("cpu")
    if isinstance(value, dict):
        return {key: at_home(x) for key, x in value.items()}
    return tuple(at_home(x) for x in value) if isinstance(value, tuple) else value


def is_table(t: Tensor) -> bool:
    """Whether a tensor is a small one of integers or booleans."""
    return t.dtype in WHOLE and t.numel() <= SMALL
