"""How a live workload is clocked: warm-up until it settles, then samples of blocks of calls, on any device."""

from __future__ import annotations

import gc
import os
from statistics import median
from time import get_clock_info, perf_counter, perf_counter_ns, process_time_ns  # themselves: measured code may replace them

import torch

from profiler.measure.device import Device
from profiler.measure.exported_layers import ClockedExport
from profiler.measure.live import Live
from profiler.measure.per_layer import Clocked
from profiler.measure.visits import ReferenceTime, Visit, Warmed

LONGEST_QUEUE_S = 0.1
WINDOW = 5
SETTLED = 0.02
"""Two windows whose medians agree within this are settled."""
FINE_S = 1e-6
"""A clock of processor time is of use where it is at least as fine; on Windows it counts in ticks of the scheduler."""


def warm(live: Live, seconds: float) -> Warmed:
    """Call until two successive windows of five agree within 2 %, for about `seconds` at most; one call at the least."""
    if live.clocks_itself:
        return live.warm_up(seconds)
    start = perf_counter()
    windows: list[float] = []
    taken: list[float] = []
    least, calls = float("inf"), 0
    while True:
        before = perf_counter()
        live.call()
        live.sync()
        now = perf_counter()
        live.end_if_forked()
        taken.append(now - before)
        least, calls = min(least, now - before), calls + 1
        if len(taken) == WINDOW:
            windows.append(median(taken))
            taken = []
            if len(windows) > 1 and abs(windows[-1] / windows[-2] - 1) <= SETTLED:
                return Warmed(windows[-1], calls, True, now - start)
        if now - start + least >= seconds:
            # one stall must not make the calls look longer than they are: rounds are planned by this
            return Warmed(least, calls, False, now - start)


def visit(live: Live, clocked: Clocked | ClockedExport | None, settle: int, samples: int, block: int) -> Visit:
    """`samples` blocks of `block` calls, after `settle` calls that refill the caches."""
    if live.clocks_itself:
        return live.visited(settle, samples, block)
    collecting = gc.isenabled()
    gc.disable()  # as timeit does: a collection falls on whichever sample it falls
    try:
        start = perf_counter()
        if live.by_torch:
            return _by_torch(live, samples, block)
        for _ in range(settle):
            live.call()
        live.sync()
        live.end_if_forked()
        if clocked is not None:
            return clocked.visit(live, samples, start)
        take = _with_own_time if live.has_own_time else _plain
        return take(live, samples, block, start)
    finally:
        if collecting:
            gc.enable()


def _plain(live: Live, samples: int, block: int, start: float) -> Visit:
    call, calls = live.call, range(block)
    seconds: list[float] = []
    cpu_s: list[float] = []
    (waited, lost), cpu, began = _switches(), process_time_ns(), perf_counter_ns()
    for _ in range(samples):
        cpu_before, before = process_time_ns(), perf_counter_ns()
        for _ in calls:
            call()
        live.sync()
        seconds.append((perf_counter_ns() - before) / block / 1e9)
        cpu_s.append((process_time_ns() - cpu_before) / block / 1e9)
        live.end_if_forked()
    wall = perf_counter_ns() - began
    share = (process_time_ns() - cpu) / max(wall, 1)
    (waits, losses), spent = _switches(), perf_counter() - start
    return Visit(
        seconds, block, share, losses - lost, spent, cpu_s=cpu_s if _by_one_thread(live.device) else [], waits=waits - waited
    )


def _with_own_time(live: Live, samples: int, block: int, start: float) -> Visit:
    """Wall time of eager blocks, as on the CPU; then the device's own time of as many, by graph replay or by events."""
    live.capture()
    visit = _plain(live, samples, block, start)
    wall = min(max(visit.seconds) * block, LONGEST_QUEUE_S)
    visit.event_s = [live.device.own_seconds(live.call, block, wall) for _ in range(samples)]
    if live.graph is not None:
        visit.graph_s = [live.device.own_seconds(live.graph.replay, block, 0.0) for _ in range(samples)]
    visit.gpu = live.device.reading()
    visit.spent_s = perf_counter() - start
    return visit


def _by_torch(live: Live, samples: int, block: int) -> Visit:
    """The same calls by torch's own Timer, with the threads that the worker has."""
    from torch.utils.benchmark import Timer

    start = perf_counter()
    timer = Timer("call()", globals={"call": live.call}, num_threads=torch.get_num_threads())
    (_, lost), cpu = _switches(), process_time_ns()
    seconds = [timer.timeit(block).median for _ in range(samples)]  # it makes calls of its own to warm up
    wall = perf_counter() - start
    share = (process_time_ns() - cpu) / 1e9 / wall
    return Visit(seconds, block, share, _switches()[1] - lost, wall)


def _by_one_thread(device: Device) -> bool:
    """Whether a single thread of this process does the work, and its processor time can be told."""
    fine = os.name == "posix" and get_clock_info("process_time").resolution <= FINE_S
    return device.threaded and torch.get_num_threads() == 1 and fine


def _switches() -> tuple[int, int]:
    """Voluntary and involuntary context switches so far; 0 where the system does not count them."""
    try:
        import resource
    except ImportError:
        return 0, 0
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_nvcsw, used.ru_nivcsw


class ReferenceKernel:
    """The small kernel that is timed in every round: when it slows, the machine did, not the network.

    Half of it is arithmetic in the near cache, half a stream through the far one and memory, since neighbours take either.
    """

    SIDE, STREAM_BYTES, REPEATS = 256, 8 << 20, 3

    def __init__(self, device: Device) -> None:
        generator = torch.Generator().manual_seed(0)
        self.device = device
        self.a = torch.randn(self.SIDE, self.SIDE, generator=generator).to(device.torch_device)
        self.x = torch.randn(self.STREAM_BYTES // 4, generator=generator).to(device.torch_device)
        self.y = torch.empty_like(self.x)
        self.time()

    def time(self) -> ReferenceTime:
        """Median seconds of a few products of two matrices and one pass over memory, about a millisecond or two."""
        taken, cpu_s = [], []
        with torch.inference_mode():
            for _ in range(self.REPEATS):
                cpu_before, before = process_time_ns(), perf_counter()
                for _ in range(2):
                    torch.mm(self.a, self.a)
                torch.mul(self.x, 1.5, out=self.y)
                self.device.synchronize()
                taken.append(perf_counter() - before)
                cpu_s.append((process_time_ns() - cpu_before) / 1e9)
        return ReferenceTime(median(taken), median(cpu_s) if _by_one_thread(self.device) else None)
