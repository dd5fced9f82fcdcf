"""Results → what a figure shows: points by family, the two axes in one unit each, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from profiler.errors import ProfilerError
from profiler.records.columns import Record, latency, options_of, prediction
from profiler.records.results import Results
from profiler.report import names, units
from profiler.report.units import Amount, Unit

FEWEST = 2
"""Points that make a figure."""
DECADE = 10.0


class Mark(NamedTuple):
    """One point, in the units of its axes."""

    x: float
    y: float
    name: str
    """What tells it from all others."""
    family: str
    interval: tuple[float, float] | None = None
    """The ends of the 95 % interval of a latency or a prediction, which is on the axis of the latency."""
    predicted: bool = False


class Axis(NamedTuple):
    """What an axis measures."""

    title: str
    """With its unit: `MACs (M)`."""
    column: str
    log: bool


class Tradeoff(NamedTuple):
    """A figure, before anything is drawn."""

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    front: tuple[Mark, ...]
    """The points that no other is above at no more x, from the left; empty where there is no such thing."""

    @property
    def families(self) -> list[str]:
        return list(dict.fromkeys(mark.family for mark in self.marks))

    @property
    def staircase(self) -> list[tuple[float, float]]:
        """The corners of the front: at each x the most y that so much buys, as far as the last point to the right."""
        end = max(mark.x for mark in self.marks)
        corners = [(mark.x, mark.y) for mark in self.front]
        return [*corners, (end, corners[-1][1])] if corners and corners[-1][0] < end else corners


def tradeoff(found: Results, unit: Unit) -> Tradeoff:
    """Accuracy against latency where both are known, else against multiply-adds; without accuracies latency against
    multiply-adds, or parameters. Raises ProfilerError for fewer than two points."""
    clocked = [i for i, record in enumerate(found) if _seconds(record) is not None]
    rated = [i for i, record in enumerate(found) if record.get("top1") is not None]
    both = [i for i in rated if i in set(clocked)]
    if len(both) >= FEWEST:
        return _made(found, both, "latency_s", "top1", unit)
    if len(rated) >= FEWEST:
        return _made(found, rated, "macs", "top1", unit)
    if len(clocked) >= FEWEST:
        return _made(found, clocked, "macs", "latency_s", unit)
    if len(found) < FEWEST:
        raise ProfilerError("a figure of a trade-off needs two networks or points; name another")
    return _made(found, range(len(found)), "macs", "params", unit)


def _made(found: Results, chosen: Sequence[int], x: str, y: str, unit: Unit) -> Tradeoff:
    records = [found[i] for i in chosen]
    labels, families = names.of_records(records), _families(records, found)
    sides = [_scaled(records, column, unit) for column in (x, y)]
    marks = []
    for i, record in enumerate(records):
        ends = _interval(record) if "latency_s" in (x, y) else None
        at = sides[0 if x == "latency_s" else 1][2]
        interval = None if ends is None else (ends[0] / at, ends[1] / at)
        guessed = "latency_s" in (x, y) and latency(record) is None
        marks.append(Mark(sides[0][1][i], sides[1][1][i], labels[i], families[i], interval, guessed))
    # multiply-adds of eight samples are no trade-off against those of one
    comparable = y == "top1" and len({record["batch"] for record in records}) == 1
    axes = [Axis(title, column, _wide(values, column)) for column, (title, values, _) in zip((x, y), sides, strict=True)]
    return Tradeoff(axes[0], axes[1], tuple(marks), tuple(_front(marks)) if comparable else ())


def _front(marks: Sequence[Mark]) -> list[Mark]:
    best: list[Mark] = []
    for mark in sorted(marks, key=lambda each: (each.x, -each.y)):
        if not best or mark.y > best[-1].y:
            best.append(mark)
    return best


def _wide(values: Sequence[float], column: str) -> bool:
    return column != "top1" and max(values) > DECADE * min(values) > 0


def _scaled(records: Sequence[Record], column: str, unit: Unit) -> tuple[str, list[float], float]:
    """The title of an axis, the values on it, and what one of its unit is."""
    if column == "top1":
        return "top-1 (%)", [float(record["top1"] or 0) for record in records], 1.0
    if column == "latency_s":
        amounts = [units.seconds(_seconds(record)) for record in records]
    elif column == "macs":
        amounts = [units.macs(record["macs"], unit) for record in records]
    else:
        amounts = [units.count(record[column], unit, column) for record in records]
    known = [each for each in amounts if isinstance(each, Amount)]
    name, _ = units.common(known, rounded=True)
    step = units.step_of(known[0].of, name)
    heading = {"latency_s": "latency", "macs": units.macs_heading(unit)}.get(column, column)
    return f"{heading} ({name})" if name else heading, [each.value / step for each in known], step


def _seconds(record: Record) -> float | None:
    """Its latency, measured or else predicted."""
    found = latency(record) or prediction(record)
    return None if found is None else found[0]


def _interval(record: Record) -> tuple[float, float] | None:
    found = latency(record) or prediction(record)
    return None if found is None else (found[1], found[2])


def _families(records: Sequence[Record], found: Results) -> list[str]:
    """What the points are told apart by: the network; of one alone its α, where that varies."""
    models = [names.model(record, options_of(found.over)) for record in records]
    if len(set(models)) == 1 and len({str(record["alpha"]) for record in records}) > 1:
        return ["α –" if record["alpha"] is None else f"α {record['alpha']:g}" for record in records]
    return models
