"""Integer polynomials in a network's widths, on which the formulas of its leaves run as they do on numbers. No torch.

A formula that is given expressions in the place of channels gives expressions in the place of counts. What a formula asks of
its numbers (a division without remainder, one number at least as large as another) is kept as a need, to be held where the
widths are known; a division that rounds becomes a symbol of its own, which follows the widths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Union

from profiler.errors import ShapeError

Monomial = tuple[int, ...]
"""The symbols of a product in order, one as often as it is a factor; none is the constant."""
Number = Union[int, "Expression"]


class Floor(NamedTuple):
    """A symbol that follows others: ⌊dividend / divisor⌋."""

    dividend: Expression
    divisor: Number


class Need(NamedTuple):
    """What must hold of the widths: that `a` is divided by `b` without remainder, or is at least `b`."""

    what: Literal["divides", "least"]
    a: Number
    b: Number
    path: str


class Space:
    """The symbols of one network with their native values, and what it needs of them."""

    def __init__(self) -> None:
        self.native: list[int] = []
        """The value of each symbol in the network as it is."""
        self.floors: dict[int, Floor] = {}
        """The symbols that follow others, in an order in which they can be evaluated."""
        self.needs: dict[Need, None] = {}
        self.path = ""
        """The layer whose formula runs."""
        self._kept: dict[Floor, Expression] = {}

    def symbol(self, native: int) -> Expression:
        """A new symbol."""
        self.native.append(native)
        return Expression(self, {(len(self.native) - 1,): 1})

    def floor(self, floor: Floor) -> Expression:
        """⌊dividend / divisor⌋ as a symbol, the same for the same division."""
        if floor not in self._kept:
            made = self.symbol(at(floor.dividend, self.native) // at(floor.divisor, self.native))
            self._kept[floor] = made
            self.floors[len(self.native) - 1] = floor
        return self._kept[floor]

    def need(self, what: Literal["divides", "least"], a: Number, b: Number) -> None:
        """Keeps what the layer's formula asked."""
        self.needs[Need(what, a, b, self.path)] = None


class Expression:
    """A polynomial with integer coefficients in the symbols of a space; never a constant, which is an int."""

    __slots__ = ("_hash", "space", "terms")

    def __init__(self, space: Space, terms: Mapping[Monomial, int]) -> None:
        self.space, self.terms = space, terms
        self._hash = hash((id(space), frozenset(terms.items())))

    def _made(self, terms: dict[Monomial, int]) -> Number:
        kept = {monomial: c for monomial, c in terms.items() if c}
        return kept.get((), 0) if not kept or kept.keys() == {()} else Expression(self.space, kept)

    def __add__(self, other: Number) -> Number:
        terms = dict(self.terms)
        for monomial, c in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + c
        return self._made(terms)

    __radd__ = __add__

    def __mul__(self, other: Number) -> Number:
        if isinstance(other, int):
            return self._made({monomial: c * other for monomial, c in self.terms.items()})
        terms: dict[Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                monomial = tuple(sorted(left + right))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return self._made(terms)

    __rmul__ = __mul__

    def __sub__(self, other: Number) -> Number:
        return self + other * -1

    def __rsub__(self, other: Number) -> Number:
        return self * -1 + other

    def __floordiv__(self, other: Number) -> Number:
        if isinstance(other, int) and all(c % other == 0 for c in self.terms.values()):
            return self._made({monomial: c // other for monomial, c in self.terms.items()})
        times = _ratio(self, other)
        return self.space.floor(Floor(self, other)) if times is None else times

    def __mod__(self, other: Number) -> int:
        if _ratio(self, other) is not None:
            return 0
        if isinstance(other, int) and all(c % other == 0 for monomial, c in self.terms.items() if monomial):
            return self.terms.get((), 0) % other
        self.space.need("divides", self, other)
        return 0

    def __rmod__(self, other: int) -> int:
        self.space.need("divides", other, self)
        return 0

    def __lt__(self, other: Number) -> bool:
        """Asked of what would be a fault: kept as a need unless it is so for all widths from 1."""
        difference = self - other
        if isinstance(difference, int):
            return difference < 0
        if not _from_one(difference):
            self.space.need("least", self, other)
        return False

    def __gt__(self, other: Number) -> bool:
        """Asked for the larger of two axes: of a width and 1 the width."""
        difference = self - other
        if isinstance(difference, int):
            return difference > 0
        if _from_one(difference):
            return True
        raise ShapeError("takes the larger of two sides that depend on different widths")

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Expression) and other.space is self.space
        return same and other.terms == self.terms  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return self._hash

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return " + ".join("·".join(map(str, (c, *(f"w{s}" for s in monomial)))) for monomial, c in self.terms.items())


def _terms(number: Number) -> Mapping[Monomial, int]:
    return number.terms if isinstance(number, Expression) else {(): number}


def _from_one(difference: Expression) -> bool:
    """True where it is at least 0 for all widths from 1."""
    return all(c > 0 for monomial, c in difference.terms.items() if monomial) and sum(difference.terms.values()) >= 0


def _ratio(a: Number, b: Number) -> int | None:
    """k where a is k times b, for all widths."""
    first, second = _terms(a), _terms(b)
    if first.keys() != second.keys():
        return None
    (k, rest), *others = [divmod(c, second[monomial]) for monomial, c in first.items()]
    return k if not rest and all(other == (k, 0) for other in others) else None


def at(number: Number, values: Sequence[Any] | Mapping[int, Any]) -> Any:
    """The value of a number where its symbols have these: integers, or arrays of them."""
    if isinstance(number, int):
        return number
    total: Any = 0
    for monomial, c in number.terms.items():
        product: Any = c
        for symbol in monomial:
            product = product * values[symbol]
        total = total + product
    return total


def replaced(number: Number, known: Mapping[int, Number]) -> Number:
    """The number with some of its symbols written by others, and these again, until none is left."""
    while isinstance(number, Expression) and any(symbol in known for monomial in number.terms for symbol in monomial):
        made: Number = 0
        for monomial, c in number.terms.items():
            product: Number = c
            for symbol in monomial:
                product = product * known.get(symbol, Expression(number.space, {(symbol,): 1}))
            made = made + product
        number = made
    return number
