"""The generic width multiplier: what α does to a network whose paper defines none. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import count
from math import floor, lcm

from profiler.network.combinators import leaves_of, rebuilt
from profiler.network.layers import (
    Attention,
    ChannelShuffle,
    ChannelSlice,
    Conv,
    ConvTranspose,
    Embedding,
    GroupNorm,
    Layer,
    Linear,
    PadChannels,
    RotaryEmbedding,
)  # fmt: skip
from profiler.network.widths import Width


def widen(network: Layer, alpha: Fraction) -> Layer:
    """`network` with its plain widths times `alpha`, to the nearest multiple of q and at least q (halves go up).

    q is the least common multiple of the network's groups, slices and heads, so that every width still divides. `fixed` widths
    stay; `same` and `times` follow. At α = 1 the network is itself.
    """
    if alpha == 1:
        return network
    q = quantum(network)

    def scaled(leaf: Layer) -> Layer:
        n = plain_width(leaf)
        return with_width(leaf, nearest(n * alpha, q)) if n else leaf

    return rebuilt(network, scaled)


def plain_width(leaf: Layer) -> int:
    """The width of a leaf that a multiplier scales, 0 where there is none."""
    match leaf:
        case (
            Conv(out=int(n)) | ConvTranspose(out=int(n)) | Linear(out=int(n)) | PadChannels(out=int(n)) | Embedding(dim=int(n))
        ):
            return n
    return 0


def with_width(leaf: Layer, width: Width) -> Layer:
    """A leaf that has a width, with another."""
    return replace(leaf, dim=width) if isinstance(leaf, Embedding) else replace(leaf, out=width)


def with_widths(network: Layer, widths: Mapping[int, int]) -> Layer:
    """`network` with these widths in the place of plain ones, by the position of the leaf among all, from 0."""
    positions = count()

    def changed(leaf: Layer) -> Layer:
        position = next(positions)
        return with_width(leaf, widths[position]) if position in widths else leaf

    return rebuilt(network, changed)


def quantum(network: Layer) -> int:
    """The least common multiple of the groups and heads in a network."""
    q = 1
    for leaf in leaves_of(network):
        match leaf:
            case Conv(groups=int(n)) | ConvTranspose(groups=int(n)) | GroupNorm(groups=n) | Attention(heads=n):
                q = lcm(q, n)
            case RotaryEmbedding(heads=n):
                q = lcm(q, 2 * n)  # it turns pairs of channels
            case ChannelShuffle(groups=n) | ChannelSlice(of=n):
                q = lcm(q, n)
    return q


def nearest(width: Fraction, q: int) -> int:
    """The multiple of `q` nearest to `width`, at least `q`; halves go up."""
    return max(1, floor(width / q + Fraction(1, 2))) * q
