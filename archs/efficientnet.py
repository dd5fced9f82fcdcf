"""EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (arXiv 1905.11946)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Literal

from profiler.network.combinators import Chain
from profiler.network.layers import AdaptiveAvgPool, Dropout, Flatten, Identity, Layer, Linear
from profiler.network.registry import architecture
from profiler.network.widths import fixed, times

from .blocks import inverted_residual, make_divisible, squeeze_excite, unit

# Table 1, B0: expansion t, kernel k, output channels c, blocks n, stride s of the first of them.
TABLE = [
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
]
STEM, LAST = 32, 1280
# B0 … B7 as released: times the width, times the depth, resolution, dropout. The paper states the powers that they come
# from (section 3.3: 1.1 for the width, 1.2 for the depth, 1.15 for the resolution), not these rounded values.
SCALING = [
    ("1.0", "1.0", 224, 0.2),
    ("1.0", "1.1", 240, 0.2),
    ("1.1", "1.2", 260, 0.3),
    ("1.2", "1.4", 300, 0.3),
    ("1.4", "1.8", 380, 0.4),
    ("1.6", "2.2", 456, 0.4),
    ("1.8", "2.6", 528, 0.5),
    ("2.0", "3.1", 600, 0.5),
]


def efficientnet(b: Literal[0, 1, 2, 3, 4, 5, 6, 7], classes: int = 1000) -> Chain:
    """Table 1 with its widths and depths scaled; a squeeze is a quarter of the *block's* input, not of its expansion."""
    width, depth, _, dropout = SCALING[b]

    def scaled(c: int) -> int:
        return make_divisible(c * Fraction(width))

    m = scaled(STEM)
    stem = unit(m, 3, stride=2, padding=1, activation="SiLU")
    stages: list[Layer] = []
    for t, k, c, n, s in TABLE:
        stage: list[Layer] = []
        for stride in (s, *[1] * (ceil(n * Fraction(depth)) - 1)):
            excite = squeeze_excite(m // 4, activation="SiLU")
            shortcut = Identity() if stage else None
            stage.append(inverted_residual(times(t) if t > 1 else None, scaled(c), k, stride, "SiLU", excite, shortcut))
            m = scaled(c)
        stages.append(Chain(*stage))
    return Chain(
        stem=stem,
        body=Chain(*stages, ("last", unit(scaled(LAST), 1, activation="SiLU"))),
        head=Chain(pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(dropout), classifier=Linear(fixed(classes))),
    )


for _b, _scaling in enumerate(SCALING):
    _side = _scaling[2]
    architecture(
        f"efficientnet_b{_b}", paper="EfficientNet (1905.11946)", year=2019, input=(3, _side, _side), preset={"b": _b}
    )(efficientnet)
