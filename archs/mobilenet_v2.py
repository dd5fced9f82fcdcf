"""MobileNetV2: Inverted Residuals and Linear Bottlenecks (arXiv 1801.04381)."""

from __future__ import annotations

from fractions import Fraction

from profiler.network.combinators import Chain
from profiler.network.layers import AdaptiveAvgPool, AvgPool, Flatten, Identity, Layer, Linear
from profiler.network.registry import architecture
from profiler.network.widths import fixed, same, times

from .blocks import conv_norm, inverted_residual, make_divisible, unit

# Table 2: expansion t, output channels c, blocks n, stride s of the first of them. The text says 19 blocks; these are 17.
TABLE = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
LAST = 1280


@architecture("mobilenet_v2", paper="MobileNetV2 (1801.04381)", year=2018, input=(3, 224, 224))
def mobilenet_v2(alpha: Fraction = Fraction(1), classes: int = 1000) -> Chain:
    """Table 2. Widths are multiples of 8 near α·width, of the last convolution near max(1, α)·1280 (section 6.1)."""
    m = make_divisible(32 * alpha)
    stem = unit(m, 3, stride=2, padding=1, activation="ReLU6")
    body: list[Layer] = []
    for t, c, n, s in TABLE:
        out = make_divisible(c * alpha)
        for stride in (s, *[1] * (n - 1)):
            shortcut = Identity() if stride == 1 and m == out else None
            body.append(inverted_residual(times(t) if t > 1 else None, out, stride=stride, shortcut=shortcut))
            m = out
    return Chain(
        stem=stem,
        body=Chain(*body, ("last", unit(make_divisible(LAST * max(Fraction(1), alpha)), 1, activation="ReLU6"))),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )


@architecture(
    "mobilenet_v2_cifar",
    paper="MobileNetV2 (1801.04381)",
    year=2018,
    input=(3, 32, 32),
    note="the form for 32×32 images common in courses, not in the paper",
)
def mobilenet_v2_cifar(alpha: Fraction = Fraction(1), classes: int = 10) -> Chain:
    """Table 2 for 32×32 images: three strides fewer, an expansion even at t = 1, ReLU.

    A stride-1 block always has a shortcut, projected where the channels change.
    """
    m = make_divisible(32 * alpha)
    stem = unit(m, 3, padding=1)
    body: list[Layer] = []
    for t, c, n, s in TABLE:
        out = make_divisible(c * alpha)
        for stride in (1 if c == 24 else s, *[1] * (n - 1)):
            shortcut = None if stride > 1 else Identity() if m == out else conv_norm(same(), 1)
            body.append(inverted_residual(times(t), out, stride=stride, activation="ReLU", shortcut=shortcut))
            m = out
    return Chain(
        stem=stem,
        body=Chain(*body, ("last", unit(make_divisible(LAST * max(Fraction(1), alpha)), 1))),
        head=Chain(pool=AvgPool(4), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )
