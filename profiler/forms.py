"""How counts are made, as records: products in letters and numbers, separable pairs, polynomials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from profiler.agreement import Agreement
from profiler.drawn import Drawn
from profiler.errors import ProfilerError
from profiler.records import Profile, Shape


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


Quantity = Literal["params", "macs"]
Coefficients = dict[tuple[int, int], Fraction]
"""{(power of α, power of K): coefficient}, zeros left out."""


@dataclass(frozen=True)
class Domain:
    """Where the polynomials hold: side = period·K + remainder, K at least `least`; α a multiple of `alpha_step`."""

    period: int | None
    """None where the network has no side, or its counts are no polynomial of it (then they hold at its native side)."""
    remainder: int
    least: int
    alpha_step: Fraction | None
    """None where α is rounded, so that the polynomials hold at `alpha` only."""
    alpha_least: Fraction | None
    alpha: Fraction
    native: int | None


@dataclass(frozen=True)
class Polynomials(Drawn):
    """The counts of one network, for one sample, as polynomials in α and K."""

    model: str
    params: Coefficients
    macs: Coefficients
    domain: Domain
    grid: tuple[tuple[Fraction, int, int, int], ...] = ()
    """(α, side, params, macs) at the published points, where rounded widths leave no polynomial in α."""
    rounded: bool = False
    """True where a polynomial in α was looked for and there is none."""

    def at(self, quantity: Quantity, alpha: Fraction | int = 1, k: int = 0) -> Fraction:
        """The value of a polynomial; K is the quotient of the side by the period."""
        return sum((c * Fraction(alpha) ** i * k**j for (i, j), c in getattr(self, quantity).items()), start=Fraction(0))

    def in_rho(self, quantity: Quantity) -> Coefficients:
        """The same in ρ = side / native side, where the remainder is 0 and so K is a multiple of ρ. Raises ProfilerError."""
        domain = self.domain
        if domain.period is None or domain.remainder or domain.native is None:
            raise ProfilerError(f"{self.model}: K is no multiple of ρ along these sides; take a side without remainder")
        scale = Fraction(domain.native, domain.period)
        return {(i, j): c * scale**j for (i, j), c in getattr(self, quantity).items()}


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


class Figure(NamedTuple):
    """One printed figure, a line of archs/published.csv."""

    model: str
    options: str
    alpha: str
    resolution: str
    """A side, or a whole shape as 1x15x25x25; empty for the native one."""
    part: str
    quantity: str
    printed: str
    """As printed; its digits are its precision, so 15300 meant to three digits stands as 153e2."""
    unit: str
    source: str
    table: str
    verdict: str
    reason: str

    @property
    def name(self) -> str:
        """`MobileNets Table 6`."""
        return f"{self.source.partition(' (')[0]} {self.table}"

    def near(self, ours: Fraction) -> bool:
        """True where `ours`, in the figure's unit, is less than one unit of the last printed digit away."""
        exponent = Decimal(self.printed).as_tuple().exponent
        assert isinstance(exponent, int)
        return abs(ours - Fraction(self.printed)) < Fraction(10) ** exponent


@dataclass(frozen=True)
class Check:
    """One published figure and our count of the same thing, in the figure's unit; None where no count reaches it."""

    figure: Figure
    ours: Fraction | None

    @property
    def holds(self) -> bool:
        """True where our count is what published.csv says of it: equal, or a listed difference that is still one."""
        return self.ours is None or self.figure.near(self.ours) == (self.figure.verdict == "equal")

    @property
    def verdict(self) -> str:
        """`equal`, `erratum`, `open` or `quoted`; `DIFFERS` where published.csv says something else."""
        return self.figure.verdict if self.holds else "DIFFERS"


@dataclass(frozen=True)
class Verified(Drawn):
    """What `verify` found: the figures, and the witnesses' word on each network at its native input."""

    models: tuple[str, ...]
    checks: tuple[Check, ...]
    agreements: tuple[Agreement, ...]
    counts: Mapping[str, tuple[int, int]]
    """{network: (params, macs) at its native input, by closed form}."""
    notes: tuple[str, ...] = ()
    """Witnesses that failed, operations that were not counted."""

    @property
    def failures(self) -> int:
        """Figures that differ without being listed, and witnesses that disagree."""
        return sum(not check.holds for check in self.checks) + sum(not found.agrees for found in self.agreements)
