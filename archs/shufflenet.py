"""ShuffleNet (arXiv 1707.01083) and ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design (1807.11164)."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    BatchNorm,
    ChannelShuffle,
    ChannelSlice,
    Concatenate,
    Conv,
    Flatten,
    Identity,
    Layer,
    Linear,
    MaxPool,
)
from profiler.network.registry import architecture
from profiler.network.widen import nearest
from profiler.network.widths import fixed, times

from .blocks import relu, unit

REPEATS = (4, 8, 4)  # units in stages 2, 3 and 4: the same in both papers' tables
STEM = 24


def depthwise(stride: int) -> Chain:
    """3×3 depthwise convolution and BatchNorm, no activation."""
    return Chain(conv=Conv(times(1), 3, stride, padding=1, groups="each", bias=False), norm=BatchNorm())


# ShuffleNet, Table 1: output channels of stage 2 by groups; each further stage doubles them.
STAGE2 = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}


@architecture("shufflenet_v1", paper="ShuffleNet (1707.01083)", year=2017, input=(3, 224, 224))
def shufflenet_v1(alpha: Fraction = Fraction(1), classes: int = 1000, groups: Literal[1, 2, 3, 4, 8] = 3) -> Chain:
    """Table 1 at "s×": widths are the multiples of 4·groups near α·width, which bottlenecks of a quarter need."""

    def unit1(m: int, out: int, stride: int, first: int) -> Chain:
        """Figure 2 (b) and (c); the pointwise convolution before the shuffle is in `first` groups."""
        made = out - m if stride == 2 else out  # the shortcut brings its m channels into the concatenation
        branch = Chain(
            reduce=Conv(out // 4, 1, groups=first, bias=False), norm1=BatchNorm(), act=relu(),
            shuffle=ChannelShuffle(groups),
            depthwise=depthwise(stride),
            expand=Conv(made, 1, groups=groups, bias=False), norm2=BatchNorm(),
        )  # fmt: skip
        shortcut, join = (AvgPool(3, 2, padding=1), Concatenate()) if stride == 2 else (Identity(), Add())
        return Chain(unit=Branches(shortcut=shortcut, branch=branch, join=join), act=relu())

    # beyond 1× the authors' stem grows by whole multiples only: 24 channels at 1.5× make Table 5's 292 M (36 make 299.6)
    m = nearest(STEM * (alpha if alpha < 1 else Fraction(floor(alpha))), groups)
    stem = Chain(*unit(m, 3, stride=2, padding=1).parts, pool=MaxPool(3, stride=2, padding=1))
    stages = []
    for s, count in enumerate(REPEATS):
        out = nearest(STAGE2[groups] * alpha, 4 * groups) << s
        # section 3.2: stage 2 begins with a pointwise convolution in one group, as its input has few channels
        stages.append(
            Chain(
                unit1(m, out, 2, first=1 if s == 0 else groups),
                *(unit1(out, out, 1, first=groups) for _ in range(count - 1)),
            )
        )
        m = out
    return Chain(
        stem=stem,
        body=Chain(*stages),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )


# ShuffleNet V2, Table 5: output channels of stages 2 to 4 and of the last convolution.
TABLE2 = {
    "0.5": (48, 96, 192, 1024),
    "1.0": (116, 232, 464, 1024),
    "1.5": (176, 352, 704, 1024),
    "2.0": (244, 488, 976, 2048),
}


def unit2(n: int, stride: int) -> Chain:
    """Figure 3 (c) and (d): two halves of n channels, one of them as it was where the unit does not stride."""
    branch = Chain(reduce=unit(n, 1), depthwise=depthwise(stride), expand=unit(n, 1))
    halves: dict[str, Layer]
    if stride == 2:
        halves = {"shortcut": Chain(depthwise=depthwise(2), project=unit(n, 1)), "branch": branch}
    else:
        halves = {"shortcut": ChannelSlice(0, of=2), "branch": Chain(("slice", ChannelSlice(1, of=2)), *branch.parts)}
    return Chain(halves=Branches(**halves, join=Concatenate()), shuffle=ChannelShuffle(2))


def shufflenet_v2(size: Literal["0.5", "1.0", "1.5", "2.0"], classes: int = 1000) -> Chain:
    """Table 5."""
    *widths, last = TABLE2[size]
    stages = [
        Chain(unit2(n // 2, 2), *(unit2(n // 2, 1) for _ in range(count - 1))) for n, count in zip(widths, REPEATS, strict=True)
    ]
    return Chain(
        stem=Chain(*unit(STEM, 3, stride=2, padding=1).parts, pool=MaxPool(3, stride=2, padding=1)),
        body=Chain(*stages, ("last", unit(last, 1))),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )


for _size in TABLE2:
    architecture(
        f"shufflenet_v2_x{_size.replace('.', '_')}",
        paper="ShuffleNet V2 (1807.11164)", year=2018, input=(3, 224, 224), preset={"size": _size},
    )(shufflenet_v2)  # fmt: skip
