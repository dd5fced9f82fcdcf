"""What a comparison and a sweep have in common once their records stand: other engines recount them, then they are measured."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from profiler.records.events import Event
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, recounted

if TYPE_CHECKING:
    from profiler.measure.plan import Setting


def recounted_and_measured(
    results: Results,
    cells: Sequence[Cell],
    engines: Sequence[str],
    chosen: Sequence[int],
    settings: Sequence[Setting],
    measuring: BenchOptions | None,
    insists: bool,
) -> Generator[Event, None, Results]:
    """The records with the counts of `engines` in the `chosen` ones, and with latencies unless `measuring` is None."""
    if measuring is None:
        return (yield from recounted(results, cells, engines, chosen, insists))
    from profiler.study.measuring import check_memory, measured, to_be_measured  # what only measuring needs

    check_memory((cell.network for cell in cells), settings)
    results = to_be_measured(results, cells, settings)
    results = yield from recounted(results, cells, engines, chosen, insists)
    if measuring.measure is not None:
        from profiler.study.predicting import measured_and_predicted

        return (yield from measured_and_predicted(results, cells, settings, measuring))
    return (yield from measured(results, cells, settings, measuring))
