"""Limits of what a network may cost, as `fit` holds cells to them: at most, at least, and how much of them a cell uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf
from typing import Any

from msgspec import Struct

QUANTITIES = {
    "macs": "macs", "params": "params", "activations": "activations", "weight_bytes": "weight_bytes", "memory": "memory_bytes",
}  # fmt: skip
"""What can be limited, and the column of the records that holds it."""
BYTES = ("weight_bytes", "memory")


class Bound(Struct, frozen=True):
    """The most and the least that one quantity may be: counts or bytes; None where it is free on that side."""

    quantity: str
    most: int | None = None
    least: int | None = None

    @property
    def column(self) -> str:
        """The column of the records that holds the quantity."""
        return QUANTITIES[self.quantity]

    def holds(self, value: int) -> bool:
        """True where a value is within it; both ends are."""
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def used(self, value: int) -> Fraction | float:
        """The share of the limit that a value uses, above 1 where it is outside: value / most, or least / value."""
        shares: list[Fraction | float] = []
        if self.most is not None:
            shares.append(Fraction(value, self.most) if self.most else (inf if value else Fraction(1)))
        if self.least is not None:
            shares.append(Fraction(self.least, value) if value else (inf if self.least else Fraction(1)))
        return max(shares)


def binding(bounds: Sequence[Bound], record: Mapping[str, Any]) -> tuple[Bound, Fraction | float]:
    """The bound that a cell uses most, or breaks most, and how much of it; the first of several."""
    shares = [(bound, bound.used(record[bound.column])) for bound in bounds]
    return max(shares, key=lambda each: each[1])


def broken(bounds: Sequence[Bound], record: Mapping[str, Any]) -> list[Bound]:
    """The bounds that a cell is outside of."""
    return [bound for bound in bounds if not bound.holds(record[bound.column])]
