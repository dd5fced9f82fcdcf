"""ImageNet Classification with Deep Convolutional Neural Networks (NIPS 2012)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Chain
from profiler.network.layers import AdaptiveAvgPool, Conv, Dropout, Flatten, Layer, Linear, LocalResponseNorm, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import relu

PAPER = "AlexNet (NIPS 2012)"
ONE_TOWER = "One weird trick (1404.5997)"


def head(classes: int, widths: tuple[int, ...] = (4096, 4096)) -> Chain:
    """The fully connected layers, 6 to 8, which flatten their input: the first grows and shrinks with the side."""
    parts: dict[str, Layer] = {"flatten": Flatten()}
    for i, n in enumerate(widths, start=6):
        parts |= {f"fc{i}": Linear(n), f"act{i}": relu(), f"drop{i}": Dropout()}
    return Chain(**parts, classifier=Linear(fixed(classes)))


@architecture("alexnet", paper=PAPER, year=2012, input=(3, 227, 227), note="the paper prints 224; its 55×55 maps need 227")
def alexnet(classes: int = 1000, groups: Literal[1, 2] = 2) -> Chain:
    """Section 3.5 and Figure 2: two groups of maps, one a GPU, that meet in conv3 only. `groups=1` joins them."""
    return Chain(
        body=Chain(
            conv1=Conv(96, 11, stride=4), act1=relu(), norm1=LocalResponseNorm(5, k=2.0), pool1=MaxPool(3, stride=2),
            conv2=Conv(256, 5, padding=2, groups=groups), act2=relu(), norm2=LocalResponseNorm(5, k=2.0),
            pool2=MaxPool(3, stride=2),
            conv3=Conv(384, 3, padding=1), act3=relu(),
            conv4=Conv(384, 3, padding=1, groups=groups), act4=relu(),
            conv5=Conv(256, 3, padding=1, groups=groups), act5=relu(), pool5=MaxPool(3, stride=2),
        ),
        head=head(classes),
    )  # fmt: skip


@architecture("alexnet_torchvision", paper=ONE_TOWER, year=2014, input=(3, 224, 224), note="the AlexNet of torchvision")
def one_tower(classes: int = 1000) -> Chain:
    """One tower of other widths, without normalisation; a pooling to 6×6 frees the classifier from the side."""
    return Chain(
        body=Chain(
            conv1=Conv(64, 11, stride=4, padding=2), act1=relu(), pool1=MaxPool(3, stride=2),
            conv2=Conv(192, 5, padding=2), act2=relu(), pool2=MaxPool(3, stride=2),
            conv3=Conv(384, 3, padding=1), act3=relu(),
            conv4=Conv(256, 3, padding=1), act4=relu(),
            conv5=Conv(256, 3, padding=1), act5=relu(), pool5=MaxPool(3, stride=2),
            pool=AdaptiveAvgPool(6),
        ),
        head=head(classes),
    )  # fmt: skip


@architecture("alexnet_fashion", paper=PAPER, year=2012, input=(1, 224, 224), preset={"slim": False})
@architecture("alexnet_fashion_slim", paper=PAPER, year=2012, input=(1, 224, 224), preset={"slim": True})
def fashion(slim: bool, classes: int = 10) -> Chain:
    """The paper's widths in one tower without normalisation, as courses build it for Fashion-MNIST.

    The slim one leaves out the 384→384 convolution and the 4096→4096 layer.
    """
    conv4 = {} if slim else {"conv4": Conv(384, 3, padding=1), "act4": relu()}
    return Chain(
        body=Chain(
            conv1=Conv(96, 11, stride=4, padding=1), act1=relu(), pool1=MaxPool(3, stride=2),
            conv2=Conv(256, 5, padding=2), act2=relu(), pool2=MaxPool(3, stride=2),
            conv3=Conv(384, 3, padding=1), act3=relu(),
            **conv4,
            conv5=Conv(256, 3, padding=1), act5=relu(), pool5=MaxPool(3, stride=2),
        ),
        head=head(classes, (4096,) if slim else (4096, 4096)),
    )  # fmt: skip
