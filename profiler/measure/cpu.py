"""The CPU: its work is done by this process's threads, its memory is the process's resident set."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from profiler.measure.device import Device

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
MOST, OLD_MOST = 2**31 - 1, 32 << 20
"""Bytes; versions before 2.35 refuse a block outside of the heap that is larger than the latter."""


class Cpu(Device):
    """Clocked from outside: a call has ended when it returns."""

    type = "cpu"
    threaded = True

    @classmethod
    def title(cls, name: str) -> str:
        return "CPU"

    def begin(self) -> None:
        self.allocator = keep_freed_memory()

    def facts(self) -> dict[str, Any]:
        return {"allocator": self.allocator}

    def release_memory(self) -> None:
        _give_back()

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


def keep_freed_memory() -> str:
    """Let glibc keep the memory that is freed for the next allocation, as other allocators do; what was done, in a word.

    By default it gives the top of the heap back to the system whenever twice the largest block so far is free there, and a
    network takes the pages anew at every call. Whether one does depends on what else ran in the process before: the same cell
    took 12.6 or 21.5 ms, alone or beside others. What the user has set in the environment stands.
    """
    if any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return "as the environment sets it"
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return "as the system has it"
    kept = mallopt(M_TRIM_THRESHOLD, MOST) and any(mallopt(M_MMAP_THRESHOLD, size) for size in (MOST, OLD_MOST))
    return "keeps freed memory" if kept else "as the system has it"


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
