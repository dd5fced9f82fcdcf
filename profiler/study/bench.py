"""Networks on the clock: one record a network, point and setting, ratios to the first. No torch in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiler.errors import ProfilerError
from profiler.load.load import Model
from profiler.records.profile import Record
from profiler.records.results import Results
from profiler.study.bench_options import TRAIN_BATCH, Clock
from profiler.study.cells import Numbers, Watch, results_of
from profiler.study.measuring import clocked
from profiler.study.sweep import cells_over


def bench(
    *models: Model,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    clock: Clock | None = None,
    options: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
) -> Results:
    """Measured latency of every model at every point in every setting of `clock`; the budget is shared by all.

    A batch is 1 unless given, 32 where training steps are measured. Raises ProfilerError, UnknownName, ShapeError, Unavailable.
    """
    if not models:
        raise ProfilerError("there is nothing to measure; name a network, as in: profiler bench mobilenet_v1")
    clock = clock or Clock()
    cells, _ = cells_over(models, alpha, resolution, rho, batch_of(batch, clock), input, options)
    settings = clock.settings()
    once = results_of(cells, "bench", ("closed",), "paper")
    records: list[Record] = [record.copy() for record in once for _ in settings]
    results = Results(records, "bench")
    if len({cell.network.name for cell in cells}) == 1:
        results.title = cells[0].network.name
    clock.announced(results, settings)
    clocked(results, cells, settings, clock, watch)
    return results


def batch_of(batch: Any, clock: Clock) -> Any:
    """The batch that was given; else 1, or 32 for training steps, since batch statistics of one sample are none."""
    if batch is not None:
        return batch
    return TRAIN_BATCH if clock.train else 1
