"""Network In Network (arXiv 1312.4400)."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import AdaptiveAvgPool, AvgPool, Dropout, Flatten, Layer, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import Width, fixed

from .blocks import biased

CIFAR = "the paper's CIFAR-10 network; it describes no ImageNet one"


def mlpconv(widths: tuple[Width, Width, Width], kernel: int, stride: int = 1, padding: int = 0) -> Chain:
    """A convolution, then two of 1×1: a small perceptron slid over the image (Figure 1(b))."""
    first, *rest = widths
    return Chain(biased(first, kernel, stride, padding), *(biased(n, 1) for n in rest))


def head() -> Chain:
    """One map a class, averaged: no fully connected layer (section 3.2)."""
    return Chain(pool=AdaptiveAvgPool(1), flatten=Flatten())


@architecture("nin", paper="Network In Network (1312.4400)", year=2013, input=(3, 32, 32), note=CIFAR)
def nin(classes: int = 10) -> Chain:
    """Figure 2, with the widths and poolings of the authors' CIFAR-10 network; their poolings round up."""

    def pooled(pool: Layer) -> Chain:
        return Chain(pool=pool, drop=Dropout())

    return Chain(
        body=Chain(
            mlpconv1=mlpconv((192, 160, 96), 5, padding=2), pool1=pooled(MaxPool(3, stride=2, ceil_mode=True)),
            mlpconv2=mlpconv((192, 192, 192), 5, padding=2), pool2=pooled(AvgPool(3, stride=2, ceil_mode=True)),
            mlpconv3=mlpconv((192, 192, fixed(classes)), 3, padding=1),
        ),
        head=head(),
    )  # fmt: skip


@architecture("nin_fashion", paper="Network In Network (1312.4400)", year=2013, input=(1, 224, 224))
def nin_fashion(classes: int = 10) -> Chain:
    """The windows and widths of AlexNet in mlpconv layers, as courses build it for Fashion-MNIST."""
    last = fixed(classes)
    return Chain(
        body=Chain(
            mlpconv1=mlpconv((96, 96, 96), 11, stride=4), pool1=MaxPool(3, stride=2),
            mlpconv2=mlpconv((256, 256, 256), 5, padding=2), pool2=MaxPool(3, stride=2),
            mlpconv3=mlpconv((384, 384, 384), 3, padding=1), pool3=MaxPool(3, stride=2), drop=Dropout(),
            mlpconv4=mlpconv((last, last, last), 3, padding=1),
        ),
        head=head(),
    )  # fmt: skip
