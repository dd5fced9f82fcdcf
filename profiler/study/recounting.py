"""What a comparison and a sweep have in common once their records stand: other engines recount them, then they are measured."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from profiler.errors import ProfilerError, Unavailable
from profiler.records.columns import WAITING
from profiler.records.events import Event, Recounted, Started
from profiler.records.notes import Note, PeakMemory, Unweighed
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted, known, recounted
from profiler.study.peak import peak_of

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
    memory: bool = False,
) -> Generator[Event, None, Results]:
    """The records with the counts of `engines` in the `chosen` ones, and with latencies unless `measuring` is None.

    With `memory` each has the bytes of an inference at its peak too.
    """
    if measuring is None:
        results = (yield from weighed(results, cells)) if memory else results
        return (yield from recounted(results, cells, engines, chosen, insists))
    if measuring.fleet is not None:
        from profiler.study.on_fleet import check_options, measured_on_fleet

        check_options(measuring)
        results = (yield from weighed(results, cells)) if memory else results
        results = yield from recounted(results, cells, engines, chosen, insists)
        return (yield from measured_on_fleet(results, cells, settings, measuring))
    from profiler.study.measuring import measured, to_be_measured  # what only measuring needs
    from profiler.study.memory_needed import check_memory

    check_memory((cell.network for cell in cells), settings)
    results = to_be_measured(results, cells, settings)
    results = (yield from weighed(results, cells)) if memory else results
    results = yield from recounted(results, cells, engines, chosen, insists)
    if measuring.measure is not None:
        from profiler.study.predicting import measured_and_predicted

        return (yield from measured_and_predicted(results, cells, settings, measuring))
    return (yield from measured(results, cells, settings, measuring))


def weighed(results: Results, cells: Sequence[Cell]) -> Generator[Event, None, Results]:
    """The records with the peak bytes of an inference: of the zoo on paper, of a reference traced; unknown where it fails.

    Raises Unavailable where a reference finds no torch; Interrupted where the user ends it.
    """
    results = results.replace([{**record, "memory_bytes": WAITING} for record in results])
    yield Started(results)
    notes: list[Note] = [PeakMemory()]
    try:
        for i, cell in enumerate(cells):
            peak: int | None = None
            try:
                peak = peak_of(cell)
            except Unavailable:
                raise
            except ProfilerError as fault:
                notes.append(Unweighed(str(cell.place), str(fault)))
            results = results.replace([{**r, "memory_bytes": peak} if j == i else r for j, r in enumerate(results)])
            yield Recounted(results, i)
    except KeyboardInterrupt:
        raise Interrupted(known(results)) from None
    return results.replace(notes=[*results.notes, *notes])
