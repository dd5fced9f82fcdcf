"""Joules a call by the device's own energy counter: blocks of two seconds or more, from step to step of the counter. No torch.

The counter is of the whole device and moves in steps, some tens of times a second. A block begins and ends where it was seen to
move, so that a step more or less does not matter. What the device takes while it waits is in it; nothing is estimated.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from profiler.errors import ProfilerError
from profiler.measure.visits import CellFailed
from profiler.records.interval import Interval

if TYPE_CHECKING:
    from profiler.measure.live import Live

BLOCKS = 6
"""Blocks of a cell: the least and the most of six bound their median at 1 - 2/2^6 = 96.9 %."""
BLOCK_S = 2.0
READ_EVERY_S = 0.02
"""The counter is read, and the device waited for, about so often."""


class EnergyBlock(NamedTuple):
    """The calls between two steps of the counter."""

    joules: float
    calls: int
    seconds: float


@dataclass
class Energy:
    """What is known of the energy of a cell."""

    blocks: list[EnergyBlock] = field(default_factory=list)
    reason: str = ""
    """Why there are no blocks, or no more of them."""

    @property
    def ended(self) -> bool:
        return bool(self.reason) or len(self.blocks) >= BLOCKS

    def per_sample(self, batch: int) -> Interval | None:
        """Joules a sample: the median of the blocks, the least and the most of them; None where they are too few."""
        if len(self.blocks) < BLOCKS:
            return None
        found = sorted(each.joules / each.calls / batch for each in self.blocks)
        return Interval(median(found), found[0], found[-1])


class Meter(Protocol):
    """What measures a block of a cell: the pool of workers, or a test."""

    def energy(self, number: int, seconds: float) -> EnergyBlock: ...


def measuring(
    cells: Mapping[int, Energy], meter: Meter, chance: random.Random, kept: Callable[[int, Energy], None]
) -> Iterator[str]:
    """Fill in the energy of `cells`, a block of each in random order, six times; the stage in words before each block.

    `kept` hears of each cell whenever there is more of it.
    """
    for turn in range(BLOCKS):
        for number in chance.sample(sorted(cells), len(cells)):
            cell = cells[number]
            if cell.ended or len(cell.blocks) > turn:  # an earlier run may have measured it
                continue
            yield f"energy, block {turn + 1} of {BLOCKS}"
            try:
                cell.blocks.append(meter.energy(number, BLOCK_S))
            except CellFailed as fault:
                cell.reason = fault.reason
            kept(number, cell)


def measured_block(live: Live, seconds: float) -> EnergyBlock:
    """In the worker: calls for `seconds` or longer. Raises ProfilerError where there is no counter, or it stands still."""
    calling = _Calling(live)
    calling.until_a_step(0.0, seconds)
    begin, begun, calling.calls = calling.reading, calling.now, 0
    calling.until_a_step(seconds, seconds)
    return EnergyBlock(calling.reading - begin, calling.calls, calling.now - begun)


class _Calling:
    """Calls, with a look at the counter and at the clock some times a second."""

    def __init__(self, live: Live) -> None:
        self.live, self.calls, self.calls_a_reading = live, 0, 1
        self.reading, self.now = live.device.joules(), perf_counter()

    def until_a_step(self, least_s: float, patience_s: float) -> None:
        """Call for `least_s`, and on until the counter moves. Raises ProfilerError where it does not for `patience_s`."""
        begun = moved = self.now
        while True:
            before = self.reading
            self._read()
            if self.reading < before:
                raise ProfilerError(f"{self._counter} went back from {before:.9g} J to {self.reading:.9g} J")
            if self.reading > before:
                moved = self.now
                if moved - begun >= least_s:
                    return
            elif self.now - moved >= patience_s:
                raise ProfilerError(f"{self._counter} did not move for {patience_s:g} s of calls")

    @property
    def _counter(self) -> str:
        return f"the energy counter of {self.live.device.name}"

    def _read(self) -> None:
        before = self.now
        for _ in range(self.calls_a_reading):
            self.live.call()
        self.live.sync()
        self.live.end_if_forked()
        self.calls += self.calls_a_reading
        self.reading, self.now = self.live.device.joules(), perf_counter()
        if self.now - before < READ_EVERY_S / 2:
            self.calls_a_reading *= 2
