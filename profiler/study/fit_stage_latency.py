"""A limit of latency on combinations of stages: some are measured, all predicted, and the recommended ones measured too."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from fractions import Fraction
from math import exp
from random import Random
from typing import TYPE_CHECKING, Any

from profiler.count.stages import MULTIPLE_OF
from profiler.load.by_stage import written
from profiler.load.load import Network
from profiler.prediction import choice, deciding
from profiler.prediction.calibration import Calibration
from profiler.prediction.features import works_of
from profiler.records.columns import PREDICTED, SETTING, Record
from profiler.records.events import Event
from profiler.records.notes import MeasuredToDecide, Note, NotPredicted, Predicted
from profiler.records.place import Place
from profiler.records.stage_fit import LATENCY_COLUMNS, LatencyOfStages, StageFit
from profiler.study.bench_options import BenchOptions
from profiler.study.calibrated_source import CalibratedSource
from profiler.study.cells import Cell, Interrupted, counted
from profiler.study.fit_latency import ANCHORS, RECOMMENDED, interval_of, measured_part, said_of
from profiler.study.leaf_rows import leaf_rows
from profiler.study.measuring import to_be_measured
from profiler.study.measuring_in_turns import Turns
from profiler.study.predict_networks import family_of
from profiler.study.predicted import calibrated_here
from profiler.study.stage_latency import (
    MEASURED_UNDECIDED,
    OVER,
    STATES,
    UNDECIDED,
    UNKNOWN,
    WITHIN,
    LatencyTables,
)  # fmt: skip
from profiler.study.stage_search import ColumnsOf, Pass, StageSearch
from profiler.study.works_in_widths import WorksInWidths, seconds_at, works_at

if TYPE_CHECKING:
    from numpy import ndarray

DRAWN = 64
"""Combinations drawn at random, among which those to be measured are chosen beside the ends of the counts."""


def predicted_stages(search: StageSearch, works: WorksInWidths, limit_s: float, source: CalibratedSource) -> StageFit:
    """What fits by the latencies that a file predicts, with nothing measured."""
    family = family_of(search.network.name)
    found = source.calibration(family)
    reasons = [source.refusal_of_family(family), source.refusal_of_batch(search.batch), source.reason]
    why = "; ".join(filter(None, reasons))
    tables = None if why else _tables(search, works, found, limit_s)
    made = search.swept(tables)
    if tables is None:
        made.states[made.states == WITHIN] = UNKNOWN
        made.within.clear()
    words = f"{len(source.networks)} cells of {source.source.name}"
    columns = _columns(search, tables, words, limit_s, {}, source.setting)
    return _answer(search, made, tables, columns, why, found, source.notes(), None)


def timed_stages(
    search: StageSearch, works: WorksInWidths, limit_s: float, options: BenchOptions
) -> Generator[Event, None, StageFit]:
    """What fits: some combinations are measured here, all predicted from them, and those at the top measured too.

    With time left, those that are undecided follow, the one with the most multiply-adds first; after each, all are predicted
    anew. Raises Interrupted with what there is by then where the user ends it; ProfilerError, Unavailable.
    """
    import numpy as np

    paper = search.swept()
    if not paper.fits.any():
        return search.answer(paper)
    setting, options = options.setting(), replace(options, outputs=())  # the samples go to the cache
    candidates = _candidates(paper)
    known_works = works_at(works, search.values(np.array(candidates, np.int64)), len(candidates))
    numbers = [candidates[i] for i in choice.chosen(known_works, ANCHORS)]
    cells = [cell_of(search, number) for number in numbers]
    turns = Turns(
        to_be_measured(counted(cells, "fit"), cells, [setting]), cells, [works_of(leaf_rows(cell)) for cell in cells],
        setting, options,
    )  # fmt: skip
    decided, interrupted = 0, False
    try:
        with turns.open():
            yield from turns.measure_first(range(len(cells)))
            while (more := _next(search, works, limit_s, turns, numbers)) is not None:
                number, seconds = more
                if number not in numbers:
                    cell = cell_of(search, number)
                    turns.add(cell, works_of(leaf_rows(cell)))
                    numbers.append(number)
                decided += 1
                yield from turns.measure([numbers.index(number)], seconds)
    except KeyboardInterrupt:
        if not turns.tried:
            raise
        interrupted = True
    ended = turns.ended(interrupted)
    measured = {numbers[i]: measured_part(found) for i, found in turns.known().items()}
    found, why = calibrated_here([each.network for each in turns.known().values()])
    tables = None if found is None else _tables(search, works, found, limit_s)
    made = search.swept(tables, _states(measured, limit_s))
    if tables is None:
        made.states[(made.states == WITHIN) & ~np.isin(np.arange(made.states.size), list(measured))] = UNKNOWN
        made.within.clear()
    source = f"{'layers of ' if turns.layers else ''}{len(measured)} combinations measured here"
    columns = _columns(search, tables, source, limit_s, measured, dict.fromkeys(SETTING))
    notes: list[Note] = []
    if found is not None:
        guessed = made.count(WITHIN, UNDECIDED, OVER, MEASURED_UNDECIDED) - len(measured)
        notes.append(Predicted(max(guessed, 0), len(measured), exp(found.spread) - 1, turns.layers))
    notes += [MeasuredToDecide(decided, ("limit",))] if decided else []
    notes += said_of(ended.notes, interrupted)
    answer = _answer(search, made, tables, columns, why, found, notes, ended.machine)
    if interrupted:
        raise Interrupted(answer)
    return answer


def cell_of(search: StageSearch, number: int) -> Cell:
    """The network of a combination, as its name `mobilenet_v1@stages=0.5:1:1:1:1` makes it."""
    import numpy as np

    index = np.unravel_index(number, search.shape)
    multipliers = [options[int(i)][0] for options, i in zip(search.choices, index, strict=True)]
    network = search.network
    if all(each == Fraction(1) for each in multipliers):
        return Cell(network, search.batch)
    options = {**network.options, "stages": written(multipliers)}
    options |= {} if search.multiple == MULTIPLE_OF else {"multiple_of": search.multiple}
    widths = [int(width[0]) for width in search.widths(np.array([number], np.int64))]
    value = search.found.value(widths)
    return Cell(Network(network.name, network.architecture, options, network.alpha, value, network.inputs), search.batch)


def _candidates(paper: Pass) -> list[int]:
    """Combinations to choose among which to measure: the ends of the counts within the limits, and some drawn at random."""
    import numpy as np

    ends = list(dict.fromkeys(number for _, number in paper.within.values()))
    fits = paper.fits
    draw, left, drawn = Random(0), DRAWN, dict[int, None]()
    many = int(fits.sum())
    wanted = sorted(draw.sample(range(many), min(left, many)))
    seen = 0
    for start in range(0, fits.size, 1 << 20):
        here = int(fits[start : start + (1 << 20)].sum())
        inside = [rank - seen for rank in wanted if seen <= rank < seen + here]
        if inside:
            drawn |= dict.fromkeys(int(start + i) for i in np.flatnonzero(fits[start : start + (1 << 20)])[inside])
        seen += here
    return list(dict.fromkeys([*ends, *drawn]))


def _tables(search: StageSearch, works: WorksInWidths, found: Calibration, limit_s: float) -> LatencyTables:
    return LatencyTables(search.found, [[option for _, option in stage] for stage in search.choices], works, found, limit_s)


def _states(measured: Mapping[int, Record], limit_s: float) -> dict[int, int]:
    """How the combinations that were measured stand."""
    return {number: STATES[deciding.verdict(interval_of(columns), limit_s)] for number, columns in measured.items()}


def _next(
    search: StageSearch, works: WorksInWidths, limit_s: float, turns: Turns, numbers: list[int]
) -> tuple[int, float] | None:
    """The combination that is measured next, and the seconds for it; None where nothing is undecided, or the time is spent.

    First those that are recommended, then the one that is undecided and has the most multiply-adds.
    """
    import numpy as np

    known = turns.known()
    found, _ = calibrated_here([each.network for each in known.values()])
    if found is None:
        return None
    tables = _tables(search, works, found, limit_s)
    columns = {numbers[i]: measured_part(each) for i, each in known.items()}
    tried = {numbers[i] for i in turns.tried}
    made = search.swept(tables, {**dict.fromkeys(tried, MEASURED_UNDECIDED), **_states(columns, limit_s)})
    wanted = [int(number) for number in search.maximal(made.fits)[:RECOMMENDED] if int(number) not in tried]
    wanted += [made.undecided] if made.undecided is not None else []
    for number in wanted:
        expected = float(seconds_at(tables.terms, search.values(np.array([number], np.int64)), 1)[0])
        seconds = turns.one_more_s(expected)
        if seconds is not None:
            return number, seconds
    return None


def _columns(
    search: StageSearch, tables: LatencyTables | None, source: str, limit_s: float, measured: Mapping[int, Record],
    setting: Mapping[str, Any],
) -> ColumnsOf:  # fmt: skip
    """The columns of latency of any combinations that are measured, or covered by what was."""
    empty = {**dict.fromkeys(LATENCY_COLUMNS), **{name: setting[name] for name in SETTING if name in LATENCY_COLUMNS}}

    def columns(flat: ndarray[Any, Any]) -> Callable[[int], Record]:
        seconds = None if tables is None else seconds_at(tables.terms, search.values(flat), len(flat))

        def of(i: int) -> Record:
            made = dict(empty)
            if (number := int(flat[i])) in measured:
                made |= {name: measured[number].get(name) for name in LATENCY_COLUMNS}
            elif tables is not None and seconds is not None:
                middle = float(seconds[i])
                found = (middle, middle * tables.low, middle * tables.high, source)
                made |= dict(zip((column.name for column in PREDICTED), found, strict=True))
            return {**made, "latency_fits": deciding.verdict(interval_of(made), limit_s)}

        return of

    return columns


def _answer(
    search: StageSearch, made: Pass, tables: LatencyTables | None, columns: ColumnsOf, why: str, found: Calibration | None,
    notes: list[Note], machine: Mapping[str, Any] | None,
) -> StageFit:  # fmt: skip
    """The answer of the last pass, with what is to be said of its latencies."""
    unknown = made.count(UNKNOWN)
    if unknown:
        import numpy as np

        number = made.refused if made.refused is not None else int(np.argmax(made.states == UNKNOWN))
        cell = cell_of(search, number)
        reason = why or (found.refusal(works_of(leaf_rows(cell))) if found is not None else "")
        notes = [*notes, NotPredicted(Place(cell.network.name, dict(cell.network.options), 1.0), unknown - 1, reason)]
    latency = LatencyOfStages(
        made.count(UNDECIDED, MEASURED_UNDECIDED), made.count(OVER), unknown, tuple(notes)
    )  # fmt: skip
    return search.answer(made, columns, tables, latency, machine)
