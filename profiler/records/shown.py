"""One network in full, as records: how its counts are made, how it was traced, rewritten, trained, and what memory it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from profiler.records.drawn import Drawn
from profiler.records.profile import Profile, Shape


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


class Changed(NamedTuple):
    """A layer that a rewriting changes, or a whole network: its costs before and after."""

    path: str
    params: int
    params_after: int
    macs: int
    macs_after: int
    elementwise: int
    elementwise_after: int
    activations: int
    activations_after: int


@dataclass(frozen=True)
class WhatIf(Drawn):
    """A network rewritten on paper: the layers that change, and all of it."""

    rewriting: str
    title: str
    """What the rewriting does, in words."""
    layers: tuple[Changed, ...]
    network: Changed


class Gap(NamedTuple):
    """An operator that was not counted."""

    op: str
    times: int
    path: str
    """Where it first ran."""
    cure: str

    def said_of(self, model: str) -> str:
        """One loud line."""
        times = "once" if self.times == 1 else f"{self.times:,} times"
        return f"UNCOUNTED {model}: {self.op}, {times}, first in {self.path or 'its own forward'}; {self.cure}"


@dataclass(frozen=True)
class Tracing:
    """How a traced profile was come by."""

    inputs: tuple[str, ...]
    """What it was given, as `ids=128:int64`."""
    rung: str
    reason: str
    """Why the rungs before it did not do; empty on the first."""
    counted: int
    """Operations with multiply-adds."""
    elementwise: int
    free: int
    gaps: tuple[Gap, ...]
    unused: tuple[str, ...]
    """Modules that never ran."""
    unread: int
    """Parameters that nothing read."""
    tied: tuple[str, ...]
    harm: tuple[str, ...]
    """What was found changed after the trace, and put back."""
    useful_macs: int
    """Without the half of causal attention that a kernel may skip."""
    active_params: int
    """Without the experts that a token is not sent to."""

    @property
    def operations(self) -> int:
        return self.counted + self.elementwise + self.free + self.uncounted

    @property
    def uncounted(self) -> int:
        return sum(gap.times for gap in self.gaps)


@dataclass(frozen=True)
class Training(Drawn):
    """Multiply-adds of one training step, for the whole batch."""

    forward: int
    backward: int
    recomputed: int
    """What checkpoints run again."""
    rows: tuple[tuple[str, int, int, int], ...]
    """(path, forward, backward, recomputed)."""
    uncounted: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        return self.forward + self.backward + self.recomputed


@dataclass(frozen=True)
class Footprint(Drawn):
    """Bytes of one evaluation or training step, for the whole batch."""

    mode: str
    """`inference`, or `training` with the optimiser's name."""
    parts: Mapping[str, Mapping[str, int]]
    """{params, buffers, inputs, gradients, optimizer: {dtype: bytes}}."""
    activations: int
    """The most that stood at once of what operators made."""
    peak: int
    path: str
    """The module that ran at that moment."""
    op: str
    phase: str


@dataclass(frozen=True)
class Wiring:
    """Which row takes whose output, by their numbers among the rows of the profile."""

    inputs: tuple[Shape, ...]
    """Shapes of the network's inputs, the batch axis first."""
    sources: tuple[tuple[int, ...], ...]
    """Parallel to the rows; -1 is the first input of the network, -2 its second."""
    outputs: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], rows: int) -> Wiring:
        """The wiring that `to_dict` wrote of so many rows. Raises KeyError, TypeError, ValueError on anything else."""
        inputs, sources, outputs = (plain[key] for key in ("inputs", "sources", "outputs"))
        found = cls(tuple(map(tuple, inputs)), tuple(map(tuple, sources)), tuple(outputs))
        if len(found.sources) != rows:
            raise ValueError(f"a wiring of {len(found.sources)} rows where there are {rows}")
        for number, wires in enumerate((*found.sources, found.outputs)):  # a row takes from those that ran before it
            if not all(-len(found.inputs) <= wire < number for wire in wires):
                raise ValueError(f"the wires of row {number} lead to none before it")
        return found


@dataclass(frozen=True)
class Shown(Drawn):
    """One network as `show` tells of it: its profile, its total under a convention, how the counts are made."""

    profile: Profile
    convention: str
    title: str
    """What the convention's total is a number of."""
    totals: Mapping[str, int]
    """{path: count under the convention}."""
    derivations: Mapping[str, Derivation]
    pairs: tuple[Separable, ...]
    tracing: Tracing | None = None
    """None of a closed form."""
    whatif: WhatIf | None = None
    training: Training | None = None
    memory: tuple[Footprint, ...] = ()
    wiring: Wiring | None = None
    """None where no drawing was asked for."""
    environment: Mapping[str, Any] | None = None
    """Of a run that was read back: what it was made with."""

    @property
    def total(self) -> int:
        return sum(self.totals.values())
