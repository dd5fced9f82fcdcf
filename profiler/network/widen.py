"""The generic width multiplier: what α does to a network whose paper defines none. No torch."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
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
)  # fmt: skip


def widen(network: Layer, alpha: Fraction) -> Layer:
    """`network` with its plain widths times `alpha`, to the nearest multiple of q and at least q (halves go up).

    q is the least common multiple of the network's groups, slices and heads, so that every width still divides. `fixed` widths
    stay; `same` and `times` follow. At α = 1 the network is itself.
    """
    if alpha == 1:
        return network
    q = quantum(network)

    def scaled(leaf: Layer) -> Layer:
        match leaf:
            case Conv(out=int(n)) | ConvTranspose(out=int(n)) | Linear(out=int(n)) | PadChannels(out=int(n)):
                return replace(leaf, out=nearest(n * alpha, q))
            case Embedding(dim=int(n)):
                return replace(leaf, dim=nearest(n * alpha, q))
            case _:
                return leaf

    return rebuilt(network, scaled)


def quantum(network: Layer) -> int:
    """The least common multiple of the groups and heads in a network."""
    q = 1
    for leaf in leaves_of(network):
        match leaf:
            case Conv(groups=int(n)) | ConvTranspose(groups=int(n)) | GroupNorm(groups=n) | Attention(heads=n):
                q = lcm(q, n)
            case ChannelShuffle(groups=n) | ChannelSlice(of=n):
                q = lcm(q, n)
    return q


def nearest(width: Fraction, q: int) -> int:
    """The multiple of `q` nearest to `width`, at least `q`; halves go up."""
    return max(1, floor(width / q + Fraction(1, 2))) * q
