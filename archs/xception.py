"""Xception: Deep Learning with Depthwise Separable Convolutions (arXiv 1610.02357)."""

from __future__ import annotations

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Add, BatchNorm, Conv, Dropout, Flatten, Identity, Layer, Linear, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed, same, times

from .blocks import conv_norm, relu, unit


def separable(n: int) -> Chain:
    """3×3 depthwise, then pointwise, with nothing between them (section 4.7), then BatchNorm."""
    depthwise = Conv(times(1), 3, padding=1, groups="each", bias=False)
    return Chain(depthwise=depthwise, pointwise=Conv(n, 1, bias=False), norm=BatchNorm())


def activated(*widths: int) -> Chain:
    """ReLU before each separable convolution."""
    parts: dict[str, Layer] = {}
    for i, n in enumerate(widths):
        parts |= {f"act{i}": relu(), f"separable{i}": separable(n)}
    return Chain(**parts)


def halved(*separables: Layer) -> Branches:
    """Separable convolutions and a pooling beside a strided 1×1 projection."""
    branch = Chain(*separables, MaxPool(3, stride=2, padding=1))
    return Branches(branch=branch, shortcut=conv_norm(same(), 1, stride=2), join=Add())


@architecture("xception", paper="Xception (1610.02357)", year=2016, input=(3, 299, 299))
def xception(classes: int = 1000) -> Chain:
    """Figure 5, without its optional fully connected layers."""
    middle = Branches(branch=activated(728, 728, 728), shortcut=Identity(), join=Add())
    return Chain(
        entry=Chain(
            unit(32, 3, stride=2),
            unit(64, 3),
            halved(separable(128), activated(128)),
            halved(activated(256, 256)),
            halved(activated(728, 728)),
        ),
        middle=Chain(*[middle] * 8),
        exit=Chain(halved(activated(728, 1024)), separable(1536), relu(), separable(2048), relu()),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(), classifier=Linear(fixed(classes))),
    )
