"""What a comparison and a sweep have in common once their records stand: other engines recount them, then they are measured."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from profiler.errors import ProcessEnded, ProfilerError, Unavailable, WitnessFailed
from profiler.load.load import Network
from profiler.records.agreement import Agreement
from profiler.records.columns import MEASURED_COLUMNS, WAITING, Record, of_engine
from profiler.records.elsewhere import RecountInterrupted
from profiler.records.events import Event, Recounted, Started
from profiler.records.notes import EngineFailed, Note, PeakMemory, Unweighed
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted, known
from profiler.study.counting_tasks import Hearing, hear, weigh
from profiler.study.in_order import Here, Where

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
    where: Where | None = None,
) -> Generator[Event, None, Results]:
    """The records with the counts of `engines` in the `chosen` ones, and with latencies unless `measuring` is None.

    With `memory` each has the bytes of an inference at its peak too.
    """
    if measuring is None:
        results = (yield from weighed(results, cells, where)) if memory else results
        return (yield from recounted(results, cells, engines, chosen, insists, where))
    if measuring.fleet is not None:
        from profiler.study.on_fleet import check_options, measured_on_fleet

        check_options(measuring)
        results = (yield from weighed(results, cells, where)) if memory else results
        results = yield from recounted(results, cells, engines, chosen, insists, where)
        return (yield from measured_on_fleet(results, cells, settings, measuring))
    from profiler.study.measuring import measured, to_be_measured  # what only measuring needs
    from profiler.study.memory_needed import check_memory

    check_memory((cell.network for cell in cells), settings)
    results = to_be_measured(results, cells, settings)
    results = (yield from weighed(results, cells, where)) if memory else results
    results = yield from recounted(results, cells, engines, chosen, insists, where)
    if where is not None:
        where.close()  # a machine that is measured counts nothing besides
    if measuring.measure is not None:
        from profiler.study.predicting import measured_and_predicted

        return (yield from measured_and_predicted(results, cells, settings, measuring))
    return (yield from measured(results, cells, settings, measuring))


def recounted(
    results: Results,
    cells: Sequence[Cell],
    engines: Sequence[str],
    chosen: Sequence[int],
    insists: bool = True,
    where: Where | None = None,
) -> Generator[Event, None, Results]:
    """Ask the engines about the `chosen` cells, in their order; gives back the results with what they said.

    Unless the user `insists`, one that needs more weights than half of the free memory is left out, with a note.
    Raises Unavailable; Interrupted where the user ends it.
    """
    if len(engines) == 1:
        return results
    yield Started(results)
    try:
        asked = {index: _asked(cells[index], engines[1:], insists) for index in chosen}
        outcomes = (where or Here()).results(hear, (task for task in asked.values() if task.engines))
        for index, task in asked.items():
            network = cells[index].network
            made = dict(results[index])
            notes: list[Note] = []
            found: Sequence[Agreement | WitnessFailed] = []
            if not network.has_module:  # what counts modules has nothing to count
                made |= {name: None for engine in engines[1:] for name in of_engine(engine)}
                notes = [EngineFailed(tuple(engines[1:]), _NO_MODULE.format(network.name))] if insists else []
            elif "traced" in engines and "traced" not in task.engines:  # it is what the record holds already
                made["traced_macs"] = made["macs"]
            if task.engines:
                try:
                    found = next(outcomes).get()
                except WitnessFailed as fault:
                    notes = [EngineFailed(task.engines, str(fault))]
                except ProcessEnded as fault:
                    notes = [EngineFailed(task.engines, f"{cells[index].place}: {fault}")]
                else:
                    said = zip(task.engines, found, strict=True)
                    notes = [EngineFailed((name,), str(fault)) for name, fault in said if isinstance(fault, WitnessFailed)]
            agreed = {name: said for name, said in zip(task.engines, found, strict=False) if isinstance(said, Agreement)}
            if (label := cells[index].label) is not None:
                agreed = {name: structs.replace(said, place={**said.place, "label": label}) for name, said in agreed.items()}
            for name in task.engines:
                made |= _heard(name, agreed.get(name))
            records = [made if i == index else each for i, each in enumerate(results)]
            agreements = [*results.agreements, *agreed.values()]
            results = results.replace(records, agreements=agreements, notes=[*results.notes, *notes])
            yield Recounted(results, index)
    except KeyboardInterrupt:
        waiting = any(value is WAITING for record in results for name, value in record.items() if name not in MEASURED_COLUMNS)
        notes = [*results.notes, *([RecountInterrupted()] if waiting else [])]
        raise Interrupted(known(results).replace(notes=notes)) from None
    return results


_NO_MODULE = "{} is an ONNX file, of which no torch module is made; its count by its own shapes stands"


def _asked(cell: Cell, engines: Sequence[str], insists: bool) -> Hearing:
    """What is to be asked of a cell: nothing of an ONNX file, and of a reference no tracing, which has been."""
    network, found = cell.network, None
    asked = tuple(engines) if network.has_module else ()
    if not isinstance(network, Network):
        asked, found = tuple(name for name in asked if name != "traced"), network.found(cell.batch)
    return Hearing(network, cell.batch, asked, insists, found)


def _heard(engine: str, agreement: Agreement | None) -> Record:
    """The columns of one engine: what it counts, unknown where it could not."""
    names = of_engine(engine)
    if agreement is None:
        return dict.fromkeys(names)
    return {name: agreement.total if name.endswith("_total") else agreement.macs for name in names}


def weighed(results: Results, cells: Sequence[Cell], where: Where | None = None) -> Generator[Event, None, Results]:
    """The records with the peak bytes of an inference: of the zoo on paper, of a reference traced; unknown where it fails.

    Raises Unavailable where a reference finds no torch; Interrupted where the user ends it.
    """
    results = results.replace([{**record, "memory_bytes": WAITING} for record in results])
    yield Started(results)
    notes: list[Note] = [PeakMemory()]
    try:
        for i, (cell, outcome) in enumerate(zip(cells, (where or Here()).results(weigh, cells), strict=True)):
            peak: int | None = None
            try:
                peak = outcome.get()
            except Unavailable:
                raise
            except ProfilerError as fault:
                notes.append(Unweighed(str(cell.place), str(fault)))
            results = results.replace([{**r, "memory_bytes": peak} if j == i else r for j, r in enumerate(results)])
            yield Recounted(results, i)
    except KeyboardInterrupt:
        raise Interrupted(known(results)) from None
    return results.replace(notes=[*results.notes, *notes])
