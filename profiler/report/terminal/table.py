"""Sheets → tables in the terminal, by rich."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from profiler.records.profile import Profile
from profiler.records.results import Results
from profiler.report import palette
from profiler.report.answer import WIDE
from profiler.report.encoding import printable
from profiler.report.sheets import sheet
from profiler.report.sheets.columns import narrower
from profiler.report.sheets.layers import layers_sheet
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal.bars import bar
from profiler.report.units import Unit


def table(content: Sheet, bars: int = 0, plain: bool = False, room: int = WIDE) -> Table:
    """The grid of a sheet, without its title and notes; beside shares bars so wide, if any. `room` is how wide it may be."""
    widths = _fitted(content, room)
    drawn = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False, collapse_padding=True, show_edge=False,
    )  # fmt: skip
    barred = [bars > 0 and column.bar for column in content.columns]
    for column, has_bar, width in zip(content.columns, barred, widths, strict=True):
        # where there is no room, words fold and numbers never do
        side: Literal["right", "left"] = "right" if column.right else "left"
        drawn.add_column(Text(printable(column.text)), justify=side, no_wrap=column.right, overflow="fold", width=width)
        if has_bar:
            drawn.add_column("", no_wrap=True, min_width=bars)
    most = [max(map(_share, cells), default=0) for cells in zip(*content.rows, strict=True)] if bars else []
    for row in content.rows:
        cells: list[Text] = []
        for j, cell in enumerate(row):
            cells.append(Text(_broken(printable(cell), widths[j])))
            if barred[j]:
                cells.append(Text(bar(_share(cell) / (most[j] or 1), bars, plain), style=palette.BARS))
        drawn.add_row(*cells)
    return drawn


def _fitted(content: Sheet, room: int) -> list[int | None]:
    """The widths of the columns of words where not all has room, so that the longest words alone are broken; else None each."""
    texts = [[column.text, *(row[j] for row in content.rows)] for j, column in enumerate(content.columns)]
    full = [max(map(cell_len, column)) for column in texts]
    room -= len(GAP) * (len(full) - 1)
    if sum(full) <= room:
        return [None] * len(full)
    words = [max((cell_len(word) for text in column for word in text.split()), default=0) for column in texts]
    for most in range(max(words), FOLDED - 1, -1):
        least = [n if column.right else min(word, most) for n, word, column in zip(full, words, content.columns, strict=True)]
        if sum(least) <= room:
            for _ in range(room - sum(least)):  # what is left goes where most is missing
                j = max(range(len(full)), key=lambda j: full[j] - least[j])
                least[j] += full[j] > least[j]
            return [None if column.right else n for n, column in zip(least, content.columns, strict=True)]
    return [None] * len(full)


def _broken(text: str, width: int | None) -> str:
    """The text with words that are too long broken behind their signs, as `model.` and `layers`, where they have any."""
    if width is None or all(cell_len(word) <= width for word in text.split()):
        return text
    lines = [""]
    for part in re.findall(r"[^\s._@,=:/-]*[\s._@,=:/-]?", text):
        if lines[-1] and cell_len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _gone(whole: Sheet, left: Sheet) -> list[str]:
    """The headings that the narrower sheet of two does without."""
    gone = Counter(column.text for column in whole.columns)
    gone.subtract(column.text for column in left.columns)
    return [text for text, count in gone.items() if text and count > 0]


def _share(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:  # an unknown, or no share at all
        return 0.0


MOST_ROWS = 300
"""Rows that a terminal is shown at most: nobody reads more there, and a thousand take a second."""


@dataclass(frozen=True)
class Lines:
    """The grid of a sheet of many rows, as `table` draws it where nothing folds, in a hundredth of the time."""

    content: Sheet

    def _cells(self) -> list[list[str]]:
        heads = [column.text for column in self.content.columns]
        return [[printable(cell) for cell in cells] for cells in (heads, *self.content.rows)]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widths = _widths(self._cells())
        wide = sum(widths) + len(GAP) * (len(widths) - 1)
        return Measurement(wide, wide)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = self._cells()
        widths = _widths(cells)
        right = [column.right for column in self.content.columns]
        for i, row in enumerate(cells):
            padded = (" " * (n - cell_len(cell)) for n, cell in zip(widths, row, strict=True))
            line = GAP.join(
                pad + cell if to_right else cell + pad for cell, pad, to_right in zip(row, padded, right, strict=True)
            )
            yield Segment(line, None if i else console.get_style("table.header"))
            yield Segment.line()
            if not i:
                yield Segment(("-" if options.ascii_only else "─") * (sum(widths) + len(GAP) * (len(widths) - 1)))
                yield Segment.line()


GAP = "  "
"""Between two columns."""


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*cells, strict=True)]


MOST_BAR, LEAST_BAR = 20, 4
"""Letters of a bar: what looks well, and below which it says nothing."""


FOLDED = 8
"""Letters that a column of words keeps at the least."""
LEFT_OUT_FOR_INTEGERS = 2
"""How many times a table may leave columns out before its integers are rounded."""


def _wide(content: Sheet) -> int:
    """How wide a sheet is where nothing folds."""
    widths = _widths([[column.text for column in content.columns], *content.rows])
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _grid(content: Sheet, options: ConsoleOptions) -> Table | Lines:
    """A sheet of many rows as lines, where nothing has to fold."""
    if len(content.rows) > MOST_ROWS and _wide(content) <= options.max_width:
        return Lines(content)
    return table(content, room=options.max_width)


@dataclass(frozen=True)
class Fitted:
    """A sheet in integers where they fit the terminal, at most without a column or two; else in three digits, which it says."""

    make: Callable[[Unit], Sheet]
    unit: Unit
    narrower: Sequence[Callable[[Unit], Sheet]] = ()
    """With fewer and fewer columns, where the terminal has no room for all: the first that fits, or the last."""

    @staticmethod
    def least(content: Sheet) -> int:
        """The narrowest that a sheet can be drawn without cutting a number: the terminal wraps what is wider."""
        cells = [[column.text for column in content.columns], *content.rows]
        sizes = [max(map(len, cells_of)) for cells_of in zip(*cells, strict=True)]
        words = [min(n, FOLDED) for n, column in zip(sizes, content.columns, strict=True) if not column.right]
        return sum(words) + sum(n for n, column in zip(sizes, content.columns, strict=True) if column.right) + 2 * len(sizes)

    def content(self, unit: Unit, options: ConsoleOptions) -> Sheet:
        """The sheet as far as it is shown."""
        return self._cut(self.make(unit), options)

    @staticmethod
    def _cut(content: Sheet, options: ConsoleOptions) -> Sheet:
        more = len(content.rows) - MOST_ROWS
        if more <= 0 or not options.is_terminal:
            return content
        left_out = f"{more:,} more rows are not shown; --csv FILE has all."
        return replace(content, rows=content.rows[:MOST_ROWS], notes=[left_out, *content.notes])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = content = self.content(self.unit, options)
        rounded = False
        if self.unit == "raw" and _wide(whole) > options.max_width:
            exact = [self._cut(make("raw"), options) for make in self.narrower[:LEFT_OUT_FOR_INTEGERS]]
            content = next((fewer for fewer in exact if _wide(fewer) <= options.max_width), self.content("auto", options))
            rounded = content not in exact and content.rows != whole.rows
        for make in self.narrower:
            if _wide(content) > options.max_width:
                content = self._cut(make("auto" if self.unit == "raw" else self.unit), options)
        said = ["Rounded to fit the terminal; --csv or a wider one gives the integers."] if rounded else []
        if gone := _gone(whole, content):
            said.append(f"Left out to fit the terminal: {', '.join(gone)}; a wider one or --csv shows all.")
        content = replace(content, notes=[*said, *content.notes])
        drawn = _grid(content, options)
        shares = sum(column.bar for column in content.columns)
        if shares and options.is_terminal:
            room = (options.max_width - _wide(content)) // shares - 2
            if room >= LEAST_BAR:
                drawn = table(content, min(room, MOST_BAR), options.ascii_only, options.max_width)
        if content.title:
            yield Text(printable(f"{content.title} {content.hint}").rstrip(), style="bold")
        least = self.least(content)
        yield from console.render(drawn, options.update(width=max(options.max_width, least)))
        if content.warnings or content.notes:
            yield Text()
        for line in content.warnings:
            yield Text(printable(line), style="bold red")
        for line in content.notes:
            yield Text(printable(line), style="dim")


def results_table(results: Results, unit: Unit = "raw", columns: Sequence[str] = ()) -> Fitted:
    """A comparison or sweep."""

    def made(shown: Unit, names: Sequence[str] = columns) -> Sheet:
        return sheet.results_sheet(results, shown, names)

    fewer = [] if columns else [partial(made, names=names) for names in narrower(results)]
    return Fitted(made, unit, fewer)


def show(profile: Profile, depth: int = 2, top: int | None = None, unit: Unit = "raw") -> Group:
    """One network: totals, by kind, by layer."""
    return Group(
        Text(sheet.profile_title(profile), style="bold"),
        *(Text(line) for line in sheet.totals_text(profile, unit)),
        *(Text(line, style="bold red") for line in sheet.uncounted_text(profile)),
        Text(),
        Fitted(lambda shown: sheet.kinds_sheet(profile, shown), unit),
        Fitted(lambda shown: layers_sheet(profile, depth, top, shown), unit),
    )
