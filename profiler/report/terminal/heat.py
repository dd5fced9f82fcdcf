"""A sweep of two axes → a table of one quantity, as α down and sides across, shaded where a terminal has the colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from profiler.records.columns import COLUMNS, Record, latency, options_of, prediction
from profiler.records.results import Results
from profiler.report import names, palette, units
from profiler.report.encoding import printable
from profiler.report.sheets import columns
from profiler.report.units import Amount

QUANTITIES = frozenset(column.name for column in COLUMNS.values() if column.axis)
CLOCKS = ("latency_s", "predicted_s")
"""What is shaded where there is any of it, unless something else is asked for."""
MOST_ROWS, MOST_TABLES = 24, 4
WIDEST = 160
"""Letters across at most."""
MOST_SPREAD = 1000
"""Of numbers further apart each has its own unit."""


@dataclass(frozen=True)
class Heat:
    """The heat tables of a sweep; nothing, where fewer than two axes vary."""

    results: Results
    columns: Sequence[str] = ()
    """Those that were asked for; latency where it was measured or predicted, else multiply-adds."""
    piped: bool = False
    """True for where there is no terminal; on one it stands below the list unasked."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.is_terminal == self.piped:
            return
        width = min(options.max_width, WIDEST) if options.is_terminal else 80
        shaded = console.color_system in ("256", "truecolor") and not console.no_color
        quantities = [name for name in self.columns if name in QUANTITIES]
        if not self.columns:
            quantities = [next((name for name in CLOCKS if name in self.results.columns), "macs")]
        for grid in _grids(self.results):
            for name in quantities:
                yield from _table(grid, name, self.results, width, shaded)


class Grid(NamedTuple):
    """The records of one table, and what runs down and across."""

    records: list[Record]
    down: str
    across: str
    words: str
    """What the other tables have otherwise; empty of the only one."""


def _grids(results: Results) -> list[Grid]:
    """The records by what does not run along a side of the table; none of more than a few tables."""
    axes = [name for name in ("alpha", *results.over, "resolution") if len({str(r[name]) for r in results}) > 1]
    first = [name for name in ("alpha", "resolution") if name in axes]
    pair = sorted([*first, *(name for name in axes if name not in first)][:2], key=axes.index)
    if results.command not in ("sweep", "predict") or len(pair) < 2:
        return []
    down, across = pair
    apart = options_of(results.over)
    others = [name for name in (*axes, "batch") if name not in pair]
    grids: dict[str, list[Record]] = {}
    for record in results:
        if all(record[name] is not None for name in pair):
            told = [columns.of(name, results)[1](record, record, "raw") for name in others]
            said = [f"{columns.of(name, results)[0].text} {text}" for name, text in zip(others, told, strict=True)]
            grids.setdefault(", ".join([printable(names.model(record, apart)), *said]), []).append(record)
    found = [
        Grid(records, down, across, words if len(records) < len(results) else "")
        for words, records in grids.items()
        if all(len({str(r[name]) for r in records}) > 1 for name in pair)
    ]
    return found if len(found) <= MOST_TABLES else []


def _table(grid: Grid, name: str, results: Results, width: int, shaded: bool) -> RenderResult:
    records, heads = grid.records, [columns.of(each, results) for each in (grid.down, grid.across)]
    places = [(str(r[grid.down]), str(r[grid.across])) for r in records]
    known = {
        place: cell for place, r in zip(places, records, strict=True) if isinstance(cell := _cell(r, name, results), Amount)
    }
    if not known:
        return
    low, high = (most(cell.value for cell in known.values()) for most in (min, max))
    unit, texts = "", list(map(str, known.values()))
    if next(iter(known.values())).of and high < MOST_SPREAD * low:
        unit, texts = units.common(list(known.values()))
    said = dict(zip(known, texts, strict=True))
    # each point of a side: how it stands in the table, and what tells it from the others
    sides = [
        {head[1](r, r, "raw"): str(r[each]) for r in sorted(records, key=lambda r: _order(r[each]))}
        for head, each in zip(heads, (grid.down, grid.across), strict=True)
    ]
    left, wide = max(map(len, sides[0])), max(map(len, [*said.values(), *sides[1]])) + 2
    rows, across = _spread(list(sides[0]), MOST_ROWS), _spread(list(sides[1]), max(2, (width - left) // wide))
    whole = len(rows) == len(sides[0]) and len(across) == len(sides[1])
    some = "" if whole else f", {len(rows)} × {len(across)} of {len(sides[0])} × {len(sides[1])}"
    heading = columns.of(name, results)[0].text + (f" ({unit})" if unit else "")
    whose = f"{grid.words}: " if grid.words else ""
    told = f"{heads[0][0].text} down, {heads[1][0].text} across"
    grade = " and grade" if name == "latency_s" and any(latency(r) is not None for r in records) else ""
    guessed = ", ≈ predicted" if name == "latency_s" and any(map(_guessed, records)) else ""
    yield Text(f"\n{whose}{heading}{grade}{guessed}: {told}{some}", style="bold")
    yield Text(" " * left + "".join(f"{each:>{wide - 1}} " for each in across))
    for row in rows:
        line = Text(f"{row:>{left}}")
        for each in across:
            place = (sides[0][row], sides[1][each])
            found = known.get(place)
            style = _style(_shade(found.value, low, high)) if shaded and found is not None else ""
            line.append(f"{said.get(place, units.UNKNOWN):>{wide - 1}} ", style=style)
        yield line


def _order(value: Any) -> tuple[bool, Any]:
    """Numbers from the least on, words as they were given."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (True, value) if number else (False, 0)


def _cell(record: Record, name: str, results: Results) -> str:
    found = prediction(record) if name == "predicted_s" or (name == "latency_s" and _guessed(record)) else None
    if found is not None:  # its interval stands in the list
        return units.amount(units.seconds(found[0]), found[0], "seconds", rest=" ≈" if name == "latency_s" else "")
    text = columns.of(name, results)[1](record, record, "auto")
    if isinstance(text, Amount) and name == "latency_s":
        return units.amount(units.seconds(text.value), text.value, "seconds", rest=f" {record['grade']}")
    return text


def _guessed(record: Record) -> bool:
    """Whether its latency was predicted and not measured."""
    return latency(record) is None and prediction(record) is not None


def _spread(values: list[str], most: int) -> list[str]:
    """At most so many of the values, evenly, both ends among them."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _shade(value: float, low: float, high: float) -> int:
    """Where it stands between the least and the most, by ratio: counts and times grow by factors."""
    if low <= 0 or low == high:
        return 0
    return round((len(palette.TERMINAL_HEAT) - 1) * log(value / low) / log(high / low))


def _style(shade: int) -> str:
    return f"color({231 if shade >= palette.WHITE_FROM else 16}) on color({palette.TERMINAL_HEAT[shade]})"
