"""Sheets → what a paper prints: one unit a column, told in its heading, the best in bold, the convention in a footnote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from profiler.errors import ProfilerError
from profiler.report import units
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import TWO_FLOPS, Sheet
from profiler.report.units import Amount
from profiler.version import __version__

MACS = "MACs: multiply-adds of convolution, linear and matrix products"
FLOPS = "FLOPs: two for every multiply-add of convolution, linear and matrix products"


class Laid(NamedTuple):
    """The headings, cells and bold cells of one table."""

    headings: list[str]
    units: list[str]
    """What stands below each heading, or after it in brackets; empty where it has none."""
    rows: list[list[str]]
    bold: set[tuple[int, int]]
    """(row, column)."""


def laid(content: Sheet, rounded: bool = False) -> Laid:
    """A sheet with one unit a column, whole counts too where they are to be `rounded`.

    A column's best is bold where it has two or more different values.
    """
    headings, used, made, bold = [column.text for column in content.columns], [], [], set()
    cells: Sequence[Sequence[str]] = list(zip(*content.rows, strict=True)) or [()] * len(content.columns)
    for j, (column, under) in enumerate(zip(content.columns, cells, strict=True)):
        unit, texts = _in_one_unit(under, rounded)
        used.append(unit)
        made.append(texts)
        if column.best:
            bold |= {(i, j) for i in _best(column, under)}
    return Laid(headings, used, [list(row) for row in zip(*made, strict=True)], bold)


def _in_one_unit(cells: Sequence[str], rounded: bool) -> tuple[str, Sequence[str]]:
    amounts = [(i, cell) for i, cell in enumerate(cells) if isinstance(cell, Amount) and cell.of]
    if not amounts or len({cell.of for _, cell in amounts}) > 1:
        return "", cells
    unit, texts = units.common([cell for _, cell in amounts], rounded)
    changed = list(cells)
    for (i, _), text in zip(amounts, texts, strict=True):
        changed[i] = text
    return unit, changed


def _best(column: Heading, cells: Sequence[str]) -> Iterable[int]:
    """The best, what prints the same, and what is not told from it: whose intervals overlap."""
    known = [(i, cell) for i, cell in enumerate(cells) if isinstance(cell, Amount)]
    if len({cell.value for _, cell in known}) < 2:
        return []
    sign = 1 if column.best == "least" else -1
    best = min((cell for _, cell in known), key=lambda cell: sign * cell.value)
    return [i for i, cell in known if str(cell) == str(best) or (cell.low <= best.high and best.low <= cell.high)]


def one_line(title: str) -> str:
    """A title as a caption: what the terminal sets in paragraphs of its own is parted by semicolons."""
    return "; ".join(filter(None, title.split("\n\n")))


def captioned(content: Sheet, caption: str, sheets: int) -> str:
    """What a table is called: its title, by the user's `caption`; where there are several `sheets`, with what each is."""
    title = one_line(content.title)
    return title if not caption else f"{caption}: {title}" if sheets > 1 and title else caption


LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._+/-]*")


def checked_label(label: str | None) -> str:
    r"""A label for LaTeX's `\ref` as it was given, empty where none was. Raises ProfilerError for one that it cannot read."""
    if label is not None and not LABEL.fullmatch(label):
        raise ProfilerError(f"--label '{label}' is not one that LaTeX reads; use letters, digits and : . _ + / -, as tab:main")
    return label or ""


def notes(content: Sheet) -> list[str]:
    """What stands below a sheet; what the footnote says of FLOPs is said there alone."""
    return [note.strip() for note in [*content.warnings, *content.notes] if note != TWO_FLOPS]


def footnote(sheets: Sequence[Sheet], tables: Sequence[Laid]) -> str:
    """How the multiply-adds of these sheets are counted, what is bold in them, and what made them."""
    words = " ".join(text for each in sheets for text in (each.title, *(column.text for column in each.columns)))
    said = [MACS] if "MACs" in words else [FLOPS] if "FLOPs" in words else []
    if any(table.bold for table in tables):
        clocked = any("latency" in table.headings for table in tables)
        said.append("Bold: the best of its column" + (", and those whose intervals overlap with its" if clocked else ""))
    return " ".join(f"{sentence}." for sentence in [*said, f"arch-profiler {__version__}"])
