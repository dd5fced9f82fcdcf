"""One network in full, as records: its profile, how its counts are made, what a rewriting changes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct

from profiler.records.drawn import Drawn
from profiler.records.generation import Generation
from profiler.records.profile import Profile, Shape
from profiler.records.receptive import ReceptiveField
from profiler.records.sharding import TrainingMemory
from profiler.records.traced import Traced
from profiler.records.training import Memory, TrainingCost
from profiler.records.wiring import Wiring


class Derivation(NamedTuple):
    """`D_K²·M·N·D_F²` and `3²·512·1024·7²`, the same product in letters and in numbers."""

    letters: str
    numbers: str


class Separable(NamedTuple):
    """A depthwise layer and the pointwise one after it, beside the standard convolution that they replace."""

    path: str
    """What the two paths have in common."""
    kernel: Shape
    m: int
    n: int
    output: Shape
    macs: int
    standard: int
    """D_K²·M·N·D_F²."""

    @property
    def share(self) -> Fraction:
        """1/N + 1/D_K² of the standard convolution (MobileNets, section 3.1), where the depthwise multiplier is 1."""
        return Fraction(self.macs, self.standard)


class Changed(Struct, frozen=True):
    """A layer that a rewriting changes, or a whole network: its costs before and after."""

    path: str | None
    """None of the whole network."""
    params: int
    params_after: int
    macs: int
    macs_after: int
    elementwise: int
    elementwise_after: int
    activations: int
    activations_after: int


class WhatIf(Drawn, Struct, frozen=True):
    """A network rewritten on paper: the layers that change, and all of it."""

    rewriting: str
    title: str
    """What the rewriting does, in words."""
    layers: tuple[Changed, ...]
    network: Changed


class FormBytes(NamedTuple):
    """The bytes of all parameters of a network in one form of weights."""

    form: str
    """As `--weights` takes it: `int4:128`."""
    values: int
    """Of the weights, tensors of two or more axes."""
    scales: int
    codebooks: int
    rest: int
    """Of biases and of the parameters of normalisation."""
    total: int


class Shown(Drawn, Struct, frozen=True):
    """One network as `show` tells of it: its profile, its total under a convention, how the counts are made."""

    profile: Profile
    convention: str
    title: str
    """What the convention's total is a number of."""
    totals: tuple[int, ...]
    """The count of each row under the convention, in the order of the rows: a module that runs twice has two."""
    derivations: tuple[Derivation | None, ...]
    """How the multiply-adds of each row are made, None where that is no product of its sides."""
    pairs: tuple[Separable, ...]
    traced: Traced | None = None
    """None of a closed form."""
    whatif: WhatIf | None = None
    training: TrainingCost | None = None
    memory: tuple[Memory, ...] = ()
    wiring: Wiring | None = None
    """None where no drawing was asked for."""
    environment: Mapping[str, Any] | None = None
    """Of a run that was read back: what it was made with."""
    weight_forms: tuple[FormBytes, ...] = ()
    """Bytes of the parameters in the forms that were asked for, as they are first."""
    generation: Generation | None = None
    """Of a model that reads and writes text, where its steps, cache or weights were asked for."""
    sharding: TrainingMemory | None = None
    """Of a training step on several devices, where that was asked for."""
    receptive: tuple[ReceptiveField, ...] = ()
    """What an output of each row sees of the input, where the wiring was asked for."""

    @property
    def total(self) -> int:
        return sum(self.totals)
