"""Which predicted cell to measure next: the one whose interval leaves something undecided. No torch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Hashable, Sequence
from math import inf
from typing import NamedTuple

from profiler.records.interval import Interval


class Deciding(NamedTuple):
    """A cell to be measured, and what its measurement decides."""

    cell: int
    what: str
    """`limit`: whether it is within a limit; `front`: whether it, or another, is on the Pareto front; `rank`: who is faster."""


def verdict(interval: Interval | None, limit: float) -> str:
    """Where an interval lies: `within` a limit, `over` it, `undecided` between; `unknown` where there is none."""
    if interval is None:
        return "unknown"
    return "within" if interval.high <= limit else "over" if interval.low > limit else "undecided"


def for_a_limit(verdicts: Sequence[str], measured: Collection[int], may: Collection[int], top: int) -> Deciding | None:
    """Of cells in the order in which they are wanted, by their verdicts: what to measure next of those that `may` be.

    First the `top` cells within the limit, which are recommended; then the first that is undecided.
    """
    confirmed = 0
    for i, said in enumerate(verdicts):
        if confirmed == top:
            break
        if said == "within" and i in may:
            return Deciding(i, "limit")
        confirmed += said == "within" and i in measured
    undecided = next((i for i, said in enumerate(verdicts) if said == "undecided" and i in may), None)
    return None if undecided is None else Deciding(undecided, "limit")


def for_a_front(
    intervals: Sequence[Interval | None], gains: Sequence[float | None], groups: Sequence[Hashable], may: Collection[int]
) -> Deciding | None:
    """Of cells with a gain (an accuracy, multiply-adds) against their latency: what to measure next of those that `may` be.

    First the cell whose interval overlaps most of those that may be on the Pareto front with it, then the one that overlaps
    most others in its group; of two that overlap as many, the one with the wider interval. None where no interval overlaps
    another. Cells of different `groups` are not compared; a cell without a gain is on no front.
    """
    best: tuple[int, int, float] = (0, 0, 0.0)
    found: Deciding | None = None
    for group in dict.fromkeys(groups):
        members = [i for i, each in enumerate(groups) if each == group and intervals[i] is not None]
        front = _overlaps({i: intervals[i] for i in _front(members, intervals, gains)})
        every = _overlaps({i: intervals[i] for i in members})
        for i in members:
            interval = intervals[i]
            if i not in may or interval is None:
                continue
            score = (front.get(i, 0), every[i], interval.half_width)
            if score[:2] > (0, 0) and score > best:
                best, found = score, Deciding(i, "front" if score[0] else "rank")
    return found


def _front(members: Sequence[int], intervals: Sequence[Interval | None], gains: Sequence[float | None]) -> list[int]:
    """The cells that may be on the front: no other that gains as much is faster for certain."""
    rated = sorted((i for i in members if gains[i] is not None), key=lambda i: -(gains[i] or 0.0))
    kept: list[int] = []
    fastest, start = inf, 0
    while start < len(rated):
        alike = [i for i in rated[start:] if gains[i] == gains[rated[start]]]
        fastest = min(fastest, *(each.high for i in alike if (each := intervals[i]) is not None))
        kept += [i for i in alike if (each := intervals[i]) is not None and each.low <= fastest]
        start += len(alike)
    return kept


def _overlaps(intervals: dict[int, Interval | None]) -> dict[int, int]:
    """How many others the interval of each overlaps."""
    known = {i: each for i, each in intervals.items() if each is not None}
    lows, highs = sorted(each.low for each in known.values()), sorted(each.high for each in known.values())
    return {
        i: bisect_right(lows, each.high) - bisect_left(highs, each.low) - 1  # those that begin by its end, less those over
        for i, each in known.items()
    }
