"""Very Deep Convolutional Networks for Large-Scale Image Recognition (arXiv 1409.1556)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Chain
from profiler.network.layers import Conv, Dropout, Flatten, Layer, Linear, MaxPool, fixed
from profiler.network.registry import architecture

from .blocks import relu

# Table 1: the widths of the 3×3 convolutions between the five poolings.
TABLE = {
    "A": [[64], [128], [256, 256], [512, 512], [512, 512]],
    "B": [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
    "D": [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
    "E": [[64, 64], [128, 128], [256] * 4, [512] * 4, [512] * 4],
}


@architecture("vgg11", paper="VGG (1409.1556)", year=2014, input=(3, 224, 224), preset={"configuration": "A"})
@architecture("vgg13", paper="VGG (1409.1556)", year=2014, input=(3, 224, 224), preset={"configuration": "B"})
@architecture("vgg16", paper="VGG (1409.1556)", year=2014, input=(3, 224, 224), preset={"configuration": "D"})
@architecture("vgg19", paper="VGG (1409.1556)", year=2014, input=(3, 224, 224), preset={"configuration": "E"})
def vgg(configuration: Literal["A", "B", "D", "E"], classes: int = 1000) -> Chain:
    """Table 1. The classifier flattens its input, so its first layer grows and shrinks with the side."""

    def stage(widths: list[int]) -> Chain:
        parts: dict[str, Layer] = {}
        for i, n in enumerate(widths):
            parts |= {f"conv{i}": Conv(n, 3, padding=1), f"act{i}": relu()}
        return Chain(**parts, pool=MaxPool(2))

    return Chain(
        body=Chain(*map(stage, TABLE[configuration])),
        head=Chain(
            flatten=Flatten(),
            fc6=Linear(4096), act6=relu(), drop6=Dropout(),
            fc7=Linear(4096), act7=relu(), drop7=Dropout(),
            fc8=Linear(fixed(classes)),
        ),
    )  # fmt: skip
