"""Blocks that several papers share."""

from __future__ import annotations

from fractions import Fraction

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    Activation,
    ActivationName,
    AdaptiveAvgPool,
    Add,
    BatchNorm,
    Conv,
    Identity,
    Ints,
    Layer,
    Multiply,
    Width,
    same,
    times,
)
from profiler.network.widen import nearest


def relu() -> Activation:
    """max(0, x)."""
    return Activation("ReLU")


def conv_norm(out: Width, kernel: Ints, stride: Ints = 1, padding: Ints = 0) -> Chain:
    """Convolution without bias, then BatchNorm: the last layers of a residual branch."""
    return Chain(conv=Conv(out, kernel, stride, padding, bias=False), norm=BatchNorm())


def unit(out: Width, kernel: Ints, stride: Ints = 1, padding: Ints = 0, activation: ActivationName = "ReLU") -> Chain:
    """Convolution without bias, BatchNorm, activation."""
    conv = Conv(out, kernel, stride, padding, bias=False)
    return Chain(conv=conv, norm=BatchNorm(), act=Activation(activation))


def depthwise_unit(kernel: int, stride: int = 1, activation: ActivationName = "ReLU") -> Chain:
    """One k×k filter a channel, padded to keep the side, BatchNorm, activation."""
    conv = Conv(times(1), kernel, stride, padding=kernel // 2, groups="each", bias=False)
    return Chain(conv=conv, norm=BatchNorm(), act=Activation(activation))


def separable(out: Width, stride: int = 1, kernel: int = 3, activation: ActivationName = "ReLU") -> Chain:
    """Depthwise separable convolution: a depthwise unit, then a pointwise one (MobileNets, Figure 3)."""
    return Chain(depthwise=depthwise_unit(kernel, stride, activation), pointwise=unit(out, 1, activation=activation))


def biased(out: Width, kernel: Ints, stride: Ints = 1, padding: Ints = 0) -> Chain:
    """Convolution with bias, ReLU: before BatchNorm."""
    return Chain(conv=Conv(out, kernel, stride, padding), act=relu())


def make_divisible(width: Fraction | int, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `width` (halves go up), or the next where that loses more than a tenth.

    The rule of the code released with MobileNetV2, V3 and EfficientNet, in exact arithmetic.
    """
    n = nearest(Fraction(width), divisor)
    return n + divisor if 10 * n < 9 * width else n


def squeeze_excite(squeeze: Width, activation: ActivationName = "ReLU", gate: ActivationName = "Sigmoid") -> Branches:
    """Channels times a gate computed from their means, by two 1×1 convolutions with bias (arXiv 1709.01507)."""
    weigh = Chain(
        pool=AdaptiveAvgPool(1),
        reduce=Conv(squeeze, 1), act=Activation(activation),
        expand=Conv(same(), 1), gate=Activation(gate),
    )  # fmt: skip
    return Branches(features=Identity(), gate=weigh, join=Multiply())


def inverted_residual(
    expand: Width | None,
    out: Width,
    kernel: int = 3,
    stride: int = 1,
    activation: ActivationName = "ReLU6",
    excite: Layer | None = None,
    shortcut: Layer | None = None,
) -> Layer:
    """1×1 to the `expand` width, depthwise k×k, linear 1×1 to `out` (MobileNetV2, Figure 4d), beside a shortcut if given.

    Without `expand` the depthwise convolution takes the input as it is; `excite` goes after it (MobileNetV3, Figure 4).
    """
    parts: dict[str, Layer] = {} if expand is None else {"expand": unit(expand, 1, activation=activation)}
    parts["depthwise"] = depthwise_unit(kernel, stride, activation)
    if excite is not None:
        parts["excite"] = excite
    branch = Chain(**parts, project=conv_norm(out, 1))
    return branch if shortcut is None else Branches(branch=branch, shortcut=shortcut, join=Add())
