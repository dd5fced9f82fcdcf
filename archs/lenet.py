"""Gradient-Based Learning Applied to Document Recognition (Proceedings of the IEEE, 1998)."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import Activation, AvgPool, Conv, Flatten, Layer, Linear, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed

PAPER = "LeNet-5 (Proc. IEEE 86(11))"
AS_BUILT = (
    "as usually built: every map of C3 sees all six of S2, and the pooling has no weights; 28×28 padded to the paper's 32×32"
)
UNPADDED = "without the padding and with max pooling, as courses on Fashion-MNIST build it"


@architecture("lenet5", paper=PAPER, year=1998, input=(1, 28, 28), preset={"padded": True}, note=AS_BUILT)
@architecture("lenet_fashion", paper=PAPER, year=1998, input=(1, 28, 28), preset={"padded": False}, note=UNPADDED)
def lenet(padded: bool, classes: int = 10) -> Chain:
    """Figure 2, with layers called as in section II-B. C5, a 5×5 convolution of 5×5 maps in the paper, is fully connected.

    The paper's own C3 is sparse and its subsampling is trained (60,000 parameters, 340,908 connections).
    """
    act = Activation("Tanh" if padded else "Sigmoid")
    pool: Layer = AvgPool(2) if padded else MaxPool(2)
    return Chain(
        body=Chain(
            c1=Conv(6, 5, padding=2 if padded else 0), act1=act, s2=pool,
            c3=Conv(16, 5), act3=act, s4=pool,
        ),
        head=Chain(
            flatten=Flatten(),
            c5=Linear(120), act5=act,
            f6=Linear(84), act6=act,
            output=Linear(fixed(classes)),
        ),
    )  # fmt: skip


@architecture(
    "lenet5_caffe", paper=PAPER, year=1998, input=(1, 28, 28), note="the LeNet-5 of Caffe, which papers on compression use"
)
def caffe(classes: int = 10) -> Chain:
    """20 and 50 maps with max pooling and one rectifier, as Caffe's example for MNIST has it."""
    return Chain(
        body=Chain(conv1=Conv(20, 5), pool1=MaxPool(2), conv2=Conv(50, 5), pool2=MaxPool(2)),
        head=Chain(flatten=Flatten(), ip1=Linear(500), act1=Activation("ReLU"), ip2=Linear(fixed(classes))),
    )


@architecture(
    "lenet_300_100", paper=PAPER, year=1998, input=(1, 28, 28), note="fully connected, as section III-C.4 compares it"
)
def fully_connected(classes: int = 10) -> Chain:
    """Two hidden layers of 300 and 100 units."""
    return Chain(
        head=Chain(
            flatten=Flatten(),
            ip1=Linear(300), act1=Activation("Tanh"),
            ip2=Linear(100), act2=Activation("Tanh"),
            ip3=Linear(fixed(classes)),
        )
    )  # fmt: skip
