"""The counts of many networks of one structure at many input sizes, exactly, without a walk for each pair. No torch.

Widths differ from network to network, sizes from input to input, and what a leaf counts is a product of the two: elements of
its weight × output positions. So every leaf is counted once for each network, at one input, and once for each input, in one
network; the sum over the leaves is then a product of two small matrices of whole numbers. A count that is no such product is
the sum of some that are (`_terms`); where it is not, `tables` gives none. That the counts are such products is tested on pairs
of networks and inputs that are walked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

from profiler.count import closed
from profiler.count.conventions.convention import Convention
from profiler.count.shapes import Inputs
from profiler.network.layers import Layer

COUNTS = (
    "weights", "bias", "norm", "buffers", "macs", "elementwise", "activations", "moved_each", "moved_once",
    "side_params", "side_macs", "total",
)  # fmt: skip
"""What is summed over the leaves, for one sample; `moved_once` is read once for a batch, `total` is of a convention."""
OF_LEAF = 9
"""Of them, how many a leaf has in the order above; behind them its convention's, its output elements, those of its inputs."""
CONVENTION, OUTPUT, INPUTS = OF_LEAF, OF_LEAF + 1, OF_LEAF + 2
PARAMETERS = (0, 1, 2)
ELEMENTWISE, ACTIVATIONS, MOVED, MOVED_ONCE = range(5, 9)
ITEM = 4
"""Bytes of a float32."""
WIDTHS = ("out", "dim", "groups", "heads", "num_embeddings")
"""The fields of leaves on which no size depends: networks that differ in these alone are of one structure."""
TESTED = 5
"""Networks and inputs whose pairs are walked, to test what is taken for granted."""
SAFE = (1 << 63) >> 4
"""Numbers below this are added, and multiplied by the bytes of an element, within int64."""

Term = tuple[int, int]
"""A count of a leaf by its position among all, and how often it is taken."""


class Leaves(NamedTuple):
    """The leaves of a network at an input: their structure, and all their counts in a row."""

    structure: Hashable
    counts: list[int]


class Layout(NamedTuple):
    """Where the counts of one leaf begin, of how many inputs it has elements, and whether it runs in training only."""

    start: int
    inputs: int
    side: bool


class Table(NamedTuple):
    """One count of every network at every input: the product of two matrices."""

    of_networks: Any
    of_inputs: Any
    most: int
    """No count is larger."""

    def at(self, networks: Any, inputs: slice) -> Any:
        """The counts of some networks (by position) at some inputs: (networks, inputs), Python's own integers where needed."""
        left, right = self.of_networks[networks], self.of_inputs[:, inputs]
        return left @ right if self.most < SAFE else left.astype(object) @ right.astype(object)


Tables = dict[str, Table]


def leaves(value: Layer, inputs: Inputs, rule: Convention | None = None) -> Leaves:
    """The structure of a network, and the counts of every leaf for one sample. Raises ShapeError."""
    _, steps = closed.walk(value, inputs)
    structure = [(path, _apart_from_widths(leaf), len(given), side) for path, leaf, given, _, side, _ in steps]
    return Leaves(tuple(structure), _counts(value, inputs, steps, rule))


def counts_of(value: Layer, inputs: Inputs, rule: Convention | None = None) -> list[int]:
    """The counts alone. Raises ShapeError."""
    return _counts(value, inputs, closed.walk(value, inputs)[1], rule)


def _counts(value: Layer, inputs: Inputs, steps: Sequence[closed.Step], rule: Convention | None) -> list[int]:
    of_rule = [0] * len(steps) if rule is None else list(map(rule.of, closed.rows(value, inputs)))
    counts: list[int] = []
    for (_, _, given, cost, _, moves), counted in zip(steps, of_rule, strict=True):
        counts += [*cost[1:], *moves, counted, prod(cost[0]), *map(prod, given)]
    return counts


@lru_cache(maxsize=1 << 14)
def _apart_from_widths(leaf: Layer) -> Hashable:
    return type(leaf), *(getattr(leaf, field.name) for field in fields(leaf) if field.name not in WIDTHS)


def layouts(structure: Any) -> list[Layout]:
    """Where the counts of each leaf stand in a row of them all."""
    found, start = [], 0
    for _, _, inputs, side in structure:
        found.append(Layout(start, inputs, side))
        start += INPUTS + inputs
    return found


def summed(structure: Any, counts: Sequence[int]) -> dict[str, int]:
    """The counts of a whole network, by adding up those of its leaves."""
    sums = dict.fromkeys(COUNTS, 0)
    for leaf in layouts(structure):
        for name, parts in _parts(leaf):
            sums[name] += sum(counts[leaf.start + part] for part in parts)
    return sums


def _parts(leaf: Layout) -> list[tuple[str, tuple[int, ...]]]:
    """Which counts of a leaf go into which count of the network."""
    if leaf.side:
        return [("side_params", PARAMETERS), ("side_macs", (4,))]
    return [*((name, (part,)) for part, name in enumerate(COUNTS[:OF_LEAF])), ("total", (CONVENTION,))]


def tables(
    networks: Sequence[Any],
    structure: Any,
    inputs: Sequence[Inputs],
    value: Callable[[int], Layer],
    rule: Convention | None = None,
) -> Tables | None:
    """The counts of `networks` (of one structure, each counted at the last of the inputs) at all `inputs`.

    `value` builds a network by its position. None where a count is no sum of products: then each pair takes a walk.
    Raises ShapeError for an input that does not fit.
    """
    import numpy as np

    along = whole_numbers(networks)
    first = value(0)
    across = whole_numbers([whole_numbers(counts_of(first, each, rule)) for each in inputs])
    pairs = list(product(_spread(len(networks)), _spread(len(inputs))))
    tested = np.array([counts_of(value(i), inputs[j], rule) for i, j in pairs], dtype=object)
    common = np.gcd.reduce(across, axis=0)
    sizes = across // np.where(common == 0, 1, common)
    at_pivot = sizes[-1]
    divisor = np.where(at_pivot == 0, 1, at_pivot)
    widths = along // divisor
    fits = np.all(along == widths * at_pivot, axis=0)
    rows, columns = (np.array(each) for each in zip(*pairs, strict=True))
    fits &= np.all(widths[rows].astype(object) * sizes[columns].astype(object) == tested, axis=0)
    everywhere = [along, across, tested]
    terms: dict[str, list[Term]] = {name: [] for name in COUNTS}
    for leaf in layouts(structure):
        for name, parts in _parts(leaf):
            for part in parts:
                made = _terms(leaf, part, fits, everywhere)
                if made is None:
                    return None
                terms[name] += made
    return {name: _table(each, widths, sizes) for name, each in terms.items()}


def _spread(n: int) -> list[int]:
    """A few of n positions, evenly, both ends among them."""
    return sorted({round(i * (n - 1) / (TESTED - 1)) for i in range(TESTED)})


def _terms(leaf: Layout, part: int, fits: Any, everywhere: Sequence[Any]) -> list[Term] | None:
    """One count of a leaf as a sum of products; None where it is none."""
    if fits[leaf.start + part]:
        return [(leaf.start + part, 1)]
    read = [(INPUTS + i, ITEM) for i in range(leaf.inputs)]
    sums = {
        ACTIVATIONS: [[(ELEMENTWISE, 1), (OUTPUT, 1)]],  # attention: its scores, and its output
        MOVED: [[(OUTPUT, ITEM), *read], [(OUTPUT, ITEM), *read[:1]]],
        MOVED_ONCE: [[(parameters, ITEM) for parameters in PARAMETERS]],  # weights may grow with the size, and biases not
    }
    for made in sums.get(part, []):
        terms = [(leaf.start + position, times) for position, times in made]
        if all(fits[position] for position, _ in terms) and all(
            (counts[:, leaf.start + part] == sum(times * counts[:, position] for position, times in terms)).all()
            for counts in everywhere
        ):
            return terms
    return None


def _table(terms: Sequence[Term], widths: Any, sizes: Any) -> Table:
    """The sum of products, those of leaves whose sizes are the same taken together."""
    import numpy as np

    alike: dict[Hashable, int] = {}
    members: list[list[Term]] = []
    for position, times in terms:
        if not sizes[:, position].any():
            continue
        key = sizes[:, position].tobytes() if sizes.dtype != object else tuple(sizes[:, position])
        if key not in alike:
            alike[key] = len(members)
            members.append([])
        members[alike[key]].append((position, times))
    if not members:
        return Table(np.zeros((len(widths), 0), np.int64), np.zeros((0, len(sizes)), np.int64), 0)
    of_inputs = np.stack([sizes[:, each[0][0]] for each in members])
    of_networks = np.stack([_weighted(widths, each) for each in members], axis=1)
    most = sum(int(a) * int(b) for a, b in zip(of_networks.max(axis=0), of_inputs.max(axis=1), strict=True))
    return Table(of_networks, of_inputs, most)


def _weighted(widths: Any, terms: Sequence[Term]) -> Any:
    """The sum of some columns, each so many times."""
    import numpy as np

    positions, times = (np.array(each) for each in zip(*terms, strict=True))
    chosen = widths[:, positions]
    most = sum(int(top) * n for top, (_, n) in zip(chosen.max(axis=0), terms, strict=True))
    return (chosen * times).sum(axis=1) if most < SAFE else (chosen.astype(object) * times).sum(axis=1)


def whole_numbers(counts: Sequence[Any]) -> Any:
    """Counts as an array: of int64 where all are well below its limit, else of Python's own integers."""
    import numpy as np

    try:
        found = np.array(counts, dtype=np.int64)
    except OverflowError:
        return np.array(counts, dtype=object)
    return found if found.max(initial=0) < SAFE else found.astype(object)
