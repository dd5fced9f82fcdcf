"""One network in full → its answer: totals, kinds, layers, and what else was asked of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.errors import UnknownName
from profiler.records.columns import record
from profiler.records.environment import document
from profiler.records.receptive import EMPTY
from profiler.records.shown import Shown
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.answers import records
from profiler.report.encoding import printable
from profiler.report.sheets import details, sheet
from profiler.report.sheets.generation import generation_sheets
from profiler.report.sheets.layers import ROW_COLUMNS, layers_sheet
from profiler.report.sheets.receptive import receptive_sheet, window_columns
from profiler.report.sheets.sharding import sharding_sheet
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit
from profiler.saved.show_parts import parts_of, rewritten_records

DEPTH = 2
"""Levels of the tree of layers that are shown unless told otherwise."""


def answer(found: Shown, view: View) -> Answer:
    """One network; with columns or an order, its layers in them. Raises UnknownName for a column."""
    profile, traced = found.profile, found.traced
    unit = units.settled(view.unit, "raw", [profile.macs])
    top, depth = view.top, DEPTH if view.depth is None else view.depth
    rows = [
        {**row.to_dict(), "convention": found.convention, "total": total, **window_columns(row), **field.columns()}
        for row, total, field in zip(profile.rows, found.totals, found.receptive or repeat(EMPTY), strict=bool(found.receptive))
    ]
    known = ROW_COLUMNS if found.whatif is None else details.WHAT_IF_COLUMNS
    for name in view.columns:
        if name not in known:
            raise UnknownName("column", name, known)

    def sheets(shown: Unit) -> list[Sheet]:
        if found.whatif is not None:
            return [details.what_if_sheet(found.whatif, top, shown)]
        made = [sheet.kinds_sheet(profile, shown)]
        if view.formulas:
            made += [sheet.formulas_sheet(found, top), *([sheet.separable_sheet(found.pairs, top)] if found.pairs else [])]
        if view.receptive_field:
            made.append(receptive_sheet(found, rows))
        elif not view.formulas or view.columns or view.sort is not None:
            made.append(layers_sheet(profile, depth, top, shown, view.fold, rows, view.columns, view.sort))
        made += [details.training_sheet(found.training, depth, top, shown)] if found.training is not None else []
        made += [details.memory_sheet(found.memory)] if found.memory else []
        made += [details.forms_sheet(found.weight_forms)] if found.weight_forms else []
        made += [sharding_sheet(found.sharding)] if found.sharding is not None else []
        return [*made, *(generation_sheets(found.generation, shown) if found.generation is not None else [])]

    title = sheet.profile_title(profile, None if traced is None else traced.inputs)
    head = [title, *sheet.totals_text(profile, unit)]
    if traced is not None:
        head += details.tracing_head(traced, profile.params, unit)
    if found.convention != "paper":
        head.append(f"{found.convention:<12} {found.total:,} {found.title}")
    parts: list[RenderableType] = [Text(printable(head[0]), style="bold"), *(Text(printable(line)) for line in head[1:])]
    for i in range(len(sheets(unit))):
        parts += [Text(), table.Fitted(lambda shown, i=i: sheets(shown)[i], unit)]  # type: ignore[misc]
    made = dict(record(profile, found.convention, found.total))
    if found.environment is not None and profile.macs and not profile.moved:  # read back, of a version that did not tell
        made["moved"] = None

    def whole() -> dict[str, Any]:
        parts = {"engine": profile.engine, "uncounted": list(profile.uncounted), **parts_of(found)}
        return document("show", [made], made_with=found.environment, rows=rows, **parts)

    if found.whatif is not None and (view.columns or view.sort is not None):
        rewritten = records.chosen("show", rewritten_records(found.whatif), known, view, title)
        return replace(rewritten, document=whole, subject=found, depth=depth)
    ordered = rows if view.sort is None else [rows[i] for i in sorted_by(rows, view.sort, ROW_COLUMNS)]
    return Answer(
        Group(*parts),
        lambda: _titled(sheets(unit), head),
        ordered if found.whatif is None else rewritten_records(found.whatif),
        list(view.columns) or known,
        whole,
        found,
        depth,
    )


def _titled(sheets: list[Sheet], head: list[str]) -> list[Sheet]:
    sheets[0].lead = [head[0], *(" ".join(line.split()) for line in head[1:])]
    return sheets
