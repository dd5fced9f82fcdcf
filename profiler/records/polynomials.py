"""The counts of a network as polynomials in α and the side, with the domain on which they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Literal

from msgspec import Struct

from profiler.errors import ProfilerError
from profiler.records.drawn import Drawn

Quantity = Literal["params", "macs"]
Coefficients = dict[tuple[int, int], Fraction]
"""{(power of α, power of K): coefficient}, zeros left out."""


class Domain(Struct, frozen=True):
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
    axis: str = "side"
    """What K counts: the side of an image in periods, or `tokens`."""


class Polynomials(Drawn, Struct, frozen=True):
    """The counts of one network, for one sample, as polynomials in α and K."""

    model: str
    params: Coefficients
    macs: Coefficients
    domain: Domain
    grid: tuple[tuple[Fraction, int, int, int], ...] = ()
    """(α, side, params, macs) at the published points, where rounded widths leave no polynomial in α."""
    rounded: bool = False
    """True where a polynomial in α was looked for and there is none."""
    points: tuple[int, int] | None = None
    """Of a module that is traced: the traces that the polynomials were found from, and those that they hold at besides."""
    thumb: tuple[int, int] | None = None
    """Of a language model (N, T): the parameters besides tables, which the rule of thumb multiplies, and the tokens it has."""

    def at(self, quantity: Quantity, alpha: Fraction | int = 1, k: int = 0) -> Fraction:
        """The value of a polynomial; K is the quotient of the side by the period."""
        return sum((c * Fraction(alpha) ** i * k**j for (i, j), c in getattr(self, quantity).items()), start=Fraction(0))

    def in_rho(self, quantity: Quantity) -> Coefficients:
        """The same in ρ = side / native side, where the remainder is 0 and so K is a multiple of ρ. Raises ProfilerError."""
        domain = self.domain
        if domain.period is None or domain.remainder or domain.native is None:
            raise ProfilerError(f"{self.model}: K is not a multiple of ρ along these sides; take a side without remainder")
        scale = Fraction(domain.native, domain.period)
        return {(i, j): c * scale**j for (i, j), c in getattr(self, quantity).items()}


class Formulas(list[Polynomials], Drawn):
    """The polynomials of one network, a plain list: one, or one at each α that was asked for."""

    def __init__(self, found: Iterable[Polynomials], environment: Mapping[str, Any] | None = None) -> None:
        super().__init__(found)
        self.environment = environment
        """Of a run that was read back: what it was made with."""
