"""Semantic Understanding of Scenes through the ADE20K Dataset (arXiv 1608.05442): the decoder C1DeepSup of its code."""

from __future__ import annotations

from profiler.network.combinators import Aside, Chain, Graph
from profiler.network.layers import Conv
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import unit


@architecture(
    "c1_deepsup",
    paper="ADE20K (1608.05442)",
    year=2016,
    input=lambda fc_dim: ((fc_dim // 2, 64, 64), (fc_dim, 64, 64)),
    task="segmentation",
    note="the deep supervision runs in training only, so counts of evaluation miss its parameters",
)
def c1_deepsup(fc_dim: int = 2048, classes: int = 150) -> Graph:
    """Two feature maps of the encoder in: conv4 of fc_dim/2 channels and conv5 of fc_dim, here ResNet's of 512×512 pixels
    dilated to a stride of 8. Scores at that side come out; the published code resizes them to the labels.
    """

    def scores() -> Chain:
        return Chain(cbr=unit(fc_dim // 4, 3, padding=1), last=Conv(fixed(classes), 1))

    return Graph(
        inputs=("conv4", "conv5"),
        nodes={"deepsup": (Aside(scores()), "conv4"), "scores": (scores(), "conv5")},
        outputs=("scores",),
    )
