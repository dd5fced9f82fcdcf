"""Tensors in the arguments and results of a call, however they are nested: one walk that lists them, and one that changes them.

The walk is torch.utils._pytree's, which knows lists, tuples, namedtuples, dicts and the outputs of transformers; dataclasses
and mappings of other classes are opened here. Plain tuples and lists, of which operators are made, take a shorter way.
"""

from __future__ import annotations

import copy
from collections import UserDict
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import _disable_current_modes

from profiler.errors import ProfilerError
from profiler.records.profile import Shape

_PLAIN = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.Size})
"""What holds no tensors and is no part of a walk."""


def tensors(value: Any) -> list[Tensor]:
    """Every tensor in a value, in order."""
    if isinstance(value, Tensor):
        return [value]
    kind = type(value)
    if kind is tuple or kind is list:
        found: list[Tensor] = []
        for each in value:
            if isinstance(each, Tensor):
                found.append(each)
            elif type(each) not in _PLAIN:
                found += tensors(each)
        return found
    if kind in _PLAIN:
        return []
    found = []
    for leaf in pytree.tree_leaves(value):
        if isinstance(leaf, Tensor):
            found.append(leaf)
        elif is_dataclass(leaf) and not isinstance(leaf, type):
            found += tensors([getattr(leaf, field.name) for field in fields(leaf)])
        elif isinstance(leaf, Mapping):
            found += tensors(list(leaf.values()))
        elif isinstance(leaf, list | tuple):  # of a derived class, which pytree does not open
            found += tensors(list(leaf))
    return found


def tensors_of_call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Every tensor in positional and keyword arguments."""
    return tensors((*args, *kwargs.values()) if kwargs else args)


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor in a value, None where it holds none."""
    return value if isinstance(value, Tensor) else next(iter(tensors(value)), None)


def shape_of(t: Tensor) -> Shape:
    """The shape of a tensor; of a nested one as many members as it has, each as large as the largest."""
    if not t.is_nested:
        return tuple(t.shape)
    with _disable_current_modes():
        shapes = [tuple(map(int, member.shape)) for member in t.unbind()]
    return (len(shapes), *map(max, zip(*shapes, strict=True)))


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a value with `change` done to everything in it that holds nothing else, tensors among them.

    A PackedSequence counts as its data: its lengths are values that torch keeps on the CPU.
    """
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([change(each) if isinstance(each, Tensor) else map_leaves(each, change) for each in value])
    if kind in _PLAIN:
        return change(value)
    return pytree.tree_map(lambda leaf: _mapped(leaf, change), value, is_leaf=lambda each: isinstance(each, PackedSequence))


def _mapped(leaf: Any, change: Callable[[Any], Any]) -> Any:
    """`map_leaves` of what pytree does not open."""
    if isinstance(leaf, PackedSequence):
        data = change(leaf.data)
        return leaf._replace(data=data) if isinstance(data, Tensor) else data
    if is_dataclass(leaf) and not isinstance(leaf, type):
        made = copy.copy(leaf)
        for field in fields(leaf):
            object.__setattr__(made, field.name, map_leaves(getattr(leaf, field.name), change))
        return made
    if isinstance(leaf, dict | UserDict):
        filled = copy.copy(leaf)
        for key, each in leaf.items():
            filled[key] = map_leaves(each, change)
        return filled
    if isinstance(leaf, Mapping):
        return _made_again(leaf, map_leaves(dict(leaf), change))
    if isinstance(leaf, list | tuple) and type(leaf) not in _PLAIN:  # of a derived class, which pytree does not open
        return _made_again(leaf, map_leaves(list(leaf), change))
    return change(leaf)


def _made_again(container: Any, items: Any) -> Any:
    """A container of somebody's own class with other items; as it is where it holds no tensors. Raises ProfilerError."""
    if not tensors(items):
        return container
    kind = type(container)
    try:
        return kind(items)
    except TypeError as fault:
        raise ProfilerError(
            f"a {kind.__name__} that holds tensors cannot be made again of a {type(items).__name__} ({fault}); "
            "give them in a list, a tuple, a dict or a dataclass"
        ) from None


def map_tensors(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """A copy of a value with `change` done to every tensor in it."""
    return map_leaves(value, lambda leaf: change(leaf) if isinstance(leaf, Tensor) else leaf)


def mapped_tensors(value: Any) -> list[Tensor]:
    """The tensors that `map_tensors` changes, in its order: of a PackedSequence its data alone."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(value, note)
    return found
