"""What a subject looks like in letters: trade-offs as scatter plots, comparisons and layers as bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

from profiler.errors import ProfilerError
from profiler.records.columns import Record, latency, options_of, prediction
from profiler.records.measured import Measured
from profiler.records.profile import Profile
from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.report import names, units
from profiler.report.sheets import columns
from profiler.report.sheets.folded import folded, nodes
from profiler.report.terminal.bars import Bars, Length
from profiler.report.terminal.heat import Heat
from profiler.report.terminal.scatter import Point, Scatter

PIPED, WIDEST = 80, 120
"""Letters across where there is no terminal, and at most."""
MOST_BARS = 40


@singledispatch
def plots(found: object) -> list[RenderableType]:  # noqa: ARG001  # every function of this dispatch takes it
    """What there is to plot of a result: nothing, unless its type says otherwise."""
    return []


def plot(found: object) -> RenderableType:
    """Its plots: as wide as the terminal or 80 letters; in colours where there are any, in ASCII where there is no more.

    Raises ProfilerError where there are none.
    """
    if type(found) not in plots.registry:
        raise ProfilerError("--plot: this result has no plot; networks, comparisons and measured layers have one")
    return Plots(plots(found))


@dataclass(frozen=True)
class Plots:
    """Plots below each other, each after an empty line."""

    parts: Sequence[RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST) if options.is_terminal else PIPED
        for part in self.parts:
            yield from console.render(part, options.update(width=width))


# Comparisons and sweeps


@plots.register(Results)
def _results(found: Results) -> list[RenderableType]:
    parts: list[RenderableType] = [] if found.command == "sweep" else _compared(found)
    families = _families(found)
    rated = [(r, family) for r, family in zip(found, families, strict=True) if r["top1"] is not None]
    own = any(columns.is_given(r) for r, _ in rated)
    # multiply-adds of eight samples are no trade-off against those of one
    front = len({r["batch"] for r, _ in rated}) == 1
    if len({(r["macs"], r["top1"]) for r, _ in rated}) > 2:
        points = [Point(r["macs"], r["top1"] or 0.0, family) for r, family in rated]
        what = "top-1 %, published or given," if own else "published top-1 %"
        parts.append(Scatter(f"{what} against MACs", points, _tick, _percent, front=front))
    timed = [point for r, family in zip(found, families, strict=True) if (point := _timed(r, family)) is not None]
    if len({(point.x, point.y) for point in timed}) > 2:
        parts.append(Scatter("latency against MACs", timed, _tick, _seconds))
    if found.command == "sweep" and not parts:
        points = [Point(r["macs"], r["params"], family) for r, family in zip(found, families, strict=True)]
        parts.append(Scatter("params against MACs", points, _tick, _tick))
    return [*([Heat(found, piped=True)] if found.command in ("sweep", "predict") else []), *parts]


def _timed(record: Record, family: str) -> Point | None:
    """Its latency, measured or else predicted."""
    measured, predicted = latency(record), prediction(record)
    if measured is not None:
        return Point(record["macs"], measured[0], family)
    return None if predicted is None else Point(record["macs"], predicted[0], family, predicted[1:])


def _families(found: Results) -> list[str]:
    """What the points are called: by network where there are several, else by α where it varies."""
    apart = options_of(found.over)
    models = [names.model(record, apart) for record in found]
    for name in ("input", "batch"):
        if name == "batch" or not names.side_tells_input(found):
            models = _told(models, found, name)
    if len(set(models)) > 1:
        return models
    if len({str(record["alpha"]) for record in found}) < 2:
        varied = [name for name in found.over if len({str(record[name]) for record in found}) > 1]
        if not varied:
            return models
        cell = columns.of(varied[0], found)[1]
        return [f"{varied[0]} {cell(record, record, 'raw')}" for record in found]
    return ["α –" if record["alpha"] is None else f"α {record['alpha']:g}" for record in found]


def _told(models: Sequence[str], found: Results, name: str) -> list[str]:
    """The same with a column in which the records of one of them differ, which is no axis of the plot."""
    if len({str(record[name]) for record in found}) < 2:
        return list(models)
    return [f"{model}, {names.worded(name, record[name])}" for model, record in zip(models, found, strict=True)]


def _compared(found: Results) -> list[RenderableType]:
    kept = found[:MOST_BARS]
    labels = names.of_records(kept)
    some = f", the first {len(kept)} of {len(found)}" if len(found) > len(kept) else ""
    parts = []
    counts: list[tuple[str, Callable[[Record], int]]] = [("MACs", lambda r: r["macs"]), ("params", lambda r: r["params"])]
    for title, of in counts if found.command != "predict" else []:
        if len({of(record) for record in kept}) > 1:
            lengths = [Length(name, of(record), _count(of(record))) for name, record in zip(labels, kept, strict=True)]
            parts.append(Bars(title + some, lengths))
    timed = [made for name, record in zip(labels, kept, strict=True) if (made := _latency(name, record)) is not None]
    guessed = ", ≈ predicted" if any(latency(record) is None and prediction(record) is not None for record in kept) else ""
    return [*parts, *([Bars(f"latency, with its 95 % interval{guessed}{some}", timed)] if timed else [])]


def _latency(name: str, record: Record) -> Length | None:
    """As it was measured, or else predicted."""
    known, predicted = latency(record), prediction(record)
    if known is not None:
        estimate, low, high = known
        said = f"{units.seconds(estimate)} {units.interval(estimate, low, high)} {record['grade']}"
        return Length(name, estimate, said, (low, high))
    if predicted is None:
        return None
    return Length(name, predicted[0], columns.predicted_text(record), predicted[1:], predicted=True)


# One network


@plots.register(Shown)
def _network(found: Shown) -> list[RenderableType]:
    profile = found.profile
    kinds = [group for group in profile.by_kind() if group.macs or group.params]
    parts: list[RenderableType] = []
    for title, key in (("MACs", "macs"), ("params", "params"), ("activations", "activations")):
        whole = getattr(profile, key)
        some = [group for group in kinds if getattr(group, key)]
        if whole:
            parts.append(Bars(f"{title} by kind", [_share(group.name, getattr(group, key), whole) for group in some]))
    lines = _lines(profile)
    top = sorted(lines, key=lambda line: -line[1])[:MOST_BARS]
    some_ = f", the {len(top)} with most" if len(top) < len(lines) else ""
    if top:
        parts.append(Bars(f"MACs by layer{some_}", [_share(*line, profile.macs) for line in lines if line in top]))
    return parts


def _lines(profile: Profile) -> list[tuple[str, int]]:
    """(path, MACs) of what has any, at the greatest depth that few enough lines show; equal ones summed."""
    found: list[tuple[str, int]] = []
    for depth in (3, 2, 1):
        groups = profile.by_depth(depth)
        folds = [(each.name, sum(groups[i].macs for i in each.members)) for each in folded(nodes(profile.rows, depth))]
        found = [(name, macs) for name, macs in folds if macs]
        if len(found) <= MOST_BARS:
            break
    return found


def _share(name: str, n: int, whole: int) -> Length:
    return Length(name, n, f"{_count(n)}  {units.percent(n, whole):>6} %")


# Layers on the clock


@plots.register(Measured)
def _measured(found: Measured) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for each in found.layers:
        seconds, macs = sum(r.seconds for r in each.rows), sum(r.row.macs for r in each.rows)
        shares = []
        for kind, rows in each.by_kind().items():
            took = sum(r.seconds for r in rows)
            on_paper = units.percent(sum(r.row.macs for r in rows), macs)
            shares.append(
                Length(kind, took, f"{units.seconds(took)}  {units.percent(took, seconds):>6} %, of the MACs {on_paper:>6} %")
            )
        parts.append(Bars(f"{each.model}: time by kind", shares))
        top = sorted(each.rows, key=lambda r: -r.seconds)[: MOST_BARS // 2]
        lengths = [
            Length(r.row.path, r.seconds, f"{units.seconds(r.seconds)}  {units.percent(r.seconds, seconds):>6} %") for r in top
        ]
        some = f", the {len(top)} that take longest of {len(each.rows)}" if len(top) < len(each.rows) else ""
        parts.append(Bars(f"{each.model}: time by layer{some}", lengths))
    return parts


def _count(n: float) -> str:
    return units.count(round(n), "auto")


def _percent(value: float) -> str:
    return f"{value:g}"


def _tick(n: float) -> str:
    return re.sub(r"\.0+(?= )|(?<=\.\d)0(?= )", "", _count(n))


def _seconds(value: float) -> str:
    return re.sub(r"\.0+(?= )|(?<=\.\d)0(?= )", "", units.seconds(value)) if value else "0"
