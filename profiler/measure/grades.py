"""How far a figure can be trusted: a letter by its interval, lower where the machine was disturbed, and why. No torch.

What disturbs a run throughout cannot be seen by comparing its rounds with each other. So they are held to what does not depend
on the run: the threads asked for, what other processes did meanwhile, the reference kernel at its fastest on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from profiler.records.interval import Interval

LIMITS = (("A", 0.01), ("B", 0.03), ("C", 0.10))
"""Grade → widest half-width; D beyond."""
STOLEN = 0.02
"""Share of the processors' time that another virtual machine took, above which a round was disturbed."""
LOST = 0.07
"""Share of the wall time in which the process did not run as it does when quiet, above which a round was disturbed."""
SLOWED = 1.10
"""The reference kernel over its own median, above which a round was disturbed."""
SLOWER = 1.20
"""The reference kernel over its fastest on this machine, above which a round was disturbed."""
FAR_SLOWER = 1.5
"""The same, above which no figure of the round is worth more than a D."""
OTHERS = 0.10
"""Share of the processors that other processes may keep busy: more of them take the memory and the clock from ours."""
CROWDED = 0.10
"""Processors that others may keep busy beyond those that our threads leave them: threads wait for the one that has to wait."""
DISTURBED = "disturbed: "
"""What stands before the causes in the reason of a grade."""
MOST_DISTURBED = 0.20
"""Share of disturbed rounds, above which the figure is."""
THROUGHOUT = 0.50
"""Share of disturbed rounds, from which the median is of disturbed ones: the figure is no better than C."""


SLOWED_BY_HARDWARE = 0x08 | 0x20 | 0x40 | 0x80
"""NVML's reasons for a lower clock that are nobody's setting: hardware slowdown, heat (software, hardware), power brake."""


LEAST_REFERENCES = 10


class Reading(NamedTuple):
    """What the machine did in one round, as one cell felt it."""

    cpu_share: float
    """The process's processor time over wall time in the cell's samples: about the threads when quiet."""
    stolen: float
    """Share of the processors' time that the hypervisor gave to others."""
    throttled: int
    """Periods in which the cgroup's quota stopped the process."""
    reference: float | None
    """Seconds of the reference kernel, in the same worker."""
    gpu_slowed: bool = False
    """Whether heat or the power supply slowed the GPU's clock, where NVML tells."""
    others: float | None = None
    """Processors that other processes kept busy about then; None where that is not known."""
    processors: int = 0
    """Processors that the process may use."""
    reference_cpu: float | None = None
    """Processor seconds of the reference kernel, where a single thread does the work."""

    def of_cpu_time(self) -> Reading:
        """The same as a figure of processor time feels it: having lost the processor is not in it."""
        return self._replace(cpu_share=max(self.cpu_share, 1.0), reference=self.reference_cpu)


class Cause(NamedTuple):
    """Something that disturbed more rounds than a quiet machine would."""

    what: str
    share: float
    """Of the rounds."""

    def __str__(self) -> str:
        return f"{self.what} in {100 * self.share:.0f} % of rounds"


class Grade(NamedTuple):
    """The letter and what it stands on."""

    letter: str
    reason: str


def grade(interval: Interval, rounds: Sequence[Reading], threads: int | None, known_s: float | None = None) -> Grade:
    """The grade of a latency from its interval and what its rounds felt.

    `threads` are those that do the work, None where something else does; `known_s` is the reference kernel at its fastest here.
    """
    letters = [letter for letter, limit in LIMITS if interval.half_width <= limit]
    letter = letters[0] if letters else "D"
    reasons = [f"±{100 * interval.half_width:.1f} %"]
    found = causes(rounds, threads, known_s)
    if found:
        letter = {"A": "B", "B": "C"}.get(letter, "D")
        if any(cause.share >= THROUGHOUT for cause in found):
            letter = "D" if _overwhelmed(rounds, threads, known_s) else max(letter, "C")
        reasons.append(f"{DISTURBED}{'; '.join(map(str, found))}")
    return Grade(letter, "; ".join(reasons))


def causes(rounds: Sequence[Reading], threads: int | None, known_s: float | None = None) -> list[Cause]:
    """What disturbed more than a fifth of the rounds; empty when quiet. No detector suffices alone."""
    if not rounds:
        return []
    references = [reading.reference for reading in rounds if reading.reference is not None]
    usual = median(references) if references else 0.0
    least = _least_share(rounds, threads)
    felt = {
        "lost the processor": [reading.cpu_share < least for reading in rounds],
        "other processes busy": [_crowded(reading, threads or 1) for reading in rounds],
        "stolen by another virtual machine": [reading.stolen > STOLEN for reading in rounds],
        "throttled by the quota": [reading.throttled > 0 for reading in rounds],
        "GPU slowed by heat or power": [reading.gpu_slowed for reading in rounds],
        "reference kernel slowed": [r.reference is not None and r.reference > SLOWED * usual for r in rounds],
        "reference kernel slower than it was here": [
            r.reference is not None and known_s is not None and r.reference > SLOWER * known_s for r in rounds
        ],
    }
    shares = [Cause(what, sum(hits) / len(rounds)) for what, hits in felt.items()]
    return [cause for cause in shares if cause.share > MOST_DISTURBED]


def shows_slowness(record: Mapping[str, Any]) -> bool:
    """Whether a measured record can show that a network is slow: not where its machine was disturbed throughout."""
    return not (record.get("grade") == "D" and DISTURBED in (record.get("reason") or ""))


def _overwhelmed(rounds: Sequence[Reading], threads: int | None, known_s: float | None) -> bool:
    """Whether most rounds say nothing of a quiet machine: threads took turns with others, or all of it was far slower."""
    hits = [
        _left_over(reading, threads or 1) < -CROWDED
        or (known_s is not None and reading.reference is not None and reading.reference > FAR_SLOWER * known_s)
        for reading in rounds
    ]
    return sum(hits) >= THROUGHOUT * len(hits)


def _least_share(rounds: Sequence[Reading], threads: int | None) -> float:
    """The processor time over wall time below which a process lost the processor.

    One thread is busy all of the time. Several may leave each other waiting where a network is small, so each round is held to
    the run's own quiet ones; but together they are never less busy than one. A process that waits for a device may be.
    """
    own = sorted(reading.cpu_share for reading in rounds)[int(0.9 * (len(rounds) - 1))]
    if threads is None:
        return (1 - LOST) * own
    return (1 - LOST) * (1.0 if threads == 1 else max(own, 1.0))


def _crowded(reading: Reading, threads: int) -> bool:
    """Whether other processes wanted what our threads need, or much of the machine."""
    much = reading.others is not None and bool(reading.processors) and reading.others > OTHERS * reading.processors
    return much or _left_over(reading, threads) < -CROWDED


def _left_over(reading: Reading, threads: int) -> float:
    """Processors that are left over by our threads and by other processes; below 0 where they take turns."""
    if reading.others is None or not reading.processors:
        return 0.0
    return reading.processors - threads - reading.others


def fastest(rounds: Sequence[Reading]) -> float | None:
    """The reference kernel at its fastest in a run: its tenth percentile, since the fastest is luck. None of few rounds."""
    found = sorted(reading.reference for reading in rounds if reading.reference is not None)
    return found[len(found) // 10] if len(found) >= LEAST_REFERENCES else None
