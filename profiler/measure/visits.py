"""What workers tell the scheduler: plain records of builds, warm-ups and visits. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FUSED = " + "
"""Between the paths of layers that a runtime runs as one operation."""
OUTSIDE = "(between operations)"
"""Where the time of a call goes that is no operation's; in brackets, as are operations that are no layer's."""


class Prepared(NamedTuple):
    """A cell that is alive."""

    build_s: float
    first_call_s: float
    compile_s: float | None
    peak_bytes: int | None
    params: int | None = None
    """Elements of the parameters of the module that was built, each once; None of what is no module."""
    file: str | None = None
    """The file that the module's class is defined in."""
    export_s: float | None = None
    """Seconds that the export took; None of what runs in torch, and where an earlier export was kept."""
    load_s: float | None = None
    """Seconds that the runtime took to load the exported file, and to optimise and compile it."""
    artifact_bytes: int | None = None
    """Size of the exported file, weights included."""
    nodes: int | None = None
    """Operations that the runtime runs, once it has fused what it fuses."""
    output_difference: float | None = None
    """Largest difference of its outputs from eager's, over the largest value of the output that it is of."""
    facts: Mapping[str, str] = {}
    """What a command that runs it said of its device."""


class Warmed(NamedTuple):
    """A cell whose calls have settled, or whose warm-up ran out of time."""

    call_s: float
    """Seconds of a call: the last window's median, or the least where it never settled."""
    calls: int
    settled: bool
    spent_s: float
    overhead_s: float = 0.0
    """Seconds that a visit takes besides its calls: a command begins, and loads the network anew."""


@dataclass
class Visit:
    """One cell's samples in one round: each a block of calls, long enough for the clock."""

    seconds: list[float]
    """Wall seconds a call, one a sample."""
    block: int
    """Calls a sample."""
    cpu_share: float
    """Processor time of the process over the wall time of the samples."""
    switches: int
    """Times that the kernel took the processor from the process."""
    spent_s: float
    """Seconds inside calls, those that settle the caches included."""
    event_s: list[float] = field(default_factory=list)
    """CUDA: device seconds a call by events around work that queued up while the device waited."""
    graph_s: list[float] = field(default_factory=list)
    """CUDA: device seconds a call by replays of a captured graph."""
    layers: dict[str, float] = field(default_factory=dict)
    """{path: seconds} of a cell whose leaves are clocked, in the order that they ran: medians over the samples."""
    layers_s: list[float] = field(default_factory=list)
    """Seconds a call while leaves were clocked."""
    cpu_s: list[float] = field(default_factory=list)
    """Processor seconds a call, one a sample, where a single thread of the process does the work."""
    waits: int = 0
    """Times that the process gave up the processor by itself in those samples, as one that waits or sleeps does."""
    gpu: dict[str, Any] = field(default_factory=dict)
    """CUDA: clock and throttling, where NVML is there."""


class ReferenceTime(NamedTuple):
    """One run of the reference kernel."""

    wall_s: float
    cpu_s: float | None = None
    """Processor seconds of the process, where a single thread of it does the work."""


class CellFailed(Exception):
    """A cell that cannot be measured, and why; the others go on."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
