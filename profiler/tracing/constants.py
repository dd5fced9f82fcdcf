"""Small tensors that a forward makes of nothing but numbers: positions, masks, ones, which keep their values on the CPU.

So a model that asks for the largest of its positions, or whether a mask hides anything, is answered.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor

from profiler.module.trees import map_leaves

WHOLE = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool})
SMALL = 1 << 20
"""Elements of a table of integers or booleans, at most."""
SMALL_FLOATS = 1 << 16
_CREATED = frozenset(f"aten::{name}" for name in ("arange", "zeros", "ones", "full", "scalar_tensor", "eye", "linspace"))
_LIKE = {
    **dict.fromkeys(("aten::zeros_like", "aten::new_zeros"), 0),
    **dict.fromkeys(("aten::ones_like", "aten::new_ones"), 1),
    **dict.fromkeys(("aten::full_like", "aten::new_full"), None),
}


def is_small(n: int, dtype: torch.dtype) -> bool:
    """Whether so many elements of a dtype keep their values."""
    return n <= (SMALL if dtype in WHOLE else SMALL_FLOATS)


def is_small_constant(name: str, args: Any, kwargs: Any) -> bool:
    """Whether an operator that takes no tensor makes a small constant."""
    if name not in _CREATED or not all(isinstance(x, int | float | bool | list | tuple) for x in args):
        return False
    numbers = [x for x in args if not isinstance(x, list | tuple)]
    dtype = kwargs.get("dtype")
    if name == "aten::arange":
        dtype = dtype or (torch.int64 if all(isinstance(x, int) for x in args) else torch.float32)
        start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
        return bool(step) and is_small(int(abs(end - start) / abs(step)), dtype)
    if name == "aten::linspace":
        return is_small(int(args[2]), torch.float32)
    if name == "aten::full" and dtype is None and isinstance(args[1], int):
        dtype = torch.int64
    size = args[0] if args and isinstance(args[0], list | tuple) else numbers if name == "aten::eye" else ()
    return is_small(prod(size), dtype or torch.float32)


def constant_like(name: str, args: Any, kwargs: Any) -> Tensor | None:
    """The small constant that is made in the likeness of a tensor, None where it is none."""
    if name not in _LIKE or kwargs.get("device", "meta") not in (None, "meta", torch.device("meta")):
        return None
    new = name.startswith("aten::new_")
    size, rest = (args[1], args[2:]) if new else (args[0].shape, args[1:])
    dtype = kwargs.get("dtype") or args[0].dtype
    fill: Any = rest[0] if _LIKE[name] is None else _LIKE[name]
    if not is_small(prod(size), dtype) or isinstance(fill, Tensor):
        return None
    made = torch.full(size, fill, dtype=dtype, device="cpu")
    if new or args[0].is_contiguous() or kwargs.get("memory_format") not in (None, torch.preserve_format):
        return made
    return torch.empty_like(args[0], dtype=dtype, device="cpu").copy_(made)


def devices_to_cpu(value: Any) -> Any:
    """The arguments with the CPU for the meta device: constants keep their values, wherever they are sent."""
    return map_leaves(value, lambda leaf: torch.device("cpu") if isinstance(leaf, torch.device) else leaf)


def is_table(t: Tensor) -> bool:
    """Whether a tensor is a small one of integers or booleans."""
    return t.dtype in WHOLE and t.numel() <= SMALL
