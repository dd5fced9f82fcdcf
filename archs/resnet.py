"""Deep Residual Learning for Image Recognition (arXiv 1512.03385)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Add, Flatten, Identity, Layer, Linear, MaxPool, fixed, same
from profiler.network.registry import architecture

from .blocks import conv_norm, relu, unit

# Table 1: blocks in each of the four stages, whose widths are 64, 128, 256 and 512.
TABLE = {18: [2, 2, 2, 2], 50: [3, 4, 6, 3]}
EXPANSION = 4


def basic(n: int, stride: int) -> Chain:
    """Two 3×3 convolutions (Figure 5, left)."""
    return Chain(unit(n, 3, stride, padding=1), conv_norm(n, 3, padding=1))


def bottleneck(n: int, stride: int) -> Chain:
    """1×1, 3×3, 1×1 to four times the width (Figure 5, right), the stride in the 3×3 as the common builds have it."""
    return Chain(unit(n, 1), unit(n, 3, stride, padding=1), conv_norm(EXPANSION * n, 1))


def residual(branch: Layer, stride: int, project: bool) -> Chain:
    """The branch beside a shortcut, projected where its shape changes (option B of section 3.3)."""
    shortcut = conv_norm(same(), 1, stride) if project else Identity()
    return Chain(sum=Branches(branch=branch, shortcut=shortcut, join=Add()), act=relu())


@architecture("resnet18", paper="ResNet (1512.03385)", year=2015, input=(3, 224, 224), preset={"depth": 18})
@architecture("resnet50", paper="ResNet (1512.03385)", year=2015, input=(3, 224, 224), preset={"depth": 50})
def resnet(depth: Literal[18, 50], classes: int = 1000) -> Chain:
    """Table 1."""
    block = basic if depth < 50 else bottleneck
    stages = []
    for s, count in enumerate(TABLE[depth]):
        n, first_stride = 64 << s, 1 if s == 0 else 2
        # stage 1 keeps the side; its first bottleneck still projects, 64 channels to 256
        changes = s > 0 or block is bottleneck
        first = residual(block(n, first_stride), first_stride, project=changes)
        stages.append(Chain(first, *(residual(block(n, 1), 1, project=False) for _ in range(count - 1))))
    return Chain(
        stem=Chain(*unit(64, 7, stride=2, padding=3).parts, pool=MaxPool(3, stride=2, padding=1)),
        body=Chain(*stages),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )
