"""A sweep of which some cells are measured and the others predicted from them. No torch in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import exp
from typing import Any

from profiler.measure.devices import kind_of
from profiler.measure.plan import Setting
from profiler.measure.protocol import Outcome
from profiler.measure.statistics import shares
from profiler.prediction import calibration, choice
from profiler.prediction.calibration import Calibration, Layer, Measured
from profiler.prediction.features import Works, is_free, work_of, works_of
from profiler.prediction.features import kind_of as kind_of_row
from profiler.records.columns import MEASURED_COLUMNS, SETTING, Record, latency
from profiler.records.events import Event, Timed
from profiler.records.interval import Interval
from profiler.records.notes import Note, NotPredicted, Predicted
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted
from profiler.study.layers import rows_of
from profiler.study.leaf_rows import leaf_rows
from profiler.study.measuring import clocked

NOT_MEASURED = "not measured: predicted from the cells that were"


def measured_and_predicted(
    results: Results, cells: Sequence[Cell], settings: Sequence[Setting], options: BenchOptions
) -> Generator[Event, None, Results]:
    """Measure some cells of each network, spread over what they do, and predict the latency of the others from them.

    `results` is as `to_be_measured` made it, in one setting. Raises as `clocked` does.
    """
    (setting,) = settings
    most = options.measured_cells
    assert most is not None
    works = [works_of(leaf_rows(cell)) for cell in cells]
    networks = _networks(cells)
    chosen = sorted(members[k] for members in networks for k in choice.chosen([works[i] for i in members], most))
    layers = has_leaf_marks(setting)
    running = clocked(
        _part(results, chosen), [cells[i] for i in chosen], settings, options,
        frozenset(range(len(chosen))) if layers else frozenset(),
    )  # fmt: skip
    try:
        while True:
            try:
                event = next(running)
            except StopIteration as end:
                found, run = end.value
                break
            try:
                assert isinstance(event, Timed)
                yield event._replace(results=_merged(results, event.results, chosen))
            except KeyboardInterrupt as hand:
                running.throw(hand)
    except Interrupted as hand:
        raise Interrupted(_merged(results, hand.found, chosen, last=True)) from None
    outcomes = dict(zip(chosen, run.outcomes, strict=True))
    results = _merged(results, found, chosen, last=True)
    return _predicted(results, cells, works, networks, outcomes, layers)


def _predicted(
    results: Results,
    cells: Sequence[Cell],
    works: Sequence[Works],
    networks: Sequence[Sequence[int]],
    outcomes: dict[int, Outcome],
    layers: bool,
) -> Results:
    records: list[Record] = list(results)
    notes: list[Note] = []
    refused: dict[str, list[int]] = {}
    for members in networks:
        known = [
            on_the_clock(cells[i], works[i], records[i], outcomes[i], layers)
            for i in members
            if i in outcomes and latency(records[i]) is not None
        ]
        rest = [i for i in members if i not in outcomes]
        try:
            found: Calibration | None = calibration.calibrated(known)
        except ValueError as fault:
            found, why = None, f"too few cells were measured ({fault})"
        guessed = 0
        for i in rest:
            reason = why if found is None else found.refusal(works[i])
            if found is None or reason:
                refused.setdefault(reason, []).append(i)
                records[i] = {**records[i], "reason": f"not measured, and not predicted: {reason}"}
                continue
            guessed += 1
            records[i] = {**records[i], **_columns(found.predict(works[i]), len(known), layers), "reason": NOT_MEASURED}
        if found is not None and guessed:
            notes.append(Predicted(guessed, len(known), exp(found.spread) - 1, layers))
    notes += [NotPredicted(Place.of(records[at[0]]), len(at) - 1, reason) for reason, at in refused.items()]
    return results.replace(records, notes=[*results.notes, *notes])


def _columns(found: Interval, measured: int, layers: bool) -> Record:
    what = "layers of cells" if layers else "cells"
    return {
        "predicted_s": found.estimate,
        "predicted_low_s": found.low,
        "predicted_high_s": found.high,
        "predicted_from": f"{measured} {what} measured here",
    }


def on_the_clock(cell: Cell, works: Works, record: Record, outcome: Outcome, layers: bool) -> Measured:
    """A cell with its latency, and its layers where they were clocked."""
    known = latency(record)
    assert known is not None
    whole = Interval(*known)
    if not layers:
        return Measured("", works, whole)
    share = shares([each.visit.layers for each in outcome.rounds.values()])
    rows = rows_of(cell.network.profile(cell.batch).rows, list(share))
    clocked_layers = tuple(
        Layer(kind_of_row(row), work_of(row), share[path] * whole.estimate) for path, row in rows.items() if not is_free(row)
    )
    return Measured("", works, whole, clocked_layers)


def has_leaf_marks(setting: Setting) -> bool:
    return kind_of(setting.device).has_leaf_marks and setting.mode == "infer" and setting.runtime == "eager"


def _networks(cells: Sequence[Cell]) -> list[list[int]]:
    """The cells of one network each, whatever options it is run over with."""
    groups: dict[Any, list[int]] = {}
    for i, cell in enumerate(cells):
        groups.setdefault((cell.network.name, cell.label), []).append(i)
    return list(groups.values())


def _part(results: Results, chosen: Sequence[int]) -> Results:
    records = [results[i] for i in chosen]
    return results.replace(records, base=records[0])


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
