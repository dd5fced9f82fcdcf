"""What is to be said beside figures, as values; `profiler.report.words` puts them in words, and a saved run holds the words."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from msgspec import Struct

from profiler.records import drawn
from profiler.records.place import Place
from profiler.records.traced import Uncounted


class Unlike(Struct, frozen=True):
    """What two latencies were measured in, and differ in: a column of the setting, or a fact of the machine."""

    what: str
    before: Any
    after: Any
    of_machine: bool = False


class Said(Struct, frozen=True):
    """A note as a value; as text it is a sentence."""

    def __str__(self) -> str:
        return drawn.load_renderer().said(self)


class MeasuredIn(Struct, frozen=True):
    """What cells were measured in, each value once, and the seconds that they shared."""

    devices: tuple[str, ...]
    threads: tuple[int, ...]
    dtypes: tuple[str, ...]
    memory_formats: tuple[str, ...]
    optimizer: str | None
    """Of training steps; None where a forward pass was timed."""
    seconds: float
    runtimes: tuple[str, ...] = ("eager",)
    fleet: int = 0
    """Devices of a fleet that measured them; 0 where this machine did."""
    shared: bool = False
    """Whether those shared the cells, where each measured all of them else."""


class Title(Struct, frozen=True):
    """What records have in common: networks, points, an input that is not the native one, settings."""

    models: tuple[str, ...] = ()
    alphas: tuple[Fraction, ...] = ()
    sides: tuple[int, ...] = ()
    input: str = ""
    batches: tuple[int | None, ...] = ()
    over: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    """Options that a study runs over, with their values."""
    measured_in: MeasuredIn | None = None

    def __str__(self) -> str:
        return drawn.load_renderer().title(self)


class NotCounted(Said, frozen=True):
    """An operator without a formula."""

    model: str
    operator: Uncounted


class Unread(Said, frozen=True):
    """Parameters of a module that its counted forward does not read."""

    model: str
    params: int
    of: int
    """Parameters that the module has in all."""
    at: tuple[str, ...]
    """Modules of which nothing was read, and names of single parameters."""


class AskedAtCorners(Said, frozen=True):
    """A large sweep is recounted at the corners of its axes only."""

    engines: tuple[str, ...]
    asked: int
    cells: int


class CellsLeftOut(Said, frozen=True):
    """Cells of a grid that are left out, since the network does not run there: the first, and how many more."""

    place: Place
    more: int
    reason: str


class GridOfFit(Said, frozen=True):
    """What a fit runs over by itself: of each network its published points too."""

    alphas: tuple[Fraction, ...]
    sides: tuple[int, ...]
    networks: int


class MaximalMarked(Said, frozen=True):
    """Where no accuracy is published, the front is of what uses the limits most."""


class FrontMarked(Said, frozen=True):
    """The front of the accuracy against all that is limited."""

    quantities: tuple[str, ...]
    given: bool = False
    """True where the user gives some of the accuracies."""


class Predicted(Said, frozen=True):
    """How many cells were predicted from how many that were measured, and how far off those were, predicted from each other."""

    cells: int
    measured: int
    off: float
    """Root mean square of the relative errors."""
    by_layers: bool
    """True where layers were clocked, false where whole networks were."""


class MeasuredToDecide(Said, frozen=True):
    """Cells that were measured with the time that was left, since their predictions left something undecided."""

    cells: int
    what: tuple[str, ...]
    """Of `limit`, `front` and `rank`."""


class FitInterrupted(Said, frozen=True):
    """The user ended a fit while it measured."""


class NotPredicted(Said, frozen=True):
    """Cells that are not predicted, for one reason: the first of them, and how many more."""

    place: Place
    more: int
    reason: str
    forced: bool = False
    """True where they are predicted anyway, since the user insists."""


class PredictedFrom(Said, frozen=True):
    """What a prediction is fitted to, and how far off its networks were, predicted from the others."""

    name: str
    networks: int
    off: float
    setting: Mapping[str, Any]
    relatives: int = 0
    """How many of the same family were predicted from all others to tell; 0 where families were from other families."""


class LeftOut(Said, frozen=True):
    """Networks of a file that are not of the zoo, and whose layers it does not hold."""

    names: tuple[str, ...]


class NetworksChanged(Said, frozen=True):
    """Networks of a file of samples that count otherwise today than when they were measured."""

    names: tuple[str, ...]


class ScaledFrom(Said, frozen=True):
    """What the latencies of another device are scaled by."""

    name: str
    """The file of those that were measured here."""
    there: str
    networks: int
    factor: float
    """Seconds here over seconds there, of a network of the mean intensity."""
    slope: float
    off: float
    """Root mean square of the relative errors, each network scaled by the others."""


class CellsRecounted(Said, frozen=True):
    """Cells of a large sweep that were counted anew by the walk, none of which differs."""

    cells: int
    of: int
    walked: int
    """Cells that were counted by the walk in the first place."""


class RowsLeftOut(Said, frozen=True):
    """Records that a table does not show."""

    rows: int
    files: tuple[str, ...]
    """Where all of them are."""


class AlphaSets(Said, frozen=True):
    """Which argument of a factory the width multiplier goes to."""

    model: str
    option: str


class AccuracySources(Said, frozen=True):
    """Where published accuracies are from."""

    names: tuple[str, ...]


class Differing(Struct, frozen=True):
    """An accuracy that is not printed alike everywhere: the one shown and the others, each in percent and with its source."""

    place: Place
    shown: tuple[str, str]
    others: tuple[tuple[str, str], ...]


class AccuraciesDiffer(Said, frozen=True):
    """Published accuracies of which another source prints another figure."""

    cells: tuple[Differing, ...]


class PeakMemory(Said, frozen=True):
    """What the peak of an inference is made of."""


class Unweighed(Said, frozen=True):
    """A cell whose memory is not known, and why."""

    cell: str
    reason: str


class EngineFailed(Said, frozen=True):
    """Engines that could not count a network, and why."""

    engines: tuple[str, ...]
    reason: str


class MeasuringInterrupted(Said, frozen=True):
    """The user ended the measuring; the file of samples lets it go on."""

    samples: str


class SamplesNotKept(Said, frozen=True):
    """The file of samples could not be written to its end."""

    reason: str


class Unmeasured(Said, frozen=True):
    """Cells that have no latency for one reason: the first of them, and how many more."""

    place: Place
    setting: tuple[str, ...]
    """What tells its setting from the others', in words."""
    more: int
    reason: str


class Disturbed(Said, frozen=True):
    """Cells whose grade is lower because the machine was disturbed: the first of them, and how many more."""

    place: Place
    setting: tuple[str, ...]
    more: int
    grade: str
    reason: str


class MoreReasons(Said, frozen=True):
    """Reasons that are not listed one by one."""

    reasons: int


class RoundsDone(Said, frozen=True):
    """How the measuring went: rounds, seconds, and which rule ended how many cells."""

    rounds: int
    spent_s: float
    budget_s: float
    inside_share: float
    """Of the seconds spent, those inside measured calls and warm-up."""
    stops: Mapping[str, int]
    """{rule: cells that it ended}: narrow, converged, budget."""


class WithinOneRun(Said, frozen=True):
    """Intervals are of one run; how far another may be from it."""

    share: float
    """Half-width of the interval for another run, as a share."""
    runs: int
    """Earlier runs that it was estimated from; 0 where it is assumed."""


class ByCpuTime(Said, frozen=True):
    """Cells whose latency is processor time, and how much longer they took by the wall clock."""

    cells: int
    measured: int
    low: float
    """Wall time over processor time, of the cell where it is least."""
    high: float


class Unsettled(Said, frozen=True):
    """Cells whose warm-up ended before they had settled."""

    unsettled: int
    cells: int


class GpuClock(Said, frozen=True):
    """The range of the GPU's clock over the rounds."""

    low_hz: float
    high_hz: float


class EnergyMeasured(Said, frozen=True):
    """What joules are of."""

    blocks: int
    seconds: float


class NoEnergy(Said, frozen=True):
    """Cells whose energy is unknown, for one reason."""

    cells: int
    of: int
    reason: str


class SelftestResult(Said, frozen=True):
    """What the last selftest on this machine proved."""

    date: str
    failed: tuple[str, ...]


class ParetoMarked(Said, frozen=True):
    """In which column a cell must gain to be on the front: `top1`, or `macs` where too few accuracies are known."""

    gain: str
    given: bool = False
    """True where the user gives some of the accuracies."""
    per_batch: bool = False
    """True where each batch has a front of its own."""


class RankCorrelation(Said, frozen=True):
    """How well each count ranks the latencies (Spearman); None where there is no rank to correlate."""

    cells: int
    by_count: Mapping[str, float | None]


class LatenciesNotCompared(Said, frozen=True):
    """The latencies of two runs say nothing of each other; `name` is the baseline's where there is one."""

    unlike: Unlike | None
    """What they differ in; None where nothing was measured here."""
    name: str = ""


class NoLayersSaved(Said, frozen=True):
    """A saved run that holds totals only."""

    name: str


Note = str | Said
"""A note of this run; text where it was read back from a saved one."""
