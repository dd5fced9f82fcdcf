"""How wide a layer is: a number, or a rule that a width multiplier leaves alone or follows; and what passes for a number."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Union


def whole_number(value: Any, where: str, instead: str = "a whole number") -> int:
    """`value` as Python's own int, from any integer type (numpy's too). Raises TypeError for a float, a bool or a string.

    `where` names the field in the message, and `instead` what it takes.
    """
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"{where} must be {instead}, not {value!r} (of type {type(value).__name__}); convert it with int()")


@dataclass(frozen=True)
class Fixed:
    """A width that no multiplier touches: the classes."""

    n: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole_number(self.n, "fixed(): n"))

    def __repr__(self) -> str:
        return f"fixed({self.n})"


@dataclass(frozen=True)
class Same:
    """As many channels as the first part of the Branches it stands in: the projection of a shortcut."""

    def __repr__(self) -> str:
        return "same()"


@dataclass(frozen=True)
class Times:
    """`k` times the channels of its input, rounded down."""

    k: int | Fraction

    def __post_init__(self) -> None:
        if not isinstance(self.k, Fraction):
            object.__setattr__(self, "k", whole_number(self.k, "times(): k", "a whole number or a Fraction"))

    def __repr__(self) -> str:
        return f"times({self.k})"


Width = Union[int, Fixed, Same, Times]


def fixed(n: int) -> Fixed:
    """A width that no multiplier touches."""
    return Fixed(n)


def same() -> Same:
    """The width of the sum that this joins."""
    return Same()


def times(k: int | Fraction) -> Times:
    """`k` times the width of the input."""
    return Times(k)


Groups = Union[int, Literal["each"]]
"""Groups of a convolution; `"each"` is one a channel: depthwise."""


def whole_numbers(value: Any, words: frozenset[str], owner: str, field: str) -> Any:
    """The value of a field that holds whole numbers, with Python's own integers; `words` are those of the field's type.

    Raises TypeError with the field and the value.
    """
    several = "Ints" in words or "tuple" in words
    if several and type(value) is tuple:
        for each in value:
            if type(each) is not int:
                break
        else:
            return value  # the usual one, made by the thousand while a module is traced
    if several and isinstance(value, tuple | list):
        return tuple([each if type(each) is int else whole_numbers(each, words - {"None"}, owner, field) for each in value])
    if value is None and "None" in words:
        return None
    if isinstance(value, Fixed | Same | Times) and ("Width" in words or "Fixed" in words):
        return value
    if isinstance(value, str) and value == "each" and ("Groups" in words or "Literal" in words):
        return value
    choices = {"Ints": ", one or one per axis", "Width": ", fixed(), same() or times()", "Groups": ' or "each"'}
    wanted = "a whole number" + "".join(more for word, more in choices.items() if word in words)
    return whole_number(value, f"{owner}: {field}", wanted)
