"""An answer: what a command found, drawn, as sheets, as records and as a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console, RenderableType

from profiler.errors import UnknownName
from profiler.report.sheets.sheet import Sheet
from profiler.report.units import Unit

if TYPE_CHECKING:
    from profiler.report.figure.tradeoff import Tradeoff

WIDE = 10_000
"""Columns of a table that no terminal cuts: piped, or in a file."""


class View(NamedTuple):
    """How the user wants to see a result; what is None is as its type of result has it by itself."""

    unit: Unit | None = None
    columns: Sequence[str] = ()
    sort: str | None = None
    depth: int | None = None
    """Levels of a tree of layers; 0 shows every layer."""
    top: int | None = None
    """Layers that are shown at most."""
    formulas: bool = False
    fold: bool = True
    """False to show equal layers one by one."""
    summary: bool = True
    """False to show every figure of a verification, not a line a network."""
    table: str | None = None
    """The published table that was asked for."""
    caption: str = ""
    """What a paper calls the table; by itself its title."""
    label: str = ""
    """What a paper refers to it by, as `tab:main`; by itself made of its caption."""
    receptive_field: bool = False
    """True to show the window and the receptive field of each layer in the place of its costs."""


@dataclass(frozen=True)
class Answer:
    """What a command found, in every form that it can be written in."""

    drawn: RenderableType
    sheets: Callable[[], list[Sheet]]
    records: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    document: Callable[[], dict[str, Any]]

    subject: Any = None
    """What it is about: Results, Shown, Measured; of it pages, plots and drawings are made."""
    depth: int = 2
    """Levels of the layer tree that a drawing shows."""
    of_paper: Callable[[], list[Sheet]] | None = None
    """The sheets as a paper has them, where they are others."""
    caption: str = ""
    """What a paper calls the first of its tables, where the user says."""
    label: str = ""
    """What a paper refers to it by, where the user says."""
    figure: Callable[[], Tradeoff] | None = None
    """The trade-off that a figure shows, of results that have one."""

    def page_of_text(self) -> str:
        """What a terminal of any width would show."""
        page = StringIO()
        Console(file=page, width=WIDE, color_system=None).print(self.drawn)
        return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def _sortable(value: Any) -> tuple[int, Any]:
    """Numbers by size, then texts, then shapes: the values of one option may be of several kinds."""
    match value:
        case int() | float():
            return 0, value
        case list() | tuple():
            return 2, value
        case _:
            return 1, str(value)


def sorted_by(records: Sequence[Mapping[str, Any]], key: str, known: Sequence[str]) -> list[int]:
    """Positions of the records by a column, downwards with a minus before it; unknowns last. Raises UnknownName."""
    name = key.removeprefix("-")
    if name not in known:
        raise UnknownName("column", name, known)
    present = [i for i, record in enumerate(records) if record.get(name) is not None]
    order = sorted(present, key=lambda i: _sortable(records[i][name]), reverse=key.startswith("-"))
    ranked = set(present)
    return order + [i for i in range(len(records)) if i not in ranked]
