"""How far a figure can be trusted: a letter by its interval, one lower where the machine was disturbed, and why. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from profiler.records.interval import Interval

LIMITS = (("A", 0.01), ("B", 0.03), ("C", 0.10))
"""Grade → widest half-width; D beyond."""
STOLEN = 0.02
"""Share of the processors' time that another virtual machine took, above which a round was disturbed."""
LOST = 0.07
"""Share of the wall time in which the process did not run as it does when quiet, above which a round was disturbed."""
SLOWED = 1.10
"""The reference kernel over its own median, above which a round was disturbed."""
MOST_DISTURBED = 0.20
"""Share of disturbed rounds, above which the figure is."""


SLOWED_BY_HARDWARE = 0x08 | 0x20 | 0x40 | 0x80
"""NVML's reasons for a lower clock that are nobody's setting: hardware slowdown, heat (software, hardware), power brake."""


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


def grade(interval: Interval, rounds: Sequence[Reading], threads: int) -> Grade:
    """The grade of a latency from its interval and what its rounds felt."""
    letters = [letter for letter, limit in LIMITS if interval.half_width <= limit]
    letter = letters[0] if letters else "D"
    reasons = [f"±{100 * interval.half_width:.1f} %"]
    found = causes(rounds, threads)
    if found:
        letter = {"A": "B", "B": "C"}.get(letter, "D")
        reasons.append(f"disturbed: {'; '.join(map(str, found))}")
    return Grade(letter, "; ".join(reasons))


def causes(rounds: Sequence[Reading], threads: int) -> list[Cause]:
    """What disturbed more than a fifth of the rounds; empty when quiet. No detector suffices alone."""
    if not rounds:
        return []
    # one busy thread uses all of its wall time; several wait for each other, so they are held to their own quiet rounds
    quiet = 1.0 if threads == 1 else sorted(reading.cpu_share for reading in rounds)[int(0.9 * (len(rounds) - 1))]
    references = [reading.reference for reading in rounds if reading.reference is not None]
    usual = median(references) if references else 0.0
    felt = {
        "lost the processor": [reading.cpu_share < (1 - LOST) * quiet for reading in rounds],
        "stolen by another virtual machine": [reading.stolen > STOLEN for reading in rounds],
        "throttled by the quota": [reading.throttled > 0 for reading in rounds],
        "GPU slowed by heat or power": [reading.gpu_slowed for reading in rounds],
        "reference kernel slowed": [r.reference is not None and r.reference > SLOWED * usual for r in rounds],
    }
    shares = [Cause(what, sum(hits) / len(rounds)) for what, hits in felt.items()]
    return [cause for cause in shares if cause.share > MOST_DISTURBED]
