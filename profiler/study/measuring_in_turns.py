"""Cells on the clock a few at a time, in one run: what the first ones came to says which are measured next. No torch here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from profiler.measure.outcomes import Outcome, Run
from profiler.measure.plan import LEAST_ROUNDS, Setting, Spec
from profiler.measure.protocol import WARM_SHARE
from profiler.prediction.calibration import MeasuredNetwork
from profiler.prediction.features import Works
from profiler.records.columns import Record, latency
from profiler.records.events import Timed
from profiler.records.results import Results
from profiler.study import measuring
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, counted
from profiler.study.clocked_network import clocked_network, has_leaf_marks

FIRST = 0.6
"""Share of the time for the cells that the others are predicted from; what they leave of it, and the rest, is for deciding."""
EACH = (1 - FIRST) / 5
"""Share of the time for one more cell."""
ENOUGH = 6
"""Cells from which others are predicted well; with fewer, what is left of the time goes to more of them."""
EVERY = range(sys.maxsize)
"""All cells, whatever is added to them."""


class Found(NamedTuple):
    """A cell that was measured: its record, and what a model is fitted to."""

    record: Record
    network: MeasuredNetwork


class Turns:
    """A run of the protocol over some of the `cells`, in one setting; `measure` is a turn of it.

    `results` are the records of the cells, as `to_be_measured` made them. Leaves are clocked where the device can.
    """

    def __init__(
        self, results: Results, cells: Sequence[Cell], works: Sequence[Works], setting: Setting, options: BenchOptions
    ) -> None:
        self.setting, self.options, self.layers = setting, options, has_leaf_marks(setting)
        self.results, self.records, self.cells, self.works = results, list(results), list(cells), list(works)
        self.specs: list[Spec] = measuring.specs_of(self.cells, [setting])
        self.tried: list[int] = []
        """The cells that had a turn, in the order of their turns."""
        self.run = Run([])
        self._session: measuring.Session | None = None
        self._known: dict[int, tuple[int, Found]] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """The run, for the time of a with block. Raises ProfilerError, Unavailable."""
        layers = EVERY if self.layers else frozenset[int]()
        with measuring.session(self.specs, self.results.command, self.options, layers) as self._session:
            self._session.scheduler.base = None  # nothing is compared with the first cell
            self.run = self._session.scheduler.run
            yield

    def add(self, cell: Cell, works: Works) -> int:
        """One more cell, while the run is open: its number. Raises ProfilerError where it does not fit the memory."""
        (spec,) = measuring.specs_of([cell], [self.setting])
        made = measuring.to_be_measured(counted([cell], self.results.command), [cell], [self.setting])
        self.cells.append(cell)
        self.works.append(works)
        self.records.append(made[0])
        self.specs.append(spec)
        self.run.outcomes.append(Outcome())
        return len(self.cells) - 1

    def measure_first(self, numbers: Sequence[int], share: float = FIRST) -> Iterator[Timed]:
        """A turn for the cells that the others are predicted from; where too few of them had their rounds, one more."""
        yield from self.measure(numbers, share * self.options.budget.seconds)
        short = [i for i in numbers if self.run.outcomes[i].too_few]
        if len(numbers) - len(short) < min(ENOUGH, len(numbers)) and self.left_s > 0:
            yield from self.measure(short, self.left_s)

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left."""
        return self.options.budget.seconds - self.run.spent_s

    def one_more_s(self, expected_s: float) -> float | None:
        """Seconds of a turn for a cell that is thought to take so long a call; None where what is left does not hold it."""
        left, each = self.left_s, EACH * self.options.budget.seconds
        calls = 2 * LEAST_ROUNDS * (2 if self.layers else 1)
        needed = calls * expected_s * self._pace() / (1 - WARM_SHARE)
        return None if left < each / 2 or needed > left else min(max(each, needed), left)

    def _pace(self) -> float:
        """How many times as long as its latency a call takes by the clock on the wall: more than 1 on a busy machine."""
        found = [(self.run.outcomes[i].warmed, found.network.seconds.estimate) for i, (_, found) in self._known.items()]
        return max(1.0, median([warmed.call_s / seconds for warmed, seconds in found if warmed is not None] or [1.0]))

    def measure(self, numbers: Sequence[int], seconds: float) -> Iterator[Timed]:
        """A turn for some cells, of so many seconds at most; events with the results of all that had a turn so far."""
        assert self._session is not None
        self.tried += [number for number in numbers if number not in self.tried]
        results = self._waiting()
        specs = [self.specs[i] for i in self.tried]
        for run in measuring.now_and_then(self._session.scheduler.steps(numbers, seconds)):
            filled = measuring.filled(results, specs, self._part(), self.options)
            yield Timed(filled, run.spent_s, self.options.budget.seconds, run.stage)

    def known(self) -> dict[int, Found]:
        """The cells that have a latency, by number."""
        results = measuring.filled(self._waiting(), [self.specs[i] for i in self.tried], self._part(), self.options)
        for i, record in zip(self.tried, results, strict=True):
            rounds = len(self.run.outcomes[i].rounds)
            if latency(record) is not None and self._known.get(i, (0, None))[0] != rounds:
                network = clocked_network(self.cells[i], self.works[i], record, self.run.outcomes[i], self.layers)
                self._known[i] = (rounds, Found(record, network))
        return {i: found for i, (_, found) in self._known.items()}

    def may_be_predicted(self, number: int) -> bool:
        """False of a cell that failed: one whose time was too short may be predicted all the same."""
        return not self.run.outcomes[number].reason or self.run.outcomes[number].too_few

    def ended(self, interrupted: bool = False) -> Results:
        """The results of the cells that had a turn, in its order, with what is to be said of the run."""
        assert self._session is not None
        specs = [self.specs[i] for i in self.tried]
        return measuring.ended(self._waiting(), specs, self._part(), self._session, self.options, interrupted)

    def _waiting(self) -> Results:
        """The records of the cells that had a turn, whose measured columns still wait."""
        records = [self.records[i] for i in self.tried]
        samples = self._session.samples if self._session is not None else ""
        return self.results.replace(records, base=records[0], samples=samples)

    def _part(self) -> Run:
        return replace(self.run, outcomes=[self.run.outcomes[i] for i in self.tried])
