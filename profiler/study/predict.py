"""Latency of networks that were not measured, from files of latencies that were. No torch until a reference is traced."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.prediction.features import works_of
from profiler.records.columns import SETTING
from profiler.records.events import Event
from profiler.records.notes import Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import Grid, spread, width_notes
from profiler.study.calibrated_source import CalibratedSource, calibrated_source
from profiler.study.cells import Numbers, Watch, counted, ending, finished
from profiler.study.leaf_rows import leaf_rows
from profiler.study.models import Given, grid_over
from profiler.study.predict_networks import family_of
from profiler.study.predicted import NOTHING_PREDICTED, Refusals, predicted_columns
from profiler.study.scaled_source import ScaledSource, scaled_source


@checked
def predict(
    *models: Given,
    source: str,
    scale_to: str | None = None,
    device: str | None = None,
    threads: str | int | None = None,
    dtype: str | None = None,
    memory_format: str | None = None,
    runtime: str | None = None,
    force: bool = False,
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
    """The latency of every model at every point, predicted from the networks that `source` holds, with an interval.

    `source` is a file: what `bench --layers -o run.json` wrote, another saved run with latencies, the samples of a run
    (.samples.jsonl), or a table (.csv) of at least 20 networks of the zoo with `model` and `latency_s` or `latency_ms`. Where
    it is of another device, `scale_to` is a file of at least 3 of its networks measured on this one. Of a file measured in
    several settings, `device`, `threads`, `dtype`, `memory_format` and `runtime` choose one. What was not measured (a kind of
    operation, a size far outside, a batch, a setting, a machine) is not predicted, with the reason, unless `force`. Raises
    ProfilerError, UnknownName, Unavailable.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    asked = {"device": device, "threads": threads, "dtype": dtype, "memory_format": memory_format, "runtime": runtime}
    return finished(predicting(models, at, latencies_of(source, scale_to, asked, force), force), watch, progress)  # type: ignore[no-any-return]


def latencies_of(source: str, scale_to: str | None, asked: Mapping[str, Any], force: bool) -> CalibratedSource | ScaledSource:
    """The models of a file of latencies, scaled to those of another file where one is given. Raises as `predict` does."""
    if scale_to is None:
        return calibrated_source(source, asked, force)
    return scaled_source(source, scale_to, asked, force)


def predicting(models: Sequence[Given], at: Place, known: CalibratedSource | ScaledSource, force: bool) -> Iterator[Event]:
    """The events of a prediction of `models` over the ranges of a place; the last holds its Results. Raises as `predict`."""
    if not models:
        raise ProfilerError("no network to predict; name one, e.g. profiler predict mobilenet_v1 --from run.json")
    return ending(_predicted(grid_over(models, spread(at)), known, force))


def _predicted(made: Grid, known: CalibratedSource | ScaledSource, force: bool) -> Generator[Event, None, Results]:
    yield from ()
    results = counted(made.cells, "predict", Title(), notes=width_notes(made.cells), over=made.over)
    records = []
    refused = Refusals()
    for i, (cell, record) in enumerate(zip(made.cells, results, strict=True)):
        seconds, reason, source = known.guess(works_of(leaf_rows(cell)), family_of(cell.network.name), record["batch"])
        refused.add(reason, i)
        columns = NOTHING_PREDICTED
        if not reason or force:
            columns = predicted_columns(seconds, f"{source}; {reason}" if reason else source)
        records.append({**record, **columns, **{name: known.setting[name] for name in SETTING}})
    return results.replace(records, notes=[*results.notes, *known.notes(), *refused.notes(records, force)])
