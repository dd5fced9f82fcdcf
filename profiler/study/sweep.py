"""A network over α, resolution and batch: one record a cell. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from math import prod
from os import PathLike
from typing import Any

from msgspec import structs

from profiler import grid
from profiler.checked import checked
from profiler.load.load import is_reference, parse
from profiler.records.events import Event
from profiler.records.notes import AskedAtCorners, Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import Axes, Grid, cells_over, spread, width_notes
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.cells import (
    DEFAULT_ENGINES,
    Interrupted,
    Numbers,
    Watch,
    counted,
    ending,
    engines_for,
    engines_named,
    finished,
    insisted,
    known,
)
from profiler.study.in_order import HERE, Counting, Jobs, Where
from profiler.study.jobs import workers
from profiler.study.models import MOST_MATCHED, Given, Named, described, most_matched, named
from profiler.study.published import accuracy_notes
from profiler.study.recounting import recounted_and_measured
from profiler.study.texts import over_texts
from profiler.study.tracing_ahead import traced_ahead

MOST_CHECKED = 16
DEFAULT_MODEL, DEFAULT_ALPHA = "mobilenet_v1", "0.25..1.0"


@checked
def sweep(
    *models: Given,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    convention: str = "paper",
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    bench: bool | BenchOptions = False,
    top1: Mapping[str, Any] | None = None,
    memory: bool = False,
    prefill: Numbers = None,
    decode: Numbers = None,
    jobs: Jobs = None,
    fleet: str | PathLike[str] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """One record a cell: every model at every value of `over`, every α, every resolution (or ρ) and every batch, in that order.

    α, resolution and ρ are ranges as text ("0.25..1.0", "128..224:32"), lists or single numbers. `over` names options of an
    architecture, or arguments of a factory, with their values: `{"width": "16..64:16", "norm": ["batch", "layer"]}`; each is
    a column of its own. Without any axis, α runs over 0.25..1.0. A sweep of more than 16 cells is checked at its corners. With
    `bench` the cells are measured too. Of language models `prefill` runs over lengths of the text that is read at once
    ("512..4096:512"), and `decode` adds a step of so many tokens behind each. Models, `batch`, `top1`, `memory`, `jobs`,
    `fleet`, `watch` and `progress` are those of `compare`.
    Raises ProfilerError, UnknownName, ShapeError.
    """
    at = over_texts(Place(None, options or {}, alpha, resolution, input, batch, rho, over or {}), prefill, decode)
    counting = Counting(jobs, fleet)
    events = sweeping(models, at, engine, convention, bench, top1=top1, memory=memory, counting=counting)
    return finished(events, watch, progress)  # type: ignore[no-any-return]


def sweeping(
    models: Sequence[Given],
    at: Place,
    engine: str | Iterable[str],
    convention: str,
    bench: bool | BenchOptions,
    *,
    top1: Mapping[str, Any] | None = None,
    memory: bool = False,
    counting: Counting = HERE,
) -> Iterator[Event]:
    """The events of a sweep of `models` over the ranges of a place; the last holds its Results. Raises as `sweep` does."""
    where = workers(counting)
    networks, at = with_an_axis(models, at, most_matched(counting.asked))
    engines = engines_named(engine)
    measuring = bench_options(bench)
    if measuring is not None:
        at = at._replace(batch=measuring.batch(at.batch))
    made = cells_over([each.model for each in networks], at)
    made = made._replace(cells=described(made.cells, networks, top1))
    return ending(_swept(made, len(networks), engines, convention, measuring, insisted(engine), memory, where))


def with_an_axis(models: Sequence[Given], at: Place, most: int = MOST_MATCHED) -> tuple[list[Named], Place]:
    """What a sweep runs over: the networks that it takes, and α, where none and no range was given. Raises ProfilerError."""
    networks = named(models or (DEFAULT_MODEL,), most)
    plain = [each.model for each in networks]
    at = spread(at)
    if not at.over and at.alpha is None and at.resolution is None and at.rho is None:
        # a batch is an axis by itself for what may have no width multiplier
        batches = at.batch is not None and any(not isinstance(model, str) or is_reference(parse(model)[0]) for model in plain)
        staged = "stages" in at.options or any(isinstance(model, str) and "stages" in parse(model)[1] for model in plain)
        at = at if batches or staged else at._replace(alpha=DEFAULT_ALPHA)
    return networks, at


def is_large(models: Sequence[Given], at: Place, asked: bool = False) -> bool:
    """Whether a sweep has more cells than a table, a page or a document holds. Raises ProfilerError for bad ranges."""
    networks, at = with_an_axis(models, at, most_matched(asked))
    return prod(Axes.of(at).sizes) * len(networks) > grid.MOST_POINTS


def _swept(
    made: Grid,
    models: int,
    engines: Sequence[str],
    convention: str,
    measuring: BenchOptions | None,
    insists: bool,
    memory: bool,
    where: Where,
) -> Generator[Event, None, Results]:
    with where:
        engines = engines_for(made.cells, engines, insists)
        settings = [] if measuring is None else [measuring.setting()]
        corners = list(range(len(made.cells))) if len(made.cells) <= MOST_CHECKED else made.corners(models)
        ahead = yield from traced_ahead(made.cells, where, convention)
        made, chosen = made._replace(cells=[made.cells[i] for i in ahead.kept]), ahead.positions(corners)
        cells = made.cells
        title = structs.replace(_title(made), measured_in=None if measuring is None else measuring.title(settings))
        notes = width_notes(cells)
        if len(engines) > 1 and len(chosen) < len(cells):
            notes.append(AskedAtCorners(tuple(engines[1:]), len(chosen), len(cells)))
        notes += [*accuracy_notes(cell.network for cell in cells if cell.top1 is None), *ahead.notes]
        results = counted(cells, "sweep", title, engines, convention, chosen, notes, made.over)
        if ahead.interrupted:
            raise Interrupted(known(results))
        return (yield from recounted_and_measured(results, cells, engines, chosen, settings, measuring, insists, memory, where))


def _title(made: Grid) -> Title:
    """The networks and the points used."""
    cells = made.cells
    networks = [cell.network for cell in cells]
    return Title(
        models=tuple(dict.fromkeys(cell.title for cell in cells)),
        alphas=tuple(dict.fromkeys(network.alpha for network in networks if network.alpha is not None)),
        sides=tuple(dict.fromkeys(network.resolution for network in networks if network.resolution)),
        batches=tuple(dict.fromkeys(cell.batch for cell in cells)) if made.axes[-1] > 1 or cells[0].batch != 1 else (),
        over=tuple((name, tuple({repr(cell.over[name]): cell.over[name] for cell in cells}.values())) for name in made.over),
    )
