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

__all__ = [
    "Activation",
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "Add",
    "Aside",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "BenchOptions",
    "Branches",
    "Certificate",
    "Chain",
    "ChannelShuffle",
    "ChannelSlice",
    "CheckFailed",
    "Checked",
    "ClassToken",
    "Concatenate",
    "Config",
    "Conv",
    "ConvTranspose",
    "Crop",
    "Diffed",
    "Dropout",
    "Embedding",
    "Flatten",
    "Fold",
    "Formulas",
    "Graph",
    "GroupNorm",
    "Identity",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "Linear",
    "Listing",
    "LocalResponseNorm",
    "MatMul",
    "MaxPool",
    "Measured",
    "Memory",
    "Multiply",
    "PReLU",
    "Pad",
    "PadChannels",
    "PositionEmbedding",
    "Profile",
    "ProfilerError",
    "Resize",
    "Results",
    "Saved",
    "ShapeError",
    "Shown",
    "Timing",
    "Token",
    "Tokens",
    "Traced",
    "TrainingCost",
    "Unavailable",
    "UnknownName",
    "Unsqueeze",
    "Upsample",
    "Verified",
    "WitnessFailed",
    "architecture",
    "bench",
    "benchmark",
    "build",
    "check",
    "compare",
    "diff",
    "fixed",
    "formula",
    "layers",
    "listing",
    "memory",
    "profile",
    "read",
    "register",
    "same",
    "selftest",
    "show",
    "sweep",
    "times",
    "trace",
    "trace_training",
    "unregister",
    "verify",
    "write",
]

if TYPE_CHECKING:
    from profiler.api import build, profile
    from profiler.config import Config
    from profiler.errors import (
        CheckFailed,
        ProfilerError,
        ShapeError,
        Unavailable,
        UnknownName,
        WitnessFailed,
    )
    from profiler.network.combinators import Aside, Branches, Chain, Graph
    from profiler.network.layers import (
        Activation,
        AdaptiveAvgPool,
        AdaptiveMaxPool,
        Add,
        Attention,
        AvgPool,
        BatchNorm,
        ChannelShuffle,
        ChannelSlice,
        ClassToken,
        Concatenate,
        Conv,
        ConvTranspose,
        Crop,
        Dropout,
        Embedding,
        Flatten,
        Fold,
        GroupNorm,
        Identity,
        InstanceNorm,
        Layer,
        LayerNorm,
        Linear,
        LocalResponseNorm,
        MatMul,
        MaxPool,
        Multiply,
        Pad,
        PadChannels,
        PositionEmbedding,
        PReLU,
        Resize,
        Token,
        Tokens,
        Unsqueeze,
        Upsample,
    )
    from profiler.network.registry import architecture
    from profiler.network.widths import fixed, same, times
    from profiler.records.listing import Listing
    from profiler.records.measured import Measured
    from profiler.records.polynomials import Formulas
    from profiler.records.profile import Profile
    from profiler.records.published import Verified
    from profiler.records.results import Results
    from profiler.records.shown import Shown
    from profiler.records.timing import Certificate, Timing
    from profiler.records.traced import Traced
    from profiler.records.training import Memory, TrainingCost
    from profiler.records.verdicts import Checked, Diffed
    from profiler.report.write import write
    from profiler.saved.read import Saved
    from profiler.saved.results import read
    from profiler.study.bench import bench
    from profiler.study.bench_options import BenchOptions
    from profiler.study.benchmark import benchmark
    from profiler.study.check import check
    from profiler.study.compare import compare
    from profiler.study.diff import diff
    from profiler.study.formula import formula
    from profiler.study.layers import layers
    from profiler.study.listing import listing
    from profiler.study.selftest import selftest
    from profiler.study.show import show
    from profiler.study.sweep import sweep
    from profiler.study.verify import verify
    from profiler.tracing.tables.registered import register, unregister
    from profiler.tracing.traced import trace
    from profiler.tracing.training.memory import memory
    from profiler.tracing.training.training import trace_training

_NAMES = {
    "profiler.api": "build profile",
    "profiler.config": "Config",
    "profiler.errors": "CheckFailed ProfilerError ShapeError Unavailable UnknownName WitnessFailed",
    "profiler.network.combinators": "Aside Branches Chain Graph",
    "profiler.network.layers": (
        "Activation AdaptiveAvgPool AdaptiveMaxPool Add Attention AvgPool BatchNorm ChannelShuffle ChannelSlice ClassToken "
        "Concatenate Conv ConvTranspose Crop Dropout Embedding Flatten Fold GroupNorm Identity InstanceNorm Layer LayerNorm "
        "Linear LocalResponseNorm MatMul MaxPool Multiply PReLU Pad PadChannels PositionEmbedding Resize Token Tokens "
        "Unsqueeze Upsample"
    ),
    "profiler.network.registry": "architecture",
    "profiler.network.widths": "fixed same times",
    "profiler.records.listing": "Listing",
    "profiler.records.measured": "Measured",
    "profiler.records.polynomials": "Formulas",
    "profiler.records.profile": "Profile",
    "profiler.records.published": "Verified",
    "profiler.records.results": "Results",
    "profiler.records.shown": "Shown",
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
    "profiler.study.diff": "diff",
    "profiler.study.formula": "formula",
    "profiler.study.layers": "layers",
    "profiler.study.listing": "listing",
    "profiler.study.selftest": "selftest",
    "profiler.study.show": "show",
    "profiler.study.sweep": "sweep",
    "profiler.study.verify": "verify",
    "profiler.tracing.tables.registered": "register unregister",
    "profiler.tracing.traced": "trace",
    "profiler.tracing.training.memory": "memory",
    "profiler.tracing.training.training": "trace_training",
}
"""{module: the public names that it holds}."""
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


# An installed package holds cli.py and archs/; in a checkout they lie beside it, and are profiler.cli and profiler.archs too.
if not Path(__file__).with_name("archs").is_dir():
    __path__.append(str(Path(__file__).resolve().parents[1]))

drawn.load_renderer = lambda: import_module("profiler.report.answers.notebook")


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562): importing the package imports nothing else."""
    if name not in _HOMES:
        raise AttributeError(
            f"module 'profiler' has no attribute '{name}'; dir(profiler) lists what it has",
            name=name,
            obj=sys.modules[__name__],
        )
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
