"""Blocks that several papers share."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import Activation, ActivationName, BatchNorm, Conv, Ints, Width, times


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
