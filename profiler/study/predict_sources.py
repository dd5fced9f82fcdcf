"""Files of measured latencies → networks on the clock, which a prediction is fitted to. A file never names code that is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from profiler.errors import ProfilerError
from profiler.prediction.calibration import ClockedLayer, MeasuredNetwork
from profiler.prediction.features import is_free, kind_of, work_of, works_of
from profiler.records.columns import SETTING, latency
from profiler.records.interval import Interval
from profiler.records.measured import Measured
from profiler.records.results import Results
from profiler.saved.results import read
from profiler.study.leaf_rows import rows_by_leaf
from profiler.study.predict_networks import LatencySource, SourceNetwork, family_of, rows_at
from profiler.study.predict_tables import table_source


def source(name: str) -> LatencySource:
    """The networks of a file: a saved run (.json), the samples of one (.samples.jsonl) or a table (.csv).

    Raises Unavailable, ProfilerError.
    """
    if name.lower().endswith(".csv"):
        return table_source(name)
    if name.lower().endswith(".jsonl"):
        from profiler.study.predict_samples import samples_source

        return samples_source(Path(name))
    found = read(name)
    if isinstance(found, Measured):
        return LatencySource(name, list(_of_layers(found)), (), found.results.machine, _why(found.results))
    if isinstance(found, Results):
        return _of_results(name, found)
    raise ProfilerError(
        f"'{name}' holds no latencies; name a run of `profiler bench --layers -o run.json`, its samples, or a table (.csv)"
    )


def _of_layers(found: Measured) -> Iterator[SourceNetwork]:
    """Networks whose layers were clocked: the rows stand in the file."""
    for each in found.layers:
        timing = each.timing
        if timing.latency_s is None or timing.latency_low_s is None or timing.latency_high_s is None:
            continue
        timed = [row for row in each.rows if not is_free(row.row)]
        layers = tuple(ClockedLayer(kind_of(row.row), work_of(row.row), row.seconds) for row in timed)
        whole = Interval(timing.latency_s, timing.latency_low_s, timing.latency_high_s)
        rows = [row.row for row in timed]
        setting = tuple((name, getattr(timing, name)) for name in SETTING)
        yield SourceNetwork(MeasuredNetwork(family_of(timing.model), works_of(rows), whole, layers), setting, timing.batch)


def _of_results(name: str, found: Results) -> LatencySource:
    """Networks that were measured as a whole: of the zoo, or with their rows in the file."""
    timed: list[SourceNetwork] = []
    left: list[str] = []
    for i, record in enumerate(found):
        known = latency(record)
        if known is None:
            continue
        rows = rows_by_leaf(found.profiles[i].rows) if found.profiles else rows_at(record)
        if rows is None:
            left.append(str(record["model"]))
            continue
        setting = tuple((key, record.get(key)) for key in SETTING)
        network = MeasuredNetwork(family_of(str(record["model"])), works_of(rows), Interval(*known))
        timed.append(SourceNetwork(network, setting, record["batch"]))
    return LatencySource(name, timed, tuple(dict.fromkeys(left)), found.machine, _why(found))


def _why(found: Results) -> str:
    return next((str(record["reason"]) for record in found if latency(record) is None and record.get("reason")), "")
