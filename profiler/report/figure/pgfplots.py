"""A trade-off → pgfplots: a picture that LaTeX draws in the document's own letters, and that is edited as text."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from profiler.report.figure.drawn import COLOURS, MOST_NAMED
from profiler.report.figure.tradeoff import Axis, Mark, Tradeoff
from profiler.report.writers.latex import escaped

MARKS = ("*", "square*", "triangle*", "diamond*", "pentagon*", "star", "x", "+")
HOLLOW = ("o", "square", "triangle", "diamond", "pentagon", "star", "x", "+")


def pgfplots(made: Tradeoff) -> str:
    """A tikzpicture as wide as the text around it."""
    families = made.families
    named = len(families) == len(made.marks) <= MOST_NAMED
    lines = ["% needs \\usepackage{pgfplots} and \\pgfplotsset{compat=1.16}", r"\begin{tikzpicture}"]
    lines += [
        rf"\definecolor{{profiler{i}}}{{HTML}}{{{colour[1:].upper()}}}" for i, colour in enumerate(COLOURS[: len(families)])
    ]
    xs, ys = [mark.x for mark in made.marks], [mark.y for mark in made.marks]
    keys = [
        r"width=\linewidth", r"height=0.72\linewidth", "axis lines=left", "grid=major", r"grid style={very thin, gray!40}",
        r"tick label style={font=\footnotesize}", r"label style={font=\small}", "enlargelimits=0.08", "clip=false",
        *_axis("x", made.x, xs), *_axis("y", made.y, ys), r"legend style={font=\footnotesize, draw=none, fill=none}",
        "legend cell align=left", "legend pos=south east" if made.y.column == "top1" else "legend pos=north west",
    ]  # fmt: skip
    lines += [r"\begin{axis}[", *(f"  {key}," for key in keys), "]"]
    if len(made.front) > 1:
        lines += [
            rf"\addplot[const plot, dashed, gray] coordinates {{{_coordinates(made.staircase)}}};",
            *_entry("Pareto front"),
        ]
    for i, family in enumerate(families):
        for guessed in (False, True):
            some = [mark for mark in made.marks if mark.family == family and mark.predicted is guessed]
            if some:
                lines += _family(made, some, i, guessed)
                lines += [] if named or len(families) > MOST_NAMED else _entry(family + (" (predicted)" if guessed else ""))
    if named:
        lines += [_node(mark, made) for mark in made.marks]
    return "\n".join([*lines, r"\end{axis}", r"\end{tikzpicture}", ""])


def _axis(which: str, axis: Axis, values: Sequence[float]) -> list[str]:
    keys = [f"{which}label={{{escaped(axis.title, len(axis.title))}}}"]
    if axis.log:
        low, high = min(values), max(values)
        parts = (1, 2, 5) if high < 100 * low else (1,)
        ticks = [part * 10.0**power for power in range(floor(log10(low)) - 1, ceil(log10(high)) + 1) for part in parts]
        shown = ",".join(f"{tick:g}" for tick in ticks if low / 1.3 <= tick <= high * 1.3)
        keys += [f"{which}mode=log", "log ticks with fixed point", f"{which}tick={{{shown}}}"]
    return keys


def _family(made: Tradeoff, some: Sequence[Mark], i: int, guessed: bool) -> list[str]:
    mark = (HOLLOW if guessed else MARKS)[i % len(MARKS)]
    colour = f"profiler{i % len(COLOURS)}"
    keys = f"only marks, mark={mark}, mark size=1.8pt, {colour}, mark options={{{colour}}}"
    if not any(each.interval for each in some):
        return [rf"\addplot[{keys}] coordinates {{{_coordinates([(each.x, each.y) for each in some])}}};"]
    side = "x" if made.x.column == "latency_s" else "y"
    points = []
    for each in some:
        value = each.x if side == "x" else each.y
        low, high = each.interval or (value, value)
        less, more = max(value - low, 0), max(high - value, 0)
        errors = [(f"{less:.6g},0", f"{more:.6g},0"), (f"0,{less:.6g}", f"0,{more:.6g}")][side == "y"]
        points.append(f"({each.x:.6g},{each.y:.6g}) -= ({errors[0]}) += ({errors[1]})")
    bars = f"error bars/.cd, {side} dir=both, {side} explicit"
    return [rf"\addplot+[{keys}, {bars}] coordinates {{{' '.join(points)}}};"]


def _coordinates(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"({x:.6g},{y:.6g})" for x, y in points)


def _entry(name: str) -> list[str]:
    return [rf"\addlegendentry{{{escaped(name, len(name))}}}"]


def _node(mark: Mark, made: Tradeoff) -> str:
    """A name beside its point, off the line where the front passes: above it to the left, or below."""
    xs = sorted(each.x for each in made.marks)
    anchor = "south east" if mark in made.front[1:] else "north east" if mark.x > xs[len(xs) // 2] else "north west"
    name = escaped(mark.name, len(mark.name))
    return rf"\node[anchor={anchor}, font=\scriptsize, inner sep=3pt] at (axis cs:{mark.x:.6g},{mark.y:.6g}) {{{name}}};"
