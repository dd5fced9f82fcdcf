"""Spectral-Spatial Residual Network for Hyperspectral Image Classification (TGRS 2018)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    Activation,
    AdaptiveAvgPool,
    Add,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Fold,
    Identity,
    Ints,
    Layer,
    Linear,
)
from profiler.network.registry import architecture
from profiler.network.widths import fixed, same

from .blocks import relu

SPECTRAL: tuple[Ints, Ints] = ((7, 1, 1), (3, 0, 0))
"""Kernel and padding of the first half: along the bands."""
SPATIAL: tuple[Ints, Ints] = (3, 1)
"""Kernel and padding of the second half."""


@architecture(
    "ssrn",
    paper="SSRN (TGRS 2018)",
    year=2018,
    input=(1, 200, 7, 7),
    task="hyperspectral",
    note="three builds go by this name and have three counts; the paper prints none",
)
def ssrn(build: Literal["release", "a2s2k", "sstn"] = "release", classes: int = 16) -> Chain:
    """Figure 5, as the authors released it, as the A2S2K-ResNet project ports it, or as the authors' SSTN project does.

    Between the halves stand kernels as deep as the features (1×1×97, 3×3×128 for Indian Pines). Such a kernel is a 2D
    convolution of the folded features, with the same weights and products, and so the bands are never written.
    """
    halves, drop = {"release": (_release, True), "a2s2k": (_a2s2k, True), "sstn": (_sstn, False)}[build]
    regular = {"drop": Dropout()} if drop else {}
    pool = {"pool": AdaptiveAvgPool(1), "flatten": Flatten()}
    return Chain(**halves(), head=Chain(**pool, **regular, classifier=Linear(fixed(classes))))


def _release() -> dict[str, Layer]:
    """One residual block a half, BatchNorm before its second convolution, and twice after it; a 1×1 shortcut in the second."""

    def block(kernel: Ints, padding: Ints, shortcut: Layer) -> Chain:
        branch = Chain(conv1=Conv(24, kernel, padding=padding), **_norm("1"), conv2=Conv(24, kernel, padding=padding))
        return Chain(sum=Branches(branch=branch, shortcut=shortcut, join=Add()), **_norm("1"), **_norm("2"))

    return {
        "spectral": Chain(stem=_stem(24), block=block(*SPECTRAL, Identity()), fold=Fold(), merge=_normed(128, 1)),
        "spatial": Chain(conv=_normed(24, 3), block=block(*SPATIAL, Conv(same(), 1))),
    }


def _a2s2k() -> dict[str, Layer]:
    """Two residual blocks a half, as the paper's figure has them, with identity shortcuts."""

    def block(kernel: Ints, padding: Ints) -> Chain:
        branch = Chain(
            conv1=Conv(24, kernel, padding=padding), act1=relu(), norm1=BatchNorm(), act2=relu(),
            conv2=Conv(24, kernel, padding=padding), norm2=BatchNorm(),
        )  # fmt: skip
        return Chain(sum=Branches(branch=branch, shortcut=Identity(), join=Add()), act=relu())

    spectral, spatial = block(*SPECTRAL), block(*SPATIAL)
    return {
        "spectral": Chain(stem=_stem(24), block1=spectral, block2=spectral, fold=Fold(), merge=_normed(128, 1)),
        "spatial": Chain(conv=_normed(24, 3), block1=spatial, block2=spatial),
    }


def _sstn() -> dict[str, Layer]:
    """28 filters, LeakyReLU before BatchNorm, spectral convolutions without bias, and one merging kernel of 3×3×97."""

    def leaky() -> Activation:
        return Activation("LeakyReLU")

    def block(kernel: Ints, padding: Ints, bias: bool) -> Chain:
        conv = Conv(28, kernel, padding=padding, bias=bias)
        branch = Chain(conv1=conv, act1=leaky(), norm1=BatchNorm(), conv2=conv, act2=leaky(), norm2=BatchNorm())
        return Chain(sum=Branches(branch=branch, shortcut=Identity(), join=Add()), act=leaky())

    spectral, spatial = block(*SPECTRAL, bias=False), block(*SPATIAL, bias=True)
    stem = Chain(conv=Conv(28, (7, 1, 1), stride=(2, 1, 1), bias=False), act=leaky())
    return {
        "spectral": Chain(stem=stem, block1=spectral, block2=spectral, fold=Fold()),
        "spatial": Chain(conv=Conv(28, 3, bias=False), act=leaky(), norm=BatchNorm(), block1=spatial, block2=spatial),
    }


def _stem(out: int) -> Chain:
    return Chain(conv=Conv(out, (7, 1, 1), stride=(2, 1, 1)), **_norm(""))


def _normed(out: int, kernel: int) -> Chain:
    return Chain(conv=Conv(out, kernel), **_norm(""))


def _norm(number: str) -> dict[str, Layer]:
    return {f"norm{number}": BatchNorm(), f"act{number}": relu()}
