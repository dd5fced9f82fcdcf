"""An analytical profiler of neural networks: parameters and multiply-adds in closed form, checked against other counters.

>>> from profiler import profile
>>> profile("mobilenet_v1", alpha=0.5, resolution=192).macs
109970432
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.records import drawn
from profiler.version import __version__ as __version__

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
    from profiler.errors import ProfilerError
    from profiler.network.registry import architecture
    from profiler.records.profile import Profile
    from profiler.records.results import Results
    from profiler.records.timing import Timing
    from profiler.study.benchmark import benchmark
    from profiler.study.check import check
    from profiler.study.compare import compare
    from profiler.study.diff import diff
    from profiler.study.sweep import sweep
    from profiler.tracing.tables.registered import register, unregister
    from profiler.tracing.traced import trace
    from profiler.tracing.training.memory import memory
    from profiler.tracing.training.training import trace_training

_HOMES = {
    "Profile": "profiler.records.profile",
    "ProfilerError": "profiler.errors",
    "Results": "profiler.records.results",
    "Timing": "profiler.records.timing",
    "architecture": "profiler.network.registry",
    "benchmark": "profiler.study.benchmark",
    "build": "profiler.api",
    "check": "profiler.study.check",
    "compare": "profiler.study.compare",
    "diff": "profiler.study.diff",
    "memory": "profiler.tracing.training.memory",
    "profile": "profiler.api",
    "register": "profiler.tracing.tables.registered",
    "sweep": "profiler.study.sweep",
    "trace": "profiler.tracing.traced",
    "trace_training": "profiler.tracing.training.training",
    "unregister": "profiler.tracing.tables.registered",
}


# An installed package holds cli.py and archs/; in a checkout they lie beside it, and are profiler.cli and profiler.archs too.
if not Path(__file__).with_name("archs").is_dir():
    __path__.append(str(Path(__file__).resolve().parents[1]))

drawn.load_renderer = lambda: import_module("profiler.report.answers.notebook")


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562): importing the package imports nothing else."""
    if name not in _HOMES:
        raise AttributeError(f"module 'profiler' has no attribute '{name}'; it has {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
