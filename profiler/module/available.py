"""The memory that can be taken now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor
from torch.nn.parameter import is_lazy

from profiler.errors import ProfilerError


def available_memory() -> int | None:
    """Bytes that can be taken before the machine swaps or the cgroup kills; None where nobody says."""
    found = [int(line.split()[1]) * 1024 for line in _lines(Path("/proc/meminfo")) if line.startswith("MemAvailable:")]
    for limit, used in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        folder = Path("/sys/fs/cgroup")
        most, now = ("".join(_lines(folder / name)).strip() for name in (limit, used))
        if most.isdecimal() and now.isdecimal() and int(most) < 1 << 60:
            found.append(max(int(most) - int(now), 0))
    return min(found, default=None)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def check_memory(what: str, given: Iterable[Tensor]) -> None:
    """Raises ProfilerError where these tensors, put into memory, would take more than half of what is free."""
    needed = sum(t.numel() * t.element_size() for t in given if not is_lazy(t))
    free = available_memory()
    if free is not None and needed > free // 2:
        raise ProfilerError(
            f"{what} {needed / 2**30:.1f} GiB of weights, more than half of the {free / 2**30:.1f} GiB of memory that is free"
        )
