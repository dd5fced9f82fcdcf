"""The generic width multiplier."""

from __future__ import annotations

from fractions import Fraction

import pytest

from profiler.network.combinators import Chain
from profiler.network.layers import Attention, Conv, ConvTranspose, Embedding, GroupNorm, Linear
from profiler.network.widen import nearest, quantum, widen
from profiler.network.widths import fixed, times


def test_plain_widths_scale_and_the_others_do_not() -> None:
    network = Chain(Conv(64, 3), Conv(times(1), 3, groups="each"), ConvTranspose(32, 2), Embedding(7, 16), Linear(fixed(10)))
    half = Chain(Conv(32, 3), Conv(times(1), 3, groups="each"), ConvTranspose(16, 2), Embedding(7, 8), Linear(fixed(10)))
    assert widen(network, Fraction(1, 2)) == half
    assert widen(network, Fraction(1)) is network


@pytest.mark.parametrize(
    ("width", "q", "expected"),
    [(64, 1, 64), (Fraction(5, 2), 1, 3), (Fraction(49, 20), 1, 2), (Fraction(1, 20), 1, 1), (11, 4, 12), (9, 4, 8), (1, 6, 6)],
)
def test_nearest(width: Fraction | int, q: int, expected: int) -> None:
    assert nearest(Fraction(width), q) == expected


def test_the_quantum_is_what_groups_and_heads_divide() -> None:
    assert quantum(Chain(Conv(64, 3, groups=4), GroupNorm(6), Attention(8), Conv(8, 3, groups="each"))) == 24
    widened = widen(Chain(Conv(64, 3), Conv(64, 3, groups=4)), Fraction(3, 10))
    assert widened == Chain(Conv(20, 3), Conv(20, 3, groups=4))  # 19.2 to the nearest multiple of 4
