"""What an engine says of a cell, beside what we do: agreements, and the differences that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from profiler.records.drawn import Drawn
from profiler.records.place import Place


class Difference(Struct, frozen=True):
    """One place where an engine's count and ours part, under that engine's own rules."""

    path: str
    expected: int
    found: int


class Agreement(Drawn, Struct, frozen=True):
    """What one engine says of one cell: its count beside ours, and why they differ."""

    model: str
    engine: str
    """Name of the witness with the version that was asked."""
    macs: int
    """The part of its count that is comparable with ours."""
    total: int
    """What it prints."""
    reasons: tuple[tuple[str, int], ...] = ()
    """What its convention adds to or leaves out of our multiply-adds, with the amount."""
    differences: tuple[Difference, ...] = ()
    """Where it does not say what its convention would: empty when all is explained."""
    unsupported: tuple[str, ...] = ()
    """Operations that it says it did not count."""
    place: Mapping[str, Any] = {}
    """options, alpha, resolution, input and batch of the cell, and its label where it has one."""

    @property
    def cell(self) -> str:
        """The network and where it was counted."""
        return str(Place.of({"model": self.model, **self.place}))

    @property
    def agrees(self) -> bool:
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready."""
        return {
            "model": self.model,
            **self.place,
            "engine": self.engine,
            "macs": self.macs,
            "total": self.total,
            "agrees": self.agrees,
            "reasons": [{"reason": reason, "amount": amount} for reason, amount in self.reasons],
            "differences": [structs.asdict(difference) for difference in self.differences],
            "unsupported": list(self.unsupported),
        }
