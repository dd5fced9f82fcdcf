"""Going Deeper with Convolutions (arXiv 1409.4842)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from profiler.network.combinators import Aside, Branches, Chain
from profiler.network.layers import (
    AdaptiveAvgPool,
    AvgPool,
    Concatenate,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool,
)
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import biased, relu, separable7, unit

# Table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj of each inception module.
TABLE = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
AUXILIARY_AFTER = ("4a", "4d")  # section 5

Convolution = Callable[..., Chain]
"""`unit` or `biased`."""


def network(classes: int, conv: Convolution, stem: Chain, wide: int, pools: tuple[MaxPool, MaxPool], aside: Layer) -> Chain:
    """Table 1 from these convolutions: `wide` is the kernel of the widest branch, `aside` the pooling of the auxiliaries."""

    def inception(n1: int, r3: int, n3: int, r5: int, n5: int, pool: int) -> Layer:
        """Figure 2(b)."""
        return Branches(
            one=conv(n1, 1),
            three=Chain(reduce=conv(r3, 1), conv=conv(n3, 3, padding=1)),
            five=Chain(reduce=conv(r5, 1), conv=conv(n5, wide, padding=wide // 2)),
            pool=Chain(pool=MaxPool(3, stride=1, padding=1), project=conv(pool, 1)),
            join=Concatenate(),
        )

    auxiliary = Chain(
        pool=aside, conv=conv(128, 1), flatten=Flatten(),
        fc=Linear(1024), act=relu(), drop=Dropout(0.7), classifier=Linear(fixed(classes)),
    )  # fmt: skip
    body: dict[str, Layer] = {}
    for name, widths in TABLE.items():
        if name in ("4a", "5a"):
            body[f"pool{int(name[0]) - 1}"] = pools[name == "5a"]
        body[f"inception{name}"] = inception(*widths)
        if name in AUXILIARY_AFTER:
            body[f"auxiliary{name}"] = Aside(auxiliary)
    head = Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(0.4), classifier=Linear(fixed(classes)))
    return Chain(stem=stem, body=Chain(**body), head=head)


@architecture("googlenet", paper="GoogLeNet (1409.4842)", year=2014, input=(3, 224, 224))
def googlenet(
    classes: int = 1000, norm: Literal["none", "batch"] = "none", first: Literal["full", "separable"] = "full"
) -> Chain:
    """Table 1, with its 5×5 branches, biases and the two auxiliary classifiers, which run in training only.

    `norm=batch` has BatchNorm in the place of biases and of the local response normalisation. `first=separable` has the
    first convolution in two, as its successor says of its own: that makes the 2.7 K and 34 M which Table 1 prints for it,
    and the 1.5 billion of the whole.
    """
    conv = unit if norm == "batch" else biased
    pool = MaxPool(3, stride=2, ceil_mode=True)
    response = {} if norm == "batch" else {"norm": LocalResponseNorm(5)}
    stem = Chain(
        conv1=conv(64, 7, stride=2, padding=3) if first == "full" else separable7(conv(64, 1)),
        pool1=pool,
        **{f"{key}1": layer for key, layer in response.items()},
        reduce2=conv(64, 1),
        conv2=conv(192, 3, padding=1),
        **{f"{key}2": layer for key, layer in response.items()},
        pool2=pool,
    )
    return network(classes, conv, stem, 5, (pool, pool), AvgPool(5, stride=3))


@architecture(
    "googlenet_torchvision", paper="GoogLeNet (1409.4842)", year=2014, input=(3, 224, 224),
    note="another network than the paper's: 3×3 in the place of 5×5, BatchNorm, a pooling of 2×2",
)  # fmt: skip
def googlenet_torchvision(classes: int = 1000) -> Chain:
    """GoogLeNet as torchvision has it (from TensorFlow's slim)."""
    pool = MaxPool(3, stride=2, ceil_mode=True)
    stem = Chain(
        conv1=unit(64, 7, stride=2, padding=3), pool1=pool,
        reduce2=unit(64, 1), conv2=unit(192, 3, padding=1), pool2=pool,
    )  # fmt: skip
    return network(classes, unit, stem, 3, (pool, MaxPool(2, ceil_mode=True)), AdaptiveAvgPool(4))
