"""What a run of the protocol finds: rounds, what became of each cell, and the run as it stands. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from profiler.measure import cpu_time
from profiler.measure.energy import Energy
from profiler.measure.grades import Reading
from profiler.measure.visits import Prepared, Visit, Warmed


@dataclass
class Round:
    """One round of one cell: its samples, and what the machine did meanwhile."""

    visit: Visit
    reading: Reading

    @property
    def median(self) -> float:
        """By the wall clock."""
        return median(self.visit.seconds)

    @property
    def cpu_median(self) -> float:
        """Of processor time, where it was told."""
        return median(self.visit.cpu_s)


@dataclass
class Outcome:
    """What became of a cell."""

    prepared: Prepared | None = None
    warmed: Warmed | None = None
    rounds: dict[int, Round] = field(default_factory=dict)
    """By the number of the round, so that cells of one round pair."""
    reason: str = ""
    """Why it was given up; a figure that had its rounds by then stands."""
    stop: str = ""
    """Which rule ended it: narrow, converged, budget."""
    too_few: bool = False
    """True where the reason is that too few rounds fitted the budget."""
    known_s: float | None = None
    """Seconds of the reference kernel at its fastest in earlier runs on this machine."""
    energy: Energy = field(default_factory=Energy)
    """What its calls take of the device's energy, where that was asked for."""

    @property
    def reason_kind(self) -> str:
        """What the reasons of cells have in common that are given up alike."""
        return "too few rounds" if self.too_few else self.reason

    @property
    def by_cpu_time(self) -> bool:
        """Whether its latency is processor time."""
        return cpu_time.is_latency([(each.visit, each.reading.stolen) for each in self.rounds.values()])

    @property
    def readings(self) -> list[Reading]:
        """What the machine did in its rounds, as the clock that its latency is of felt it."""
        own = self.by_cpu_time
        return [each.reading.of_cpu_time() if own else each.reading for each in self.rounds.values()]

    @property
    def medians(self) -> dict[int, float]:
        """{round: its median}, by the clock that its latency is of."""
        own = self.by_cpu_time
        return {number: each.cpu_median if own else each.median for number, each in self.rounds.items()}


@dataclass
class Run:
    """Everything that a run of the protocol found, filled in as it goes."""

    outcomes: list[Outcome]
    inside_s: float = 0.0
    """Seconds inside measured calls and warm-up."""
    spent_s: float = 0.0
    """Seconds of the budget used, from the first warm-up."""
    earlier_s: float = 0.0
    """Seconds that interrupted runs before this one used."""
    round: int = 0
    stage: str = ""
    """What is being done, in words, before the rounds."""
