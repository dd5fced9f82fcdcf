"""Networks within limits: every cell of a grid counted exactly, those that fit best first, the others by how near they are."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from fractions import Fraction
from math import inf
from typing import Any

from profiler import grid
from profiler.checked import checked
from profiler.errors import ProfilerError, ShapeError
from profiler.load.load import Model
from profiler.records.columns import Record
from profiler.records.events import Counted, Event
from profiler.records.limits import BYTES, Bound, binding, broken
from profiler.records.notes import AccuracySources, FrontMarked, MaximalMarked, Note, Title, TooSmall
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import width_notes
from profiler.study.cells import Cell, Numbers, Watch, ending, finished, record_of
from profiler.study.fit_grid import candidates
from profiler.study.published import top1


@checked
def fit(
    *models: Model,
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
    max_activations: str | int | None = None,
    max_weight_bytes: str | int | None = None,
    max_memory: str | int | None = None,
    min_macs: str | int | None = None,
    min_params: str | int | None = None,
    min_activations: str | int | None = None,
    min_weight_bytes: str | int | None = None,
    min_memory: str | int | None = None,
    task: str | None = None,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """Every cell of the networks, α, sides and options, those within all limits first: `.fitting` has these.

    Counts are text (`"300M"`) or numbers, sizes have a unit (`"20MiB"`) or are bytes; memory is the peak of an inference.
    Without a model, networks of the zoo for a `task` (classification of images in colours unless given). α and the side run
    over 0.25..1.0 and 128..224, each network's native side and its published points, unless they are given; `over` is that of
    `sweep`. Within the limits the cells with a published top-1 come first, the best first, then those that use most of the
    limit that binds. Raises ProfilerError for limits that contradict each other or where there are none, UnknownName.
    """
    given = {
        "macs": (min_macs, max_macs), "params": (min_params, max_params), "activations": (min_activations, max_activations),
        "weight_bytes": (min_weight_bytes, max_weight_bytes), "memory": (min_memory, max_memory),
    }  # fmt: skip
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    return finished(fitting(models, at, bounds_of(given), task), watch, progress)  # type: ignore[no-any-return]


def bounds_of(given: Mapping[str, tuple[object, object]]) -> list[Bound]:
    """{quantity: (least, most)}, each a text, a number or None, as bounds. Raises ProfilerError."""
    bounds = []
    for quantity, (least, most) in given.items():
        low, high = (_amount(quantity, value, end) for value, end in ((least, "min"), (most, "max")))
        if low is not None and high is not None and low > high:
            names = [f"--{end}-{quantity.replace('_', '-')}" for end in ("min", "max")]
            raise ProfilerError(f"{names[0]} {least} is above {names[1]} {most}, and nothing is both; change one of them")
        if low is not None or high is not None:
            bounds.append(Bound(quantity, high, low))
    if not bounds:
        raise ProfilerError("there is no limit to fit; give one, as --max-macs 300M or --max-params 4M")
    return bounds


def _amount(quantity: str, value: object, end: str) -> int | None:
    if value is None:
        return None
    option = f"--{end}-{quantity.replace('_', '-')}"
    if quantity in BYTES and not isinstance(value, int):
        return grid.size(value, option)
    return grid.count(value, option)


def fitting(models: Sequence[Model], at: Place, bounds: Sequence[Bound], task: str | None) -> Iterator[Event]:
    """The events of a fit of `models` over the ranges of a place; the last holds its Results. Raises as `fit` does."""
    return ending(_fitted(models, at, bounds, task))


def _fitted(models: Sequence[Model], at: Place, bounds: Sequence[Bound], task: str | None) -> Generator[Event, None, Results]:
    found = candidates(models, at, task)
    records: list[Record] = []
    cells: list[Cell] = []
    small: list[tuple[Cell, ShapeError]] = []
    for cell in found.cells:
        try:
            records.append(record_of(cell))
            cells.append(cell)
        except ShapeError as fault:
            small.append((cell, fault))
    if not cells:
        raise small[0][1]
    yield from _weigh(bounds, records, cells)
    for record in records:
        record |= _held(bounds, record)
    title = _title(cells, found.models)
    order = sorted(range(len(records)), key=lambda i: _rank(records[i]))
    records, cells = [records[i] for i in order], [cells[i] for i in order]
    within = [record for record in records if record["fits"]]
    gain = _mark_front(within, bounds)
    sources = tuple(
        dict.fromkeys(
            figure.name for cell, r in zip(cells, records, strict=True) if r["fits"] and (figure := top1(cell.network))
        )
    )
    notes: list[Note] = [*found.notes, *width_notes(cells), *([AccuracySources(sources)] if sources else [])]
    notes += [gain] if gain is not None else []
    notes += [TooSmall(small[0][0].place, len(small) - 1, small[0][1].reason)] if small else []
    return Results(records, "fit", title, notes=notes, over=found.over, limits=bounds)


def _weigh(bounds: Sequence[Bound], records: Sequence[Record], cells: Sequence[Cell]) -> Iterator[Event]:
    """Put the peak of an inference into the records, traced only where nothing else rules the cell out: it takes a moment."""
    memory = next((bound for bound in bounds if bound.quantity == "memory"), None)
    if memory is None:
        return
    paper = [bound for bound in bounds if bound is not memory]
    for record in records:
        record["memory_bytes"] = None
    open_ = [i for i, record in enumerate(records) if not broken(paper, record) and not _too_heavy(memory, record)]
    from profiler.study.show import memory_of  # traced, so torch is loaded

    for done, i in enumerate(open_):
        yield Counted(done, len(open_))
        records[i]["memory_bytes"] = memory_of(cells[i].network, cells[i].batch).peak


def _too_heavy(memory: Bound, record: Record) -> bool:
    """Whether its weights alone, which are there while it runs, are more than its memory may be."""
    return memory.most is not None and bool(record["weight_bytes"] > memory.most)


def _held(bounds: Sequence[Bound], record: Record) -> Record:
    """The columns that say how a cell stands to the limits."""
    known = [bound for bound in bounds if record[bound.column] is not None]
    memory = next((bound for bound in bounds if bound not in known), None)
    if memory is not None and _too_heavy(memory, record) and not broken(known, record):
        used = memory.used(record["weight_bytes"])
        return {"fits": False, "binding": "memory", "used": None if used == inf else float(used), "pareto": None}
    bound, share = binding(known, record)
    return {
        "fits": not broken(known, record),
        "binding": bound.quantity,
        "used": None if share == inf else float(share),
        "pareto": None,
    }


def _rank(record: Record) -> tuple[Any, ...]:
    """The best first: within the limits by published top-1, then by use of the limits; outside by how little it misses."""
    used = inf if record["used"] is None else record["used"]
    if not record["fits"]:
        return (2, used)
    if record["top1"] is not None:
        return (0, -record["top1"], record["macs"], record["params"])
    return (1, -used, -record["macs"])


def _mark_front(within: Sequence[Record], bounds: Sequence[Bound]) -> Note | None:
    """Mark the cells that no other beats in `pareto`; gives back what that means, None where nothing fits.

    A cell with a published accuracy is beaten by one as accurate that costs no more of anything limited. Where no accuracy is
    published, the front is of the cells that no other exceeds in all that is limited.
    """
    columns = [bound.column for bound in bounds]
    rated = [record for record in within if record["top1"] is not None]
    if not within:
        return None
    if rated:
        points = [(-Fraction(str(record["top1"])), *(record[name] for name in columns)) for record in rated]
    else:
        rated, points = list(within), [tuple(-record[name] for name in columns) for record in within]
    front: list[tuple[Any, ...]] = []
    for i in sorted(range(len(rated)), key=points.__getitem__):
        point = points[i]
        beaten = any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in front)
        rated[i]["pareto"] = not beaten
        front += [] if beaten or point in front else [point]
    return FrontMarked(tuple(columns)) if within and any(r["top1"] is not None for r in within) else MaximalMarked()


def _title(cells: Sequence[Cell], models: int) -> Title:
    names = tuple(dict.fromkeys(cell.network.name for cell in cells))
    batches = tuple(dict.fromkeys(cell.batch for cell in cells))
    return Title(models=names if models <= 4 else (), batches=() if batches == (1,) else batches)
