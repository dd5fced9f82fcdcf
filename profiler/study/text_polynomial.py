"""Polynomials of a language model of the zoo in α and the tokens of its text, and what one layer more adds. No torch."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

from msgspec import structs

from profiler.count import closed
from profiler.errors import ProfilerError
from profiler.load.load import Network
from profiler.network.combinators import leaves_of
from profiler.network.layers import PositionEmbedding
from profiler.records.polynomials import Coefficients, Polynomials, Quantity
from profiler.records.profile import Totals
from profiler.study.polynomial import Search, found_by

LENGTHS = (1, 2, 3)
"""Tokens at which the polynomials are interpolated: attention multiplies every token with every other."""
FURTHER = (4, 7, 64, 129, 200)
"""Tokens at which they are held to the count."""
LAYERS = "layers"
"""What architectures call the option that repeats a block."""


def reads_text(network: Network) -> bool:
    """Whether a network reads one text: whole numbers, which it looks up in a table."""
    return len(network.inputs) == 1 and closed.tables_read(network.value, 1) != (None,)


class TextSearch(Search):
    """Counts of a network that reads one text, at any α and number of tokens, which take the place of a side."""

    axis = "tokens"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.side = network.inputs[0][0]
        tables = [leaf.positions for leaf in leaves_of(network.value) if isinstance(leaf, PositionEmbedding)]
        self.most = min((n for n in tables if n is not None), default=None)

    def nodes(self, period: int | None) -> list[int]:  # noqa: ARG002  # every number of tokens is on one polynomial
        return self.within(LENGTHS)

    def within(self, ks: list[int] | tuple[int, ...], period: int | None = None) -> list[int]:  # noqa: ARG002
        return [k for k in ks if self.most is None or k <= self.most]

    def side_domain(self) -> tuple[int | None, int, int]:
        fits = [self.along_side(1, self.nodes(1), index) for index in (0, 1)]
        for k in self.within(FURTHER):
            if not self.holds(1, k, fits):
                raise ProfilerError(
                    f"{self.network.name}: its counts are no polynomial in its tokens ({k} differ); count it at a length"
                )
        return 1, 0, 1

    def totals(self, alpha: Fraction, side: int | None) -> Totals:
        inputs = self.network.inputs if side is None else ((side,),)
        return closed.totals(self.value(alpha), inputs)


def text_polynomials(network: Network, in_alpha: bool) -> Polynomials:
    """MACs and params in T tokens of one sample and, with `in_alpha`, in α; the rule of thumb and a layer beside them.

    Raises ProfilerError where they are no polynomial of degree 2.
    """
    found = found_by(TextSearch(network), in_alpha)
    native = network.inputs[0][0]
    matrices = sum(row.params for row in network.profile().rows if row.kind != "embedding" and not row.side)
    return structs.replace(found, thumb=(matrices, native), layer=_of_a_layer(network, found))


def _of_a_layer(network: Network, found: Polynomials) -> tuple[Coefficients, Coefficients] | None:
    """What one layer more adds to params and MACs; None where the architecture has no option for it, or where not always so."""
    made = network.architecture
    if made is None or LAYERS not in made.options:
        return None
    layers = network.options.get(LAYERS, made.options[LAYERS].default)
    in_alpha = found.domain.alpha_step is not None

    def at(n: int) -> Polynomials:
        options = {**network.options, LAYERS: n}
        other = Network(network.name, made, options, network.alpha, made.make(network.alpha, **options), network.inputs)
        return found_by(TextSearch(other), in_alpha)

    more = _difference(at(layers + 1), found)
    return more if _difference(at(layers + 2), at(layers + 1)) == more else None


def _difference(a: Polynomials, b: Polynomials) -> tuple[Coefficients, Coefficients]:
    def less(quantity: Quantity) -> Coefficients:
        ours, theirs = getattr(a, quantity), getattr(b, quantity)
        rest = {powers: ours.get(powers, 0) - theirs.get(powers, 0) for powers in sorted({*ours, *theirs}, reverse=True)}
        return {powers: Fraction(c) for powers, c in rest.items() if c}

    params, macs = map(less, get_args(Quantity))
    return params, macs
