"""A network of another package: its module is named by the entry point, and @architecture does the rest."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import Conv, Flatten, Linear
from profiler.network.registry import architecture
from profiler.network.widths import fixed


@architecture("two_layers", paper="none", year=2026, input=(3, 8, 8))
def two_layers(classes: int = 2) -> Chain:
    """One convolution and a classifier."""
    return Chain(conv=Conv(4, 3), flatten=Flatten(), classifier=Linear(fixed(classes)))
