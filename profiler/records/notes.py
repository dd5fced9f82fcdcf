"""What is to be said beside figures, as values; `profiler.report.words` puts them in words, and a saved run holds the words."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from profiler.records.place import Place
from profiler.records.traced import Uncounted


class MeasuredIn(NamedTuple):
    """What cells were measured in, each value once, and the seconds that they shared."""

    devices: tuple[str, ...]
    threads: tuple[int, ...]
    dtypes: tuple[str, ...]
    memory_formats: tuple[str, ...]
    optimizer: str | None
    """Of training steps; None where a forward pass was timed."""
    seconds: float


class Title(NamedTuple):
    """What records have in common: networks, points, an input that is not the native one, settings."""

    models: tuple[str, ...] = ()
    alphas: tuple[Fraction, ...] = ()
    sides: tuple[int, ...] = ()
    input: str = ""
    batches: tuple[int | None, ...] = ()
    measured_in: MeasuredIn | None = None


class NotCounted(NamedTuple):
    """An operator without a formula."""

    model: str
    operator: Uncounted


class AskedAtCorners(NamedTuple):
    """A large sweep is recounted at the corners of its axes only."""

    engines: tuple[str, ...]
    asked: int
    cells: int


class AccuracySources(NamedTuple):
    """Where published accuracies are from."""

    names: tuple[str, ...]


class EngineFailed(NamedTuple):
    """Engines that could not count a network, and why."""

    engines: tuple[str, ...]
    reason: str


class RecountInterrupted(NamedTuple):
    """The user ended the study before every cell was recounted."""


class MeasuringInterrupted(NamedTuple):
    """The user ended the measuring; the file of samples lets it go on."""

    samples: str


class SamplesNotKept(NamedTuple):
    """The file of samples could not be written to its end."""

    reason: str


class Unmeasured(NamedTuple):
    """Cells that have no latency for one reason: the first of them, and how many more."""

    place: Place
    setting: tuple[str, ...]
    """What tells its setting from the others', in words."""
    more: int
    reason: str


class Disturbed(NamedTuple):
    """Cells whose grade is lower because the machine was disturbed: the first of them, and how many more."""

    place: Place
    setting: tuple[str, ...]
    more: int
    grade: str
    reason: str


class MoreReasons(NamedTuple):
    """Reasons that are not listed one by one."""

    reasons: int


class RoundsDone(NamedTuple):
    """How the measuring went: rounds, seconds, and which rule ended how many cells."""

    rounds: int
    spent_s: float
    budget_s: float
    inside_share: float
    """Of the seconds spent, those inside measured calls and warm-up."""
    stops: Mapping[str, int]
    """{rule: cells that it ended}: narrow, converged, budget."""


class Unsettled(NamedTuple):
    """Cells whose warm-up ended before they had settled."""

    unsettled: int
    cells: int


class GpuClock(NamedTuple):
    """The range of the GPU's clock over the rounds."""

    low_hz: float
    high_hz: float


class SelftestResult(NamedTuple):
    """What the last selftest on this machine proved."""

    date: str
    failed: tuple[str, ...]


class ParetoMarked(NamedTuple):
    """In which column a cell must gain to be on the front: `top1`, or `macs` where too few accuracies are published."""

    gain: str


class RankCorrelation(NamedTuple):
    """How well each count ranks the latencies (Spearman); None where there is no rank to correlate."""

    cells: int
    by_count: Mapping[str, float | None]


class LatenciesNotCompared(NamedTuple):
    """Why the latencies of two runs say nothing of each other; `name` is the baseline's where there is one."""

    reason: str
    name: str = ""


class NoLayersSaved(NamedTuple):
    """A saved run that holds totals only."""

    name: str


Note = (
    str
    | NotCounted
    | AskedAtCorners
    | AccuracySources
    | EngineFailed
    | RecountInterrupted
    | MeasuringInterrupted
    | SamplesNotKept
    | Unmeasured
    | Disturbed
    | MoreReasons
    | RoundsDone
    | Unsettled
    | GpuClock
    | SelftestResult
    | ParetoMarked
    | RankCorrelation
    | LatenciesNotCompared
    | NoLayersSaved
)
"""A note of this run; text where it was read back from a saved one."""
