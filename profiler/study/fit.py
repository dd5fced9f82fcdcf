"""Networks within limits: every cell of a grid counted exactly, those that fit best first, the others by how near they are."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from profiler.checked import checked
from profiler.errors import ProfilerError, ShapeError
from profiler.load.load import Network
from profiler.records.columns import GIVEN, Record
from profiler.records.events import Event
from profiler.records.limits import Bound
from profiler.records.notes import CellsLeftOut, FrontMarked, MaximalMarked, Note, Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import width_notes
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted, Numbers, Watch, ending, finished, record_of
from profiler.study.fit_grid import candidates
from profiler.study.fit_limits import bounds_of, held, rank, source_for, time_cells, weigh
from profiler.study.models import Given, Named, with_accuracies
from profiler.study.published import accuracy_notes, neighbours

if TYPE_CHECKING:
    from profiler.study.calibrated_source import CalibratedSource


@checked
def fit(
    *models: Given,
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
    max_activations: str | int | None = None,
    max_weight_bytes: str | int | None = None,
    max_memory: str | int | None = None,
    max_latency: str | float | None = None,
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
    top1: Mapping[str, Any] | None = None,
    bench: BenchOptions | None = None,
    source: str | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """Every cell of the networks, α, sides and options, those within all limits first: `.fitting` has these.

    Counts are text (`"300M"`) or numbers, sizes have a unit (`"20MiB"`) or are bytes; memory is the peak of an inference.
    Without a model, networks of the zoo for a `task` (classification of images in colours unless given). α and the side run
    over 0.25..1.0 and 128..224, each network's native side and its published points, unless they are given; `over` is that of
    `sweep`, `top1` that of `compare`, and a model may be a pattern or have a label as there. Within the limits the cells with a
    known top-1 come first, the best first, then those that use most of the limit that binds.

    With `max_latency` (`"20ms"`, or seconds) some of the cells that fit all else are measured here, as `bench` says, the others
    predicted from them; those at the top and those that are undecided are measured too while time is left: `latency_fits` says
    within, over or undecided. With a `source`, a file as `predict` takes it, all are predicted from that and none is measured.
    Raises ProfilerError for limits that contradict each other or where there are none, UnknownName.
    """
    given = {
        "macs": (min_macs, max_macs), "params": (min_params, max_params), "activations": (min_activations, max_activations),
        "weight_bytes": (min_weight_bytes, max_weight_bytes), "memory": (min_memory, max_memory),
        "latency": (None, max_latency),
    }  # fmt: skip
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    return finished(fitting(models, at, bounds_of(given), task, bench, source, top1), watch, progress)  # type: ignore[no-any-return]


def fitting(
    models: Sequence[Given],
    at: Place,
    bounds: Sequence[Bound],
    task: str | None,
    bench: BenchOptions | None = None,
    source: str | None = None,
    top1: Mapping[str, Any] | None = None,
) -> Iterator[Event]:
    """The events of a fit of `models` over the ranges of a place; the last holds its Results. Raises as `fit` does."""
    bench = bench or BenchOptions()
    return ending(_fitted(models, at, bounds, task, bench, source_for(bounds, source, bench), top1))


def _fitted(
    models: Sequence[Given],
    at: Place,
    bounds: Sequence[Bound],
    task: str | None,
    bench: BenchOptions,
    source: CalibratedSource | None,
    top1: Mapping[str, Any] | None,
) -> Generator[Event, None, Results]:
    found = candidates(models, at, task)
    records: list[Record] = []
    cells: list[Cell] = []
    networks: list[Named] = []
    left: list[tuple[Cell, ProfilerError]] = []
    for network, cell in found.cells:
        try:
            records.append(record_of(cell))
            cells.append(cell)
            networks.append(network)
        except ProfilerError as fault:
            if isinstance(cell.network, Network) and not isinstance(fault, ShapeError):
                raise
            left.append((cell, fault))
    if not cells:
        raise left[0][1]
    cells = with_accuracies(cells, networks, top1)
    for cell, record in zip(cells, records, strict=True):
        record |= {} if cell.top1 is None else {"top1": cell.top1, "top1_source": GIVEN}
    weighed = yield from weigh(bounds, records, cells)
    timed, interrupted = yield from time_cells(bounds, records, cells, bench, source)
    for cell, record in zip(cells, records, strict=True):
        record |= {**held(bounds, record), "top1_near": _near(cell)}
    title = _title(cells, found.models)
    order = sorted(range(len(records)), key=lambda i: rank(records[i]))
    records, cells = [records[i] for i in order], [cells[i] for i in order]
    within = [record for record in records if record["fits"]]
    gain = _mark_front(within, bounds)
    fitting = (cell.network for cell, record in zip(cells, records, strict=True) if record["fits"] and cell.top1 is None)
    notes: list[Note] = [*found.notes, *width_notes(cells), *accuracy_notes(fitting)]
    notes += [gain] if gain is not None else []
    notes += [CellsLeftOut(left[0][0].place, len(left) - 1, _reason(left[0][1]))] if left else []
    made = Results(records, "fit", title, notes=[*notes, *weighed, *timed], over=found.over, limits=bounds)
    if any(bound.quantity == "latency" for bound in bounds):
        made = made.replace(measured=True)
    if interrupted:
        raise Interrupted(made)
    return made


def _near(cell: Cell) -> str | None:
    """The published accuracies nearest to a cell that has none: `65.4 at α 0.5, 224; 69.8 at α 0.75, 224`."""
    if cell.top1 is not None:
        return None
    found = [f"{figure.printed} at α {figure.alpha}, {figure.resolution}" for figure in neighbours(cell.network)]
    return "; ".join(found) or None


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
        points = [(-Fraction(str(record["top1"])), *(bound.value(record) for bound in bounds)) for record in rated]
    else:
        rated, points = list(within), [tuple(-(bound.value(record) or 0) for bound in bounds) for record in within]
    front: list[tuple[Any, ...]] = []
    for i in sorted(range(len(rated)), key=points.__getitem__):
        point = points[i]
        beaten = any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in front)
        rated[i]["pareto"] = not beaten
        front += [] if beaten or point in front else [point]
    if all(record["top1"] is None for record in within):
        return MaximalMarked()
    return FrontMarked(tuple(columns), any(record["top1_source"] == GIVEN for record in within))


def _title(cells: Sequence[Cell], models: int) -> Title:
    names = tuple(dict.fromkeys(cell.title for cell in cells))
    batches = tuple(dict.fromkeys(cell.batch for cell in cells))
    return Title(models=names if models <= 4 else (), batches=() if batches == (1,) else batches)


def _reason(fault: ProfilerError) -> str:
    """Why a cell is left out, without the layer where that is."""
    return fault.reason if isinstance(fault, ShapeError) else str(fault)
