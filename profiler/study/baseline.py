"""What a network cost before: its record in a saved run, and what grew since by more than is tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from profiler.errors import ProfilerError
from profiler.records.agreement import cell
from profiler.records.interval import Interval
from profiler.records.profile import Record
from profiler.records.verdicts import COUNTS, Limit, Line, Verdict
from profiler.study.before_after import SETTING, Side, clocks, key
from profiler.study.budgets import Point, Subject
from profiler.study.cells import Cell

RENEWAL = "save one with `profiler compare MODEL... -o FILE` where the counts are as they should be"
"""How a baseline is made, and made anew."""


def place_in(base: Side, at: Subject, setting: Mapping[str, Any] | None) -> int:
    """Where the record of that network at that point stands, in the same setting if there is one. Raises ProfilerError."""
    mine = _place(at.cell)
    found = [i for i, record in enumerate(base.records) if key(record) == key(mine)]
    for i in found:
        if setting is not None and all(base.records[i].get(name) == setting.get(name) for name in SETTING):
            return i
    if found:
        return found[0]
    names = list(dict.fromkeys(cell(record["model"], record) for record in base.records))
    held = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    raise ProfilerError(f"baseline '{base.name}' is of {held}, not of {at.name}; {RENEWAL}")


def _place(at: Cell) -> dict[str, Any]:
    network = at.network
    return {
        "model": network.name,
        "options": dict(network.options),
        "alpha": None if network.alpha is None else float(network.alpha),
        "resolution": network.resolution,
        "input": " ".join("x".join(map(str, shape)) for shape in network.inputs),
        "batch": network.batched(at.batch),
    }


def cells_of(base: Side) -> list[Cell]:
    """The networks of a run, each once at each of its points. Raises as `load` does."""
    found: dict[str, Cell] = {}
    for record in base.records:
        if key(record) in found:
            continue
        point = Point(
            record["alpha"], None, None, record["input"].split() or None, record["batch"] or "none", record["options"]
        )
        try:
            found[key(record)] = point.cell(record["model"])
        except ProfilerError as fault:
            fault.args = (f"baseline '{base.name}': {fault}",)
            raise
    return list(found.values())


def lines(base: Side, i: int, now: Record, peak: int | None, tolerance: Fraction, here: Mapping[str, Any] | None) -> list[Line]:
    """A line for every quantity that both know; an equal count is within any tolerance."""
    then = base.records[i]
    made = [_line(now, key, then[key], now[key], tolerance, base.name) for key in COUNTS]  # type: ignore[literal-required]
    before = base.peaks[i]
    if before is not None and peak is not None:
        made.append(_line(now, "memory", before, peak, tolerance, base.name))
    side = Side("", [now], [None], [None], here)
    if clocks(base, then, side, now)[0] is not None:
        made.append(_clocked(now, then, tolerance, base.name))
    return made


def _line(now: Record, quantity: str, before: int, value: int, tolerance: Fraction, source: str) -> Line:
    most = before * (1 + tolerance)
    return Line(now, Limit(quantity, most, source), value, "within" if value <= most else "over", before=before)


def _clocked(now: Mapping[str, Any], then: Mapping[str, Any], tolerance: Fraction, source: str) -> Line:
    """Over where the whole interval lies above what the baseline's allows, within where it lies below."""
    low, high = (float(Fraction(then[name]) * (1 + tolerance)) for name in ("latency_low_s", "latency_high_s"))
    verdict: Verdict = "undecided"
    if now["latency_low_s"] > high:
        verdict = "over"
    elif now["latency_high_s"] <= low:
        verdict = "within"
    value, before = now["latency_s"], then["latency_s"]
    clock = Interval(value, now["latency_low_s"], now["latency_high_s"])
    limit = Limit("latency", Fraction(before) * (1 + tolerance), source)
    return Line(now, limit, value, verdict, clock, before, now["grade"] or "")  # type: ignore[arg-type]
