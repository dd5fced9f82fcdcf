"""What a workload comes alive as: in torch, or exported and loaded by another runtime."""

from __future__ import annotations

from collections.abc import Callable

from profiler.measure.exported import Exported
from profiler.measure.live import Live, Made
from profiler.measure.plan import Setting


def alive(make: Callable[[], Made], setting: Setting) -> Live:
    """What `make` makes, in a setting. Raises ProfilerError where it cannot run there."""
    if setting.command is not None:
        from profiler.measure.commanded import Commanded

        return Commanded(make, setting)
    return Exported(make, setting) if setting.exported else Live(make, setting)
