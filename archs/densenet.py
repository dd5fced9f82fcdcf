"""Densely Connected Convolutional Networks (arXiv 1608.06993)."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Concatenate,
    Conv,
    Flatten,
    Identity,
    Layer,
    Linear,
    MaxPool,
)
from profiler.network.registry import architecture
from profiler.network.widths import fixed, times

from .blocks import relu, unit

PAPER = "DenseNet (1608.06993)"
# Table 1: layers in each of the four dense blocks; the growth rate k is 32. The blocks of 264 make 265 convolutions and
# fully connected layers.
TABLE = {121: [6, 12, 24, 16], 169: [6, 12, 32, 32], 201: [6, 12, 48, 32], 264: [6, 12, 64, 48]}
COMPRESSION = Fraction(1, 2)  # θ of DenseNet-BC


def preactivated(n: int, kernel: int) -> Chain:
    """BN-ReLU-Conv, H of section 3."""
    return Chain(norm=BatchNorm(), act=relu(), conv=Conv(n, kernel, padding=kernel // 2, bias=False))


def dense(k: int, bottleneck: bool) -> Branches:
    """k new maps beside all that came in; through 4k of 1×1 first with the bottleneck of section 3."""
    new = Chain(reduce=preactivated(4 * k, 1), conv=preactivated(k, 3)) if bottleneck else preactivated(k, 3)
    return Branches(before=Identity(), new=new, join=Concatenate())


def transition(theta: Fraction) -> Chain:
    """⌊θ·m⌋ maps of m, at half the side."""
    conv = Conv(times(theta), 1, bias=False)
    return Chain(norm=BatchNorm(), act=relu(), conv=conv, pool=AvgPool(2))


def dense_blocks(layers: list[int], k: int, bottleneck: bool, theta: Fraction) -> Chain:
    """Dense blocks with transitions between them, and the last normalisation."""
    body: dict[str, Layer] = {}
    for i, count in enumerate(layers, start=1):
        body[f"block{i}"] = Chain(*(dense(k, bottleneck) for _ in range(count)))
        if i < len(layers):
            body[f"transition{i}"] = transition(theta)
    return Chain(**body, norm=BatchNorm(), act=relu())


def head(classes: int) -> Chain:
    """Global average and classifier."""
    return Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes)))


@architecture("densenet121", paper=PAPER, year=2016, input=(3, 224, 224), preset={"depth": 121})
@architecture("densenet169", paper=PAPER, year=2016, input=(3, 224, 224), preset={"depth": 169})
@architecture("densenet201", paper=PAPER, year=2016, input=(3, 224, 224), preset={"depth": 201})
@architecture("densenet264", paper=PAPER, year=2016, input=(3, 224, 224), preset={"depth": 264})
def densenet(depth: Literal[121, 169, 201, 264], classes: int = 1000, k: int = 32) -> Chain:
    """Table 1: DenseNet-BC for ImageNet."""
    return Chain(
        stem=Chain(*unit(2 * k, 7, stride=2, padding=3).parts, pool=MaxPool(3, stride=2, padding=1)),
        body=dense_blocks(TABLE[depth], k, bottleneck=True, theta=COMPRESSION),
        head=head(classes),
    )


@architecture("densenet40_k12_cifar", paper=PAPER, year=2016, input=(3, 32, 32), preset={"depth": 40, "k": 12, "bc": False})
@architecture("densenet100_k12_cifar", paper=PAPER, year=2016, input=(3, 32, 32), preset={"depth": 100, "k": 12, "bc": False})
@architecture("densenet100_k24_cifar", paper=PAPER, year=2016, input=(3, 32, 32), preset={"depth": 100, "k": 24, "bc": False})
@architecture("densenet_bc100_k12_cifar", paper=PAPER, year=2016, input=(3, 32, 32), preset={"depth": 100, "k": 12, "bc": True})
@architecture("densenet_bc250_k24_cifar", paper=PAPER, year=2016, input=(3, 32, 32), preset={"depth": 250, "k": 24, "bc": True})
@architecture("densenet_bc190_k40_cifar", paper=PAPER, year=2016, input=(3, 32, 32), preset={"depth": 190, "k": 40, "bc": True})
def densenet_cifar(depth: int, k: int, bc: bool, classes: int = 10) -> Chain:
    """Section 3's implementation details and Table 2: three dense blocks of equal depth.

    The first convolution has 16 maps, 2k with `bc`, which also brings the bottlenecks and the compression. Builds whose
    transitions halve the channels without `bc` too are other networks (599,050 parameters at L = 40, k = 12).
    """
    convolutions = (depth - 4) // 3  # in each block; a layer has one, two with its bottleneck
    layers = convolutions // 2 if bc else convolutions
    return Chain(
        stem=Conv(2 * k if bc else 16, 3, padding=1, bias=False),
        body=dense_blocks([layers] * 3, k, bottleneck=bc, theta=COMPRESSION if bc else Fraction(1)),
        head=head(classes),
    )
