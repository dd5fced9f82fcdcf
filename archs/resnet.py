"""Deep Residual Learning for Image Recognition (arXiv 1512.03385)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Add, AvgPool, Flatten, Identity, Layer, Linear, MaxPool, PadChannels
from profiler.network.registry import architecture
from profiler.network.widths import fixed, same

from .blocks import conv_norm, relu, unit

# Table 1: blocks in each of the four stages, whose widths are 64, 128, 256 and 512.
TABLE = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
EXPANSION = 4
Strided = Literal["1x1", "3x3"]


def basic(n: int, stride: int) -> Chain:
    """Two 3×3 convolutions (Figure 5, left)."""
    return Chain(unit(n, 3, stride, padding=1), conv_norm(n, 3, padding=1))


def bottleneck(n: int, stride: int, strided: Strided) -> Chain:
    """1×1, 3×3, 1×1 to four times the width (Figure 5, right), the stride in the first 1×1 or in the 3×3."""
    first, second = (stride, 1) if strided == "1x1" else (1, stride)
    return Chain(unit(n, 1, first), unit(n, 3, second, padding=1), conv_norm(EXPANSION * n, 1))


def projection(stride: int) -> Chain:
    """Option B of section 3.3: a 1×1 convolution to the branch's width."""
    return conv_norm(same(), 1, stride)


def zeros(stride: int) -> Chain:
    """Option A of section 3.3: every `stride`th pixel, and channels of zeros up to the branch's width; no parameters."""
    return Chain(subsample=AvgPool(1, stride), pad=PadChannels(same()))


def residual(branch: Layer, shortcut: Layer) -> Chain:
    """The branch beside its shortcut."""
    return Chain(sum=Branches(branch=branch, shortcut=shortcut, join=Add()), act=relu())


def resnet(depth: Literal[18, 34, 50, 101, 152], strided: Strided, classes: int = 1000) -> Chain:
    """Table 1. The paper strides in the first 1×1 of a bottleneck, the common builds in its 3×3."""
    stages = []
    for s, count in enumerate(TABLE[depth]):
        # stage 1 keeps the side; its first bottleneck still projects, 64 channels to 256
        n, first_stride, changes = 64 << s, 1 if s == 0 else 2, s > 0 or depth >= 50
        blocks = []
        for i in range(count):
            stride = first_stride if i == 0 else 1
            branch = basic(n, stride) if depth < 50 else bottleneck(n, stride, strided)
            blocks.append(residual(branch, projection(stride) if i == 0 and changes else Identity()))
        stages.append(Chain(*blocks))
    return Chain(
        stem=Chain(*unit(64, 7, stride=2, padding=3).parts, pool=MaxPool(3, stride=2, padding=1)),
        body=Chain(*stages),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )


def resnet_cifar(depth: int, classes: int = 10, shortcut: Literal["A", "B"] = "A") -> Chain:
    """Section 4.2: 6n + 2 layers, widths 16, 32 and 64, shortcuts of option A as in the paper."""
    changed = zeros if shortcut == "A" else projection
    stages = []
    for s in range(3):
        first = residual(basic(16, 1), Identity()) if s == 0 else residual(basic(16 << s, 2), changed(2))
        others = (residual(basic(16 << s, 1), Identity()) for _ in range((depth - 2) // 6 - 1))
        stages.append(Chain(first, *others))
    return Chain(
        stem=unit(16, 3, padding=1),
        body=Chain(*stages),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )


PAPER = "ResNet (1512.03385)"
for _depth in TABLE:
    _preset = {"depth": _depth, "strided": "3x3"}
    architecture(f"resnet{_depth}", paper=PAPER, year=2015, input=(3, 224, 224), preset=_preset)(resnet)
for _depth in (50, 101, 152):
    _preset = {"depth": _depth, "strided": "1x1"}
    _note = "the stride in the first 1×1 of a bottleneck, as in the paper"
    architecture(f"resnet{_depth}_v1", paper=PAPER, year=2015, input=(3, 224, 224), preset=_preset, note=_note)(resnet)
for _depth in (20, 32, 44, 56, 110, 1202):
    architecture(f"resnet{_depth}_cifar", paper=PAPER, year=2015, input=(3, 32, 32), preset={"depth": _depth})(resnet_cifar)
