"""Blocks that several papers share."""

from __future__ import annotations

from fractions import Fraction

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    Activation,
    ActivationName,
    AdaptiveAvgPool,
    Add,
    Attention,
    AvgPool,
    BatchNorm,
    Concatenate,
    Conv,
    Identity,
    Ints,
    Layer,
    Linear,
    Multiply,
    RotaryEmbedding,
)
from profiler.network.widen import nearest
from profiler.network.widths import Width, same, times


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


def attention(
    hidden: int, heads: int, kv_heads: int | None = None, *, bias: bool = True, causal: bool = False, base: float | None = None
) -> Chain:
    """Queries, keys and values by one product, attention in heads, and the projection of their outputs.

    With `kv_heads` fewer heads of keys and values (arXiv 2305.13245), with `base` rotary positions.
    """
    share = Fraction(heads + 2 * (kv_heads or heads), heads)
    packed = times(share if share.denominator > 1 else share.numerator)
    # module hooks miss the projections inside nn.MultiheadAttention; here they are layers
    parts: dict[str, Layer] = {"qkv": Linear(packed, bias=bias)}
    if base is not None:
        parts["rotate"] = RotaryEmbedding(heads, kv_heads, base)
    return Chain(**parts, attend=Attention(heads, kv_heads, causal), project=Linear(hidden, bias=bias))


def perceptron(hidden: int, inner: int) -> Chain:
    """Two layers of a transformer's feed-forward network, with GELU between them."""
    return Chain(expand=Linear(inner), act=Activation("GELU"), project=Linear(hidden))


def gated_perceptron(hidden: int, inner: int) -> Chain:
    """SwiGLU (arXiv 2002.05202): two layers side by side, one of them the gate of the other, and a third; no biases."""
    gated = Branches(
        gate=Chain(linear=Linear(inner, bias=False), act=Activation("SiLU")), up=Linear(inner, bias=False), join=Multiply()
    )
    return Chain(expand=gated, project=Linear(hidden, bias=False))


def pre_norm(norm: Layer, branch: Chain) -> Branches:
    """A residual branch that begins with its normalisation (ViT, GPT-2, Llama)."""
    return Branches(branch=Chain(("norm", norm), *branch.parts), shortcut=Identity(), join=Add())


def post_norm(norm: Layer, branch: Chain) -> Chain:
    """A residual branch whose sum is normalised (Attention Is All You Need, BERT)."""
    return Chain(sum=Branches(branch=branch, shortcut=Identity(), join=Add()), norm=norm)
