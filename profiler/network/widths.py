"""How wide a layer is: a number, or a rule that a width multiplier leaves alone or follows. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Union


@dataclass(frozen=True)
class Fixed:
    """A width that no multiplier touches: the classes."""

    n: int

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
