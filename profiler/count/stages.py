"""A network by stages: which widths may be chosen, what a multiplier or a width for each stage makes of them. No torch.

Plain widths that must be equal are one group. A group belongs to the stage that most of its layers stand in, the later of two
that have as many: the stem of a ResNet-18 goes with its first stage, whose sums it is a part of. A multiplier m makes of a
width n of its stage the multiple of q nearest to m·n, at least q, where q is the least common multiple of `multiple_of` and of
the network's groups and heads; at m = 1 a stage stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import lcm
from typing import Any, NamedTuple

from profiler.count.expressions import Expression, Monomial, Need, at
from profiler.count.free_widths import FreeWidths, Plain, free_widths
from profiler.count.held import Met, held
from profiler.count.shapes import Inputs
from profiler.count.trunk import stages_of
from profiler.errors import ShapeError
from profiler.network.layers import Layer
from profiler.network.widen import nearest, quantum, with_widths

MULTIPLE_OF = 8
"""What widths are multiples of unless another number is given: runtimes are fast there."""

MOST_COMPARED = 400
"""Polynomials that are compared each with each."""


class Group(NamedTuple):
    """Plain widths of a network that are one number."""

    symbol: int
    path: str
    """The first of its layers."""
    native: int
    positions: tuple[int, ...]
    """Its leaves, among all leaves in the order they are written."""


class Stage(NamedTuple):
    """A run of layers that work at one resolution."""

    name: str
    groups: tuple[int, ...]
    """Its groups, by their numbers among all."""
    main: int
    """The group that stands for its width: that of its last layer."""


@dataclass(frozen=True, eq=False)
class Staged:
    """A network with the widths that can be chosen, by groups and by stages."""

    network: Layer
    inputs: Inputs
    widths: FreeWidths
    groups: tuple[Group, ...]
    stages: tuple[Stage, ...]
    quantum: int
    """The least common multiple of the network's groups, slices and heads."""

    @property
    def native(self) -> tuple[int, ...]:
        """The width of each stage as it is: that of its last layer."""
        return tuple(self.groups[stage.main].native for stage in self.stages)

    def step(self, multiple_of: int = MULTIPLE_OF) -> int:
        """What scaled widths are multiples of."""
        return lcm(multiple_of, self.quantum)

    def scaled(self, stage: Stage, multiplier: Fraction, multiple_of: int = MULTIPLE_OF) -> dict[int, int]:
        """{group: width} of a stage under a multiplier."""
        native = {group: self.groups[group].native for group in stage.groups}
        if multiplier == 1:
            return native
        q = self.step(multiple_of)
        return {group: nearest(n * multiplier, q) for group, n in native.items()}

    def at_multipliers(self, multipliers: Sequence[Fraction], multiple_of: int = MULTIPLE_OF) -> list[int]:
        """The width of every group under a multiplier for each stage."""
        found: dict[int, int] = {}
        for stage, multiplier in zip(self.stages, multipliers, strict=True):
            found |= self.scaled(stage, multiplier, multiple_of)
        return [found[group] for group in range(len(self.groups))]

    @cached_property
    def moments(self) -> list[dict[Monomial, int]]:
        """Bytes of activations for one sample, at those layers where they may be the most, as polynomials in the symbols."""
        found: dict[frozenset[Monomial], list[dict[Monomial, int]]] = {}
        steps = [Met(each.leaf, each.inputs, each.cost.output) for each in self.widths.steps]
        for number in held(self.network, len(self.inputs), steps):
            terms: dict[Monomial, int] = dict(number.terms) if isinstance(number, Expression) else {(): int(number)}
            alike = found.setdefault(frozenset(terms), [])
            if not any(_covers(other, terms) for other in alike):
                alike[:] = [*(other for other in alike if not _covers(terms, other)), terms]
        every = [terms for alike in found.values() for terms in alike]
        if len(every) > MOST_COMPARED:
            return every
        return [terms for terms in every if not any(_covers(other, terms) for other in every if other is not terms)]

    def symbols(self, widths: Sequence[Any]) -> dict[int, Any]:
        """The value of every symbol where the groups have these widths, numbers or arrays of them."""
        values: dict[int, Any] = {group.symbol: width for group, width in zip(self.groups, widths, strict=True)}
        for symbol, floor in self.widths.space.floors.items():
            values[symbol] = at(floor.dividend, values) // at(floor.divisor, values)
        return values

    def value(self, widths: Sequence[int]) -> Layer:
        """The network where its groups have these widths. Raises ShapeError where nothing would be left of another."""
        values = self.symbols(widths)
        made = {each.position: at(each.width, values) for each in self.widths.plain}
        for each in self.widths.plain:
            if made[each.position] < 1:
                raise ShapeError(f"would have {made[each.position]} channels; it needs 1 at the least", each.path)
        return with_widths(self.network, made)

    def unmet(self, need: Need, values: Mapping[int, Any]) -> Any:
        """Where a need is not met: a truth value, or an array of them."""
        a, b = at(need.a, values), at(need.b, values)
        return a % b != 0 if need.what == "divides" else a < b


@lru_cache(maxsize=64)
def staged(network: Layer, inputs: Inputs) -> Staged:
    """The widths and stages of `network` on samples of shapes `inputs`.

    Raises ShapeError where it does not fit its input, has no width that can be chosen, or has widths tied beyond whole numbers.
    """
    found = free_widths(network, inputs)
    members: dict[int, list[int]] = {symbol: [] for symbol in found.free}
    first: dict[int, Plain] = {}
    for each in found.plain:
        symbol = _alone(each.width)
        if symbol is not None and symbol in members:
            members[symbol].append(each.position)
            first.setdefault(symbol, each)
    groups = tuple(
        Group(symbol, first[symbol].path, first[symbol].native, tuple(positions))
        for symbol, positions in members.items()
        if positions
    )
    if not groups:
        raise ShapeError("has no width that can be chosen: all of them are fixed")
    runs = stages_of(network, inputs)
    side = {each.position for each in found.plain if each.side}
    return Staged(network, inputs, found, groups, _stages(groups, runs, side), quantum(network))


def _covers(a: Mapping[Monomial, int], b: Mapping[Monomial, int]) -> bool:
    """Whether a polynomial is at least another for all widths from 1, term by term."""
    return len(b) <= len(a) and all(a.get(monomial, 0) >= c for monomial, c in b.items()) and min(a.values()) >= 0


def _alone(width: Any) -> int | None:
    """The symbol that a width is."""
    if isinstance(width, int) or len(width.terms) != 1:
        return None
    ((monomial, c),) = width.terms.items()
    return monomial[0] if len(monomial) == 1 and c == 1 else None


def _stages(groups: Sequence[Group], runs: Sequence[tuple[str, Sequence[int]]], side: Iterable[int]) -> tuple[Stage, ...]:
    """The stages that have a group, called apart where two work at one side."""
    where = {position: run for run, (_, positions) in enumerate(runs) for position in positions}
    inside: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        counts: dict[int, int] = {}
        for position in group.positions:
            counts[where[position]] = counts.get(where[position], 0) + 1
        inside.setdefault(max(counts, key=lambda run: (counts[run], run)), []).append(number)
    training, stages, met = frozenset(side), list[Stage](), dict[str, int]()
    for run in sorted(inside):
        name, members = runs[run][0], inside[run]
        met[name] = met.get(name, 0) + 1

        def last(group: int, run: int = run) -> tuple[bool, int]:
            here = [position for position in groups[group].positions if where[position] == run]
            return (not training.issuperset(here), max(here))

        stages.append(Stage(name if met[name] == 1 else f"{name} ({met[name]})", tuple(members), max(members, key=last)))
    return tuple(stages)


def called(stages: Sequence[Stage]) -> str:
    """How many stages there are and what they are called: `5 stages (112, 56, 28, 14, 7)`."""
    count = f"{len(stages)} stages" if len(stages) > 1 else "one stage"
    return f"{count} ({', '.join(stage.name for stage in stages)})"
