"""What every leaf and combinator is: a frozen value that compares, hashes and prints by its fields."""

from __future__ import annotations

import re
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Union, dataclass_transform

from profiler.network.widths import whole_numbers

Ints = Union[int, tuple[int, ...]]
"""One number for every axis, or one an axis, as in torch.nn."""
Shape = tuple[int, ...]
"""A shape without its batch axis: `(C, *spatial)`, `(T, C)` or `(C,)`."""


class Layer:
    """Anything a network is made of: a leaf or a combinator. Compares, hashes (once) and prints by its fields."""

    positional: ClassVar[int] = 1
    """How many fields print without their names."""
    whole_numbers: ClassVar[dict[str, frozenset[str]]] = {}
    """Fields that hold whole numbers, each with the words of its type."""

    def __repr__(self) -> str:
        return _leaf_text(self)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            # counts are memoised on layers and a network is a deep tree, so the hash is kept beside the fields
            kept: int = hash((type(self), *self.__dict__.values()))
            self.__dict__["_hash"] = kept
            return kept

    def __eq__(self, other: object) -> bool:
        # the kept hashes are compared first, and stand in both dicts after that
        return type(self) is type(other) and hash(self) == hash(other) and self.__dict__ == other.__dict__

    def __setattr__(self, name: str, value: object) -> None:
        # each field once, by __init__; cheaper to make than dataclass's own frozen methods, thirty times at every start
        if name in self.__dict__ or name not in self.__dataclass_fields__:
            raise FrozenInstanceError(f"a layer does not change; replace() makes another with its own {name}")
        if type(value) is not int and name in self.whole_numbers:
            value = whole_numbers(value, self.whole_numbers[name], type(self).__name__, name)
        self.__dict__[name] = value

    def __getstate__(self) -> dict[str, Any]:
        # hashes of strings differ from process to process, so the kept one stays behind
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}

    if TYPE_CHECKING:
        _hash: int
        __dataclass_fields__: ClassVar[dict[str, Any]]


_T = TypeVar("_T", bound=type)


@dataclass_transform(frozen_default=True)
def value_class(cls: _T) -> _T:
    """A dataclass that is frozen, compares, hashes and prints as Layer does."""
    made: Any = dataclass(repr=False, eq=False)(cls)
    words = {field.name: frozenset(re.findall(r"\w+", str(field.type))) for field in fields(made)}
    made.whole_numbers = {name: found for name, found in words.items() if found & {"int", "Ints", "Width", "Groups"}}
    return made  # type: ignore[no-any-return]


def _leaf_text(layer: Layer) -> str:
    shown = []
    for i, field in enumerate(fields(layer)):
        value = getattr(layer, field.name)
        if i < layer.positional and (field.default is MISSING or value != field.default):
            shown.append(repr(value))
        elif value != field.default:
            shown.append(f"{field.name}={value!r}")
    return f"{type(layer).__name__}({', '.join(shown)})"
