"""The CPU: its work is done by this process's threads, its memory is the process's resident set."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

from profiler.measure.device import Device


class Cpu(Device):
    """Clocked from outside: a call has ended when it returns."""

    type = "cpu"
    threaded = True

    @classmethod
    def title(cls, name: str) -> str:
        return "CPU"

    def memory_before(self) -> int | None:
        _give_back()
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the peak of the resident set is now the set itself
        except OSError:
            return None
        return _resident("VmRSS")

    def peak_since(self, before: int | None) -> int | None:
        peak = _resident("VmHWM")
        return None if before is None or peak is None else max(peak - before, 0)


def _give_back() -> None:
    """Return what earlier cells freed to the system, so that it is not taken for free by the next. glibc alone can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident(what: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(what)), None)
