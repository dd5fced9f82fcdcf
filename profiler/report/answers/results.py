"""A comparison, a sweep or a benchmark → its answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Group

from profiler.records.columns import Record, option_column
from profiler.records.results import Results
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.sheets import columns, sheet
from profiler.report.terminal import table
from profiler.report.terminal.heat import Heat

if TYPE_CHECKING:
    from profiler.report.figure.tradeoff import Tradeoff


def answer(found: Results, view: View) -> Answer:
    """The records in every form, in the unit of the view, or `auto` of a benchmark and raw else. Raises UnknownName."""
    if found.command == "fit":
        from profiler.report.answers import fit

        return fit.answer(found, view)
    unit = units.settled(view.unit, "auto" if found.command == "bench" else "raw", (record["macs"] for record in found))
    if view.sort is not None:
        found = found.ordered(sorted_by(found, view.sort.replace("_ratio", ""), columns.known(found.over)))
    content = sheet.results_sheet(found, unit, view.columns)

    def of_paper() -> list[sheet.Sheet]:
        """The table without what the witnesses say, which a paper has no place for; with columns that were chosen, as it is."""
        return [content] if view.columns else [sheet.results_sheet(found, unit, columns.without_checks(found), agreed=False)]

    def figure() -> Tradeoff:
        from profiler.report.figure.tradeoff import tradeoff

        return tradeoff(found, unit)

    return Answer(
        Group(table.results_table(found, unit, view.columns), Heat(found, view.columns)),
        lambda: [content],
        [_with_ratios(record, found.base or record) for record in found] if view.columns else found,
        list(view.columns) or found.columns,
        found.to_dict,
        found,
        of_paper=of_paper,
        figure=figure,
    )


def check_view(view: View, over: Iterable[str] = ()) -> None:
    """Refuse, before any work, columns that no record has, with the options `over` which it will run. Raises UnknownName."""
    sheet.check_columns([*view.columns, *([view.sort.removeprefix("-")] if view.sort else [])], map(option_column, over))


def _with_ratios(record: Record, base: Record) -> dict[str, Any]:
    ratios = {f"{key}_ratio": record[key] / base[key] if base[key] else None for key in ("params", "macs")}
    return {**record, **ratios}
