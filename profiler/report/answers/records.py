"""Records as they are → an answer: columns that the user chose, or a saved run that nothing is made of again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from profiler.errors import UnknownName
from profiler.records.columns import COLUMNS
from profiler.records.environment import document
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.sheets.columns import UNITS, Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Scale, Unit
from profiler.report.writers import plain
from profiler.saved.read import Saved


def answer(found: Saved, view: View) -> Answer:
    """The records of a document, by the columns of the CSV. Raises UnknownName for a column."""
    records = found.document["records"]
    known = list(dict.fromkeys(name for record in records for name in record))
    rows = [{name: record.get(name) for name in known} for record in records]
    return replace(chosen(found.command, rows, known, view), document=lambda: dict(found.document))


def chosen(
    command: str,
    rows: Sequence[Mapping[str, Any]],
    known: Sequence[str],
    view: View,
    title: str = "",
    default: Scale = "raw",
) -> Answer:
    """Rows by the columns that the user chose, counts in the unit of the view or `default`. Raises UnknownName for a column."""
    columns = list(view.columns) or list(known)
    for name in columns:
        if name not in known:
            raise UnknownName("column", name, known)
    if view.sort is not None:
        rows = [rows[i] for i in sorted_by(rows, view.sort, known)]

    def content(unit: Unit) -> Sheet:
        heads = [Heading(_heading(name, unit), _is_number([row[name] for row in rows])) for name in columns]
        return Sheet(heads, [[_cell(name, row[name], unit) for name in columns] for row in rows], title)

    unit = units.settled(view.unit, default, (row.get("macs") for row in rows))
    return Answer(
        table.Fitted(content, unit),
        lambda: [content(unit)],
        rows,
        columns,
        lambda: document(command, [dict(row) for row in rows], rows=[]),
    )


def _is_number(values: Sequence[Any]) -> bool:
    """True where all that is known is a number."""
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _heading(name: str, unit: Unit) -> str:
    """What tables call a column; of a count before or after, the count's name with that."""
    base, when = _counted(name)
    if base not in COLUMNS:
        return name.replace("_", " ")
    text = units.macs_heading(unit) if base == "macs" else base.replace("_", " ") if when else COLUMNS[base].title
    return f"{text} {when}".rstrip()


def _cell(name: str, value: Any, unit: Unit) -> str:
    """A value as it is, but counts in their unit."""
    column = COLUMNS.get(_counted(name)[0])
    if column is None or not column.unit or not isinstance(value, int | float):
        return plain.shown(value)
    return UNITS[column.unit](value, units.of(unit, column.name))


def _counted(name: str) -> tuple[str, str]:
    """`macs` and `after` of `macs_after`."""
    base, _, when = name.rpartition("_")
    return (base, when) if when in ("before", "after") else (name, "")
