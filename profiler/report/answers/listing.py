"""The zoo → its answer: one row a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from profiler.records.environment import document
from profiler.records.listing import Listing
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.answers import records
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit


def answer(found: Listing, view: View) -> Answer:
    """The zoo; with columns that were chosen, as the CSV has them. Raises UnknownName for a column that is none."""
    zoo, columns, unit = list(found), list(found[0]), view.unit or "auto"

    def whole() -> dict[str, Any]:
        return document("list", zoo, made_with=found.environment, rows=[])

    if view.columns:
        return replace(records.chosen("list", zoo, columns, view, default="auto"), document=whole)
    if view.sort is not None:
        zoo = [zoo[i] for i in sorted_by(zoo, view.sort, columns)]

    def content(shown: Unit) -> Sheet:
        heads = [
            Heading("model", right=False),
            *map(Heading, ("year", "input", "params", units.macs_heading(shown), "top-1 %")),
        ]
        rows = [_listed(each, shown) for each in zoo]
        return Sheet(heads, rows, notes=["top-1: published, on ImageNet; `profiler verify NAME` gives every source."])

    def with_papers(shown: Unit) -> Sheet:
        made = content(shown)
        made.columns.insert(1, Heading("paper", right=False))
        for row, each in zip(made.rows, zoo, strict=True):
            row.insert(1, each["paper"])
        return made

    return Answer(
        table.Fitted(with_papers, unit, narrower=[content]),
        lambda: [with_papers(unit)],
        zoo,
        columns,
        whole,
    )


def _listed(each: Mapping[str, Any], unit: Unit) -> list[str]:
    accuracy = units.accuracy(each["top1"])
    counts = [units.count(each["params"], unit), units.macs(each["macs"], unit)]
    return [each["model"], str(each["year"]), _input(each["input"]), *counts, accuracy]


def _input(shapes: str) -> str:
    """The first of several inputs, and that there are more."""
    first, *more = shapes.split()
    return f"{first} +{len(more)}" if more else first
