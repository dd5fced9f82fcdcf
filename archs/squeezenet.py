"""SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size (arXiv 1602.07360)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Concatenate, Dropout, Flatten, Layer, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import biased

# Table 1: s1x1, e1x1 and e3x3 of each fire module.
TABLE = {
    "fire2": (16, 64, 64),
    "fire3": (16, 64, 64),
    "fire4": (32, 128, 128),
    "fire5": (32, 128, 128),
    "fire6": (48, 192, 192),
    "fire7": (48, 192, 192),
    "fire8": (64, 256, 256),
    "fire9": (64, 256, 256),
}
# Version 1.1, of the authors' release notes: a smaller first convolution, and pooling earlier.
STEM = {"1.0": (96, 7), "1.1": (64, 3)}
POOLED = {"1.0": ("fire4", "fire8"), "1.1": ("fire3", "fire5")}


def pool() -> MaxPool:
    """Poolings round up, as in the authors' Caffe."""
    return MaxPool(3, stride=2, ceil_mode=True)


def fire(s1: int, e1: int, e3: int) -> Chain:
    """Squeeze, then expand by 1×1 and 3×3 side by side (Figure 1)."""
    expand = Branches(one=biased(e1, 1), three=biased(e3, 3, padding=1), join=Concatenate())
    return Chain(squeeze=biased(s1, 1), expand=expand)


@architecture(
    "squeezenet1_0", paper="SqueezeNet (1602.07360)", year=2016, input=(3, 224, 224), preset={"version": "1.0"},
    note="the paper prints 224; its 111×111 maps need 227",
)  # fmt: skip
@architecture(
    "squeezenet1_1", paper="SqueezeNet (1602.07360)", year=2016, input=(3, 224, 224), preset={"version": "1.1"},
    note="2.4 times fewer multiply-adds, from the authors' release",
)  # fmt: skip
def squeezenet(version: Literal["1.0", "1.1"], classes: int = 1000) -> Chain:
    """Table 1."""
    width, kernel = STEM[version]
    body: dict[str, Layer] = {}
    for name, widths in TABLE.items():
        body[name] = fire(*widths)
        if name in POOLED[version]:
            body[f"pool{name[-1]}"] = pool()
    return Chain(
        stem=Chain(conv1=biased(width, kernel, stride=2), pool1=pool()),
        body=Chain(**body),
        head=Chain(drop=Dropout(), conv10=biased(fixed(classes), 1), pool=AdaptiveAvgPool(1), flatten=Flatten()),
    )
