"""What a network cost before: its record in a saved run, and what grew since by more than is tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from profiler.errors import ProfilerError
from profiler.records.columns import SETTING, Record
from profiler.records.interval import Interval
from profiler.records.place import Place
from profiler.records.verdicts import COUNTS, Limit, Line, Verdict
from profiler.study.before_after import Side, clocks
from profiler.study.budgets import Budgeted

RENEWAL = "save one with `profiler compare MODEL... -o FILE` where the counts are as they should be"
"""How a baseline is made, and made anew."""


def position_in(base: Side, at: Budgeted, setting: Mapping[str, Any] | None) -> int:
    """Where the record of that network at that place stands, in the same setting if there is one. Raises ProfilerError."""
    mine = at.cell.place
    found = [i for i, record in enumerate(base.records) if Place.of(record).key == mine.key]
    for i in found:
        if setting is not None and all(base.records[i].get(name) == setting.get(name) for name in SETTING):
            return i
    if found:
        return found[0]
    raise ProfilerError(f"baseline '{base.name}' holds {held(base)}, not {at.name}; {RENEWAL}")


def held(base: Side) -> str:
    """The networks of a run by name, the first few."""
    names = list(dict.fromkeys(str(Place.of(record)) for record in base.records))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def lines(base: Side, i: int, now: Record, peak: int | None, tolerance: Fraction, here: Mapping[str, Any] | None) -> list[Line]:
    """A line for every quantity that both know; an equal count is within any tolerance."""
    then = base.records[i]
    made = [_line(now, key, then[key], now[key], tolerance, base.name) for key in COUNTS]
    before = base.peaks[i]
    if before is not None and peak is not None:
        made.append(_line(now, "memory", before, peak, tolerance, base.name))
    side = Side("", [now], [None], [None], here)
    if clocks(base, then, side, now)[0] is not None:
        made.append(_clocked(now, here, then, base, tolerance))
    return made


def _line(now: Record, quantity: str, before: int, value: int, tolerance: Fraction, source: str) -> Line:
    most = before * (1 + tolerance)
    return Line(now, Limit(quantity, most, source), value, "within" if value <= most else "over", before=before)


def _clocked(
    now: Mapping[str, Any], here: Mapping[str, Any] | None, then: Mapping[str, Any], base: Side, tolerance: Fraction
) -> Line:
    """Over where all that the ratio of two runs may be lies above what is tolerated, within where it lies below.

    A run whose machine was disturbed throughout is slow for that alone, so it is over for nobody.
    """
    from profiler.measure import between_runs  # what only latencies need
    from profiler.measure.grades import shows_slowness

    ratio = between_runs.ratio(then, base.machine, now, here)
    verdict: Verdict = "undecided"
    if ratio.low > 1 + tolerance and shows_slowness(now):
        verdict = "over"
    elif ratio.high <= 1 + tolerance:
        verdict = "within"
    value, before = now["latency_s"], then["latency_s"]
    clock = Interval(value, now["latency_low_s"], now["latency_high_s"])
    limit = Limit("latency", Fraction(before) * (1 + tolerance), base.name)
    return Line(now, limit, value, verdict, clock, before, now["grade"] or "")  # type: ignore[arg-type]
