"""Workers that measure nothing: each call takes what a rate for every kind of layer says, on a clock that only calls move."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from profiler.count import closed
from profiler.measure.host import Counters
from profiler.measure.plan import Spec, State
from profiler.measure.visits import Prepared, ReferenceTime, Visit, Warmed
from profiler.measure.workloads import NetworkWorkload
from profiler.prediction.features import is_free, kind_of, work_of
from profiler.records.timing import Roofs
from profiler.study import measuring

RATES = {"pointwise": (2e-6, 4e-11, 1e-11), "depthwise": (4e-6, 3e-10, 2e-11), "conv": (5e-6, 1e-10, 1e-11)}
"""Seconds a call, a multiply-add and a byte moved."""
OTHERS = (1e-6, 1e-11, 4e-11)


@dataclass
class Clock:
    """It stands still but for the calls of a pool."""

    now: float = 1000.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


@dataclass
class Machine:
    """What the simulated workers share with the test: how each network's time is off from the rates, and what was asked."""

    clock: Clock = field(default_factory=Clock)
    off: Callable[[Spec], float] = lambda spec: 1.0
    noise: float = 0.002
    slow: float = 1.0
    """How many times as long as its seconds a call keeps the clock."""
    visits: list[str] = field(default_factory=list)
    """The networks that were visited, in order."""
    known: dict[str, dict[str, float]] = field(default_factory=dict)
    """Seconds of the leaves of each network, by its key."""
    interrupt_after: int | None = None
    """The number of the visit at which the user ends the run."""

    def layers(self, spec: Spec) -> dict[str, float]:
        """Seconds of each leaf of a network of the zoo."""
        if spec.key not in self.known:
            self.known[spec.key] = self._layers(spec)
        return self.known[spec.key]

    def _layers(self, spec: Spec) -> dict[str, float]:
        assert isinstance(spec.workload, NetworkWorkload)
        off, found = self.off(spec), {}
        for row in closed.rows(spec.workload.value, spec.workload.inputs, spec.batch):
            if not row.side:
                work = work_of(row)
                a, b, c = RATES.get(kind_of(row), OTHERS)
                found[row.path] = 0.0 if is_free(row) else off * (a * work.calls + b * work.macs + c * work.moved)
        return found

    def seconds(self, spec: Spec) -> float:
        """Seconds of a call."""
        return sum(self.layers(spec).values())

    def name(self, spec: Spec) -> str:
        """What tells a cell from the others."""
        about = spec.about
        return f"{about['model']} {about['options'].get('stages', about['alpha'])} {about['input']}"

    def install(self, put: Callable[[object, str, Any], None]) -> None:
        """Let everything that this process measures be simulated; `put` is that of a MonkeyPatch."""
        put(measuring, "time", self.clock)
        put(measuring, "Pool", lambda *given, **_: Pool(self, *given))
        put(measuring, "device_lock", lambda *_: nullcontext())
        put(measuring, "random", SimpleNamespace(Random=lambda: random.Random(0)))


class Pool:
    """As profiler.measure.pool.Pool, for a scheduler."""

    def __init__(self, machine: Machine, cells: Sequence[Spec], layers: Collection[int], *_: Any) -> None:
        self.machine, self.cells, self.clocked = machine, cells, layers
        self.facts: dict[State, dict[str, Any]] = {}
        self.lost_s = 0.0
        self.chance = random.Random(0)
        self.seconds: dict[int, float] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None: ...

    def _call(self, number: int) -> float:
        if number not in self.seconds:
            self.seconds[number] = self.machine.seconds(self.cells[number])
        seconds = self.seconds[number] * (1 + self.machine.noise * self.chance.uniform(-1, 1))
        self.machine.clock.now += seconds * self.machine.slow
        return seconds

    def prepare(self, number: int) -> Prepared:
        return Prepared(0.1, self._call(number), None, None)

    def warm(self, number: int, seconds: float) -> Warmed:
        spent = [self._call(number) for _ in range(3)]
        return Warmed(spent[-1] * self.machine.slow, 3, True, sum(spent))

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        self.machine.visits.append(self.machine.name(self.cells[number]))
        if len(self.machine.visits) == self.machine.interrupt_after:
            raise KeyboardInterrupt
        seconds = [self._call(number) for _ in range(samples)]
        for _ in range(settle + samples * (block - 1)):
            self.machine.clock.now += seconds[-1] * self.machine.slow
        return Visit(seconds, block, 1.0, 0, sum(seconds) * block)

    def visit_layers(self, number: int, samples: int) -> Visit:
        seconds = [self._call(number) for _ in range(samples)]
        return Visit(seconds, 1, 1.0, 0, sum(seconds), layers=self.machine.layers(self.cells[number]))

    def roofs(self, state: State) -> Roofs:
        return Roofs(1e11, ((1 << 20, 1e10),), {"other": 1e-6})

    def reference(self, state: State) -> ReferenceTime | None:
        self.machine.clock.now += 1e-3
        return ReferenceTime(1e-3)

    def release(self, number: int) -> None: ...

    def counters(self) -> Counters:
        return Counters(0, 0, 0)

    def free(self, state: State) -> int | None:
        return None
