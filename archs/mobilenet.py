"""MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications (arXiv 1704.04861)."""

from __future__ import annotations

from fractions import Fraction

from profiler.network.combinators import Chain
from profiler.network.layers import AdaptiveAvgPool, AvgPool, Flatten, Linear
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from . import blocks

# Table 1, the body: output channels and stride of each depthwise separable layer. The paper prints the last depthwise
# layer with stride 2; only stride 1 gives the 569 million multiply-adds of its other tables (stride 2: 533.8).
BODY = [
    (64, 1),
    (128, 2), (128, 1),
    (256, 2), (256, 1),
    (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
]  # fmt: skip
SHALLOW = [*BODY[:6], *BODY[11:]]  # Table 5: without the five layers of 14×14×512
CIFAR = [*BODY[:7], *BODY[11:]]  # without four of them


@architecture("mobilenet_v1", paper="MobileNets (1704.04861)", year=2017, input=(3, 224, 224))
def mobilenet_v1(
    alpha: Fraction = Fraction(1),
    classes: int = 1000,
    separable: bool = True,
    shallow: bool = False,
    min_width: int = 1,
) -> Chain:
    """Table 1. Widths are ⌊α·width⌋ and at least `min_width` (16 in Table 12).

    `separable=false` is Table 4's Conv MobileNet, a full 3×3 convolution in the place of each separable layer.
    """

    def width(n: int) -> int:
        return max(min_width, int(alpha * n), 1)

    def layer(n: int, stride: int) -> Chain:
        return blocks.separable(width(n), stride) if separable else blocks.unit(width(n), 3, stride, padding=1)

    return Chain(
        stem=blocks.unit(width(32), 3, stride=2, padding=1),
        body=Chain(*(layer(n, stride) for n, stride in (SHALLOW if shallow else BODY))),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )


@architecture(
    "mobilenet_v1_cifar",
    paper="MobileNets (1704.04861)",
    year=2017,
    input=(3, 32, 32),
    note="the form for 32×32 images common in courses, not in the paper",
)
def mobilenet_v1_cifar(alpha: Fraction = Fraction(1), classes: int = 10) -> Chain:
    """Table 1 for 32×32 images: four of the five 512 layers fewer, a stem that does not stride. Widths are ⌊α·width⌋."""

    def width(n: int) -> int:
        return max(int(alpha * n), 1)

    return Chain(
        stem=blocks.unit(width(32), 3, padding=1),
        body=Chain(*(blocks.separable(width(n), stride) for n, stride in CIFAR)),
        head=Chain(pool=AvgPool(2), flatten=Flatten(), classifier=Linear(fixed(classes))),
    )
