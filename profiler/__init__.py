"""An analytical profiler of neural networks: parameters and multiply-adds in closed form, checked against other counters.

>>> from profiler import profile
>>> profile("mobilenet_v1", alpha=0.5, resolution=192).macs
109970432
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Profile",
    "ProfilerError",
    "Results",
    "Timing",
    "architecture",
    "benchmark",
    "build",
    "check",
    "compare",
    "diff",
    "memory",
    "profile",
    "register",
    "sweep",
    "trace",
    "trace_training",
    "unregister",
]

if TYPE_CHECKING:
    from profiler.api import build, profile
    from profiler.count.memory import memory
    from profiler.count.registered import register, unregister
    from profiler.count.traced import trace
    from profiler.count.training import trace_training
    from profiler.errors import ProfilerError
    from profiler.network.registry import architecture
    from profiler.records import Profile, Results
    from profiler.study.benchmark import benchmark
    from profiler.study.check import check
    from profiler.study.compare import compare
    from profiler.study.diff import diff
    from profiler.study.sweep import sweep
    from profiler.timing import Timing

_HOMES = {
    "Profile": "profiler.records",
    "ProfilerError": "profiler.errors",
    "Results": "profiler.records",
    "Timing": "profiler.timing",
    "architecture": "profiler.network.registry",
    "benchmark": "profiler.study.benchmark",
    "build": "profiler.api",
    "check": "profiler.study.check",
    "compare": "profiler.study.compare",
    "diff": "profiler.study.diff",
    "memory": "profiler.count.memory",
    "profile": "profiler.api",
    "register": "profiler.count.registered",
    "sweep": "profiler.study.sweep",
    "trace": "profiler.count.traced",
    "trace_training": "profiler.count.training",
    "unregister": "profiler.count.registered",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562): importing the package imports nothing else."""
    if name not in _HOMES:
        raise AttributeError(f"module 'profiler' has no attribute '{name}'; it has {', '.join(__all__)}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
