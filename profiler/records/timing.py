"""What the clock said, as records: latencies with their intervals, layers beside their counts, roofs, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, structs

from profiler.records.drawn import Drawn
from profiler.records.profile import Row

Roof = Literal["compute", "memory", "overhead"]
EXPLAINED = 0.3
"""Share of a layer's time that the nearest roof must explain to be called what binds it."""
CONVOLUTIONS = frozenset(("conv", "pointwise", "depthwise", "grouped", "conv_transpose"))


class Roofs(Struct, frozen=True):
    """What a device does at best in one state: the roofs of the roofline model (Williams et al. 2009)."""

    macs_per_s: float
    """Multiply-adds a second of a large matrix product."""
    streams: tuple[tuple[int, float], ...]
    """(working set in bytes, bytes a second), the smallest first."""
    calls: Mapping[str, float]
    """Seconds of the smallest call of a module (interpreter, dispatch, launch): conv, linear, norm, other."""

    def __post_init__(self) -> None:
        """Raises ValueError where nothing is known of a call of another kind."""
        if "other" not in self.calls:
            raise ValueError("there is no other in its calls")

    def bytes_per_s(self, working_set: int) -> float:
        """Bytes a second for so many bytes: of the smallest stream that they fit, or of the largest."""
        return next((rate for size, rate in self.streams if working_set <= size), self.streams[-1][1])

    def bound(self, kind: str, macs: int, moved: int) -> tuple[Roof, float]:
        """The roof nearest to a layer of that kind, and the seconds that it takes at best."""
        name = "conv" if kind in CONVOLUTIONS else kind
        least: dict[Roof, float] = {
            "compute": macs / self.macs_per_s,
            "memory": moved / self.bytes_per_s(moved),
            "overhead": self.calls.get(name, self.calls["other"]),
        }
        word = max(least, key=lambda roof: least[roof])
        return word, least[word]

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready."""
        return {"macs_per_s": self.macs_per_s, "streams": [list(each) for each in self.streams], "calls": dict(self.calls)}


class Timing(Drawn, Struct, frozen=True):
    """One cell's latency: seconds a call (a step where it trains), with the 95 % interval, and how far to trust it."""

    model: str
    batch: int
    device: str
    threads: int
    dtype: str
    memory_format: str
    compile: bool
    mode: str
    optimizer: str | None
    latency_s: float | None
    """Median of the rounds' medians; None where nothing could be measured, and then `reason` says why."""
    latency_low_s: float | None
    latency_high_s: float | None
    grade: str | None
    """A: within 1 %, B: 3 %, C: 10 %, D: worse; lower where the machine was disturbed, C or D where it was throughout."""
    reason: str
    """Why that grade, or why no figure."""
    rounds: int
    samples: int
    build_s: float | None
    first_call_s: float | None
    compile_s: float | None
    peak_bytes: int | None
    """Device memory, or resident set, at the peak of building and running once."""
    stop: str = ""
    """The rule that ended it: narrow, converged, budget."""
    device_s: float | None = None
    """CUDA: the device's own seconds a call, by graph replay where the network can be captured, else by events."""
    launch_bound: bool | None = None
    """CUDA: whether a call takes much longer than the device works."""
    clock: str | None = None
    """What `latency_s` is of: `wall` time, or `cpu` time of the process, where one thread does the work and never waits."""
    wall_s: float | None = None
    """The median by the wall clock, whichever clock the latency is of."""
    joules_per_image: float | None = None
    """CUDA: joules of the whole GPU a sample of the batch, by its energy counter; None where not asked, or not there."""
    joules_low: float | None = None
    joules_high: float | None = None
    no_energy: str = ""
    """Why there are no joules, where they were asked for."""
    medians: Mapping[int, float] = {}
    """{round: its median}, so that cells of one round pair."""
    wall_medians: Mapping[int, float] = {}
    """The same by the wall clock."""
    runtime: str = "eager"
    export_s: float | None = None
    load_s: float | None = None
    artifact_bytes: int | None = None
    nodes: int | None = None
    """Operations that the runtime runs, once it has fused what it fuses."""
    output_difference: float | None = None
    """Largest difference of its outputs from eager's, over the largest value of the output that it is of."""

    @property
    def images_per_second(self) -> float | None:
        return None if self.latency_s is None else self.batch / self.latency_s

    def __repr__(self) -> str:
        if self.latency_s is None or self.latency_low_s is None or self.latency_high_s is None:
            return f"Timing({self.model}: {self.reason})"
        low, high = 1e3 * self.latency_low_s, 1e3 * self.latency_high_s
        return f"Timing({self.model}: {1e3 * self.latency_s:.4g} ms [{low:.4g}, {high:.4g}], grade {self.grade}; {self.reason})"

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready: the record's measured columns."""
        plain = structs.asdict(self)
        del plain["medians"], plain["wall_medians"]
        return {**plain, "images_per_second": self.images_per_second}


class LayerTiming(Struct, frozen=True):
    """One leaf of a running network on the clock, beside what it costs on paper."""

    row: Row
    seconds: float
    """Its share of the plain run's latency."""
    share: float
    moved: int
    """Bytes of its inputs, output and parameters."""
    roof: Roof
    """The nearest: multiply-adds, bytes or the smallest call."""
    least_s: float
    """Seconds that it takes at best under that roof."""

    @property
    def bound(self) -> str:
        """What binds it: its nearest roof, or `kernel` where that explains less than 30 % of its time."""
        return self.roof if self.least_s >= EXPLAINED * self.seconds else "kernel"

    @property
    def macs_per_s(self) -> float:
        return self.row.macs / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready: the row with what the clock said."""
        clock = {"seconds": self.seconds, "share": self.share, "bytes": self.moved, "macs_per_s": self.macs_per_s}
        return {**self.row.to_dict(), **clock, "bound": self.bound, "roof": self.roof, "least_s": self.least_s}


class Layers(Drawn, Struct, frozen=True):
    """A network's layers on the clock: the rows partition the run."""

    model: str
    timing: Timing
    rows: tuple[LayerTiming, ...]
    roofs: Roofs
    instrumented: float
    """Seconds a call with the leaves clocked, over the plain ones."""

    @property
    def utilisation(self) -> float | None:
        """The multiply-adds a second of the whole network over the roof of them: a share, known as MFU."""
        seconds = self.timing.latency_s
        return sum(row.row.macs for row in self.rows) / seconds / self.roofs.macs_per_s if seconds else None

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready, without the rows."""
        head = {"model": self.model, "timing": self.timing.to_dict(), "instrumented": self.instrumented}
        return {**head, "roofs": self.roofs.to_dict()}

    @property
    def unmapped(self) -> float:
        """Share of the time in what belongs to no layer: operations that a runtime added, and what is between operations."""
        return sum(row.share for row in self.rows if row.row.path.startswith("("))

    def by_kind(self) -> dict[str, tuple[LayerTiming, ...]]:
        """The rows by kind, the one that takes longest first."""
        kinds: dict[str, list[LayerTiming]] = {}
        for row in self.rows:
            kinds.setdefault(row.row.kind, []).append(row)
        return {
            kind: tuple(rows) for kind, rows in sorted(kinds.items(), key=lambda item: -sum(row.seconds for row in item[1]))
        }


PLANTED = 0.05
"""The slowdown that a selftest plants."""
SLOWDOWN_FOUND = f"a slowdown of {100 * PLANTED:g} % found"
"""The check whose value must not be below its aim; of all others it must not be above."""


class Certificate(Drawn, Struct, frozen=True):
    """What the measuring protocol proved of itself on one machine."""

    date: str
    machine: Mapping[str, Any]
    checks: tuple[Mapping[str, Any], ...]
    """Each {check, value, aim, passed, detail}."""
    environment: Mapping[str, Any] | None = None
    """Of a run that was read back: what it was made with."""

    @property
    def passed(self) -> bool:
        return all(check["passed"] for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready."""
        return {"date": self.date, "machine": dict(self.machine), "passed": self.passed, "checks": list(self.checks)}
