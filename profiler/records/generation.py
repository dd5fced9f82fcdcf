"""What a language model costs where it reads a text and where it writes: its steps, its cache, its weights."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from profiler.records.drawn import Drawn

CACHE_DTYPES = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int4": 4}
"""Bits of one number of a cache, by the names that `--cache-dtype` takes; scales are not counted."""
KINDS = {
    "full": "full attention",
    "sliding": "sliding window",
    "latent": "latent attention",
    "cross": "cross-attention",
    "state": "state",
}
"""The kinds of layers of a cache, in words."""


class StepCost(Struct, frozen=True):
    """One forward of the model."""

    name: str
    """`encode`, `prefill`, `decode` or, of a model without a cache, `forward`."""
    batch: int
    tokens: int
    """That each sample reads in it."""
    context: int
    """The tokens of each sample when it is over, those of its cache among them."""
    macs: int
    useful_macs: int
    """Without what a kernel may skip: the half of causal attention, experts that a token is not sent to."""
    activations: int
    moved: int
    """Bytes that its rows read and write, operator by operator."""
    least_bytes: int
    """Bytes that it cannot do without: weights that one token meets, read once, the cache read, and what it gains."""

    @property
    def macs_a_byte(self) -> float:
        """Multiply-adds for each byte moved."""
        return self.macs / self.moved if self.moved else 0.0


class CacheLayers(Struct, frozen=True):
    """The layers of one kind in a cache, of one sample."""

    kind: str
    layers: int
    window: int | None = None
    """The tokens that they hold at most; None where they hold all."""
    elements: int = 0
    """Numbers that they hold of one token, all of these layers together."""
    bits: int = 16
    """Of one of these numbers."""
    fixed: int = 0
    """Bytes that they hold whatever the context: a state, or the keys and values of an encoder."""

    def bytes(self, context: int) -> int:
        """Bytes at a context of so many tokens."""
        held = context if self.window is None else min(context, self.window)
        return -(-self.elements * held * self.bits // 8) + self.fixed

    @property
    def bytes_a_token(self) -> float:
        """Bytes that each further token takes, while the window has room."""
        return self.elements * self.bits / 8


class StoredWeights(Struct, frozen=True):
    """The weights in the form that they are stored in."""

    form: str
    """`int4:128`, or the dtype that the model has."""
    said: str
    """What the form is, in words; empty of the model's own dtype."""
    params: int
    active_params: int
    values: int
    """Bytes of the weights in that form."""
    scales: int
    zero_points: int
    kept: int
    """Bytes of what does not have it: embeddings, the head, routers, biases and norms."""
    kept_dtype: str = ""

    @property
    def total(self) -> int:
        """Bytes of all."""
        return self.values + self.scales + self.zero_points + self.kept


class Longest(NamedTuple):
    """How much context fits a memory beside the weights."""

    batch: int
    tokens: int | None
    """Of each sample; None where any number fits, since nothing grows, 0 where not even the weights do."""


class Limits(Struct, frozen=True):
    """What a device does at best, as the user says."""

    peak_macs: float
    """Multiply-adds a second."""
    bandwidth: float
    """Bytes a second."""

    def least_s(self, step: StepCost) -> float:
        """Seconds that a step takes at least."""
        return max(_over(step.useful_macs, self.peak_macs), _over(step.least_bytes, self.bandwidth))

    def bound_by(self, step: StepCost) -> str:
        """Which of the two it is that takes as long."""
        return "MACs" if _over(step.useful_macs, self.peak_macs) >= _over(step.least_bytes, self.bandwidth) else "bytes"


class Generation(Drawn, Struct, frozen=True):
    """The steps of a model that reads and writes text, with what it keeps between them."""

    steps: tuple[StepCost, ...]
    weights: StoredWeights
    cache: tuple[CacheLayers, ...] = ()
    cache_dtype: str = ""
    """What keys and values are kept in."""
    routed: tuple[tuple[int, int], ...] = ()
    """(taken by a token, of so many) for each kind of mixture in the model."""
    memory: int | None = None
    """Bytes that the weights and the cache are to fit."""
    longest: tuple[Longest, ...] = ()
    positions: int | None = None
    """The tokens that the configuration has positions for."""
    limits: Limits | None = None

    def cache_bytes(self, context: int, batch: int = 1) -> int:
        """Bytes of the cache of so many samples with a context of so many tokens each."""
        return batch * sum(each.bytes(context) for each in self.cache)


def longest_context(cache: tuple[CacheLayers, ...], batch: int, room: int) -> int | None:
    """The most tokens of each sample whose cache is within `room` bytes; None where it does not grow, 0 where none fit."""

    def held(context: int) -> int:
        return batch * sum(each.bytes(context) for each in cache)

    if held(1) > room:
        return 0
    if held(1 << 62) <= room:
        return None
    low, high = 1, 1 << 62  # held(low) fits, held(high) does not, and it never falls
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if held(middle) <= room else (low, middle)
    return low


def _over(amount: float, rate: float) -> float:
    """Seconds; a rate of 0, which only a file that somebody wrote can hold, bounds nothing."""
    return amount / rate if rate else 0.0
