"""Points of families in a frame, by plotext."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from profiler.report import palette
from profiler.report.terminal.bars import MOST_NAME, short

MARKS, PLAIN_MARKS = "●▲■◆○△□◇", "ox+#@%&="
PAIRS, PLAIN_PAIRS = ("●▲■◆", "○△□◇"), ("OX#@", "ox+a")
"""Marks of measured and of predicted points, where there are any predicted: of at most four families."""
MOST_INTERVALS = 60
"""Predicted points whose intervals are drawn."""
FRAME = str.maketrans("┌┐└┘├┤┬┴┼─│", "+++++++++-|")
HEIGHT = 18


class Point(NamedTuple):
    """Where it is, and what family it is of; a predicted one with the ends of the interval of its `y`."""

    x: float
    y: float
    family: str
    predicted: tuple[float, float] | None = None


@dataclass(frozen=True)
class Scatter:
    """Points under a title, `x` along a scale of ratios where they span more than a decade."""

    title: str
    points: Sequence[Point]
    x: Callable[[float], str]
    y: Callable[[float], str]
    front: bool = False
    """True to mark the points that no other is above at no more x."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        import plotext

        guessed = [point for point in self.points if point.predicted is not None]
        marks, hollow = PLAIN_MARKS if options.ascii_only else MARKS, ""
        if guessed:
            marks, hollow = PLAIN_PAIRS if options.ascii_only else PAIRS
        families = list(dict.fromkeys(point.family for point in self.points))
        named = len(families) <= len(marks)
        bars = guessed if len(guessed) <= MOST_INTERVALS else []
        xs, ys = [point.x for point in self.points], [y for point in self.points for y in (point.y, *_ends_of(point, bars))]
        wide = max(xs) > 10 * min(xs) > 0
        place: Callable[[float], float] = log10 if wide else float
        best = pareto(self.points) if self.front else []
        plotext.clear_figure()
        plotext.limit_size(False, False)
        plotext.plot_size(options.max_width, HEIGHT)
        plotext.theme("clear")
        x_ticks, y_ticks = _decades(xs) if wide else steps(xs), steps(ys)
        plotext.xticks([place(tick) for tick in x_ticks], [self.x(tick) for tick in x_ticks])
        plotext.yticks(y_ticks, [self.y(tick) for tick in y_ticks])
        plotext.xlim(*_ends([place(x) for x in (*xs, *x_ticks)]))
        plotext.ylim(*_ends([*ys, *y_ticks]))
        if len(best) > 1:
            mark = "." if options.ascii_only else "·"
            corners = stairs([(place(point.x), point.y) for point in best])
            plotext.plot([x for x, _ in corners], [y for _, y in corners], marker=mark, color="default")
        line = "|" if options.ascii_only else "│"
        for i, family in enumerate(families):
            at = i if named else 0
            for point in (point for point in bars if point.family == family):
                plotext.plot([place(point.x)] * 2, list(point.predicted or ()), marker=line, color=_plotext(at))
            for marks_, what in ((hollow, True), (marks, False)):  # what was measured is drawn over what was not
                some = [point for point in self.points if point.family == family and (point.predicted is not None) is what]
                if some:
                    places = [place(point.x) for point in some], [point.y for point in some]
                    plotext.scatter(*places, marker=marks_[at], color=_plotext(at))
        drawn: str = plotext.build()
        plotext.clear_figure()
        yield Text(f"\n{self.title}{' (log scale)' if wide else ''}", style="bold")
        yield Text.from_ansi(drawn.translate(FRAME) if options.ascii_only else drawn)
        measured = {point.family for point in self.points if point.predicted is None}
        legend = [
            Text.assemble((marks[i] if family in measured else hollow[i], _rich(i)), f" {short(family, MOST_NAME)}")
            for i, family in enumerate(families)
            if named and family
        ]
        if guessed:
            shapes = hollow[: len(families)] if named else hollow[0]
            interval = f", {line} its 95 % interval" if bars else ""
            legend.append(Text(f"{shapes} predicted{interval}", style="dim"))
        if len(best) > 1:
            legend.append(Text(f"{'.' if options.ascii_only else '·'} Pareto front", style="dim"))
        yield from _legend(legend, options.max_width)


def _plotext(i: int) -> str | tuple[int, int, int]:
    """The colour of a family as plotext takes it; that of text is the terminal's own."""
    colour = palette.SERIES[i]
    return "default" if colour == palette.TEXT else palette.rgb(colour)


def _rich(i: int) -> str:
    """The same as rich takes it."""
    colour = palette.SERIES[i]
    return "default" if colour == palette.TEXT else colour


def _legend(entries: Sequence[Text], width: int) -> list[Text]:
    """The entries in lines, none of them broken."""
    lines: list[Text] = []
    for entry in entries:
        if lines and lines[-1].cell_len + 2 + entry.cell_len <= width:
            lines[-1].append("  ").append_text(entry)
        else:
            lines.append(entry)
    return lines


def _ends_of(point: Point, drawn: Sequence[Point]) -> tuple[float, ...]:
    """The ends of an interval that is drawn, which the frame must hold."""
    return point.predicted or () if point in drawn else ()


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return low, high if high > low else low + 1


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points with more y than any other of no more x, from the least x on."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -p.y)):
        if not best or point.y > best[-1].y:
            best.append(point)
    return best


def stairs(front: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The line of a front: until the next point is paid for there is no more than the one before it gives."""
    corners = [corner for (_, y), (x, after) in pairwise(front) for corner in ((x, y), (x, after))]
    return [*front[:1], *corners]


def steps(values: Sequence[float], most: int = 6) -> list[float]:
    """Round numbers that span the values, at most so many: steps of 1, 2 or 5 times a power of ten."""
    low, high = min(values), max(values)
    if low == high:
        return [low]
    for step in (m * 10.0**e for e in range(floor(log10((high - low) / most)) - 1, 40) for m in (1, 2, 5)):
        first, last = floor(low / step), ceil(high / step)
        if last - first + 1 <= most:
            return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
    raise AssertionError("a step of 10^40 is longer than any axis")


def _decades(values: Sequence[float]) -> list[float]:
    """Powers of ten about the values, with their doubles and halves where those are few."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    parts = (1, 2, 5) if high - low <= 2 else (1,)
    ticks = [float(m * 10**e) for e in range(low, high + 1) for m in parts]
    below = max((tick for tick in ticks if tick <= min(values)), default=ticks[0])
    above = min((tick for tick in ticks if tick >= max(values)), default=ticks[-1])
    return [tick for tick in ticks if below <= tick <= above]
