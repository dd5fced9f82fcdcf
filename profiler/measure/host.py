"""The machine: what it is (for the record), what a process may use of it, and how disturbed it is. No torch.

Everything is read from /proc, /sys and the cgroups, where they are there; elsewhere an unknown is None.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

CGROUPS = Path("/sys/fs/cgroup")


class Counters(NamedTuple):
    """Running totals of the kernel's, of the processors that this process may use: take two and subtract."""

    total: int
    """Ticks of those processors."""
    stolen: int
    """Ticks that the hypervisor gave to others."""
    throttled: int
    """Periods in which this cgroup's quota stopped it."""
    busy: int = 0
    """Ticks in which they ran anything."""
    own: int = 0
    """Ticks that this process and its workers ran."""
    processors: int = 0
    """How many they are."""


def counters() -> Counters:
    """The kernel's counters now, but for what is this process's own."""
    total = stolen = busy = 0
    every = _lines(Path("/proc/stat"))  # the first line is of all processors
    mine = {f"cpu{number}" for number in os.sched_getaffinity(0)} if hasattr(os, "sched_getaffinity") else set()
    lines = [line for line in every if line.partition(" ")[0] in mine]
    for line in lines or every[:1]:
        # user, nice, system, idle, waiting for a disk, interrupts (2), stolen
        ticks = [*map(int, line.split()[1:9]), *([0] * 8)][:8]
        total, stolen, busy = total + sum(ticks), stolen + ticks[7], busy + sum(ticks[:3]) + ticks[5] + ticks[6]
    return Counters(total, stolen, sum(map(_throttled, _cgroups())), busy, 0, len(lines))


def ticks_of(process: int | str) -> int:
    """Processor time of a process in the kernel's ticks; 0 where it is gone, or the system does not tell."""
    _, _, fields = _first_line(Path(f"/proc/{process}/stat")).rpartition(")")  # its name may hold anything
    found = fields.split()[11:13]
    return sum(map(int, found)) if len(found) == 2 else 0


def stolen_share(before: Counters, after: Counters) -> float:
    """Share of the processors' time between two readings that was stolen."""
    return max(after.stolen - before.stolen, 0) / (after.total - before.total) if after.total > before.total else 0.0


def others(before: Counters, after: Counters) -> float | None:
    """How many processors other processes kept busy between two readings; None where that is not known."""
    ticks = after.total - before.total
    if ticks <= 0 or not after.processors:
        return None
    taken = (after.busy - before.busy) - (after.own - before.own)
    return max(taken, 0) / ticks * after.processors


def affinity() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota() -> float | None:
    """Processors' worth of time that the cgroups allow; None where they set no limit."""
    found = [limit for folder in _cgroups() if (limit := _limit(folder)) is not None]
    return min(found, default=None)


def default_threads() -> int:
    """As many threads as processors that are really to be had: the affinity mask, and the quota rounded up."""
    allowed = quota()
    return max(1, min(affinity(), ceil(allowed) if allowed is not None else affinity()))


def available_memory() -> int | None:
    """Bytes that can be taken before the machine swaps or the cgroup kills."""
    found = [int(line.split()[1]) * 1024 for line in _lines(Path("/proc/meminfo")) if line.startswith("MemAvailable:")]
    for folder in _cgroups("memory"):
        for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            most, now = _first_line(folder / limit), _first_line(folder / used)
            if most.isdecimal() and now.isdecimal() and int(most) < 1 << 60:
                found.append(max(int(most) - int(now), 0))
    return min(found, default=None)


def cpu_model() -> str:
    """The processor's name."""
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith(("model name", "Model", "Hardware")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """What the figures were measured on, JSON-ready."""
    governor = _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or None
    clock = _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"))
    boost = _first_line(Path("/sys/devices/system/cpu/cpufreq/boost")) or None
    return {
        "cpu": cpu_model(),
        "processors": os.cpu_count(),
        "affinity": affinity(),
        "quota": quota(),
        "governor": governor,
        "clock_hz": int(clock) * 1000 if clock.isdecimal() else None,
        "boost": boost,
        "memory_bytes": _memory(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "hypervisor": any(line.startswith("flags") and " hypervisor" in line for line in _lines(Path("/proc/cpuinfo"))),
        "git": _commit(),
    }


SAME_MACHINE = ("cpu", "processors", "affinity", "quota", "memory_bytes")
"""What two records must share to be of one machine."""


def _memory() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _commit() -> str | None:
    """The commit of the folder that the user stands in, with a + where its files differ from it."""
    try:
        given: dict[str, Any] = {"capture_output": True, "text": True, "check": True, "timeout": 5}
        commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **given).stdout.strip()
        dirty = subprocess.run(["git", "status", "--porcelain", "-uno"], **given).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}+" if dirty else commit


def _cgroups(controller: str = "cpu") -> Iterator[Path]:
    """The folders of this process's cgroup and those above it, of version 2 or 1, whose limits hold for it."""
    for line in _lines(Path("/proc/self/cgroup")):
        number, controllers, path = line.split(":", 2)
        if number == "0":
            root = CGROUPS
        elif controller in controllers.split(","):
            root = CGROUPS / controller
        else:
            continue
        folder = root / path.lstrip("/")
        yield folder
        while folder != root and root in folder.parents:
            folder = folder.parent
            yield folder


def _limit(folder: Path) -> float | None:
    """A cgroup's quota in processors: cpu.max of version 2, cfs_quota_us of version 1."""
    words = _first_line(folder / "cpu.max").split()
    if len(words) != 2:
        words = [_first_line(folder / "cpu.cfs_quota_us"), _first_line(folder / "cpu.cfs_period_us")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        return None  # "max", or -1
    return int(words[0]) / int(words[1])


def _throttled(folder: Path) -> int:
    for line in _lines(folder / "cpu.stat"):
        if line.startswith("nr_throttled "):
            return int(line.split()[1])
    return 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _first_line(path: Path) -> str:
    return next(iter(_lines(path)), "")
