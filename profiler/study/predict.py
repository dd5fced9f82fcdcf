"""Latency of networks that were not measured, from files of latencies that were. No torch until a reference is traced."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from math import exp
from statistics import median
from typing import Any

from profiler import grid
from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.measure import host
from profiler.prediction.calibration import Calibration, calibrated
from profiler.prediction.features import is_free, kind_of, work_of, works_of
from profiler.records.columns import PREDICTED, SETTING
from profiler.records.events import Event
from profiler.records.notes import LeftOut, MeasuredElsewhere, Note, NotPredicted, PredictedFrom, Title
from profiler.records.place import Place, shape
from profiler.records.results import Results
from profiler.study.axes import spread, width_notes
from profiler.study.cells import Numbers, Watch, counted, ending, finished
from profiler.study.leaf_rows import leaf_rows
from profiler.study.models import Given, grid_over
from profiler.study.predict_sources import Source, Timed, source

FEWEST = 20
"""Networks of a table whose layers nobody clocked."""


@checked
def predict(
    *models: Given,
    source: str,
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

    `source` is a file: what `bench --layers -o run.json` wrote, another saved run with latencies, or a table (.csv) of at
    least 20 networks of the zoo with `model` and `latency_s` or `latency_ms`. Of a file measured in several settings, `device`,
    `threads`, `dtype`, `memory_format` and `runtime` choose one. What the file says nothing of (a kind of operation, a size far
    outside, a batch) is not predicted, with the reason, unless `force`. Raises ProfilerError, UnknownName, Unavailable.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    asked = {"device": device, "threads": threads, "dtype": dtype, "memory_format": memory_format, "runtime": runtime}
    return finished(predicting(models, at, source, asked, force), watch, progress)  # type: ignore[no-any-return]


def predicting(models: Sequence[Given], at: Place, name: str, asked: Mapping[str, Any], force: bool) -> Iterator[Event]:
    """The events of a prediction of `models` over the ranges of a place; the last holds its Results. Raises as `predict`."""
    if not models:
        raise ProfilerError("there is nothing to predict; name a network, as in: profiler predict mobilenet_v1 --from run.json")
    return ending(_predicted(models, spread(at), source(name), asked, force))


def _predicted(
    models: Sequence[Given], at: Place, known: Source, asked: Mapping[str, Any], force: bool
) -> Generator[Event, None, Results]:
    yield from ()
    chosen = _in_one_setting(known, asked)
    found = _calibrated(known, chosen)
    setting = dict(chosen[0].setting)
    batches = {each.batch for each in chosen}
    made = grid_over(models, at)
    results = counted(made.cells, "predict", Title(), notes=width_notes(made.cells), over=made.over)
    records = []
    refused: dict[str, list[int]] = {}
    for i, (cell, record) in enumerate(zip(made.cells, results, strict=True)):
        works = works_of(leaf_rows(cell))
        reason = found.refusal(works)
        if record["batch"] not in batches:
            known_batches = ", ".join(map(str, sorted(batches, key=str)))
            reason = "; ".join(filter(None, [reason, f"batch {record['batch']} was not measured (batch {known_batches} was)"]))
        columns: dict[str, Any] = dict.fromkeys(column.name for column in PREDICTED)
        if not reason or force:
            middle, low, high = found.predict(works)
            columns = {
                "predicted_s": middle, "predicted_low_s": low, "predicted_high_s": high,
                "predicted_from": f"{len(chosen)} cells of {known.name}" + (f"; {reason}" if reason else ""),
            }  # fmt: skip
        if reason:
            refused.setdefault(reason, []).append(i)
        records.append({**record, **columns, **{name: setting[name] for name in SETTING}})
    notes: list[Note] = [*results.notes, PredictedFrom(known.name, len(chosen), exp(found.spread) - 1, setting)]
    notes += [NotPredicted(Place.of(records[at_[0]]), len(at_) - 1, reason, force) for reason, at_ in refused.items()]
    notes += [LeftOut(known.left_out)] if known.left_out else []
    here = host.machine()["cpu"]
    there = (known.machine or {}).get("cpu")
    notes += [MeasuredElsewhere(str(there), str(here))] if there not in (None, here) else []
    return results.replace(records, notes=notes)


def _in_one_setting(known: Source, asked: Mapping[str, Any]) -> list[Timed]:
    """The networks of a file that were measured in the setting that is asked for. Raises ProfilerError unless that is one."""
    if not known.timed:
        why = f" ({known.why})" if known.why else ""
        raise ProfilerError(
            f"no network in '{known.name}' has a latency that can be taken{why}; measure some, by profiler bench"
        )
    wanted = {
        key: grid.side(value, "threads") if key == "threads" else value for key, value in asked.items() if value is not None
    }
    groups: dict[tuple[tuple[str, Any], ...], list[Timed]] = {}
    for each in known.timed:
        if all(dict(each.setting)[key] == value for key, value in wanted.items()):
            groups.setdefault(each.setting, []).append(each)
    if not groups:
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in wanted.items())
        raise ProfilerError(f"'{known.name}' holds nothing that was measured with {words}; it was not calibrated for that")
    if len(groups) > 1:
        apart = [key for key in SETTING if len({dict(setting)[key] for setting in groups}) > 1]
        apart = [key for key in apart if key != "compile"]  # which its runtime says
        options = " and ".join(f"--{key.replace('_', '-')}" for key in apart)
        raise ProfilerError(f"'{known.name}' was measured in {len(groups)} settings; choose one by {options}")
    return next(iter(groups.values()))


def _calibrated(known: Source, chosen: Sequence[Timed]) -> Calibration:
    measured = [each.measured for each in chosen]
    layers = any(each.layers for each in measured)
    if not layers and len(measured) < FEWEST:
        raise ProfilerError(
            f"'{known.name}' holds {len(measured)} measured networks, and without their layers a prediction takes {FEWEST}; "
            "measure more, or with --layers"
        )
    if len({each.family for each in measured}) < 3:  # the file is of one family: its networks are held out one by one
        measured = [each._replace(family="") for each in measured]
    try:
        return calibrated(measured)
    except ValueError as fault:
        raise ProfilerError(f"'{known.name}' holds too few networks: {fault}; measure more") from None


def layer_table(
    results: Results, models: Sequence[Given], at: Place, known: Source, asked: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The lookup table that a search for architectures takes: seconds of every layer of every cell, predicted and measured.

    A layer is measured where the file holds one of its kind that does as much. Of a cell that is refused there are no rows.
    """
    chosen = _in_one_setting(known, asked)
    found = _calibrated(known, chosen)
    clocked: dict[tuple[str, Any], list[float]] = {}
    for each in chosen:
        for layer in each.measured.layers:
            clocked.setdefault((layer.kind, layer.work), []).append(layer.seconds)
    table = []
    for cell, record in zip(grid_over(models, spread(at)).cells, results, strict=True):
        if record["predicted_s"] is None:
            continue
        place = {name: record[name] for name in ("model", "options", "alpha", "resolution", "batch", *results.over)}
        for row in leaf_rows(cell):
            if is_free(row):
                continue
            kind, work = kind_of(row), work_of(row)
            measured = clocked.get((kind, work))
            shapes = {"inputs": " ".join(map(shape, row.inputs)), "output": shape(row.output)}
            counts = {"params": row.params, "macs": row.macs, "elements": work.elements, "moved": row.moved}
            seconds = found.model.correction * found.model.of_kind(kind, work)
            clock = {"predicted_s": seconds, "measured_s": median(measured) if measured else None}
            table.append({**place, "path": row.path, "kind": kind, "op": row.op, **shapes, **counts, **clock})
    return table
