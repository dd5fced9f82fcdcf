"""Exact polynomials of a network's counts in α and the side, with the domain on which they hold. No torch.

Strided layers make counts polynomial only along sides `S·K + r` of one remainder r, and widths only where α·width is whole.
So the period S and the step of α are found, not assumed: the walk is interpolated over Fractions at as many points as the
degree needs (2 in α; 4 in K, for attention) and the result must reproduce the walk at further points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from math import gcd
from typing import Any, get_args

from profiler.count import closed
from profiler.errors import ProfilerError
from profiler.load.load import Counted, Network
from profiler.network.combinators import leaves_of
from profiler.network.layers import AvgPool, Conv, ConvTranspose, Layer, MaxPool
from profiler.network.widen import plain_width, quantum
from profiler.records.polynomials import Coefficients, Domain, Polynomials, Quantity
from profiler.records.profile import Totals

ALPHA_DEGREE, SIDE_DEGREE = 2, 4
LONGEST_PERIOD = 512
Point = tuple[Fraction, "int | None"]
"""α, and the side; None where a network has none, or is counted at its own."""


def polynomials(network: Network, in_alpha: bool = True) -> Polynomials:
    """The polynomials of a network in K and, with `in_alpha`, in α where widths are not rounded.

    Raises ProfilerError where no point of the network can be counted.
    """
    return found_by(Search(network), in_alpha)


def found_by(search: Search, in_alpha: bool) -> Polynomials:
    """The polynomials of the network of a search. Raises as `polynomials` does."""
    network = search.network
    period, remainder, least = search.side_domain()
    step, alpha_least = search.alpha_domain(period) if in_alpha else (None, None)
    nodes = [Fraction(n) for n in range(1, ALPHA_DEGREE + 2)] if step is not None else [search.alpha]
    ks = search.nodes(period)
    found: dict[str, Coefficients] = {}
    for index, quantity in enumerate(get_args(Quantity)):
        rows = [interpolated([Fraction(k) for k in ks], [search.count(a, k, period)[index] for k in ks]) for a in nodes]
        columns = [interpolated(nodes, [row[j] for row in rows]) for j in range(len(ks))]
        found[quantity] = {(i, j): c for j, column in enumerate(columns) for i, c in enumerate(column) if c}
    native = network.resolution and search.native
    domain = Domain(period, remainder, least, step, alpha_least, search.alpha, native, search.axis, search.most)
    options = ",".join(f"{key}={str(value).lower()}" for key, value in network.options.items())
    answer = Polynomials(network.name + (f"@{options}" if options else ""), found["params"], found["macs"], domain)
    if step is not None and not _confirmed(answer, search, step, ks[-1]):
        return found_by(search, in_alpha=False)
    return answer


def _confirmed(answer: Polynomials, search: Search, step: Fraction, k: int) -> bool:
    """True where the walk agrees at points off the grid of interpolation, in both variables at once."""
    whole = int(1 / step)
    further = search.within([k + 1, k + 2, k + 7], answer.domain.period) if answer.domain.period else [0]
    alphas = {step * j for j in (whole, whole + 1, 2 * whole - 1, 5 * whole) if step * j >= (answer.domain.alpha_least or 0)}
    points = [(alpha, far) for alpha in alphas for far in further]
    return all(
        answer.at(quantity, *point) == search.count(*point, answer.domain.period)[index]
        for index, quantity in enumerate(get_args(Quantity))
        for point in points
    )


class Search:
    """Counts of one network at any α and side, and where they run along a polynomial."""

    longest = LONGEST_PERIOD
    axis = "side"
    most: int | None = None
    """The largest K that the network takes, where it has one."""

    def __init__(self, network: Counted) -> None:
        self.network = network
        self.side = network.resolution
        self.alpha = Fraction(1) if network.alpha is None else network.alpha
        self.seen: dict[Point, tuple[int, int]] = {}

    def count(self, alpha: Fraction, k: int, period: int | None) -> tuple[int, int]:
        """(params, macs) at side period·K + remainder, at the network's own side without a period."""
        side = None if period is None or self.side is None else period * k + self.side % period
        if (alpha, side) not in self.seen:
            totals = self.totals(alpha, side)
            self.seen[alpha, side] = (totals.params, totals.macs)
        return self.seen[alpha, side]

    def nodes(self, period: int | None) -> list[int]:
        """K from the network's own side upwards, clear of what padding does to small inputs."""
        if period is None or self.side is None:
            return [0]
        start = max(self.side // period, 1)
        return list(range(start, start + SIDE_DEGREE + 1))

    def side_domain(self) -> tuple[int | None, int, int]:
        """The shortest period whose counts are polynomial in K, the side's remainder by it, and the least K."""
        if self.side is None:
            return None, 0, 0
        for period in self.periods:
            ks = self.nodes(period)
            # one step of every longer period too: a count may be constant up to the next multiple of it
            further = self.within([ks[-1] + step for step in (1, 2, 5, 11, *self.periods)], period)
            fits = [self.along_side(period, ks, index) for index in (0, 1)]
            if all(fit(k) == self.count(self.alpha, k, period)[i] for i, fit in enumerate(fits) for k in further):
                least = ks[0]
                while least > 0 and self.holds(period, least - 1, fits):
                    least -= 1
                return period, self.side % period, least
        return None, 0, 0

    def along_side(self, period: int, ks: list[int], index: int) -> Callable[[int], Fraction]:
        counts = [self.count(self.alpha, k, period)[index] for k in ks]
        coefficients = interpolated([Fraction(k) for k in ks], counts)
        return lambda k: sum((c * k**j for j, c in enumerate(coefficients)), start=Fraction(0))

    def holds(self, period: int, k: int, fits: list[Callable[[int], Fraction]]) -> bool:
        try:
            counts = self.count(self.alpha, k, period)
        except ProfilerError:
            return False
        return all(fit(k) == counts[i] for i, fit in enumerate(fits))

    @cached_property
    def periods(self) -> list[int]:
        """Products of the strides' prime factors, shortest first."""
        strides = self.strides()
        found = {1}
        for prime in {p for stride in strides for p in range(2, stride + 1) if stride % p == 0}:
            for n in sorted(found):
                while (n := n * prime) <= self.longest:
                    found.add(n)
        return sorted(found)

    def alpha_domain(self, period: int | None) -> tuple[Fraction | None, Fraction | None]:
        """The step of α on which no width is rounded, and the least α from which all of it holds."""
        step = self.alpha_step()
        if step is None:
            return None, None
        k = self.nodes(period)[0]
        nodes = [Fraction(n) for n in range(1, ALPHA_DEGREE + 2)]
        fits = [interpolated(nodes, [self.count(a, k, period)[i] for a in nodes]) for i in (0, 1)]
        whole = int(1 / step)
        least = None
        for j in range(2 * whole, 0, -1):
            alpha = j * step
            fit = [sum((c * alpha**n for n, c in enumerate(fit)), start=Fraction(0)) for fit in fits]
            if tuple(fit) != tuple(map(Fraction, self.count(alpha, k, period))):
                break
            least = alpha
        return (step, least) if least is not None and least <= 1 else (None, None)

    # What is asked of the network

    @property
    def native(self) -> Any:
        """The side that ρ is a multiple of."""
        made = self.network.architecture
        return made.inputs(self.network.options)[0][-1] if made else self.side

    def totals(self, alpha: Fraction, side: int | None) -> Totals:
        """The counts of one sample, at a side or at the network's own. Raises ProfilerError."""
        inputs = self.network.inputs if side is None else self.network.at(side).inputs
        return closed.totals(self.value(alpha), inputs)

    def value(self, alpha: Fraction) -> Layer:
        """The network at another α, as a value. Raises ProfilerError where the user made it, and no architecture widens it."""
        network = self.network
        assert isinstance(network, Network)
        if alpha == network.alpha:
            return network.value
        if network.architecture is None:
            raise ProfilerError("a value is widened where it is loaded")
        return network.architecture.make(alpha, **network.options)

    def within(self, ks: list[int], period: int) -> list[int]:  # noqa: ARG002  # others look at no side that is too large
        """Those of the points along the side that can be looked at."""
        return ks

    def strides(self) -> set[int]:
        """The strides of its windows."""
        assert isinstance(self.network, Network)
        found: set[int] = set()
        for leaf in leaves_of(self.network.value):
            if isinstance(leaf, Conv | ConvTranspose | MaxPool | AvgPool):
                stride = leaf.kernel if leaf.stride is None else leaf.stride
                found.update((stride,) if isinstance(stride, int) else stride)
        return found

    def alpha_step(self) -> Fraction | None:
        """The step of α on which the widths are whole; None where there is none to tell it by."""
        made = self.network.architecture
        base = self.value(Fraction(1)) if made else None
        widths = [n for leaf in leaves_of(base) if (n := plain_width(leaf))] if base else []
        if base is None or not widths:
            return None
        return Fraction(1 if made is not None and made.own_alpha else quantum(base), gcd(*widths))


def interpolated(xs: Sequence[Fraction], ys: Sequence[Fraction | int]) -> list[Fraction]:
    """Coefficients, lowest power first, of the polynomial of least degree through the points (Newton's form, expanded)."""
    divided = [Fraction(y) for y in ys]
    for order in range(1, len(xs)):
        for i in range(len(xs) - 1, order - 1, -1):
            divided[i] = (divided[i] - divided[i - 1]) / (xs[i] - xs[i - order])
    coefficients = [Fraction(0)] * len(xs)
    for i in range(len(xs) - 1, -1, -1):
        shifted = [Fraction(0), *coefficients[:-1]]
        coefficients = [high - xs[i] * low for high, low in zip(shifted, coefficients, strict=True)]
        coefficients[0] += divided[i]
    return coefficients
