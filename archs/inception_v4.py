"""Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning (arXiv 1602.07261).

The paper's figures mark unpadded convolutions with V: `unit` here, `padded` the others.
"""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Add, BatchNorm, Conv, Dropout, Flatten, Identity, Layer, Linear, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed, same

from .blocks import averaged, joined, padded, relu, split, unit


def pool() -> MaxPool:
    """3×3, stride 2, V."""
    return MaxPool(3, stride=2)


def first3() -> list[Layer]:
    """The three 3×3 convolutions that open every stem."""
    return [unit(32, 3, stride=2), unit(32, 3), padded(64, 3)]


def head(classes: int) -> Chain:
    """Figure 9, from the pooling on."""
    return Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(0.2), classifier=Linear(fixed(classes)))


def reduction_a(k: int, l: int, m: int, n: int) -> Branches:  # noqa: E741  # the paper's letters
    """Figure 7, with the k, l, m, n of Table 1."""
    return joined(pool=pool(), three=unit(n, 3, stride=2), deep=Chain(unit(k, 1), padded(l, 3), unit(m, 3, stride=2)))


@architecture("inception_v4", paper="Inception-v4 (1602.07261)", year=2016, input=(3, 299, 299))
def inception_v4(classes: int = 1000) -> Chain:
    """Figure 9."""
    stem = Chain(  # Figure 3
        *first3(),
        joined(pool=pool(), three=unit(96, 3, stride=2)),
        joined(
            three=Chain(unit(64, 1), unit(96, 3)),
            seven=Chain(unit(64, 1), padded(64, (7, 1)), padded(64, (1, 7)), unit(96, 3)),
        ),
        joined(three=unit(192, 3, stride=2), pool=pool()),
    )
    a = joined(  # Figure 4
        pool=averaged(96),
        one=unit(96, 1),
        three=Chain(unit(64, 1), padded(96, 3)),
        deep=Chain(unit(64, 1), padded(96, 3), padded(96, 3)),
    )
    b = joined(  # Figure 5
        pool=averaged(128),
        one=unit(384, 1),
        seven=Chain(unit(192, 1), padded(224, (1, 7)), padded(256, (7, 1))),
        deep=Chain(unit(192, 1), padded(192, (1, 7)), padded(224, (7, 1)), padded(224, (1, 7)), padded(256, (7, 1))),
    )
    c = joined(  # Figure 6
        pool=averaged(256),
        one=unit(256, 1),
        three=Chain(unit(384, 1), split(256)),
        deep=Chain(unit(384, 1), padded(448, (1, 3)), padded(512, (3, 1)), split(256)),
    )
    reduction_b = joined(  # Figure 8
        pool=pool(),
        three=Chain(unit(192, 1), unit(192, 3, stride=2)),
        seven=Chain(unit(256, 1), padded(256, (1, 7)), padded(320, (7, 1)), unit(320, 3, stride=2)),
    )
    body = Chain(Chain(*[a] * 4), reduction_a(192, 224, 256, 384), Chain(*[b] * 7), reduction_b, Chain(*[c] * 3))
    return Chain(stem=stem, body=body, head=head(classes))


# The widths of Inception-ResNet: A's two 3×3 in a row (figures 10 and 16), B (11 and 17), C (13 and 19), k, l, m, n of
# Table 1, and the convolutions before the joint of reduction B (12 and 18).
WIDTHS = {
    1: ((32, 32, 32), (128, 128, 128, 128), (192, 192, 192, 192), (192, 192, 256, 384), (384, 256, 256, 256)),
    2: ((32, 48, 64), (192, 128, 160, 192), (192, 192, 224, 256), (256, 256, 384, 384), (384, 288, 288, 320)),
}
# How many of A, B and C stand before the last C. Figure 15 has 5, 10 and 5 in all; the release of v2 has 10, 20 and 10.
REPEATS = {1: (5, 10, 5), 2: (10, 20, 9)}


def residual(scale: float, paths: Layer, activated: bool = True) -> Chain:
    """The input plus `scale` times (section 3.3) what the paths make of it, through a 1×1 convolution without norm."""
    branch = Chain(paths=paths, project=Conv(same(), 1))
    total = Branches(shortcut=Identity(), branch=branch, join=Add(scale))
    return Chain(sum=total, act=relu()) if activated else Chain(sum=total)


@architecture(
    "inception_resnet_v1", paper="Inception-ResNet (1602.07261)", year=2016, input=(3, 299, 299), preset={"version": 1},
    note="with the 512-wide layer before the classifier that its common builds took over from FaceNet",
)  # fmt: skip
@architecture(
    "inception_resnet_v2", paper="Inception-ResNet (1602.07261)", year=2016, input=(3, 299, 299), preset={"version": 2},
    note="as released: longer than Figure 15, with the stem of Inception-v3 and a last 1×1 convolution of 1536",
)  # fmt: skip
def inception_resnet(version: Literal[1, 2], classes: int = 1000) -> Chain:
    """Figure 15, as the authors' release and the common builds have it: one more C at the end, unscaled and linear."""
    wa, wb, wc, klmn, wr = WIDTHS[version]
    times_a, times_b, times_c = REPEATS[version]
    a = joined(
        one=unit(32, 1),
        three=Chain(unit(32, 1), padded(32, 3)),
        deep=Chain(unit(wa[0], 1), padded(wa[1], 3), padded(wa[2], 3)),
    )
    b = joined(one=unit(wb[0], 1), seven=Chain(unit(wb[1], 1), padded(wb[2], (1, 7)), padded(wb[3], (7, 1))))
    c = joined(one=unit(wc[0], 1), three=Chain(unit(wc[1], 1), padded(wc[2], (1, 3)), padded(wc[3], (3, 1))))
    reduction_b = joined(
        pool=pool(),
        wide=Chain(unit(256, 1), unit(wr[0], 3, stride=2)),
        three=Chain(unit(256, 1), unit(wr[1], 3, stride=2)),
        deep=Chain(unit(256, 1), padded(wr[2], 3), unit(wr[3], 3, stride=2)),
    )
    stem: list[Layer] = [*first3(), pool(), unit(80, 1), unit(192, 3)]  # Figure 14
    end = head(classes)
    if version == 1:
        stem.append(unit(256, 3, stride=2))
        *pooled, classifier = end.parts
        end = Chain(*pooled, fc=Linear(512, bias=False), norm=BatchNorm(), **dict([classifier]))
    else:
        mixed = joined(
            one=unit(96, 1),
            five=Chain(unit(48, 1), padded(64, 5)),
            deep=Chain(unit(64, 1), padded(96, 3), padded(96, 3)),
            pool=averaged(64),
        )
        stem += [pool(), mixed]
        end = Chain(conv=unit(1536, 1), **dict(end.parts))
    body = Chain(
        Chain(*[residual(0.17, a)] * times_a),
        reduction_a(*klmn),
        Chain(*[residual(0.10, b)] * times_b),
        reduction_b,
        Chain(*[residual(0.20, c)] * times_c, residual(1.0, c, activated=False)),
    )
    return Chain(stem=Chain(*stem), body=body, head=end)
