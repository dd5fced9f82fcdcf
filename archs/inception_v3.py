"""Rethinking the Inception Architecture for Computer Vision (arXiv 1512.00567)."""

from __future__ import annotations

from profiler.network.combinators import Aside, Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Dropout, Flatten, Linear, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import averaged, joined, padded, split, unit

# Table 1 prints the stem's last three convolutions as 3×3 of 64, 3×3/2 of 80 and 3×3 of 192, and no second pooling; the
# published network has 1×1 of 80, 3×3 of 192 and a pooling, which gives the same 35×35×192.
POOLED = (32, 64, 64)  # the pooling branch of the three modules at 35×35
NARROW = (128, 160, 160, 192)  # the inner width of the four modules at 17×17 (section 6, figure 6)


def factorized5(pool: int) -> Branches:
    """Figure 5, at 35×35; its first path keeps one 5×5."""
    return joined(
        one=unit(64, 1),
        five=Chain(unit(48, 1), padded(64, 5)),
        deep=Chain(unit(64, 1), padded(96, 3), padded(96, 3)),
        pool=averaged(pool),
    )


def factorized7(n: int) -> Branches:
    """Figure 6 with 7×7 as 1×7 and 7×1, at 17×17."""
    return joined(
        one=unit(192, 1),
        seven=Chain(unit(n, 1), padded(n, (1, 7)), padded(192, (7, 1))),
        deep=Chain(unit(n, 1), padded(n, (7, 1)), padded(n, (1, 7)), padded(n, (7, 1)), padded(192, (1, 7))),
        pool=averaged(192),
    )


def expanded() -> Branches:
    """Figure 7, with a wide last layer, at 8×8."""
    return joined(
        one=unit(320, 1),
        three=Chain(unit(384, 1), split(384)),
        deep=Chain(unit(448, 1), padded(384, 3), split(384)),
        pool=averaged(192),
    )


def reduced(**paths: Chain) -> Branches:
    """Figure 10: strided convolutions beside a pooling, which halve the side and widen."""
    return joined(**paths, pool=MaxPool(3, stride=2))


@architecture("inception_v3", paper="Inception-v3 (1512.00567)", year=2015, input=(3, 299, 299))
def inception_v3(classes: int = 1000) -> Chain:
    """The network of Table 1 as published, with the auxiliary classifier of section 4, which runs in training only."""
    auxiliary = Chain(
        # a 5×5 window at stride 3 on the native 17×17; adaptive, so that smaller inputs run too
        pool=AdaptiveAvgPool(5),
        reduce=unit(128, 1), conv=unit(768, 5), flatten=Flatten(), classifier=Linear(fixed(classes)),
    )  # fmt: skip
    return Chain(
        stem=Chain(
            conv1=unit(32, 3, stride=2), conv2=unit(32, 3), conv3=padded(64, 3), pool3=MaxPool(3, stride=2),
            conv4=unit(80, 1), conv5=unit(192, 3), pool5=MaxPool(3, stride=2),
        ),
        body=Chain(
            Chain(*map(factorized5, POOLED)),
            reduced(three=unit(384, 3, stride=2), deep=Chain(unit(64, 1), padded(96, 3), unit(96, 3, stride=2))),
            Chain(*map(factorized7, NARROW), auxiliary=Aside(auxiliary)),
            reduced(
                three=Chain(unit(192, 1), unit(320, 3, stride=2)),
                seven=Chain(unit(192, 1), padded(192, (1, 7)), padded(192, (7, 1)), unit(192, 3, stride=2)),
            ),
            Chain(expanded(), expanded()),
        ),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(), classifier=Linear(fixed(classes))),
    )  # fmt: skip
