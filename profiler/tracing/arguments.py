"""What a module is given while it is counted: the caller's arguments, copied whole, on the device of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from profiler.module.copying import copied

Given = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""
_SIMPLE = frozenset({int, float, bool, str, bytes, type(None), torch.dtype, torch.device, torch.Size})


def copy_arguments(given: Given, change: Callable[[Tensor], Tensor], keep: Iterable[object] = ()) -> Given:
    """The arguments with `change(tensor)` in place of every tensor, whatever holds it; the same for the same tensor.

    Objects of `keep` are not copied. Raises ProfilerError for what cannot be copied without using it up.
    """
    known: dict[int, Tensor] = {}

    def once(t: Tensor) -> Tensor:
        made = known.get(id(t))
        if made is None:
            made = known[id(t)] = change(t)
        return made

    return _mapped(given, once) if _is_simple(given) else copied(given, once, keep=keep)


def argument_tensors(given: Given) -> list[Tensor]:
    """The tensors among arguments, each once, in order; whatever holds them is not touched."""
    found: list[Tensor] = []

    def note(t: Tensor) -> Tensor:
        found.append(t)
        return t

    copy_arguments(given, note)
    return found


def _is_simple(value: Any, depth: int = 0) -> bool:
    """Whether a value is made of tensors, numbers and texts in lists, tuples and dicts of Python's own, a few levels deep."""
    kind = value.__class__
    if kind is Tensor or kind in _SIMPLE:
        return True
    if depth > 8:
        return False
    if kind is list or kind is tuple:
        return all(_is_simple(each, depth + 1) for each in value)
    return kind is dict and all(_is_simple(each, depth + 1) for each in value.values())


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    kind = value.__class__
    if kind is Tensor:
        return change(value)
    if kind is list or kind is tuple:
        return kind([_mapped(each, change) for each in value])
    return {key: _mapped(each, change) for key, each in value.items()} if kind is dict else value


def to_meta(t: Tensor) -> Tensor:
    """A tensor of the meta device with the shape and strides of `t`, which asks for gradients where `t` does."""
    if t.__class__ is Tensor and t.layout is torch.strided:
        made = torch.empty_strided(t.shape, t.stride(), dtype=t.dtype, device="meta")
    else:
        made = torch.empty_like(t, device="meta")
    return made.requires_grad_() if t.requires_grad else made


def floats_to_meta(t: Tensor) -> Tensor:
    """As `to_meta`, but integers and booleans keep their values; where they have none they are 1."""
    if t.is_floating_point() or t.is_complex():
        return to_meta(t)
    return torch.ones(t.shape, dtype=t.dtype) if t.is_meta else t.detach().to("cpu", copy=True)
