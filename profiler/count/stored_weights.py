"""The weights of a model in a form that they are stored in: which tensors have it, and which keep their own. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from profiler.count.weight_forms import WeightForm, stored
from profiler.network.layers import Shape

KEPT_BYTES = 2
"""Of a number of what does not have the form, where the form is not a plain floating-point one: 16 bits, as GPTQ, AWQ and fp8
checkpoints keep embeddings, the head, routers, biases and norms."""


class Stored(NamedTuple):
    """One parameter of a model."""

    name: str
    shape: Shape
    """(output channels, …), as torch.nn.Linear has it; of stacked experts (experts, …)."""
    bytes_each: int
    """Of an element, as the model has it."""
    sort: str = "weight"
    """`weight`, `embedding` (rows that are looked up), `head`, `router`, or `rest`: biases and norms."""
    active: int = 1
    of: int = 1
    """Of stacked experts or of those in a loop, how many of how many a token meets."""
    transposed: bool = False
    """Whether the output channels are on the last axis."""


class Bytes(NamedTuple):
    """Bytes of one parameter, or of several."""

    values: int = 0
    scales: int = 0
    zero_points: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        return sum(self)


def bytes_of(each: Stored, form: WeightForm | None) -> Bytes:
    """What a parameter takes in a form; None is the dtype that it has.

    Weights of layers have the form, everything else has it only where it is a plain floating-point one. Groups and channels run
    along the inputs of a layer. Each group has a zero point of as many bits as a weight, as GPTQ and AWQ pack them.
    """
    numbers = prod(each.shape)
    if form is None:
        return Bytes(values=numbers * each.bytes_each)
    if form.floating:
        return Bytes(values=numbers * form.bits // 8)
    if each.sort != "weight" or len(each.shape) < 2:
        return Bytes(kept=numbers * min(each.bytes_each, KEPT_BYTES))
    stacked = each.of > 1 and len(each.shape) > 2
    axis = -1 if each.transposed else 1 if stacked else 0
    channels = each.shape[axis] * (each.shape[0] if stacked else 1)
    found = stored(form, channels, numbers // channels if channels else 0)
    groups = found.scales // form.scale_bytes if form.scaled == "group" and form.scale_bytes else 0
    return Bytes(found.values, found.scales + found.codebooks, -(-groups * form.bits // 8))


def whole(weights: Iterable[Stored], form: WeightForm | None) -> Bytes:
    """Bytes of all."""
    parts = [bytes_of(each, form) for each in weights]
    return Bytes(*(sum(column) for column in zip(*parts, strict=True))) if parts else Bytes()


def least_read(weights: Iterable[Stored], form: WeightForm | None, tokens: int) -> int:
    """Bytes that a step of so many tokens must read of them: all that one token meets, once, and a row of a table for a token.

    Which experts other tokens are sent to, the data decide: at least those of one are read.
    """
    total = 0
    for each in weights:
        size = bytes_of(each, form).total
        if each.sort == "embedding" and each.shape and each.shape[0]:
            total += size * min(tokens, each.shape[0]) // each.shape[0]
        else:
            total += size * each.active // each.of
    return total
