"""The latency of what fits all else: some cells are measured, the others predicted, and those that decide measured too."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import NamedTuple

from profiler.prediction import choice, deciding
from profiler.prediction.features import works_of
from profiler.records.columns import MEASURED_COLUMNS, Record, latency, prediction
from profiler.records.events import Event
from profiler.records.interval import Interval
from profiler.records.notes import FitInterrupted, MeasuredToDecide, MeasuringInterrupted, Note, Predicted
from profiler.study.bench_options import BenchOptions
from profiler.study.calibrated_source import CalibratedSource
from profiler.study.cells import Cell, counted
from profiler.study.leaf_rows import leaf_rows
from profiler.study.measuring import to_be_measured
from profiler.study.measuring_in_turns import FIRST, Found, Turns
from profiler.study.predict_networks import family_of
from profiler.study.predicted import Refusals, calibrated_here, predicted_columns, predicted_here

ANCHORS, RECOMMENDED = 12, 5
"""Cells that are measured so that the others are predicted, and cells at the top that are measured besides."""
OF_OTHERS = ("ratio", "ratio_low", "ratio_high", "verdict", "pareto")
"""Measured columns of a comparison, which a fit is none of."""


class Latencies(NamedTuple):
    """What is known of the latency of cells: columns by position, and what is to be said of them."""

    columns: dict[int, Record]
    notes: list[Note]
    interrupted: bool = False
    """True where the user ended it."""


def latencies(
    records: Sequence[Record], cells: Sequence[Cell], best: Sequence[int], limit_s: float, options: BenchOptions
) -> Generator[Event, None, Latencies]:
    """The latencies of the cells at the positions `best`, the most wanted first, held to a limit.

    Each gets `latency_fits`: within, over or undecided by its interval, measured or predicted; unknown where it is refused.
    Raises ProfilerError, Unavailable.
    """
    setting, options = options.setting(), replace(options, outputs=())  # the samples go to the cache
    some = [cells[i] for i in best]
    works = [works_of(leaf_rows(cell)) for cell in some]
    turns = Turns(to_be_measured(counted(some, "fit"), some, [setting]), some, works, setting, options)
    decided, interrupted = 0, False
    try:
        with turns.open():
            first = choice.chosen(works, ANCHORS)
            yield from turns.measure_first(first, FIRST if len(first) < len(works) else 1.0)
            while (more := _next(turns, limit_s)) is not None:
                decided += 1
                yield from turns.measure([more[0]], more[1])
    except KeyboardInterrupt:
        if not turns.tried:
            raise
        interrupted = True
    said = said_of(turns.ended(interrupted).notes, interrupted)
    known = turns.known()
    measured = [each.network for each in known.values()]
    found, why = calibrated_here(measured)
    columns: dict[int, Record] = {}
    refused = Refusals()
    guessed = 0
    for k, i in enumerate(best):
        if k in known:
            made = measured_part(known[k])
        else:
            made, reason = predicted_here(found, why, works[k], turns.layers)
            guessed += not reason
            refused.add(reason, i)
        columns[i] = {**made, "latency_fits": deciding.verdict(interval_of(made), limit_s)}
    notes: list[Note] = [] if found is None else [Predicted(guessed, len(measured), exp(found.spread) - 1, turns.layers)]
    notes += [MeasuredToDecide(decided, ("limit",))] if decided else []
    return Latencies(columns, [*notes, *refused.notes(records), *said], interrupted)


def latencies_from(
    records: Sequence[Record], cells: Sequence[Cell], best: Sequence[int], limit_s: float, source: CalibratedSource
) -> Latencies:
    """The same predicted from a file, with nothing measured."""
    columns: dict[int, Record] = {}
    refused = Refusals()
    for i in best:
        seconds, reason, words = source.guess(
            works_of(leaf_rows(cells[i])), family_of(cells[i].network.name), records[i]["batch"]
        )
        refused.add(reason, i)
        made = {} if reason else predicted_columns(seconds, words) | source.setting
        columns[i] = {**made, "latency_fits": deciding.verdict(interval_of(made), limit_s)}
    return Latencies(columns, [*source.notes(), *refused.notes(records)])


def _next(turns: Turns, limit_s: float) -> tuple[int, float] | None:
    """The cell that is measured next, and the seconds for it; None where nothing is undecided, or the time is spent."""
    known = turns.known()
    found, _ = calibrated_here([each.network for each in known.values()])
    verdicts, seconds = [], dict[int, float]()
    for k, works in enumerate(turns.works):
        interval = known[k].network.seconds if k in known else None
        if interval is None and found is not None and not found.refusal(works):
            interval = found.predict(works)
            turn_s = None if k in turns.tried else turns.one_more_s(interval.estimate)
            seconds |= {} if turn_s is None else {k: turn_s}
        verdicts.append(deciding.verdict(interval, limit_s))
    more = deciding.for_a_limit(verdicts, known.keys(), seconds.keys(), RECOMMENDED)
    return None if more is None else (more.cell, seconds[more.cell])


def measured_part(found: Found) -> Record:
    """The measured columns of a cell, which are those of a fit too."""
    return {name: found.record[name] for name in MEASURED_COLUMNS if name in found.record and name not in OF_OTHERS}


def said_of(notes: Sequence[Note], interrupted: bool) -> list[Note]:
    """What is said of a run of measuring, of a fit: one that was interrupted cannot be resumed."""
    kept = [note for note in notes if not isinstance(note, MeasuringInterrupted)]
    return [*kept, *([FitInterrupted()] if interrupted else [])]


def interval_of(columns: Mapping[str, object]) -> Interval | None:
    """The latency of a cell as it was measured, or predicted; None where it is neither."""
    found = latency(columns) or prediction(columns)
    return None if found is None else Interval(*found)
