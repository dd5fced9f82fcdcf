"""Networks on the clock: one record a network, point and setting, ratios to the first. No torch in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.measure.plan import Setting
from profiler.records.events import Event
from profiler.records.notes import Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import Grid, spread, width_notes
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.cells import Numbers, Watch, counted, ending, finished
from profiler.study.measuring import measured, to_be_measured
from profiler.study.models import Given, grid_over
from profiler.study.published import accuracy_notes


@checked
def bench(
    *models: Given,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    bench: bool | BenchOptions | None = None,
    top1: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """Measured latency of every model at every point in every setting that `bench` names; the budget is shared by all.

    `over` names options with their values, as in `sweep`.
    A batch is 1 unless given, 32 where training steps are measured. Models, `top1`, `watch` and `progress` are those of
    `compare`.
    Raises ProfilerError, UnknownName, ShapeError, Unavailable.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    return finished(benching(models, at, bench_options(bench) or BenchOptions(), top1), watch, progress)  # type: ignore[no-any-return]


def benching(
    models: Sequence[Given], at: Place, measuring: BenchOptions, top1: Mapping[str, Any] | None = None
) -> Iterator[Event]:
    """The events of a benchmark of `models` over the ranges of a place; the last holds its Results. Raises as `bench` does."""
    if not models:
        raise ProfilerError("no network to measure; name one, e.g. profiler bench mobilenet_v1")
    at = spread(at)
    made = grid_over(models, at._replace(batch=measuring.batch(at.batch)), top1)
    return ending(_benched(made, measuring.settings(), measuring))


def _benched(made: Grid, settings: Sequence[Setting], measuring: BenchOptions) -> Generator[Event, None, Results]:
    cells = made.cells
    names = tuple(dict.fromkeys(cell.name for cell in cells))
    title = Title(names if len(names) == 1 else (), measured_in=measuring.title(settings))
    notes = width_notes(cells)
    if any(cell.top1 is not None for cell in cells):  # accuracies are shown where one is given
        notes += accuracy_notes(cell.network for cell in cells if cell.top1 is None)
    results = counted(cells, "bench", title, notes=notes, over=made.over)
    if measuring.fleet is not None:
        from profiler.study.on_fleet import measured_on_fleet

        return (yield from measured_on_fleet(results, cells, settings, measuring))
    results = to_be_measured(results, cells, settings)
    return (yield from measured(results, cells, settings, measuring))
