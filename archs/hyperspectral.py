"""Networks for hyperspectral patches: inputs are (1, bands, H, W), so the first number of a kernel goes along the bands.

HybridSN follows its Table I, the 2D-CNN the filters of Makantasis et al. The others, whose papers print no counts and leave
settings open, follow the re-implementations that the field compares with (the DeepHyperX toolbox), traps included. All stand
for Indian Pines (200 bands, 16 classes); another scene is another `--input`, with its `classes`.
"""

from __future__ import annotations

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    Activation,
    Add,
    Concatenate,
    Conv,
    Dropout,
    Flatten,
    Fold,
    Identity,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
    Tokens,
    Unsqueeze,
)
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import biased, relu


@architecture("hybridsn", paper="HybridSN (1902.06701)", year=2019, input=(1, 30, 25, 25), task="hyperspectral")
def hybridsn(classes: int = 16) -> Chain:
    """Table I, on the 30 principal components of Indian Pines; Pavia University and Salinas have 15 (`--input 1x15x25x25`)."""
    return Chain(
        body=Chain(
            conv3d_1=biased(8, (7, 3, 3)),
            conv3d_2=biased(16, (5, 3, 3)),
            conv3d_3=biased(32, (3, 3, 3)),
            reshape=Fold(),
            conv2d=biased(64, 3),
        ),
        head=Chain(
            flatten=Flatten(),
            dense_1=Linear(256), act_1=relu(), drop_1=Dropout(0.4),
            dense_2=Linear(128), act_2=relu(), drop_2=Dropout(0.4),
            dense_3=Linear(fixed(classes)),
        ),
    )  # fmt: skip


@architecture(
    "cnn_2d_hsi",
    paper="Deep Supervised Learning for HSI (IGARSS 2015)",
    year=2015,
    input=lambda components: (components, 5, 5),
    task="hyperspectral",
    note="Makantasis et al., the 2D-CNN of later comparisons: 3c, 9c and 6c filters for c principal components",
)
def cnn_2d_hsi(components: int = 30, classes: int = 16) -> Chain:
    """Filters in multiples of the principal components kept: 30 for Indian Pines; `components=10`, say, elsewhere."""
    c = components
    return Chain(
        body=Chain(conv1=biased(3 * c, 3), conv2=biased(9 * c, 3), drop=Dropout(0.25)),
        head=Chain(
            flatten=Flatten(), fc=Linear(6 * c), act=relu(), drop=Dropout(), classifier=Linear(fixed(classes)),
        ),
    )  # fmt: skip


@architecture(
    "cnn_1d_hu",
    paper="Deep CNNs for HSI Classification (J. Sensors 2015)",
    year=2015,
    input=lambda bands: (1, bands),
    task="hyperspectral",
)
def cnn_1d_hu(bands: int = 200, classes: int = 16) -> Chain:
    """One spectrum: a kernel of ⌈bands/9⌉, then a pooling of ⌈kernel/5⌉."""
    kernel = -(-bands // 9)
    return Chain(
        body=Chain(conv=Conv(20, kernel), pool=MaxPool(-(-kernel // 5)), act=Activation("Tanh")),
        head=Chain(flatten=Flatten(), fc=Linear(100), act=Activation("Tanh"), classifier=Linear(fixed(classes))),
    )


@architecture(
    "cnn_3d_hamida",
    paper="3-D Deep Learning for Remote Sensing (TGRS 2018)",
    year=2018,
    input=(1, 200, 5, 5),
    task="hyperspectral",
    note="its pooling layers are strided convolutions, with parameters",
)
def cnn_3d_hamida(padded: bool = False, classes: int = 16) -> Chain:
    """`padded` pads the first convolution, as patches of 3×3 need it."""
    along = (1, 0, 0)
    return Chain(
        body=Chain(
            conv1=Conv(20, (3, 3, 3), padding=1 if padded else 0), act1=relu(),
            pool1=Conv(20, (3, 1, 1), stride=(2, 1, 1), padding=along),
            conv2=Conv(35, (3, 3, 3), padding=along), act2=relu(),
            pool2=Conv(35, (3, 1, 1), stride=(2, 1, 1), padding=along),
            conv3=Conv(35, (3, 1, 1), padding=along), act3=relu(),
            conv4=Conv(35, (2, 1, 1), stride=(2, 1, 1), padding=along), act4=relu(),
        ),
        head=_classifier(classes),
    )  # fmt: skip


@architecture(
    "cnn_3d_chen",
    paper="Deep Feature Extraction of HSI (TGRS 2016)",
    year=2016,
    input=(1, 200, 27, 27),
    task="hyperspectral",
    note="the kernels for its patches of 27×27 are 4×4×32",
)
def cnn_3d_chen(classes: int = 16) -> Chain:
    """Three convolutions as deep as 32 bands; the pooling between them leaves the bands alone."""

    def stage(**pool: Layer) -> Chain:
        return Chain(conv=Conv(32, (32, 4, 4)), act=relu(), **pool, drop=Dropout())

    pool = MaxPool((1, 2, 2))
    return Chain(body=Chain(stage(pool=pool), stage(pool=pool), stage()), head=_classifier(classes))


@architecture("cnn_3d_li", paper="HSI with 3D CNN (Remote Sensing 2017)", year=2017, input=(1, 200, 5, 5), task="hyperspectral")
def cnn_3d_li(planes: int = 2, classes: int = 16) -> Chain:
    """Twice as many kernels in the second convolution. The paper has `planes=2`; DeepHyperX runs it with 16."""
    return Chain(
        body=Chain(
            conv1=biased(planes, (7, 3, 3), padding=(1, 0, 0)),
            conv2=biased(2 * planes, (3, 3, 3), padding=(1, 0, 0)),
        ),
        head=_classifier(classes),
    )


@architecture(
    "m3d_cnn",
    paper="Multi-scale 3D CNN (ICIP 2017)",
    year=2017,
    input=(1, 200, 7, 7),
    task="hyperspectral",
    note="re-implementations declare a pooling layer that they never run; it is left out",
)
def m3d_cnn(classes: int = 16) -> Chain:
    """Two blocks of four spectral scales, summed, between two 3D convolutions."""

    def scales() -> Chain:
        branches = ((f"bands{k}", Conv(16, (k, 1, 1), padding=(k // 2, 0, 0))) for k in (1, 3, 5, 11))
        return Chain(sum=Branches(*branches, join=Add()), act=relu())

    return Chain(
        body=Chain(
            conv1=biased(16, (11, 3, 3), stride=(3, 1, 1)),
            scales1=scales(),
            scales2=scales(),
            conv4=biased(16, (3, 2, 2)),
        ),
        head=_classifier(classes, drop=Dropout(0.6)),
    )


@architecture(
    "contextual_cnn_lee",
    paper="Contextual Deep CNN (IGARSS 2016)",
    year=2016,
    input=(200, 5, 5),
    task="hyperspectral",
    note="it classifies every pixel and keeps the side, so its cost grows with the tile",
)
def contextual_cnn_lee(classes: int = 16) -> Chain:
    """Figure 1. Its kernels span all the bands, so the bands are the input channels of 2D convolutions."""

    def residual() -> Chain:
        branch = Chain(conv1=Conv(128, 1), act=relu(), conv2=Conv(128, 1))
        return Chain(sum=Branches(branch=branch, shortcut=Identity(), join=Add()), act=relu())

    return Chain(
        body=Chain(
            inception=Branches(three=Conv(128, 3, padding=1), one=Conv(128, 1), join=Concatenate()),
            norm1=LocalResponseNorm(256), act1=relu(),
            conv1=Conv(128, 1),
            norm2=LocalResponseNorm(128), act2=relu(),
            residual1=residual(), residual2=residual(),
        ),
        head=Chain(
            conv6=Conv(128, 1), act6=relu(), drop6=Dropout(),
            conv7=Conv(128, 1), act7=relu(), drop7=Dropout(),
            conv8=Conv(fixed(classes), 1),
        ),
    )  # fmt: skip


@architecture("hsi_cnn_luo", paper="HSI-CNN (ICPR 2018)", year=2018, input=(1, 200, 3, 3), task="hyperspectral")
def hsi_cnn_luo(classes: int = 16) -> Chain:
    """The feature vectors of the first convolution become the rows of an image of one channel."""
    return Chain(
        body=Chain(
            conv1=biased(90, (24, 3, 3), stride=(9, 1, 1)),
            rows=Tokens(),
            image=Unsqueeze(),
            conv2=biased(64, 3),
        ),
        head=Chain(flatten=Flatten(), fc1=Linear(1024), act1=relu(), fc2=Linear(fixed(classes))),
    )


def _classifier(classes: int, **before: Layer) -> Chain:
    return Chain(flatten=Flatten(), **before, classifier=Linear(fixed(classes)))
