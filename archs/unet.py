"""U-Net: Convolutional Networks for Biomedical Image Segmentation (arXiv 1505.04597)."""

from __future__ import annotations

from typing import Any, Literal

from profiler.network.combinators import Chain, Graph
from profiler.network.layers import Concatenate, Conv, ConvTranspose, Crop, Dropout, Layer, MaxPool, Pad, Upsample
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import biased, relu, unit

WIDTHS = (64, 128, 256, 512, 1024)  # Figure 1


@architecture(
    "unet",
    paper="U-Net (1505.04597)",
    year=2015,
    input=lambda build: {"paper": (1, 572, 572), "keras": (1, 256, 256), "batchnorm": (3, 256, 256)}[build],
    task="segmentation",
    note="three builds go by this name",
)
def unet(build: Literal["paper", "keras", "batchnorm"] = "paper", classes: int = 2) -> Graph:
    """Figure 1: valid convolutions, cropped skips, 2×2 transposed convolutions; 572 pixels in, 388 out.

    `keras` pads, resizes before a 2×2 convolution and has a 3×3 convolution to two channels before its head; `batchnorm` pads
    and has BatchNorm in the place of biases. Both need sides that are multiples of 16.
    """
    conv, padding = (unit if build == "batchnorm" else biased), (0 if build == "paper" else 1)

    def double(n: int, **after: Layer) -> Chain:
        return Chain(conv1=conv(n, 3, padding=padding), conv2=conv(n, 3, padding=padding), **after)

    def grow(n: int) -> Chain:
        if build == "keras":  # TF pads an even kernel at the end
            return Chain(resize=Upsample(2), pad=Pad(((0, 1), (0, 1))), conv=Conv(n, 2), act=relu())
        return Chain(conv=ConvTranspose(n, 2, stride=2))

    nodes: dict[str, tuple[Any, ...]] = {}
    below = "image"
    for level, n in enumerate(WIDTHS):
        # dropout ends the contracting path (section 3.1), the last two levels of the Keras build
        dropped = build != "batchnorm" and (n == 1024 or (build == "keras" and n == 512))
        nodes[f"down{level}"] = (double(n, **({"drop": Dropout()} if dropped else {})), below)
        if level < 4:
            below = f"pool{level}"
            nodes[below] = (MaxPool(2), f"down{level}")
    below = "down4"
    for level, n in reversed([*enumerate(WIDTHS[:-1])]):
        skip, up = f"down{level}", f"grow{level}"
        nodes[up] = (grow(n), below)
        if build == "paper":
            nodes[f"crop{level}"] = (Crop(), skip, up)
            skip = f"crop{level}"
        nodes[f"join{level}"] = (Concatenate(), skip, up)
        below = f"up{level}"
        nodes[below] = (double(n), f"join{level}")
    last = {"conv": biased(fixed(2), 3, padding=1)} if build == "keras" else {}
    nodes["head"] = (Chain(**last, classifier=Conv(fixed(classes), 1)), below)
    return Graph(inputs=("image",), nodes=nodes, outputs=("head",))
