"""A sweep of which some cells are measured and the others predicted from them. No torch in this process."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator, Sequence
from math import exp
from typing import Any

from profiler.measure.plan import Setting
from profiler.prediction import choice, deciding
from profiler.prediction.features import works_of
from profiler.records.columns import MEASURED_COLUMNS, SETTING, Record
from profiler.records.events import Event, Timed
from profiler.records.interval import Interval
from profiler.records.notes import MeasuredToDecide, Note, Predicted
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted
from profiler.study.leaf_rows import leaf_rows
from profiler.study.measuring_in_turns import FIRST, Turns
from profiler.study.notes import FEWEST as FEWEST_RATED
from profiler.study.predicted import Refusals, calibrated_here, predicted_here

NOT_MEASURED = "not measured: predicted from the cells that were"


def measured_and_predicted(
    results: Results, cells: Sequence[Cell], settings: Sequence[Setting], options: BenchOptions
) -> Generator[Event, None, Results]:
    """Measure some cells of each network, spread over what they do, and predict the latency of the others from them.

    With time left, the cells are measured whose predictions leave the most undecided: which are on the Pareto front, then who
    is faster. `results` is as `to_be_measured` made it, in one setting. Raises as `clocked` does.
    """
    (setting,) = settings
    most = options.measured_cells
    assert most is not None
    works = [works_of(leaf_rows(cell)) for cell in cells]
    networks = _networks(cells)
    traits = [_traits(cell) for cell in cells]
    chosen = sorted(
        members[k]
        for members in networks
        for k in choice.chosen([works[i] for i in members], most, [traits[i] for i in members])
    )
    turns = Turns(results, cells, works, setting, options)
    decided: list[str] = []
    interrupted = False
    try:
        with turns.open():
            share = FIRST if len(chosen) < len(cells) else 1.0
            yield from _shown(results, turns, turns.measure_first(chosen, share))
            while (more := _next(results, turns, networks)) is not None:
                decided.append(more[0].what)
                yield from _shown(results, turns, turns.measure([more[0].cell], more[1]))
    except KeyboardInterrupt:
        if not turns.tried:
            raise
        interrupted = True
    results = _merged(results, turns.ended(interrupted), turns.tried, last=True)
    results = _predicted(results, turns, networks, decided)
    if interrupted:
        raise Interrupted(results)
    return results


def _traits(cell: Cell) -> tuple[Hashable, ...]:
    """Where a cell stands on each axis of a sweep."""
    network = cell.network
    return network.alpha, str(network.inputs), cell.batch, *map(str, cell.over.values())


def _shown(results: Results, turns: Turns, events: Iterator[Timed]) -> Iterator[Timed]:
    """The events of a turn, with the results of all cells."""
    for event in events:
        yield event._replace(results=_merged(results, event.results, turns.tried))


def _next(results: Results, turns: Turns, networks: Sequence[Sequence[int]]) -> tuple[deciding.Deciding, float] | None:
    """The cell that is measured next, and the seconds for it; None where nothing is undecided, or the time is spent."""
    known = turns.known()
    intervals: list[Interval | None] = [None] * len(results)
    seconds: dict[int, float] = {}
    for members in networks:
        found, _ = calibrated_here([known[i].network for i in members if i in known])
        for i in members:
            if i in known:
                intervals[i] = known[i].network.seconds
            elif found is not None and i not in turns.tried and not found.refusal(turns.works[i]):
                intervals[i] = guess = found.predict(turns.works[i])
                turn_s = turns.one_more_s(guess.estimate)
                seconds |= {} if turn_s is None else {i: turn_s}
    rated = [record["top1"] for record in results]
    gains = rated if sum(each is not None for each in rated) >= FEWEST_RATED else [float(record["macs"]) for record in results]
    more = deciding.for_a_front(intervals, gains, [record["batch"] for record in results], seconds.keys())
    return None if more is None else (more, seconds[more.cell])


def _predicted(results: Results, turns: Turns, networks: Sequence[Sequence[int]], decided: Sequence[str]) -> Results:
    """The results with the predictions of what was not measured."""
    records: list[Record] = list(results)
    notes: list[Note] = []
    refused = Refusals()
    known = turns.known()
    for members in networks:
        measured = [known[i].network for i in members if i in known]
        found, why = calibrated_here(measured)
        guessed = 0
        for i in members:
            if i in known or not turns.may_be_predicted(i):
                continue
            columns, reason = predicted_here(found, why, turns.works[i], turns.layers)
            guessed += not reason
            if i in turns.tried:
                records[i] = {**records[i], **columns}
                continue
            refused.add(reason, i)
            said = f"not measured, and not predicted: {reason}" if reason else NOT_MEASURED
            records[i] = {**records[i], **columns, "reason": said}
        if found is not None and guessed:
            notes.append(Predicted(guessed, len(measured), exp(found.spread) - 1, turns.layers))
    if decided:
        notes.append(MeasuredToDecide(len(decided), tuple(dict.fromkeys(decided))))
    return results.replace(records, notes=[*results.notes, *notes, *refused.notes(records)])


def _networks(cells: Sequence[Cell]) -> list[list[int]]:
    """The cells of one network each, whatever options it is run over with."""
    groups: dict[Any, list[int]] = {}
    for i, cell in enumerate(cells):
        groups.setdefault((cell.network.name, cell.label), []).append(i)
    return list(groups.values())


def _merged(results: Results, part: Results, chosen: Sequence[int], last: bool = False) -> Results:
    """The results with the measured cells as they stand; at the `last` time what was not measured is unknown."""
    where = {i: k for k, i in enumerate(chosen)}
    records = [part[where[i]] if i in where else (_unmeasured(record) if last else record) for i, record in enumerate(results)]
    rounds = [part.rounds[where[i]] if i in where and part.rounds else [] for i in range(len(results))]
    return results.replace(
        records, base=records[0], rounds=rounds, machine=part.machine, samples=part.samples, notes=part.notes
    )


def _unmeasured(record: Record) -> Record:
    return {**record, **{name: None for name in MEASURED_COLUMNS if name not in SETTING}, "reason": NOT_MEASURED}
