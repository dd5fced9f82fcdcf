"""Networks on the clock: one record a network, point and setting, ratios to the first. No torch in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.load.load import Model
from profiler.measure.plan import Setting
from profiler.records.events import Event
from profiler.records.notes import Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import Grid, cells_over, spread, width_notes
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.cells import Numbers, Watch, counted, ending, finished
from profiler.study.measuring import measured, to_be_measured


@checked
def bench(
    *models: Model,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    bench: bool | BenchOptions | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """Measured latency of every model at every point in every setting that `bench` names; the budget is shared by all.

    `over` names options with their values, as in `sweep`.
    A batch is 1 unless given, 32 where training steps are measured. `watch` and `progress` are those of `compare`.
    Raises ProfilerError, UnknownName, ShapeError, Unavailable.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    return finished(benching(models, at, bench_options(bench) or BenchOptions()), watch, progress)  # type: ignore[no-any-return]


def benching(models: Sequence[Model], at: Place, measuring: BenchOptions) -> Iterator[Event]:
    """The events of a benchmark of `models` over the ranges of a place; the last holds its Results. Raises as `bench` does."""
    if not models:
        raise ProfilerError("there is nothing to measure; name a network, as in: profiler bench mobilenet_v1")
    at = spread(at)
    made = cells_over(models, at._replace(batch=measuring.batch(at.batch)))
    return ending(_benched(made, measuring.settings(), measuring))


def _benched(made: Grid, settings: Sequence[Setting], measuring: BenchOptions) -> Generator[Event, None, Results]:
    cells = made.cells
    names = tuple(dict.fromkeys(cell.network.name for cell in cells))
    title = Title(names if len(names) == 1 else (), measured_in=measuring.title(settings))
    results = to_be_measured(counted(cells, "bench", title, notes=width_notes(cells), over=made.over), cells, settings)
    return (yield from measured(results, cells, settings, measuring))
