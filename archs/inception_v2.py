"""Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift (arXiv 1502.03167)."""

from __future__ import annotations

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Dropout, Flatten, Layer, Linear, MaxPool
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import averaged, joined, padded, separable7, unit

# Figure 5: #1×1, #3×3 reduce, #3×3, double #3×3 reduce, double #3×3, pool proj; None where a module strides and passes its
# pooling through. The figure prints 128 for the pooling of 4c and 4d, which makes 608 channels of the 576 that it states
# beside them; the released network has 96.
TABLE: dict[str, tuple[int | None, int, int, int, int, int | None]] = {
    "3a": (64, 64, 64, 64, 96, 32),
    "3b": (64, 64, 96, 64, 96, 64),
    "3c": (None, 128, 160, 64, 96, None),
    "4a": (224, 64, 96, 96, 128, 128),
    "4b": (192, 96, 128, 96, 128, 128),
    "4c": (160, 128, 160, 128, 160, 96),
    "4d": (96, 128, 192, 160, 192, 96),
    "4e": (None, 128, 192, 192, 256, None),
    "5a": (352, 192, 320, 160, 224, 128),
    "5b": (352, 192, 320, 192, 224, 128),
}


def inception(n1: int | None, r3: int, n3: int, r33: int, n33: int, pool: int | None, average: bool) -> Branches:
    """GoogLeNet's module with its 5×5 as two 3×3."""
    stride = 2 if n1 is None else 1
    paths: dict[str, Layer] = {} if n1 is None else {"one": unit(n1, 1)}
    paths |= {
        "three": Chain(reduce=unit(r3, 1), conv=padded(n3, 3, stride)),
        "deep": Chain(reduce=unit(r33, 1), conv1=padded(n33, 3), conv2=padded(n33, 3, stride)),
    }
    if pool is None:
        paths["pool"] = MaxPool(3, stride=2, padding=1)
    else:
        largest = Chain(pool=MaxPool(3, stride=1, padding=1), project=unit(pool, 1))
        paths["pool"] = averaged(pool) if average else largest
    return joined(**paths)


@architecture("inception_v2", paper="BN-Inception (1502.03167)", year=2015, input=(3, 224, 224))
def inception_v2(classes: int = 1000) -> Chain:
    """Figure 5, its first convolution separable as the appendix says."""
    return Chain(
        stem=Chain(
            conv1=separable7(unit(64, 1)), pool1=MaxPool(3, stride=2, padding=1),
            reduce2=unit(64, 1), conv2=padded(192, 3), pool2=MaxPool(3, stride=2, padding=1),
        ),
        body=Chain(**{f"inception{name}": inception(*widths, average=name != "5b") for name, widths in TABLE.items()}),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(0.2), classifier=Linear(fixed(classes))),
    )  # fmt: skip
