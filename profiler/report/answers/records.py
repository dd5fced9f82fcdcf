"""Records as they are → an answer: columns that the user chose, or a saved run that nothing is made of again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from profiler.errors import UnknownName
from profiler.records.environment import document
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
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
    shown: Sequence[Mapping[str, Any]] | None = None,
) -> Answer:
    """Rows by the columns that the user chose, as the CSV has them; its table, of `shown`. Raises UnknownName for a column."""
    columns = list(view.columns) or list(known)
    for name in columns:
        if name not in known:
            raise UnknownName("column", name, known)
    shown = rows if shown is None else shown
    if view.sort is not None:
        rows, shown = ([some[i] for i in sorted_by(some, view.sort, known)] for some in (rows, shown))
    heads = [Heading(name.replace("_", " "), right=all(isinstance(row[name], int | float) for row in rows)) for name in columns]
    cells = [[plain.cell(row[name]) for name in columns] for row in shown]
    content = Sheet(heads, cells, title)
    return Answer(
        table.Fitted(lambda _: content, "auto"),
        lambda: [content],
        rows,
        columns,
        lambda: document(command, [dict(row) for row in rows], rows=[]),
    )
