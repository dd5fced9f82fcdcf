"""A trade-off → PDF, SVG or PNG by matplotlib: as wide as a column of a paper, in letters of its size."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from typing import Any

from profiler.report.figure.tradeoff import Axis, Mark, Tradeoff
from profiler.report.palette import SERIES, TEXT

COLOURS = tuple("#000000" if colour == TEXT else colour for colour in SERIES)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDE, HIGH, DOTS = 3.5, 2.6, 300
"""Inches of a column, and dots an inch of a PNG."""
MOST_NAMED = 16
"""Points that have their names beside them; of more, families have them in a legend."""
STYLE = {
    "font.size": 8.0, "axes.labelsize": 8.0, "xtick.labelsize": 7.0, "ytick.labelsize": 7.0, "legend.fontsize": 7.0,
    "axes.linewidth": 0.6, "lines.linewidth": 0.9, "lines.markersize": 4.5,
    "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.linewidth": 0.3, "grid.alpha": 0.5, "axes.axisbelow": True,
    "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "profiler", "text.usetex": False,
}  # fmt: skip
"""Fonts are embedded whole (type 42), which publishers ask for; nothing of a file depends on when it was made."""
DATELESS: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None, "Creator": None}, "svg": {"Date": None}, "png": {}}


def drawn(made: Tradeoff, form: str) -> bytes:
    """The figure as `pdf`, `svg` or `png`."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stream = BytesIO()
    style: Any = {**mpl.rcParamsDefault, **STYLE}
    with mpl.rc_context(style):
        figure = Figure(figsize=(WIDE, HIGH), layout="constrained")
        FigureCanvasAgg(figure)  # which names are measured by
        axes = figure.add_subplot()
        if len(made.front) > 1:
            axes.step(
                *zip(*made.staircase, strict=True), where="post", color="0.35", linestyle="--", label="Pareto front", zorder=1
            )
        families = made.families
        each_named = len(families) == len(made.marks) <= MOST_NAMED
        for i, family in enumerate(families):
            for guessed in (False, True):
                if some := [mark for mark in made.marks if mark.family == family and mark.predicted is guessed]:
                    _points(axes, made, some, i, guessed, "" if each_named else family)
        axes.margins(0.08)
        _axis(axes, "x", made.x)
        _axis(axes, "y", made.y)
        figure.draw_without_rendering()
        if each_named:
            _names(axes, made)
        if (not each_named and len(families) <= MOST_NAMED) or len(made.front) > 1:
            axes.legend(loc="best", frameon=False)
        figure.savefig(stream, format=form, dpi=DOTS, metadata=DATELESS[form])
    return stream.getvalue()


def _axis(axes: Any, which: str, axis: Axis) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    getattr(axes, f"set_{which}label")(_literal(axis.title))
    if axis.log:
        getattr(axes, f"set_{which}scale")("log")
        side = getattr(axes, f"{which}axis")
        low, high = getattr(axes, f"get_{which}lim")()
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
        side.set_major_formatter(StrMethodFormatter("{x:g}"))
        side.set_minor_formatter(NullFormatter())


def _points(axes: Any, made: Tradeoff, some: list[Mark], i: int, guessed: bool, label: str) -> None:
    """The points of a family; hollow where they are predicted, with their intervals."""
    colour, mark = COLOURS[i % len(COLOURS)], MARKS[i // len(COLOURS) % len(MARKS)] if i >= len(COLOURS) else MARKS[i]
    xs, ys = [each.x for each in some], [each.y for each in some]
    name = _literal(label) + (" (predicted)" if guessed and label else "")
    face = "none" if guessed else colour
    axes.plot(xs, ys, mark, color=colour, markerfacecolor=face, label=name or None, zorder=3, linestyle="none")
    bars = [(each.x, each.y, each.interval) for each in some if each.interval is not None]
    if bars:
        along = made.x.column == "latency_s"
        values = [x if along else y for x, y, _ in bars]
        errors = [[max(value - ends[0], 0) for value, (_, _, ends) in zip(values, bars, strict=True)],
                  [max(ends[1] - value, 0) for value, (_, _, ends) in zip(values, bars, strict=True)]]  # fmt: skip
        at = [x for x, _, _ in bars], [y for _, y, _ in bars]
        sides = (None, errors) if along else (errors, None)
        axes.errorbar(*at, *sides, fmt="none", ecolor=colour, elinewidth=0.6, zorder=2)


PLACES = ((5, 0, "left", "center"), (-5, 0, "right", "center"), (0, 5, "center", "bottom"), (0, -5, "center", "top"),
          (4, 4, "left", "bottom"), (-4, 4, "right", "bottom"), (4, -4, "left", "top"), (-4, -4, "right", "top"))  # fmt: skip
"""Where a name may stand beside its point: points to the right and up, and which of its ends is there."""


def _names(axes: Any, made: Tradeoff) -> None:
    """Each point's name beside it, where it hides no other name, no point and no line if there is such a place."""
    from matplotlib.transforms import Bbox

    renderer, frame = axes.figure.canvas.get_renderer(), axes.get_window_extent()
    spots = axes.transData.transform([(mark.x, mark.y) for mark in made.marks])
    taken = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in spots]
    corners: Any = axes.transData.transform(made.staircase) if len(made.front) > 1 else []
    for (x, y), (right, up) in pairwise(corners):
        taken += [Bbox.from_extents(x, y - 1, right, y + 1), Bbox.from_extents(right - 1, y, right + 1, up)]
    for mark in made.marks:
        best = None
        for right, up, across, along in PLACES:
            text = axes.annotate(
                _literal(mark.name),
                (mark.x, mark.y),
                (right, up),
                textcoords="offset points",
                ha=across,
                va=along,
                fontsize=6.5,
            )
            box = text.get_window_extent(renderer)
            outside = (
                max(frame.x0 - box.x0, 0) + max(box.x1 - frame.x1, 0) + max(frame.y0 - box.y0, 0) + max(box.y1 - frame.y1, 0)
            )
            cost = sum(box.overlaps(other) for other in taken) + outside
            if best is None or cost < best[0]:
                if best is not None:
                    best[1].remove()
                best = (cost, text, box)
            else:
                text.remove()
            if not cost:
                break
        assert best is not None
        taken.append(best[2])


def _literal(text: str) -> str:
    """A text as it stands: a dollar begins mathematics in matplotlib."""
    return text.replace("\\", "\\\\").replace("$", r"\$")
