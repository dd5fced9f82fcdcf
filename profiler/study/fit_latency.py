"""The latency of what fits all else: some cells are measured, the others predicted, and those at the top measured too."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from math import exp
from typing import NamedTuple

from profiler.measure.plan import Setting
from profiler.prediction import choice
from profiler.prediction.calibration import MeasuredNetwork
from profiler.prediction.features import works_of
from profiler.records.columns import MEASURED_COLUMNS, Record, latency
from profiler.records.events import Event
from profiler.records.notes import Note, Predicted
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted, counted
from profiler.study.leaf_rows import leaf_rows
from profiler.study.measuring import clocked, to_be_measured
from profiler.study.predicted import Refusals, calibrated_here, predicted_here
from profiler.study.predicting import has_leaf_marks, on_the_clock

ANCHORS, RECOMMENDED = 12, 5
"""Cells that are measured so that the others are predicted, and cells at the top that are measured besides."""
FIRST = 0.6
"""Share of the time for the former."""


RATIO = ("ratio", "ratio_low", "ratio_high", "verdict", "pareto")
"""Columns of a comparison, which a fit is none of."""


class Latencies(NamedTuple):
    """What is known of the latency of cells: columns by position, and what is to be said of them."""

    columns: dict[int, Record]
    notes: list[Note]


def latencies(
    records: Sequence[Record], cells: Sequence[Cell], best: Sequence[int], limit_s: float, options: BenchOptions
) -> Generator[Event, None, Latencies]:
    """The latencies of the cells at the positions `best`, the most wanted first, held to a limit.

    Each gets `latency_fits`: within, over or undecided by its interval, measured or predicted; unknown where it is refused.
    Raises as `clocked` does.
    """
    setting = options.setting()
    works = [works_of(leaf_rows(cells[i])) for i in best]
    anchors = choice.chosen(works, ANCHORS)
    said: list[Note] = []
    first = yield from _clock(anchors, cells, best, setting, _for(options, FIRST), said)
    known = {k: columns for k, (columns, _) in first.items()}
    layers = has_leaf_marks(setting)
    found, why = calibrated_here([each for _, each in first.values() if each is not None])
    guesses = {k: predicted_here(found, why, works[k], layers) for k in range(len(best)) if k not in known}
    wanted = [k for k, (columns, _) in guesses.items() if _verdict(columns, limit_s) in ("within", "undecided")][:RECOMMENDED]
    if wanted:
        second = yield from _clock(wanted, cells, best, setting, _for(options, 1 - FIRST), said)
        known |= {k: columns for k, (columns, _) in second.items() if latency(columns) is not None}
    columns = {}
    refused = Refusals()
    for k, i in enumerate(best):
        made, reason = (known[k], "") if k in known else guesses[k]
        refused.add(reason, i)
        columns[i] = {**made, "latency_fits": _verdict(made, limit_s)}
    notes: list[Note] = []
    if found is not None:
        guessed = sum(k not in known and not reason for k, (_, reason) in guesses.items())
        notes.append(Predicted(guessed, len(found.measured), exp(found.spread) - 1, layers))
    return Latencies(columns, [*notes, *refused.notes(records), *said])


def _for(options: BenchOptions, share: float) -> BenchOptions:
    """The same with a share of its time, whose samples go to the cache."""
    return replace(options, time=share * options.budget.seconds, outputs=())


def _clock(
    wanted: Sequence[int],
    cells: Sequence[Cell],
    best: Sequence[int],
    setting: Setting,
    options: BenchOptions,
    said: list[Note],
) -> Generator[Event, None, dict[int, tuple[Record, MeasuredNetwork | None]]]:
    """Measure some cells, with their layers where the device can: their measured columns, and what a model is fitted to.

    What is to be said of the run is put at the end of `said`. Raises KeyboardInterrupt where the user ends it: half of a fit
    would be none.
    """
    some = [cells[best[k]] for k in wanted]
    layers = has_leaf_marks(setting)
    results = to_be_measured(counted(some, "fit"), some, [setting])
    try:
        found = yield from clocked(results, some, [setting], options, frozenset(range(len(some))) if layers else frozenset())
    except Interrupted:
        raise KeyboardInterrupt from None
    said += [note for note in found.results.notes if note not in said]
    made: dict[int, tuple[Record, MeasuredNetwork | None]] = {}
    for k, cell, record, outcome in zip(wanted, some, found.results, found.run.outcomes, strict=True):
        columns = {name: record[name] for name in MEASURED_COLUMNS if name in record and name not in RATIO}
        there = latency(record) is not None
        made[k] = (columns, on_the_clock(cell, works_of(leaf_rows(cell)), record, outcome, layers) if there else None)
    return made


def _verdict(columns: Record, limit_s: float) -> str:
    """`within`, `over` or `undecided`: where the interval of a latency lies; `unknown` where there is none."""
    ends = [columns.get(name) for name in ("latency_low_s", "latency_high_s")]
    if None in ends:
        ends = [columns.get(name) for name in ("predicted_low_s", "predicted_high_s")]
    low, high = ends
    if low is None or high is None:
        return "unknown"
    return "within" if high <= limit_s else "over" if low > limit_s else "undecided"
