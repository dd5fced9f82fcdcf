"""An analytical profiler of neural networks: parameters and multiply-adds in closed form, checked against other counters.

>>> from profiler import profile
>>> profile("mobilenet_v1", alpha=0.5, resolution=192).macs
109970432
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.records import drawn
from profiler.version import __version__ as __version__

if TYPE_CHECKING:
    __all__: list[str]
    from profiler.api import build as build
    from profiler.api import profile as profile
    from profiler.config import Config as Config
    from profiler.errors import CheckFailed as CheckFailed
    from profiler.errors import ProfilerError as ProfilerError
    from profiler.errors import ShapeError as ShapeError
    from profiler.errors import Unavailable as Unavailable
    from profiler.errors import UnknownName as UnknownName
    from profiler.errors import WitnessFailed as WitnessFailed
    from profiler.network.combinators import Aside as Aside
    from profiler.network.combinators import Branches as Branches
    from profiler.network.combinators import Chain as Chain
    from profiler.network.combinators import Graph as Graph
    from profiler.network.layers import *  # noqa: F403  # what its __all__ says
    from profiler.network.registry import architecture as architecture
    from profiler.network.widths import fixed as fixed
    from profiler.network.widths import same as same
    from profiler.network.widths import times as times
    from profiler.records.compressed import Compressed as Compressed
    from profiler.records.inspected import Inspected as Inspected
    from profiler.records.listing import Listing as Listing
    from profiler.records.measured import Measured as Measured
    from profiler.records.polynomials import Formulas as Formulas
    from profiler.records.profile import Profile as Profile
    from profiler.records.published import Verified as Verified
    from profiler.records.results import Results as Results
    from profiler.records.shown import Shown as Shown
    from profiler.records.stage_fit import StageFit as StageFit
    from profiler.records.timing import Certificate as Certificate
    from profiler.records.timing import Timing as Timing
    from profiler.records.traced import Traced as Traced
    from profiler.records.training import Memory as Memory
    from profiler.records.training import TrainingCost as TrainingCost
    from profiler.records.verdicts import Checked as Checked
    from profiler.records.verdicts import Diffed as Diffed
    from profiler.report.write import write as write
    from profiler.saved.read import Saved as Saved
    from profiler.saved.results import read as read
    from profiler.study.bench import bench as bench
    from profiler.study.bench_options import BenchOptions as BenchOptions
    from profiler.study.benchmark import benchmark as benchmark
    from profiler.study.check import check as check
    from profiler.study.compare import compare as compare
    from profiler.study.costs import Costs as Costs
    from profiler.study.costs import costs as costs
    from profiler.study.diff import diff as diff
    from profiler.study.fit import fit as fit
    from profiler.study.fit_stages import fit_stages as fit_stages
    from profiler.study.formula import formula as formula
    from profiler.study.inspect import inspect as inspect
    from profiler.study.layers import layers as layers
    from profiler.study.listing import listing as listing
    from profiler.study.predict import predict as predict
    from profiler.study.selftest import selftest as selftest
    from profiler.study.show import show as show
    from profiler.study.streamed import sweep_to as sweep_to
    from profiler.study.sweep import sweep as sweep
    from profiler.study.verify import verify as verify
    from profiler.tracing.tables.registered import register as register
    from profiler.tracing.tables.registered import unregister as unregister
    from profiler.tracing.traced import trace as trace
    from profiler.tracing.training.memory import memory as memory
    from profiler.tracing.training.training import trace_training as trace_training

_NAMES = {
    "profiler.api": "build profile",
    "profiler.config": "Config",
    "profiler.errors": "CheckFailed ProfilerError ShapeError Unavailable UnknownName WitnessFailed",
    "profiler.network.combinators": "Aside Branches Chain Graph",
    "profiler.network.registry": "architecture",
    "profiler.network.widths": "fixed same times",
    "profiler.records.compressed": "Compressed",
    "profiler.records.inspected": "Inspected",
    "profiler.records.listing": "Listing",
    "profiler.records.measured": "Measured",
    "profiler.records.polynomials": "Formulas",
    "profiler.records.profile": "Profile",
    "profiler.records.published": "Verified",
    "profiler.records.results": "Results",
    "profiler.records.shown": "Shown",
    "profiler.records.stage_fit": "StageFit",
    "profiler.records.timing": "Certificate Timing",
    "profiler.records.traced": "Traced",
    "profiler.records.training": "Memory TrainingCost",
    "profiler.records.verdicts": "Checked Diffed",
    "profiler.report.write": "write",
    "profiler.saved.read": "Saved",
    "profiler.saved.results": "read",
    "profiler.study.bench": "bench",
    "profiler.study.bench_options": "BenchOptions",
    "profiler.study.benchmark": "benchmark",
    "profiler.study.check": "check",
    "profiler.study.compare": "compare",
    "profiler.study.costs": "Costs costs",
    "profiler.study.diff": "diff",
    "profiler.study.fit": "fit",
    "profiler.study.fit_stages": "fit_stages",
    "profiler.study.formula": "formula",
    "profiler.study.inspect": "inspect",
    "profiler.study.layers": "layers",
    "profiler.study.listing": "listing",
    "profiler.study.predict": "predict",
    "profiler.study.selftest": "selftest",
    "profiler.study.show": "show",
    "profiler.study.streamed": "sweep_to",
    "profiler.study.sweep": "sweep",
    "profiler.study.verify": "verify",
    "profiler.tracing.tables.registered": "register unregister",
    "profiler.tracing.traced": "trace",
    "profiler.tracing.training.memory": "memory",
    "profiler.tracing.training.training": "trace_training",
}
"""{module: the public names that it holds}, but for the layers, whose own module lists them."""
_LAYERS = "profiler.network.layers"
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


# An installed package holds cli.py and archs/; in a checkout they lie beside it, and are profiler.cli and profiler.archs too.
if not Path(__file__).with_name("archs").is_dir():
    __path__.append(str(Path(__file__).resolve().parents[1]))  # noqa: F405  # a name of every package


def _renderer() -> Any:
    return import_module("profiler.report.answers.notebook")


drawn.load_renderer = _renderer


def _home(name: str) -> str | None:
    """The module that holds a public name, or None if the name is not public."""
    if name in _HOMES or name.startswith("_"):
        return _HOMES.get(name)
    return _LAYERS if name in import_module(_LAYERS).__all__ else None


if not TYPE_CHECKING:  # a type checker knows the names that there are, from above

    def __getattr__(name: str) -> Any:
        """Load a public name when it is first used (PEP 562): importing the package imports nothing else."""
        if name == "__all__":
            return __dir__()
        home = _home(name)
        if home is None:
            text = f"module 'profiler' has no attribute '{name}'; dir(profiler) lists what it has"
            raise AttributeError(text, name=name, obj=sys.modules[__name__])
        value = globals()[name] = getattr(import_module(home), name)
        return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, *import_module(_LAYERS).__all__])
