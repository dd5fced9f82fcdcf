"""When the processor time of a call is its latency: a single thread does the work, and it never waits. No torch.

The wall clock runs on while the kernel gives the processor to somebody else, and so is noisier on a machine that is shared.
Where the process always had work to do, the processor time is what the wall clock would say on a quiet machine. It is not where
a network waits by itself (for a file, a lock, a device, a sleep), which the kernel counts as voluntary switches; where threads
of its own work too, which makes more processor time than wall time; or where wall time is missing that nothing explains.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.measure.visits import Visit

MOST_SHARE = 1.03
"""Processor time over wall time, above which more threads than one were at work."""
WAITS = 0.5
"""Voluntary switches a call, from which a network waits by itself."""
UNEXPLAINED = 0.05
"""Share of the wall time without the processor that takes a switch to explain it."""
MOST_ODD = 0.20
"""Share of the rounds that may be so; single ones are odd on any machine."""


def is_latency(rounds: Sequence[tuple[Visit, float]]) -> bool:
    """Whether the latency of a cell is its processor time: of each round the visit, and the share that a hypervisor took."""
    odd = sum(_is_odd(visit, stolen) for visit, stolen in rounds)
    return bool(rounds) and all(visit.cpu_s for visit, _ in rounds) and odd <= MOST_ODD * len(rounds)


def _is_odd(visit: Visit, stolen: float) -> bool:
    calls = visit.block * len(visit.seconds)
    gone = 1 - visit.cpu_share > UNEXPLAINED and not visit.switches and not stolen
    return visit.cpu_share > MOST_SHARE or visit.waits >= WAITS * calls or gone
