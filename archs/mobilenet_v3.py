"""Searching for MobileNetV3 (arXiv 1905.02244)."""

from __future__ import annotations

from fractions import Fraction

from profiler.network.combinators import Chain
from profiler.network.layers import Activation, ActivationName, AdaptiveAvgPool, Dropout, Flatten, Identity, Layer, Linear
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import inverted_residual, make_divisible, squeeze_excite, unit

RE: ActivationName = "ReLU"
HS: ActivationName = "Hardswish"
Bneck = tuple[int, int, int, bool, ActivationName, int]

# Table 1: kernel, expansion size, output channels, squeeze-and-excite, nonlinearity, stride of each bneck.
LARGE: list[Bneck] = [
    (3, 16, 16, False, RE, 1),
    (3, 64, 24, False, RE, 2), (3, 72, 24, False, RE, 1),
    (5, 72, 40, True, RE, 2), (5, 120, 40, True, RE, 1), (5, 120, 40, True, RE, 1),
    (3, 240, 80, False, HS, 2), (3, 200, 80, False, HS, 1), (3, 184, 80, False, HS, 1), (3, 184, 80, False, HS, 1),
    (3, 480, 112, True, HS, 1), (3, 672, 112, True, HS, 1),
    (5, 672, 160, True, HS, 2), (5, 960, 160, True, HS, 1), (5, 960, 160, True, HS, 1),
]  # fmt: skip
# Table 2. It ticks squeeze-and-excite for the last convolution too, which the released code drops.
SMALL: list[Bneck] = [
    (3, 16, 16, True, RE, 2),
    (3, 72, 24, False, RE, 2), (3, 88, 24, False, RE, 1),
    (5, 96, 40, True, HS, 2), (5, 240, 40, True, HS, 1), (5, 240, 40, True, HS, 1),
    (5, 120, 48, True, HS, 1), (5, 144, 48, True, HS, 1),
    (5, 288, 96, True, HS, 2), (5, 576, 96, True, HS, 1), (5, 576, 96, True, HS, 1),
]  # fmt: skip


@architecture("mobilenet_v3_large", paper="MobileNetV3 (1905.02244)", year=2019, input=(3, 224, 224))
def mobilenet_v3_large(alpha: Fraction = Fraction(1), classes: int = 1000, minimalistic: bool = False) -> Chain:
    """Table 1. `minimalistic=true` is the released variant without squeeze-and-excite, hard swish and 5×5 kernels."""
    return _network(LARGE, 960, 1280, alpha, classes, minimalistic)


@architecture("mobilenet_v3_small", paper="MobileNetV3 (1905.02244)", year=2019, input=(3, 224, 224))
def mobilenet_v3_small(alpha: Fraction = Fraction(1), classes: int = 1000, minimalistic: bool = False) -> Chain:
    """Table 2. `minimalistic=true` is the released variant without squeeze-and-excite, hard swish and 5×5 kernels."""
    return _network(SMALL, 576, 1024, alpha, classes, minimalistic)


def _network(table: list[Bneck], last: int, hidden: int, alpha: Fraction, classes: int, minimalistic: bool) -> Chain:
    """Widths are multiples of 8 near α·width, of the hidden layer near max(1, α)·width, as in MobileNetV2.

    An expansion is as many times its input as in the table, whatever α makes of the input: the release's rule, and the
    one that the 0.75 rows of Table 3 come from.
    """
    hs = RE if minimalistic else HS
    c, m = 16, make_divisible(16 * alpha)  # the input's channels in the table and here
    stem = unit(m, 3, stride=2, padding=1, activation=hs)
    body: list[Layer] = []
    for k, exp, c_out, se, nl, s in table:
        wide, out = make_divisible(m * Fraction(exp, c)), make_divisible(c_out * alpha)
        body.append(
            inverted_residual(
                wide if exp != c else None,
                out,
                3 if minimalistic else k,
                s,
                RE if minimalistic else nl,
                squeeze_excite(make_divisible(Fraction(wide, 4)), gate="Hardsigmoid") if se and not minimalistic else None,
                Identity() if s == 1 and m == out else None,
            )
        )
        c, m = c_out, out
    return Chain(
        stem=stem,
        body=Chain(*body, ("last", unit(make_divisible(last * alpha), 1, activation=hs))),
        head=Chain(
            pool=AdaptiveAvgPool(1), flatten=Flatten(),
            hidden=Linear(make_divisible(hidden * max(Fraction(1), alpha))), act=Activation(hs), drop=Dropout(0.2),
            classifier=Linear(fixed(classes)),
        ),
    )  # fmt: skip
