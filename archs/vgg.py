"""Very Deep Convolutional Networks for Large-Scale Image Recognition (arXiv 1409.1556)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Chain
from profiler.network.layers import Conv, Dropout, Flatten, Layer, Linear, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import relu

PAPER = "VGG (1409.1556)"
# Table 1: the widths of the convolutions between the five poolings, 3×3 but for the 1×1 that close three stages of C.
TABLE = {
    "A": [[64], [128], [256, 256], [512, 512], [512, 512]],
    "B": [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
    "C": [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
    "D": [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
    "E": [[64, 64], [128, 128], [256] * 4, [512] * 4, [512] * 4],
}


def stage(widths: list[int], last_kernel: int = 3) -> Chain:
    """Convolutions that keep the side, then a pooling that halves it."""
    parts: dict[str, Layer] = {}
    for i, n in enumerate(widths):
        kernel = last_kernel if i == len(widths) - 1 else 3
        parts |= {f"conv{i}": Conv(n, kernel, padding=kernel // 2), f"act{i}": relu()}
    return Chain(**parts, pool=MaxPool(2))


def head(width: int, classes: int) -> Chain:
    """The classifier flattens its input, so its first layer grows and shrinks with the side."""
    return Chain(
        flatten=Flatten(),
        fc6=Linear(width), act6=relu(), drop6=Dropout(),
        fc7=Linear(width), act7=relu(), drop7=Dropout(),
        fc8=Linear(fixed(classes)),
    )  # fmt: skip


@architecture("vgg11", paper=PAPER, year=2014, input=(3, 224, 224), preset={"configuration": "A"})
@architecture("vgg13", paper=PAPER, year=2014, input=(3, 224, 224), preset={"configuration": "B"})
@architecture("vgg16_c", paper=PAPER, year=2014, input=(3, 224, 224), preset={"configuration": "C"})
@architecture("vgg16", paper=PAPER, year=2014, input=(3, 224, 224), preset={"configuration": "D"})
@architecture("vgg19", paper=PAPER, year=2014, input=(3, 224, 224), preset={"configuration": "E"})
def vgg(configuration: Literal["A", "B", "C", "D", "E"], classes: int = 1000) -> Chain:
    """Table 1."""

    def kernel(widths: list[int]) -> int:
        return 1 if configuration == "C" and len(widths) == 3 else 3

    body = (stage(widths, last_kernel=kernel(widths)) for widths in TABLE[configuration])
    return Chain(body=Chain(*body), head=head(4096, classes))


@architecture(
    "vgg11_fashion", paper=PAPER, year=2014, input=(1, 224, 224),
    note="'ratio' also names a network whose fully connected layers stay at 4096: divide_classifier=false",
)  # fmt: skip
def vgg_fashion(classes: int = 10, ratio: int = 8, divide_classifier: bool = True) -> Chain:
    """Configuration A for Fashion-MNIST, channels and fully connected widths divided by `ratio`, as courses build it."""

    def width(n: int) -> int:
        return max(1, n // ratio)

    body = (stage([width(n) for n in widths]) for widths in TABLE["A"])
    return Chain(body=Chain(*body), head=head(width(4096) if divide_classifier else 4096, classes))
