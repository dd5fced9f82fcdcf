"""What is to be said beside figures that a fleet measured, as values; `profiler.report.fleet_words` puts them in words."""

from __future__ import annotations

from profiler.records.notes import Note, Said


class OfFleet(Said, frozen=True):
    """A note that only a fleet has."""


class OnDevice(OfFleet, frozen=True):
    """A note on the cells of one device."""

    where: str
    note: Note


class CarriedOn(OfFleet, frozen=True):
    """Jobs that went on with rounds that an earlier attempt had left on their machine."""

    jobs: int
    rounds: int
    machines: tuple[str, ...]


class BegunAnew(OfFleet, frozen=True):
    """Jobs that began anew on another machine, since theirs was gone."""

    jobs: int
    machines: tuple[str, ...]
    """Those that were gone."""


class DevicesRank(OfFleet, frozen=True):
    """How alike two devices rank the cells (Spearman's rank correlation of their latencies)."""

    one: str
    other: str
    cells: int
    rank: float


class MorePairs(OfFleet, frozen=True):
    """Pairs of devices whose rank correlation is not given one by one."""

    pairs: int
    least: float
