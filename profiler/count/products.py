"""What convolutions, matrix products, recurrences and attention multiply, from the shapes of their tensors alone. No torch.

A tracing takes these shapes from tensors and an ONNX file from its shape inference: both count by what stands here. The
letters are those of formulas.py; activations are elements that the products make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from profiler.records.profile import Shape


class Work(NamedTuple):
    """What one call of an operator does, for the whole batch."""

    macs: int = 0
    activations: int = 0
    elementwise: int = 0
    facts: Mapping[str, Any] = {}


def convolution(made: int, weight: int, channels: int) -> int:
    """Elements of the weight × positions: `made` elements of output, `weight` of weight, `channels` out, whatever the groups.

    Of a transposed convolution every *input* position meets the whole weight: give its input elements and channels in.
    """
    return made // max(channels, 1) * weight


def matrix_product(made: int, summed: int) -> int:
    """(*, n, k) · (*, k, m): `made` elements of output × the `summed` length k."""
    return made * summed


def recurrence(steps: int, matrices: Sequence[Shape]) -> Work:
    """Every step of every sample meets each matrix once: W_ih (G·H, I), W_hh (G·H, H), of a projection W_hr (P, H)."""
    return Work(steps * sum(map(prod, matrices)), steps * sum(shape[0] for shape in matrices))


def attention(q: Shape, k: Shape, v: Shape, causal: bool, out: int, **facts: Any) -> Work:
    """q (B, H, L, E), k (B, H_k, S, E), v (B, H_k, S, E_v): Q·Kᵀ is B·H·L·S·E, A·V is B·H·L·S·E_v."""
    return attention_of_lengths(prod(q[:-2]), [(q[-2], k[-2])], q[-1] + v[-1], causal, out, **facts)


def attention_of_lengths(
    rows: int, lengths: Sequence[tuple[int, int]], width: int, causal: bool, out: int, **facts: Any
) -> Work:
    """Sequences of (queries, keys), each in `rows` heads of `width`, E and E_v together.

    Both products in full; where it is causal, the half that a kernel may skip is a second figure.
    """
    scores = rows * sum(length * keys for length, keys in lengths)
    if causal:
        pairs = 0
        for length, keys in lengths:
            short = min(length, keys)
            pairs += short * (short + 1) // 2 + (length - short) * keys
        facts |= {"causal": True, "useful_macs": rows * pairs * width}
    return Work(scores * width, scores + out, scores, facts)
