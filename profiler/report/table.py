"""Sheets → tables in the terminal, by rich."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from profiler.records import Profile, Results
from profiler.report import sheet
from profiler.report.columns import narrow_columns
from profiler.report.sheet import Sheet
from profiler.report.units import Unit


def table(content: Sheet) -> Table:
    """The grid of a sheet, without its title and notes."""
    drawn = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False, collapse_padding=True, show_edge=False,
    )  # fmt: skip
    for column in content.columns:
        # where there is no room, words fold and numbers never do
        drawn.add_column(column.heading, justify="right" if column.right else "left", no_wrap=column.right, overflow="fold")
    for row in content.rows:
        drawn.add_row(*map(Text, row))
    return drawn


FOLDED = 8
"""Letters that a column of words keeps at the least."""


@dataclass(frozen=True)
class Fitted:
    """A sheet in integers where they fit the terminal, else in three digits, which it says."""

    make: Callable[[Unit], Sheet]
    unit: Unit
    narrow: Callable[[Unit], Sheet] | None = None
    """With fewer columns, where the terminal has no room for all."""

    @staticmethod
    def least(content: Sheet) -> int:
        """The narrowest that a sheet can be drawn without cutting a number: the terminal wraps what is wider."""
        cells = [[column.heading for column in content.columns], *content.rows]
        sizes = [max(map(len, cells_of)) for cells_of in zip(*cells, strict=True)]
        words = [min(n, FOLDED) for n, column in zip(sizes, content.columns, strict=True) if not column.right]
        return sum(words) + sum(n for n, column in zip(sizes, content.columns, strict=True) if column.right) + 2 * len(sizes)

    @staticmethod
    def width(console: Console, options: ConsoleOptions, drawn: Table) -> int:
        return Measurement.get(console, options.update(width=10_000), drawn).maximum

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        content = self.make(self.unit)
        drawn = table(content)
        if self.unit == "raw" and self.width(console, options, drawn) > options.max_width:
            content = self.make("auto")
            drawn = table(content)
            if self.width(console, options, drawn) <= options.max_width:
                content.notes.insert(0, "Rounded to fit the terminal; --csv or a wider one gives the integers.")
        if self.narrow is not None and self.width(console, options, drawn) > options.max_width:
            content = self.narrow(self.unit)
            drawn = table(content)
        if content.title:
            yield Text(content.title, style="bold")
        least = self.least(content)
        yield from console.render(drawn, options.update(width=max(options.max_width, least)))
        if content.warnings or content.notes:
            yield Text()
        for line in content.warnings:
            yield Text(line, style="bold red")
        for line in content.notes:
            yield Text(line, style="dim")


def results_table(results: Results, unit: Unit = "raw", columns: Sequence[str] = ()) -> Fitted:
    """A comparison or sweep."""
    narrow = None
    if results.measured and not columns:  # latencies are what was asked for: they must not be what is cut

        def narrow(shown: Unit) -> Sheet:
            content = sheet.results_sheet(results, "auto" if shown == "raw" else shown, narrow_columns(results))
            content.notes.insert(0, "Narrowed to fit the terminal; a wider one shows more, and --csv all.")
            return content

    return Fitted(lambda shown: sheet.results_sheet(results, shown, columns), unit, narrow)


def show(profile: Profile, depth: int = 2, top: int | None = None, unit: Unit = "raw") -> Group:
    """One network: totals, by kind, by layer."""
    return Group(
        Text(sheet.profile_title(profile), style="bold"),
        *(Text(line) for line in sheet.totals_text(profile, unit)),
        Text(),
        Fitted(lambda shown: sheet.kinds_sheet(profile, shown), unit),
        Fitted(lambda shown: sheet.layers_sheet(profile, depth, top, shown), unit),
    )
