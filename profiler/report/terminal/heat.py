"""A sweep of α and the side → a table of one quantity, α down and sides across, shaded where a terminal has the colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from profiler.records.columns import COLUMNS, Record
from profiler.records.results import Results
from profiler.report import names, units
from profiler.report.encoding import printable
from profiler.report.sheets import columns
from profiler.report.units import Amount

SHADES = (231, 195, 159, 153, 117, 111, 75, 69, 33, 27, 26, 25, 18, 17)
"""Colours of the 256, the lightest first; letters on them are black or white, whatever the terminal's own colours are."""
DARK_FROM = 9
"""From this shade on letters are white."""
QUANTITIES = frozenset(column.name for column in COLUMNS.values() if column.axis)
MOST_ROWS, MOST_TABLES = 24, 4
WIDEST = 160
"""Letters across at most."""
MOST_SPREAD = 1000
"""Of numbers further apart each has its own unit."""


@dataclass(frozen=True)
class Heat:
    """The heat tables of a sweep; nothing, where α and the side do not both vary."""

    results: Results
    columns: Sequence[str] = ()
    """Those that were asked for; latency where it was measured, else multiply-adds."""
    piped: bool = False
    """True for where there is no terminal; on one it stands below the list unasked."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.is_terminal == self.piped:
            return
        width = min(options.max_width, WIDEST) if options.is_terminal else 80
        shaded = console.color_system in ("256", "truecolor") and not console.no_color
        quantities = [name for name in self.columns if name in QUANTITIES]
        if not self.columns:
            quantities = ["latency_s" if self.results.measured else "macs"]
        for records in _grids(self.results):
            for name in quantities:
                yield from _table(records, name, width, shaded, several=len(records) < len(self.results))


def _grids(results: Results) -> list[list[Record]]:
    """The records by network and batch, where α and the side both vary; none of more than a few."""
    grids: dict[str, list[Record]] = {}
    for record in results if results.command == "sweep" else ():
        if record["alpha"] is not None and record["resolution"] is not None:
            grids.setdefault(f"{record['model']} {record['options']} {record['batch']}", []).append(record)
    found = [each for each in grids.values() if all(len({r[key] for r in each}) > 1 for key in ("alpha", "resolution"))]
    return found if len(found) <= MOST_TABLES else []


def _table(records: Sequence[Record], name: str, width: int, shaded: bool, several: bool) -> RenderResult:
    known = {_place(r): cell for r in records if isinstance(cell := _cell(r, name), Amount)}
    if not known:
        return
    low, high = (most(cell.value for cell in known.values()) for most in (min, max))
    unit, texts = "", list(map(str, known.values()))
    if next(iter(known.values())).of and high < MOST_SPREAD * low:
        unit, texts = units.common(list(known.values()))
    said = dict(zip(known, texts, strict=True))
    alphas, sides = (sorted(set(values)) for values in zip(*map(_place, records), strict=True))
    left, wide = max(len(f"{alpha:g}") for alpha in alphas), max(len(text) for text in [*said.values(), str(sides[-1])]) + 2
    rows, across = _spread(alphas, MOST_ROWS), _spread(sides, max(2, (width - left) // wide))
    some = f", {len(rows)} × {len(across)} of {len(alphas)} × {len(sides)}" if (rows, across) != (alphas, sides) else ""
    heading = columns.of(name)[0].text + (f" ({unit})" if unit else "")
    whose = f"{printable(names.model(records[0]))}, batch {records[0]['batch']}: " if several else ""
    yield Text(f"\n{whose}{heading}{' and grade' if name == 'latency_s' else ''}: α down, side across{some}", style="bold")
    yield Text(" " * left + "".join(f"{side:>{wide - 1}} " for side in across))
    for alpha in rows:
        line = Text(f"{alpha:>{left}g}")
        for side in across:
            found = known.get((alpha, side))
            style = _style(_shade(found.value, low, high)) if shaded and found is not None else ""
            line.append(f"{said.get((alpha, side), units.UNKNOWN):>{wide - 1}} ", style=style)
        yield line


def _place(record: Record) -> tuple[float, float]:
    """α and the side, both of which a record of a grid has."""
    return record["alpha"] or 0.0, record["resolution"] or 0


def _cell(record: Record, name: str) -> str:
    text = columns.of(name)[1](record, record, "auto")
    if isinstance(text, Amount) and name == "latency_s":  # its interval stands in the list
        return units.amount(units.seconds(text.value), text.value, "seconds", rest=f" {record['grade']}")
    return text


def _spread(values: list[float], most: int) -> list[float]:
    """At most so many of the values, evenly, both ends among them."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _shade(value: float, low: float, high: float) -> int:
    """Where it stands between the least and the most, by ratio: counts and times grow by factors."""
    if low <= 0 or low == high:
        return 0
    return round((len(SHADES) - 1) * log(value / low) / log(high / low))


def _style(shade: int) -> str:
    return f"color({231 if shade >= DARK_FROM else 16}) on color({SHADES[shade]})"
