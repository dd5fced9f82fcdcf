"""Layers on the clock → their answer: kinds and layers, beside their counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.errors import ProfilerError, UnknownName
from profiler.records.environment import document
from profiler.records.measured import Measured
from profiler.records.timing import Layers, LayerTiming
from profiler.report import names, titles, units, words
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet, grades
from profiler.report.terminal import table
from profiler.report.units import Unit

TOP = 20
"""Layers that are shown unless told otherwise: those that take longest."""
COLUMNS = (
    "model", "path", "op", "kind", "module", "inputs", "output", "params", "macs", "activations", "elementwise", "bytes",
    "seconds", "share", "macs_per_s", "bound", "roof", "least_s", "batch", "device", "threads", "dtype", "latency_s",
    "latency_low_s", "latency_high_s", "grade", "instrumented",
)  # fmt: skip


def check_view(view: View) -> None:
    """Refuse what cannot be shown before it is measured. Raises ProfilerError, UnknownName."""
    if view.top is not None and view.top < 1:
        raise ProfilerError(f"top must be 1 or more, not {view.top}")
    if view.depth is not None and view.depth < 0:
        raise ProfilerError(f"depth must be 0 (every layer) or more, not {view.depth}")
    for name in [*view.columns, *([view.sort.removeprefix("-")] if view.sort else [])]:
        if name not in COLUMNS:
            raise UnknownName("column", name, COLUMNS)


def answer(found: Measured, view: View) -> Answer:
    """Each network's kinds and layers, those that take longest first. Raises ProfilerError, UnknownName."""
    check_view(view)
    results, measured = found.results, found.layers
    depth, top, unit = view.depth or 0, TOP if view.top is None else view.top, units.settled(view.unit, "auto")
    rows = [{"layers": i, **_record(each, row)} for i, each in enumerate(measured) for row in each.rows]
    records = rows if view.sort is None else [rows[i] for i in sorted_by(rows, view.sort, COLUMNS)]

    def sheets(chosen: Sequence[str] = ()) -> list[Sheet]:
        made = [content for each in measured for content in of_one(each, depth, top, unit, chosen)]
        if not made:
            return [
                Sheet(
                    [Heading("model", right=False)],
                    [[names.model(record)] for record in results],
                    titles.title(results.title),
                    list(map(words.said, results.notes)),
                )
            ]
        made[0].title = f"{results.title!s}\n\n{made[0].title}"
        made[-1].notes += [grades(), *map(words.said, results.notes)]
        return made

    parts: list[RenderableType] = []
    for wide, narrow in zip(sheets(), sheets(NARROW), strict=True):
        made = table.Fitted(lambda _, wide=wide: wide, "auto", [lambda _, narrow=narrow: narrow])  # type: ignore[misc]
        parts += [*([Text()] if parts else []), made]
    return Answer(
        Group(*parts),
        sheets,
        records,
        list(view.columns) or COLUMNS,
        lambda: document(
            "bench",
            [dict(record) for record in results],
            results.machine,
            results.environment,
            rows=rows,
            layers=[each.to_dict() for each in measured],
            **results.parts(),
        ),
        found,
    )


def sheets_of(found: Layers) -> list[Sheet]:
    """One network's tables, as a notebook shows them."""
    return of_one(found, 0, TOP, "auto")


def of_one(each: Layers, depth: int, top: int | None, unit: Unit, chosen: Sequence[str] = ()) -> list[Sheet]:
    """One network's kinds, then its layers."""
    return [kinds_sheet(each), _layers(each, depth, top, unit, chosen)]


def _record(each: Layers, row: LayerTiming) -> dict[str, Any]:
    timing = each.timing
    about = {name: getattr(timing, name) for name in ("batch", "device", "threads", "dtype", "grade")}
    about |= {name: getattr(timing, name) for name in ("latency_s", "latency_low_s", "latency_high_s")}
    return {"model": each.model, **row.to_dict(), **about, "instrumented": each.instrumented}


def kinds_sheet(each: Layers) -> Sheet:
    """Shares on paper beside shares on the clock, and the line to remember."""
    macs, activations = sum(r.row.macs for r in each.rows), sum(r.row.activations for r in each.rows)
    moved = sum(r.moved for r in each.rows)
    rows = []
    for kind, members in each.by_kind().items():
        done, seconds = sum(r.row.macs for r in members), sum(r.seconds for r in members)
        rows.append(
            [
                kind,
                str(len(members)),
                units.seconds(seconds),
                units.percent(seconds, sum(r.seconds for r in each.rows)),
                units.percent(done, macs),
                units.percent(sum(r.row.activations for r in members), activations),
                units.percent(sum(r.moved for r in members), moved),
                units.count(round(done / seconds), "auto") if done and seconds else units.UNKNOWN,
            ]
        )
    heads = ("layers", "time", "time %", "MACs %", "activations %", "bytes %", "MACs/s")
    timing = each.timing
    assert timing.latency_s is not None
    assert timing.latency_low_s is not None
    assert timing.latency_high_s is not None
    spread = units.interval(timing.latency_s, timing.latency_low_s, timing.latency_high_s)
    title = f"{each.model}: {units.seconds(timing.latency_s)} {spread} {timing.grade}, by kind of layer"
    columns = [Heading(head, bar=head in BARRED) for head in heads]
    return Sheet([Heading("kind", right=False), *columns], rows, title, _remembered(each))


BARRED = ("time %", "MACs %")
"""The shares that have bars on a terminal."""
REMEMBERED = 0.05
"""Share of the time below which a kind is no line to remember."""


def _remembered(each: Layers) -> list[str]:
    """`depthwise: 3 % of the MACs, 31 % of the time`: the kind whose two shares are furthest apart."""
    macs, seconds = sum(r.row.macs for r in each.rows), sum(r.seconds for r in each.rows)
    kinds = [
        (k, sum(r.row.macs for r in m) / macs if macs else 0.0, sum(r.seconds for r in m) / seconds)
        for k, m in each.by_kind().items()
    ]
    counted = [item for item in kinds if item[1] > 0]
    if not counted:
        return []
    kind, on_paper, on_clock = max(counted, key=lambda item: item[2] - item[1])
    line = f"{kind}: {100 * on_paper:.0f} % of the MACs, {100 * on_clock:.0f} % of the time."
    rest = sum(item[2] for item in kinds if item[1] == 0)
    return [*([line] if on_clock >= REMEMBERED else []), f"Layers without MACs: {100 * rest:.0f} % of the time."]


NARROW = ("layer", "time", "time %", "MACs %", "GMAC/s", "bound by")
"""What is shown of a layer where the terminal has no room for all."""


def _layers(each: Layers, depth: int, top: int | None, unit: Unit, chosen: Sequence[str] = ()) -> Sheet:
    rows = list(each.rows) if depth == 0 else _grouped(each.rows, depth)
    shown = rows if top is None or top >= len(rows) else sorted(rows, key=lambda row: -row.seconds)[:top]
    seconds, moved = sum(row.seconds for row in rows), sum(row.moved for row in rows)
    macs, activations = sum(row.row.macs for row in rows), sum(row.row.activations for row in rows)
    cells: dict[str, Callable[[LayerTiming], str]] = {
        "layer": lambda row: row.row.path,
        "kind": lambda row: row.row.kind,
        "time": lambda row: units.seconds(row.seconds),
        "time %": lambda row: units.percent(row.seconds, seconds),
        units.macs_heading(unit): lambda row: units.macs(row.row.macs, unit),
        "MACs %": lambda row: units.percent(row.row.macs, macs),
        "activations": lambda row: units.count(row.row.activations, unit, "activations"),
        "activations %": lambda row: units.percent(row.row.activations, activations),
        "bytes": lambda row: units.size(row.moved),
        "bytes %": lambda row: units.percent(row.moved, moved),
        "GMAC/s": lambda row: f"{row.macs_per_s / 1e9:.1f}" if row.row.macs else units.UNKNOWN,
        "bound by": lambda row: _bound(row) if depth == 0 else units.UNKNOWN,
    }
    names = [name for name in cells if name in (chosen or cells)]
    columns = [
        Heading("%" if name.endswith("%") and not chosen else name, right=name not in ("layer", "kind"), bar=name == BARRED[0])
        for name in names
    ]
    title = "by layer" if len(shown) == len(rows) else f"by layer, the {len(shown)} slowest of {len(rows)}"
    roofs = each.roofs
    notes = [
        f"Reading the clock between layers makes a run {each.instrumented:.2f}× as long; the times are scaled to a "
        "run without it.",
        *_by_runtime(each),
        *(
            []
            if each.utilisation is None
            else [
                "MFU, the share of the measured peak of MACs per second that the network reaches: "
                f"{100 * each.utilisation:.1f} %."
            ]
        ),
        f"Peaks measured here: {roofs.macs_per_s / 1e9:.0f} GMAC/s; "
        + ", ".join(f"{rate / 1e9:.0f} GB/s up to {units.size(size)}" for size, rate in roofs.streams)
        + ("; the shortest call: " if any(roofs.calls.values()) else "")
        + ", ".join(f"{name} {units.seconds(seconds)}" for name, seconds in roofs.calls.items() if seconds)
        + ". Bound by: the peak that explains most of the layer's time, and how much of it; kernel, if that is under 30 %.",
    ]
    return Sheet(columns, [[cells[name](row) for name in names] for row in shown], title, notes)


def _by_runtime(each: Layers) -> list[str]:
    """What a deployed runtime's own profile leaves open."""
    if each.timing.runtime in ("eager", "compile"):
        return []
    return [
        f"By the profile of {each.timing.runtime}: layers a + b were fused into one operation; "
        f"{100 * each.unmapped:.1f} % of the "
        "time, in brackets, belongs to no layer."
    ]


def _bound(row: LayerTiming) -> str:
    explained = f"{row.roof} {100 * row.least_s / row.seconds:.0f} %" if row.seconds else row.roof
    return explained if row.bound == row.roof else f"{row.bound} ({explained})"


def _grouped(rows: Sequence[LayerTiming], depth: int) -> list[LayerTiming]:
    groups: dict[str, list[LayerTiming]] = {}
    for row in rows:
        groups.setdefault(".".join(row.row.path.split(".")[:depth]), []).append(row)
    made = []
    for name, members in groups.items():
        main = max(members, key=lambda row: row.row.macs)
        sums = {key: sum(getattr(row.row, key) for row in members) for key in ("macs", "activations", "elementwise")}
        kind = main.row.kind if len({row.row.kind for row in members}) == 1 else "several"
        seconds, share = sum(row.seconds for row in members), sum(row.share for row in members)
        joined = main.row._replace(path=name, kind=kind, **sums)
        made.append(
            LayerTiming(joined, seconds, share, sum(r.moved for r in members), main.roof, sum(r.least_s for r in members))
        )
    return made
