"""Limits of what a network may cost, as `fit` holds cells to them: at most, at least, and how much of them a cell uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf
from typing import Any

from msgspec import Struct

QUANTITIES = {
    "macs": "macs", "params": "params", "activations": "activations", "weight_bytes": "weight_bytes", "memory": "memory_bytes",
    "latency": "latency_s",
}  # fmt: skip
"""What can be limited, and the column of the records that holds it; a latency that was not measured is `predicted_s`."""
BYTES = ("weight_bytes", "memory")
Record = Mapping[str, Any]


class Bound(Struct, frozen=True):
    """The most and the least that one quantity may be: counts, bytes or seconds; None where it is free on that side."""

    quantity: str
    most: int | float | None = None
    least: int | None = None

    @property
    def column(self) -> str:
        """The column of the records that holds the quantity."""
        return QUANTITIES[self.quantity]

    def value(self, record: Record) -> int | float | None:
        """What a cell has of it; None where that is unknown."""
        found: int | float | None = record.get(self.column)
        return record.get("predicted_s") if found is None and self.quantity == "latency" else found

    def holds(self, record: Record) -> bool:
        """True where a cell is known to be within it; both ends are. A latency is where its whole interval is."""
        if self.quantity == "latency":
            return record.get("latency_fits") == "within"
        value = self.value(record)
        if value is None:
            return False
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def used(self, record: Record) -> Fraction | float:
        """The share of the limit that a cell uses, above 1 where it is outside: value / most, or least / value."""
        value = self.value(record)
        if value is None:
            return inf
        shares: list[Fraction | float] = []
        if self.most is not None:
            shares.append(_share(value, self.most))
        if self.least is not None:
            shares.append(_share(self.least, value))
        return max(shares)


def _share(part: int | float, whole: int | float) -> Fraction | float:
    if not whole:
        return inf if part else Fraction(1)
    return Fraction(part, whole) if isinstance(part, int) and isinstance(whole, int) else part / whole


def binding(bounds: Sequence[Bound], record: Record) -> tuple[Bound, Fraction | float]:
    """The bound that a cell uses most, or breaks most, and how much of it; the first of several."""
    shares = [(bound, bound.used(record)) for bound in bounds]
    return max(shares, key=lambda each: each[1])


def broken(bounds: Sequence[Bound], record: Record) -> list[Bound]:
    """The bounds that a cell is outside of, or is not known to be within."""
    return [bound for bound in bounds if not bound.holds(record)]
