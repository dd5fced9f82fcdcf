"""Results as a notebook shows them: tables of HTML in the colours of its own theme, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.errors import ProfilerError
from profiler.records.profile import Profile
from profiler.records.verdicts import Checked
from profiler.report import palette
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.titles import title
from profiler.report.words import said

__all__ = ["drawn", "html", "said", "text", "title"]

MOST_ROWS = 200
"""Rows of a table that a notebook is given; the page would be slow with more."""
STYLE = """<style>
.profiler table {color: inherit; border-collapse: collapse; border: 0; margin: 0.3em 0; font-variant-numeric: tabular-nums}
.profiler th, .profiler td {padding: 0.15em 0.7em; border: 0; white-space: nowrap; background: none; color: inherit}
.profiler thead tr {border-bottom: 1px solid currentColor}
.profiler p {margin: 0.2em 0; max-width: 70em}
.profiler .lead, .profiler caption {font-weight: bold; text-align: left; color: inherit}
.profiler .warning {font-weight: bold; border-left: 0.3em solid ALARM; padding-left: 0.5em}
.profiler .note {opacity: 0.75; font-size: 0.92em}
</style>""".replace("ALARM", palette.VERMILLION)
"""No colour of its own but for warnings: what is there inherits the theme's, light or dark."""


def text(thing: object) -> str:
    """A check as sentences. Raises ProfilerError for anything else."""
    if not isinstance(thing, Checked):
        raise ProfilerError(f"{type(thing).__name__} has no sentences; give a result of check")
    from profiler.report.answers import budgets

    return budgets.text(thing)


def drawn(thing: object) -> RenderableType:
    """A result as a terminal shows it."""
    if isinstance(thing, Profile):
        return table.show(thing)
    if not registry.type_of(thing).sheets:
        return registry.answer(thing, View(summary=False)).drawn
    parts: list[RenderableType] = []
    for content in registry.sheets(thing):
        parts += [*([Text()] if parts else []), *map(Text, content.lead)]
        parts.append(table.Fitted(lambda _, content=content: content, "auto"))  # type: ignore[misc]
    return Group(*parts)


def html(thing: object) -> str:
    """A result as a fragment of HTML."""
    return f'<div class="profiler">{STYLE}{"".join(map(_table, registry.sheets(thing)))}</div>'


def _table(content: Sheet) -> str:
    lead = [f'<p class="lead">{escape(line)}</p>' if not i else f"<p>{escape(line)}</p>" for i, line in enumerate(content.lead)]
    title = f"<caption>{escape(content.title)}</caption>" if content.title else ""
    sides = ["right" if column.right else "left" for column in content.columns]
    heads = [column.text for column in content.columns]
    head = f"<thead>{_row('th', heads, sides)}</thead>" if any(heads) else ""
    body = "".join(_row("td", cells, sides) for cells in content.rows[:MOST_ROWS])
    warnings = [f'<p class="warning">{escape(line)}</p>' for line in content.warnings]
    notes = list(content.notes)
    if len(content.rows) > MOST_ROWS:
        notes.insert(0, f"The first {MOST_ROWS} of {len(content.rows):,} rows; the result itself holds all.")
    said = [f'<p class="note">{escape(line)}</p>' for line in notes]
    return "".join([*lead, f"<table>{title}{head}<tbody>{body}</tbody></table>", *warnings, *said])


def _row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    made = (f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in zip(cells, sides, strict=True))
    return f"<tr>{''.join(made)}</tr>"
