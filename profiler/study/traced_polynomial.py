"""Polynomials of a module that is traced: found from its counts at a few points, and held to those at more of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import gcd
from typing import Any, get_args

from msgspec import structs

from profiler.load.load import Counted
from profiler.load.reference import Reference
from profiler.records.polynomials import Polynomials, Quantity
from profiler.records.profile import Profile, Totals
from profiler.study.polynomial import ALPHA_DEGREE, SIDE_DEGREE, Search, found_by

LARGEST_SIDE = 1024
"""Pixels of a side that is looked at, or twice the network's own: some modules run on the CPU."""
FINEST_STEP = Fraction(1, 64)
"""Steps of α below this are not looked at: each is a module built and traced."""


class TracedSearch(Search):
    """The counts of a reference at any α and side; `at` gives the reference at an α."""

    longest = 64

    def __init__(self, network: Reference, at: Callable[[Fraction], Counted]) -> None:
        super().__init__(network)
        self.at = at
        self.built: dict[Fraction, Counted] = {self.alpha: network}

    def profile(self, alpha: Fraction, side: int | None = None) -> Profile:
        """The rows of one sample. Raises ProfilerError."""
        if alpha not in self.built:
            self.built[alpha] = self.at(alpha)
        network = self.built[alpha]
        return (network if side is None else network.at(side)).profile(1)

    def totals(self, alpha: Fraction, side: int | None) -> Totals:
        return self.profile(alpha, side).totals

    def within(self, ks: list[int], period: int) -> list[int]:
        most = max(LARGEST_SIDE, 2 * (self.side or 0))
        return [k for k in ks if period * (k + 1) <= most]

    def strides(self) -> set[int]:
        found: set[int] = set()
        for row in self.profile(self.alpha).rows:
            found |= _whole(row.facts, "stride") or _whole(row.facts, "kernel")
        return found

    def alpha_step(self) -> Fraction | None:
        """By the widths that double where α does; the others follow something else."""
        network = self.network
        if not isinstance(network, Reference) or network.recipe.width is None:
            return None
        single, double = (_widths(self.profile(Fraction(n))) for n in (1, 2))
        scaled = [n for n, twice in zip(single, double, strict=False) if twice == 2 * n]
        if len(single) != len(double) or not scaled:
            return None
        step = Fraction(1, gcd(*scaled))
        return step if step >= FINEST_STEP else None


def _whole(facts: Mapping[str, Any], name: str) -> set[int]:
    """The whole numbers from 1 under a fact that is one, or several."""
    given = facts.get(name)
    numbers = given if isinstance(given, list | tuple) else [given]
    return {n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and n > 0}


def _widths(profile: Profile) -> list[int]:
    """The channels that every row with parameters gives: of features the first axis, of vectors and tokens the last."""
    rows = [row for row in profile.rows if row.weights and len(row.output) > 1]
    return [row.output[1] if len(row.output) > 3 else row.output[-1] for row in rows]


def traced_polynomials(network: Reference, at: Callable[[Fraction], Counted], in_alpha: bool) -> Polynomials:
    """The polynomials of a reference in K and, with `in_alpha` where its factory has a width multiplier, in α.

    Raises ProfilerError where the reference cannot be traced at its own input.
    """
    search = TracedSearch(network, at)
    return confirmed(found_by(search, in_alpha), search)


def confirmed(answer: Polynomials, search: Search) -> Polynomials:
    """The polynomials with the points that they were found from, and those that they hold at besides."""
    domain = answer.domain
    nodes = (ALPHA_DEGREE + 1 if domain.alpha_step is not None else 1) * (SIDE_DEGREE + 1 if domain.period is not None else 1)
    held = 0
    for (alpha, side), counts in search.seen.items():
        if not _inside(answer, alpha, side):
            continue
        k = 0 if side is None or domain.period is None else side // domain.period
        held += [answer.at(quantity, alpha, k) for quantity in get_args(Quantity)] == list(counts)
    return structs.replace(answer, points=(nodes, held - nodes))


def _inside(answer: Polynomials, alpha: Fraction, side: int | None) -> bool:
    """Whether a point is one that the polynomials are of."""
    domain = answer.domain
    if domain.alpha_step is None:
        if alpha != domain.alpha:
            return False
    elif (alpha / domain.alpha_step).denominator != 1 or alpha < (domain.alpha_least or 0):
        return False
    if side is None or domain.period is None:
        return side is None and domain.period is None
    return side % domain.period == domain.remainder and side // domain.period >= domain.least
