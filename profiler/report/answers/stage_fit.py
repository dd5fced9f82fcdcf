"""The stages of a network within limits → their answer: the widest combinations, one a row, and what they are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from profiler.records.columns import COLUMNS as RECORD_COLUMNS
from profiler.records.stage_fit import COLUMNS, StageFit
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.answers import records
from profiler.report.sheets.columns import UNITS, Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit

TOP = 20
"""Combinations that a table has unless the view says another number."""
SHOWN = ("macs", "params", "activations")


def answer(found: StageFit, view: View) -> Answer:
    """The maximal combinations; with columns that were chosen, as the CSV has them. Raises UnknownName for a column."""
    rows, columns, top = found.maximal, list(COLUMNS), view.top or TOP
    if view.sort is not None:
        rows = [found.maximal[i] for i in sorted_by(found.maximal, view.sort, columns)]
    if view.columns:
        made = records.chosen("fit", list(rows), columns, view._replace(sort=None), _title(found, "auto"), default="auto")
        return replace(made, document=found.to_dict)
    unit = view.unit or "auto"
    counts = list(dict.fromkeys([*found.maximum, *found.minimum, *SHOWN]))

    def content(shown: Unit) -> Sheet:
        stages = [Heading(stage.name) for stage in found.stages]
        heads = [Heading("stages", right=False), *stages, *(Heading(_heading(name, shown)) for name in counts)]
        body = [
            [each["stages"], *each["widths"].split(":"), *(_count(name, each[name], shown) for name in counts)]
            for each in rows[:top]
        ]
        return Sheet(heads, body, _title(found, shown), list(_notes(found, shown, top)))

    def without_widths(shown: Unit) -> Sheet:
        made, n = content(shown), len(found.stages)
        made.columns[1 : n + 1] = []
        made.rows = [[first, *rest[n:]] for first, *rest in made.rows]
        return made

    return Answer(
        table.Fitted(content, unit, narrower=[without_widths]), lambda: [content(unit)], rows, columns, found.to_dict
    )


def _title(found: StageFit, unit: Unit) -> str:
    """`mobilenet_v1: 905,715 of 5,000,000 combinations of its stages have MACs ≤ 300 M`."""
    limits = " and ".join(_limits(found, unit))
    count = f"{found.model}: {found.fitting:,} of {found.combinations:,} combinations of its stages"
    return f"{count} have {limits}" if limits else f"{count} can be built"


def _limits(found: StageFit, unit: Unit) -> Iterator[str]:
    for limits, sign in ((found.maximum, "≤"), (found.minimum, "≥")):
        for name, limit in limits.items():
            yield f"{_heading(name, unit)} {sign} {_count(name, limit, unit)}"


def _notes(found: StageFit, unit: Unit, top: int) -> Iterator[str]:
    """What the rows are, how many are left out, what no limit leaves, and the ends of the counts."""
    rows = len(found.maximal)
    left = f" {rows - top:,} of the {rows:,} are left out here; CSV and JSON have all." if rows > top else ""
    if rows:
        yield f"No stage of these can take its next width and stay within.{left}"
    if found.unbuildable:
        yield f"{found.unbuildable:,} combinations cannot be built: their parts do not fit each other."
    for extreme in found.extremes:
        amount = _count(extreme.quantity, extreme.record[extreme.quantity], unit)
        yield f"{extreme.end} {_heading(extreme.quantity, unit)}: {amount} at stages={extreme.record['stages']}"
    if found.closest is not None:
        yield f"Nothing fits. The closest is stages={found.closest['stages']}, with {_amounts(found, found.closest, unit)}."


def _amounts(found: StageFit, record: Mapping[str, Any], unit: Unit) -> str:
    limited = dict.fromkeys([*found.maximum, *found.minimum])
    return " and ".join(f"{_count(name, record[name], unit)} {_heading(name, unit)}" for name in limited)


def _heading(name: str, unit: Unit) -> str:
    if name == "weight_bytes":
        return "weight bytes"
    return units.macs_heading(unit) if name == "macs" else name


def _count(name: str, n: int, unit: Unit) -> str:
    """A count in its unit: multiply-adds, bytes, or a number of things."""
    return str(UNITS[RECORD_COLUMNS[name].unit](n, unit))
