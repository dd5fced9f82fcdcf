"""The widths of a network that can be chosen freely, and its counts as polynomials in them. No torch.

A plain width of a value is a symbol, and the formulas of the leaves run on the symbols as they run on numbers. Where parts meet
in a sum or a product their channels must agree, so one of the symbols is written by the others: what is left is free. (The
widths of a chain of residual blocks are one, ShuffleNet's are the sum of two.) `fixed` widths are numbers; `same` and `times`
follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from profiler.count import formulas  # noqa: F401  # registers every leaf
from profiler.count.expressions import Expression, Monomial, Number, Space, at, replaced
from profiler.count.held import standing
from profiler.count.leaves import Cost, cost
from profiler.count.moved import moved_by_leaf
from profiler.errors import ShapeError
from profiler.network import combinators as C
from profiler.network import layers as L
from profiler.network.widen import plain_width, with_width
from profiler.network.widths import same as same_width

Shapes = tuple[tuple[Any, ...], ...]
"""Shapes of one sample, whose sides are numbers or expressions."""
SUMS = ("weights", "bias", "norm", "macs", "elementwise", "activations", "moved_each", "moved_once", "standing")
"""What is added up over the leaves that run in evaluation; the bytes moved for each sample, and once a batch; and over all
leaves, those that run in training only too, the bytes of parameters and buffers."""


class Plain(NamedTuple):
    """A plain width of a value."""

    position: int
    """Of its leaf, among all leaves in the order they are written."""
    path: str
    native: int
    side: bool
    """True where its leaf runs in training only."""
    width: Number
    """The width, in the symbols that are free."""


class MetInWidths(NamedTuple):
    """A leaf that was met, as a step of profiler/count/closed.py, but with numbers that are expressions in the widths."""

    path: str
    leaf: L.Layer
    inputs: Shapes
    cost: Cost
    side: bool
    moved: tuple[Any, Any]


class FreeWidths(NamedTuple):
    """The plain widths of a network in its free symbols, and its counts for one sample as polynomials in them."""

    space: Space
    plain: tuple[Plain, ...]
    free: tuple[int, ...]
    """The free symbols, in the order in which their widths are met."""
    sums: dict[str, dict[Monomial, int]]
    steps: tuple[MetInWidths, ...]
    """All leaves, with their shapes and counts in these symbols."""


def free_widths(network: L.Layer, inputs: Shapes) -> FreeWidths:
    """The free widths of `network` on samples of shapes `inputs`.

    Raises ShapeError where the network does not fit its input, or where widths are tied so that no whole numbers are left.
    """
    walk = _Walk()
    walk.run(network, inputs, None, "", False)
    walk.finish()
    walk.run(network, inputs, None, "", False)
    plain = tuple(
        Plain(position, path, native, side, replaced(walk.widths[position], walk.known))
        for position, (path, native, side) in walk.met.items()
    )
    for each in plain:
        walk.space.path = each.path
        _ = each.width < 1  # what is written by a difference may leave nothing: kept as a need
    named = {symbol: None for each in plain for symbol in _symbols(each.width) if symbol not in walk.space.floors}
    return FreeWidths(walk.space, plain, tuple(named), {name: walk.sums[name] for name in SUMS}, tuple(walk.steps))


class _Walk:
    """The walk of count/closed.py on expressions: once to find what is tied, once more to count."""

    def __init__(self) -> None:
        self.space = Space()
        self.widths: dict[int, Number] = {}
        """The width of each leaf that has a plain one, by its position."""
        self.met: dict[int, tuple[str, int, bool]] = {}
        self.known: dict[int, Number] = {}
        """The symbols that are written by others."""
        self.sums: dict[str, dict[Monomial, int]] = {name: {} for name in SUMS}
        self.steps: list[MetInWidths] = []
        self.counting = False
        self.position = 0

    def finish(self) -> None:
        """Ends the first walk: every tie is known."""
        self.counting, self.position = True, 0
        self.space.needs.clear()

    def run(self, layer: L.Layer, inputs: Shapes, same: Number | None, path: str, side: bool) -> Shapes:
        prefix = f"{path}." if path else ""
        match layer:
            case C.Chain(parts):
                for name, part in parts:
                    inputs = self.run(part, inputs, same, prefix + name, side)
                return inputs
            case C.Branches(parts, join):
                outputs: Shapes = ()
                for name, part in parts:
                    outputs += self.run(part, inputs, same, prefix + name, side)
                    same = outputs[0][0]
                return self.run(join, outputs, None, f"{prefix}join", side)
            case C.Graph(names, nodes, results):
                known = dict(zip(names, inputs, strict=True))
                for name, part, sources in nodes:
                    given = tuple(known[source] for source in sources)
                    (known[name],) = self.run(part, given, same, prefix + name, side)
                return tuple(known[name] for name in results)
            case C.Aside(part):
                self.run(part, inputs, same, path, True)
                return inputs
        return (self.leaf(layer, inputs, same, path, side),)

    def leaf(self, leaf: L.Layer, inputs: Shapes, same: Number | None, path: str, side: bool) -> tuple[Any, ...]:
        position = self.position
        self.position += 1
        self.space.path = path
        for a, b in _equal(leaf, inputs):
            self.tie(replaced(a, self.known), replaced(b, self.known))
        if self.known:
            inputs = tuple(tuple(replaced(each, self.known) for each in shape) for shape in inputs)
            same = None if same is None else replaced(same, self.known)
        if native := plain_width(leaf):
            width = self.width(leaf, native, position, inputs, path, side)
            leaf, same = (with_width(leaf, width), same) if isinstance(width, int) else (with_width(leaf, same_width()), width)
        if getattr(leaf, "ceil_mode", False) and any(isinstance(each, Expression) for each in inputs[0][1:]):
            raise ShapeError("pools, rounding up, along an axis that follows a width", path)
        try:
            found = cost(leaf, inputs, same)  # type: ignore[arg-type]  # formulas run on expressions as on numbers
        except ShapeError as fault:
            raise ShapeError(fault.reason, path) from None
        if self.counting:
            each, once = moved_by_leaf(leaf, inputs, found)
            self.steps.append(MetInWidths(path, leaf, inputs, found, side, (each, once)))
            _add(self.sums["standing"], standing(leaf, found))
        if self.counting and not side:
            counts = (found.weights, found.bias, found.norm, found.macs, found.elementwise, found.activations, each, once)
            for name, number in zip(SUMS, counts, strict=False):
                _add(self.sums[name], number)
        return found.output

    def width(self, leaf: L.Layer, native: int, position: int, inputs: Shapes, path: str, side: bool) -> Number:
        """The width of a leaf: a symbol, but as many times its input as it is where each channel is a group of its own."""
        if getattr(leaf, "groups", 1) == "each":
            self.widths[position] = inputs[0][0] * (native // at(inputs[0][0], self.space.native))
        elif position not in self.widths:
            self.widths[position] = self.space.symbol(native)
        self.met[position] = (path, native, side)
        return replaced(self.widths[position], self.known)

    def tie(self, a: Number, b: Number) -> None:
        """Writes one of the symbols of `a` and `b` by the others, so that they are equal: the last of those that are sums."""
        difference = a - b
        if isinstance(difference, int):
            return  # equal, or refused by the formula
        terms = difference.terms
        choices: list[tuple[bool, int, dict[Monomial, int]]] = []
        for monomial, c in terms.items():
            rest = {other: -each for other, each in terms.items() if other != monomial}
            alone = len(monomial) == 1 and monomial[0] not in self.space.floors
            if alone and all(monomial[0] not in other for other in rest) and all(each % c == 0 for each in rest.values()):
                by = {other: each // c for other, each in rest.items()}
                choices.append((min(by.values()) >= 0, monomial[0], by))
        if choices:
            # a sum of others is there whatever they are, a difference may leave nothing
            _, symbol, by = max(choices, key=lambda choice: choice[:2])
            self.known[symbol] = by.get((), 0) if by.keys() <= {()} else Expression(self.space, by)
            return
        raise ShapeError("its parts meet with widths that are tied in a way that leaves no whole numbers", self.space.path)


def _equal(leaf: L.Layer, inputs: Shapes) -> Iterator[tuple[Number, Number]]:
    """What must be equal of the inputs of a leaf."""
    first, *others = inputs
    match leaf:
        case L.Add():
            for other in others:
                yield from zip(first, other, strict=False)
        case L.Multiply():
            for other in others:
                yield from ((a, b) for a, b in zip(first, other, strict=False) if a != 1 and b != 1)
        case L.Concatenate(axis):
            for other in others:
                yield from ((a, b) for i, (a, b) in enumerate(zip(first, other, strict=False)) if i != axis % len(first))
        case L.MatMul():
            yield from ((first[-1], other[-2]) for other in others if len(other) > 1)
        case L.Attention() if len(inputs) == 3:
            yield from ((first[-1], inputs[1][-1]), (inputs[1][0], inputs[2][0]))


def _add(total: dict[Monomial, int], number: Number) -> None:
    terms = number.terms if isinstance(number, Expression) else {(): number} if number else {}
    for monomial, c in terms.items():
        total[monomial] = total.get(monomial, 0) + c


def _symbols(number: Number) -> list[int]:
    """The symbols of a number, in the order in which they were made."""
    terms = number.terms if isinstance(number, Expression) else {}
    return sorted({symbol for monomial in terms for symbol in monomial})
