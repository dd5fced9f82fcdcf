"""The protocol: every cell once a round, in random order, with the reference kernel, until its interval is narrow. No torch.

The scheduler owns time, order and stopping; the device is behind `Bench`, so that a test can be the device. A group's cells
are alive together; its rounds go on until each cell is done, or the budget is spent:

- narrow: at least twenty rounds over at least three seconds, and a half-width of 1 % or less after two rounds running;
- converged: at least two hundred rounds over half of the budget, and the last three quarters of them have narrowed the interval
  by less than a tenth (independent ones would halve it): the machine drifts, and more of the same would not help;
- budget: the time is spent.

A cell that is done leaves the rounds, so what is left goes to the widest intervals; the cell that ratios are to stays until the
last. Where ten rounds of all cells do not fit the budget, the costliest are left out, with that reason. What an earlier,
interrupted run kept counts, and the budget is this run's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from profiler.measure import energy
from profiler.measure import plan as plans
from profiler.measure.devices import kind_of
from profiler.measure.energy import Energy, Meter
from profiler.measure.grades import SLOWED_BY_HARDWARE, Reading
from profiler.measure.host import Counters, others, stolen_share
from profiler.measure.outcomes import Outcome, Round, Run
from profiler.measure.plan import Budget, Spec, State
from profiler.measure.statistics import median_interval
from profiler.measure.visits import CellFailed, Prepared, ReferenceTime, Visit, Warmed

BLOCK_S = 1e-3
"""A sample lasts at least so long, for the clock's sake."""
VISIT_S = 0.05
"""What a visit of a fast cell takes."""
MOST_SAMPLES = 25
SETTLE_BELOW_S = 0.05
"""A call shorter than this feels the caches that the cell before it left, so one call settles them first."""
WARM_SHARE = 0.2
"""Share of the budget that warming up may take."""
NARROW_ROUNDS = 20
"""Looked at after every round, fewer would be narrow by chance too often."""
CONVERGED_ROUNDS, CONVERGED_GAIN = 200, 0.1
OTHERS_SPAN_S = 1.0
"""What other processes did is looked at over so long: the kernel counts in ticks of 10 ms."""


class Bench(Protocol):
    """What the scheduler drives: the pool of workers, or a test."""

    @property
    def lost_s(self) -> float:
        """Seconds that went into beginning anew after a worker was lost: they are no cell's, and not of the budget."""

    def prepare(self, number: int) -> Prepared: ...
    def warm(self, number: int, seconds: float) -> Warmed: ...
    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit: ...
    def visit_layers(self, number: int, samples: int) -> Visit: ...
    def reference(self, state: State) -> ReferenceTime | None: ...
    def release(self, number: int) -> None: ...
    def counters(self) -> Counters: ...
    def free(self, state: State) -> int | None: ...


class Keeper(Protocol):
    """What writes down what is found as it is found."""

    def prepared(self, number: int, found: Prepared, warmed: Warmed) -> None: ...
    def round(self, run: Run, cells: Mapping[int, Round]) -> None: ...
    def energy(self, number: int, found: Energy) -> None: ...
    def ended(self, number: int, stop: str, reason: str) -> None: ...


class Scheduler:
    """One run: cells, the device, a clock, a source of chance, and a keeper."""

    def __init__(
        self,
        cells: Sequence[Spec],
        bench: Bench,
        budget: Budget,
        clock: Callable[[], float],
        chance: random.Random,
        keeper: Keeper | None = None,
        base: int | None = None,
        layers: Collection[int] = frozenset(),
        meter: Meter | None = None,
    ) -> None:
        """`meter` measures the energy of each cell once its rounds are over, where that is asked for."""
        self.cells, self.bench, self.budget, self.clock, self.chance = cells, bench, budget, clock, chance
        self.keeper, self.base, self.layers, self.meter = keeper, base, layers, meter
        self.run = Run([Outcome() for _ in cells])
        self.widths: dict[int, dict[int, float]] = {}
        """Of each cell: {rounds: half-width}."""
        self.counted: list[tuple[float, Counters]] = []
        """(seconds, the kernel's counters then), as far back as they are looked at."""

    def measure(self) -> Run:
        """Measure every group, to the end."""
        for _ in self.steps():
            pass
        return self.run

    def steps(self, among: Sequence[int] | None = None, seconds: float | None = None) -> Iterator[Run]:
        """Measure every group; the run as it stands after each step. What an earlier run kept in `run` counts.

        With `among` only these cells are measured, for so many `seconds` of the budget: others may follow in another turn.
        """
        members = range(len(self.run.outcomes)) if among is None else among
        waiting = [i for i in members if not self._finished(self.run.outcomes[i])]
        chosen = sorted({*waiting, *([self.base] if waiting and self.base is not None else [])})
        base = chosen.index(self.base) if self.base in chosen else None
        states = {self.cells[i].state.device: self.cells[i].state for i in chosen}
        free = {where: self.bench.free(state) for where, state in states.items()}
        parts = plans.groups([self.cells[i] for i in chosen], free, base)
        left = self.budget.seconds if seconds is None else seconds
        for k, part in enumerate(parts):
            share = left * len(part) / sum(len(other) for other in parts[k:])
            before = self.run.spent_s
            yield from self._group([chosen[i] for i in part], share)
            left -= self.run.spent_s - before

    def _finished(self, outcome: Outcome) -> bool:
        whole = self.meter is None or outcome.energy.ended
        return bool(outcome.stop) and len(outcome.rounds) >= self.budget.least_rounds and whole

    def _now(self) -> float:
        return self.clock() - self.bench.lost_s

    def _group(self, members: list[int], seconds: float) -> Iterator[Run]:
        """One group's cells, from building to end. Interrupted, nothing is released: the workers are ended whole."""
        alive = []
        for k, number in enumerate(members):
            yield self._at(f"building {k + 1} of {len(members)}")
            alive += [number] if self._prepared(number) else []
        begun = self._now()
        self.counted = [(self.clock(), self.bench.counters())]
        already = self.run.spent_s
        for k, number in enumerate(self.chance.sample(alive, len(alive))):
            yield self._at(f"warming up {k + 1} of {len(alive)}")
            self._warmed(number, WARM_SHARE * seconds / len(alive))
        alive = [number for number in alive if not self.run.outcomes[number].reason]
        alive = self._fitting(alive, seconds - (self._now() - begun), seconds)
        yield self._at("")
        yield from self._rounds(alive, begun, seconds, already)
        yield from self._energy(alive)
        for number in members:
            if self.keeper is not None:
                self.keeper.ended(number, self.run.outcomes[number].stop, self.run.outcomes[number].reason)
            self.bench.release(number)

    def _energy(self, alive: Sequence[int]) -> Iterator[Run]:
        """The energy of the cells that have a latency, in time of its own beside the budget."""
        if self.meter is None:
            return

        def kept(number: int, found: Energy) -> None:
            if self.keeper is not None:
                self.keeper.energy(number, found)

        cells = {i: self.run.outcomes[i].energy for i in alive if not self.run.outcomes[i].reason}
        for stage in energy.measuring(cells, self.meter, self.chance, kept):
            yield self._at(stage)
        yield self._at("")

    def _at(self, stage: str) -> Run:
        """The run, at a stage."""
        self.run.stage = stage
        return self.run

    def _prepared(self, number: int) -> bool:
        outcome = self.run.outcomes[number]
        outcome.reason, outcome.too_few = "", False
        try:
            outcome.prepared = self.bench.prepare(number)
        except CellFailed as fault:
            outcome.reason = fault.reason
        return not outcome.reason

    def _warmed(self, number: int, seconds: float) -> None:
        outcome = self.run.outcomes[number]
        try:
            outcome.warmed = self.bench.warm(number, seconds)
        except CellFailed as fault:
            outcome.reason = fault.reason
            return
        self.run.inside_s += outcome.warmed.spent_s
        if self.keeper is not None and outcome.prepared is not None:
            self.keeper.prepared(number, outcome.prepared, outcome.warmed)

    def _least_cost(self, number: int) -> float:
        """Seconds of the shortest visit."""
        settle, _, block = self._shape(number, 0.0)
        calls = (settle + block * self._times(number)) * self._call(number)
        return calls * (2 if number in self.layers else 1) + self._overhead(number)

    def _times(self, number: int) -> int:
        """How often a visit makes each of its calls: where a device clocks its own work, again by events and by replays."""
        return 3 if kind_of(self.cells[number].setting.device).has_own_time else 1

    def _fitting(self, alive: list[int], left: float, seconds: float) -> list[int]:
        """The cells whose least rounds fit what is left of the budget, the costliest left out; the base is never.

        A last cell whose warm-up was too short to know its calls by is tried all the same, if a round of it fits.
        """
        kept = sorted(alive, key=self._least_cost)
        whole, round_s = self._need(alive), sum(map(self._least_cost, alive))
        while kept and self._need(kept) > max(left, 0.0) + self.budget.overrun * seconds:
            warmed = self.run.outcomes[kept[0]].warmed
            if len(kept) == 1 and self._least_cost(kept[0]) <= left and not (warmed and warmed.settled):
                break
            out = next((i for i in reversed(kept) if i != self.base), kept[-1])
            kept.remove(out)
            held = min(max(int(left / max(round_s, 1e-9)), 0), self.budget.least_rounds - 1)
            self.run.outcomes[out].reason, self.run.outcomes[out].too_few = self._too_few(held, whole, seconds), True
        return [number for number in alive if number in kept]

    def _need(self, cells: Sequence[int]) -> float:
        """Seconds that the least rounds of `cells` take, by what their warm-up said; those that have them need none."""
        least = self.budget.least_rounds
        return sum(max(least - len(self.run.outcomes[i].rounds), 0) * self._least_cost(i) for i in cells)

    def _call(self, number: int) -> float:
        warmed = self.run.outcomes[number].warmed
        return max(warmed.call_s if warmed is not None else 0.0, 1e-9)

    def _overhead(self, number: int) -> float:
        """Seconds that a visit takes besides its calls."""
        warmed = self.run.outcomes[number].warmed
        return warmed.overhead_s if warmed is not None else 0.0

    def _shape(self, number: int, seconds: float) -> tuple[int, int, int]:
        """(settling calls, samples, calls a sample) of a visit of about so many seconds."""
        call = self._call(number)
        block = max(1, round(BLOCK_S / call + 0.499))
        samples = max(1, min(MOST_SAMPLES, int(seconds / (block * self._times(number) * call))))
        # a command begins anew in each visit, and so does what it loads
        return (1 if call < SETTLE_BELOW_S or self._overhead(number) else 0), samples, block

    def _rounds(self, alive: list[int], begun: float, seconds: float, already: float) -> Iterator[Run]:
        outcomes, budget = self.run.outcomes, self.budget
        first = self._now()
        active = list(alive)
        while active:
            now = self._now()
            self.run.spent_s = already + now - begun
            short = [i for i in active if len(outcomes[i].rounds) < budget.least_rounds]
            over = now - begun >= seconds
            if over and (not short or now - begun >= seconds * (1 + budget.overrun)):
                break
            cost = sum(self._least_cost(i) for i in active)
            if not short and now - begun + cost > seconds:
                break
            # a visit of all cells should leave room for thirty rounds, and for the least ones
            self._round(short if over else active, max(seconds - (now - begun), 0.0) / (30 * len(active)))
            active = self._active(alive, self._now() - first, seconds)
            self.run.spent_s = already + self._now() - begun
            yield self.run
        self._closed(alive, seconds)

    def _round(self, active: Sequence[int], room: float) -> None:
        """Every active cell once, for so many seconds at most, and the reference kernel of every worker, in random order."""
        self.run.round += 1
        states = sorted({self.cells[i].state for i in active})
        order: list[int | State] = [*active, *states]
        self.chance.shuffle(order)
        before = self.bench.counters()
        visits: dict[int, Visit] = {}
        references: dict[State, ReferenceTime | None] = {}
        for item in order:
            if isinstance(item, State):
                references[item] = self.bench.reference(item)
                continue
            try:
                visits[item] = self._visit(item, self._length(item, room))
            except CellFailed as fault:
                self.run.outcomes[item].reason = fault.reason
        after = self.bench.counters()
        stolen, throttled = stolen_share(before, after), after.throttled - before.throttled
        taken = others(self._counted_before(after), after)
        kept: dict[int, Round] = {}
        for number, visit in visits.items():
            slowed = bool(visit.gpu.get("throttle_reasons", 0) & SLOWED_BY_HARDWARE)
            wall_s, cpu_s = references[self.cells[number].state] or (None, None)
            reading = Reading(visit.cpu_share, stolen, throttled, wall_s, slowed, taken, after.processors, cpu_s)
            kept[number] = self.run.outcomes[number].rounds[self.run.round] = Round(visit, reading)
            self.run.inside_s += visit.spent_s
        if self.keeper is not None:
            self.keeper.round(self.run, kept)

    def _length(self, number: int, room: float) -> float:
        """Seconds of calls in a visit: as many as go into what else it takes, where that is much and there is room for it."""
        overhead = self._overhead(number)
        return max(min(VISIT_S, room), min(overhead, room - overhead))

    def _counted_before(self, after: Counters) -> Counters:
        """The newest counters that are old enough to be held against `after`, which are kept for later rounds."""
        now = self.clock()
        old = [i for i, (then, _) in enumerate(self.counted) if now - then >= OTHERS_SPAN_S]
        del self.counted[: max(old, default=0)]
        self.counted.append((now, after))
        return self.counted[0][1]

    def _visit(self, number: int, each: float) -> Visit:
        """A visit; where leaves are clocked, a plain one and an instrumented one in random order, the first returned."""
        settle, samples, block = self._shape(number, each)
        if number not in self.layers:
            return self.bench.visit(number, settle, samples, block)
        turns = [
            self.bench.visit_layers(number, samples) if clocked else self.bench.visit(number, settle, samples, block)
            for clocked in self.chance.sample([False, True], 2)
        ]
        plain, instrumented = sorted(turns, key=lambda turn: bool(turn.layers))
        plain.layers, plain.layers_s = instrumented.layers, instrumented.seconds
        plain.spent_s += instrumented.spent_s
        return plain

    def _active(self, alive: Sequence[int], span: float, seconds: float) -> list[int]:
        """The cells that go on: those not done, and the base while any is."""
        going = []
        for number in alive:
            outcome = self.run.outcomes[number]
            if outcome.reason:
                continue
            outcome.stop = self._stop(number, span, seconds)
            if not outcome.stop:
                going.append(number)
        if going and self.base is not None and self.base in alive and self.base not in going:
            going.append(self.base)
        return [number for number in going if not self.run.outcomes[number].reason]

    def _stop(self, number: int, span: float, seconds: float) -> str:
        """The rule by which a cell is done; empty while it is not."""
        medians = list(self.run.outcomes[number].medians.values())
        if len(medians) < self.budget.least_rounds:
            return ""
        found = median_interval(medians)
        if found is None:
            return ""
        n = len(medians)
        widths = self.widths.setdefault(number, {})
        widths[n] = found.half_width
        if span < min(self.budget.least_span, seconds / 2):
            return ""
        if n >= NARROW_ROUNDS and max(found.half_width, widths.get(n - 1, 1.0)) <= self.budget.half_width:
            return "narrow"
        before = widths.get(n // 4)
        enough = n >= CONVERGED_ROUNDS and span >= seconds / 2
        if enough and before is not None and found.half_width > before * (1 - CONVERGED_GAIN):
            return "converged"
        return ""

    def _closed(self, alive: Sequence[int], seconds: float) -> None:
        least = self.budget.least_rounds
        held = [len(self.run.outcomes[number].rounds) for number in alive]
        for number in alive:
            outcome = self.run.outcomes[number]
            if outcome.reason:
                continue
            outcome.stop = outcome.stop or "budget"
            if len(outcome.rounds) < least:
                whole = seconds * least / max(min(held), 1)
                outcome.reason, outcome.stop = self._too_few(len(outcome.rounds), whole, seconds), ""
                outcome.too_few = True

    def _too_few(self, held: int, needed: float, seconds: float) -> str:
        """Why a cell is empty, and the whole budget that would do where the rounds of its group need so many seconds."""
        would = 1.2 * needed / (1 - WARM_SHARE) * self.budget.seconds / seconds
        least = self.budget.least_rounds
        return f"{self.budget.seconds:.3g}s holds {held} of {least} rounds; --time {_rounded(would)}s would do"


def _rounded(seconds: float) -> int:
    """Up to the next number of seconds that a person would write."""
    step = 1 if seconds < 20 else 5 if seconds < 120 else 30
    return int(-(-seconds // step) * step)
