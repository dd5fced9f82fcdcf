"""The zoo, or the networks of a library → its answer: one row a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
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
    """The networks; with columns that were chosen, as the CSV has them. Raises UnknownName for an unknown column."""
    zoo, columns = list(found), list(found[0])
    unit = units.settled(view.unit, "auto", (each["macs"] for each in zoo))
    papers = any(each["paper"] for each in zoo)
    tasks = len({each["task"] for each in zoo}) > 1 or (not papers and bool(zoo[0]["task"]))

    def whole() -> dict[str, Any]:
        notes: dict[str, Any] = {"notes": found.notes} if found.notes else {}
        return document("list", zoo, made_with=found.environment, rows=[], **notes)

    if view.columns:
        return replace(records.chosen("list", zoo, columns, view, default="auto"), document=whole)
    if view.sort is not None:
        zoo = [zoo[i] for i in sorted_by(zoo, view.sort, columns)]

    names = [
        "model",
        *(["paper", "year"] if papers else []),
        *(["task"] if tasks else []),
        *(name for name in ("input", "params", "macs") if any(each[name] for each in zoo)),
        *(["top1"] if papers or any(each["top1"] is not None for each in zoo) else []),
    ]

    def content(shown: Unit, without: Sequence[str] = ()) -> Sheet:
        kept = [name for name in names if name not in without]
        rows = [[_cell(each, name, shown) for name in kept] for each in zoo]
        notes = ["top-1: published, on ImageNet; `profiler verify NAME` gives every source."] if "top1" in kept else []
        return Sheet([_heading(name, shown) for name in kept], rows, notes=[*notes, *found.notes])

    narrower = [("paper",), *([("paper", "year"), ("paper", "task")] if tasks else [])]
    return Answer(
        table.Fitted(content, unit, narrower=[partial(content, without=names) for names in narrower]),
        lambda: [content(unit)],
        zoo,
        columns,
        whole,
    )


def _heading(name: str, unit: Unit) -> Heading:
    text = {"macs": units.macs_heading(unit), "top1": "top-1 %"}.get(name, name)
    return Heading(text, right=name not in ("model", "paper", "task"))


def _cell(each: Mapping[str, Any], name: str, unit: Unit) -> str:
    value = each[name]
    match name:
        case "input":
            return _input(value)
        case "params":
            return units.count(value, unit, name)
        case "macs":
            return units.macs(value, unit)
        case "top1":
            return units.accuracy(value)
    return units.UNKNOWN if value is None else str(value)


def _input(shapes: str) -> str:
    """The first of several inputs, and that there are more."""
    first, *more = shapes.split() or [units.UNKNOWN]
    return f"{first} +{len(more)}" if more else first
