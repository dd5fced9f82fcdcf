"""Blocks that several papers share."""

from __future__ import annotations

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import Activation, ActivationName, AvgPool, BatchNorm, Concatenate, Conv, Ints, Layer, Width, times


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


def padded(out: Width, kernel: Ints, stride: Ints = 1) -> Chain:
    """A unit padded by half its kernel, square or not: it keeps the side unless it strides."""
    return unit(out, kernel, stride, padding=kernel // 2 if isinstance(kernel, int) else tuple(k // 2 for k in kernel))


def joined(**paths: Layer) -> Branches:
    """Paths side by side, concatenated: an inception."""
    return Branches(**paths, join=Concatenate())


def split(n: int) -> Branches:
    """1×3 beside 3×1 (Inception-v3, Figure 7)."""
    return joined(row=padded(n, (1, 3)), column=padded(n, (3, 1)))


def averaged(out: Width) -> Chain:
    """The mean of 3×3 neighbours, projected: the pooling branch of the Inceptions after the first."""
    return Chain(pool=AvgPool(3, stride=1, padding=1, count_include_pad=False), project=unit(out, 1))


def separable7(pointwise: Layer) -> Chain:
    """7×7/2 in two, eight filters a colour and then `pointwise`: the first layer of BN-Inception (its appendix)."""
    return Chain(depthwise=Conv(times(8), 7, stride=2, padding=3, groups="each", bias=False), pointwise=pointwise)
