"""Latency of networks that were not measured, from files of latencies that were. No torch until a reference is traced."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from math import exp
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.measure import host
from profiler.prediction.features import works_of
from profiler.records.columns import SETTING
from profiler.records.events import Event
from profiler.records.notes import LeftOut, MeasuredElsewhere, Note, PredictedFrom, Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.axes import Grid, spread, width_notes
from profiler.study.calibrated_source import CalibratedSource, calibrated_source
from profiler.study.cells import Numbers, Watch, counted, ending, finished
from profiler.study.leaf_rows import leaf_rows
from profiler.study.models import Given, grid_over
from profiler.study.predicted import NOTHING_PREDICTED, Refusals, predicted_columns


@checked
def predict(
    *models: Given,
    source: str,
    device: str | None = None,
    threads: str | int | None = None,
    dtype: str | None = None,
    memory_format: str | None = None,
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

    `source` is a file: what `bench --layers -o run.json` wrote, another saved run with latencies, or a table (.csv) of at
    least 20 networks of the zoo with `model` and `latency_s` or `latency_ms`. Of a file measured in several settings, `device`,
    `threads`, `dtype` and `memory_format` choose one. What the file says nothing of (a kind of operation, a size far outside,
    a batch) is not predicted, with the reason, unless `force`. Raises ProfilerError, UnknownName, Unavailable.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    asked = {"device": device, "threads": threads, "dtype": dtype, "memory_format": memory_format}
    return finished(predicting(models, at, calibrated_source(source, asked), force), watch, progress)  # type: ignore[no-any-return]


def predicting(models: Sequence[Given], at: Place, known: CalibratedSource, force: bool) -> Iterator[Event]:
    """The events of a prediction of `models` over the ranges of a place; the last holds its Results. Raises as `predict`."""
    if not models:
        raise ProfilerError("there is nothing to predict; name a network, as in: profiler predict mobilenet_v1 --from run.json")
    return ending(_predicted(grid_over(models, spread(at)), known, force))


def _predicted(made: Grid, known: CalibratedSource, force: bool) -> Generator[Event, None, Results]:
    yield from ()
    file, found, setting = known.source, known.calibration, known.setting
    results = counted(made.cells, "predict", Title(), notes=width_notes(made.cells), over=made.over)
    records = []
    refused = Refusals()
    for i, (cell, record) in enumerate(zip(made.cells, results, strict=True)):
        works = works_of(leaf_rows(cell))
        reason = "; ".join(filter(None, [found.refusal(works), known.refusal_of_batch(record["batch"])]))
        refused.add(reason, i)
        columns = NOTHING_PREDICTED
        if not reason or force:
            columns = predicted_columns(found, works, "; ".join(filter(None, [known.words, reason])))
        records.append({**record, **columns, **{name: setting[name] for name in SETTING}})
    notes: list[Note] = [*results.notes, PredictedFrom(file.name, len(known.networks), exp(found.spread) - 1, setting)]
    notes += refused.notes(records, force)
    notes += [LeftOut(file.left_out)] if file.left_out else []
    here = host.machine()["cpu"]
    there = (file.machine or {}).get("cpu")
    notes += [MeasuredElsewhere(str(there), str(here))] if there not in (None, here) else []
    return results.replace(records, notes=notes)
