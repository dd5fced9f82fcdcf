"""The counts of all combinations of the choices of stages: sums of small tables, broadcast over one axis a stage. No torch.

A polynomial with whole coefficients is counted in int64, exactly; one with others (predicted seconds) in float64.

A product of widths depends on the stages of its factors only, mostly on two, so a count over all combinations is the sum of
tables over the axes of such products; of the peak of memory, the largest of such sums. Widths that are rounded from several
stages (the transitions of a DenseNet) are factors of their own. The combinations are gone through in blocks that fit the cache;
numpy is loaded when they are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from profiler.count.expressions import Monomial
from profiler.count.stages import Staged
from profiler.errors import ProfilerError
from profiler.study.polynomials_in_widths import LARGEST, Terms, largest

if TYPE_CHECKING:
    from numpy import ndarray

Array = Any
Index = tuple[int, ...]
BLOCK = 1 << 19
"""Combinations that are counted together."""
SMALL = 1 << 14
"""Elements of a table that is kept whole."""


class Combined:
    """The counts of a network over all combinations of `choices`: for each stage its choices, each {group: width}.

    `polynomials` are {count: polynomial}; `peaks` are {count: (polynomial, others)}, of which the largest other is added to it.
    """

    def __init__(
        self,
        found: Staged,
        choices: Sequence[Sequence[Mapping[int, int]]],
        polynomials: Mapping[str, Terms],
        peaks: Mapping[str, tuple[Terms, Sequence[Terms]]] | None = None,
    ) -> None:
        import numpy as np

        self.shape: Index = tuple(map(len, choices))
        self.found = found
        widths: list[Array] = [None] * len(found.groups)
        for axis, (stage, options) in enumerate(zip(found.stages, choices, strict=True)):
            shape = tuple(len(options) if i == axis else 1 for i in range(len(choices)))
            for group in stage.groups:
                widths[group] = np.array([option[group] for option in options], np.int64).reshape(shape)
        values = {
            s: np.reshape(each, (1,) * (len(choices) - np.ndim(each)) + np.shape(each))
            for s, each in found.symbols(widths).items()
        }
        self.values = values
        """The value of every symbol, each over the axes of the stages that it depends on."""
        most = {symbol: int(np.max(each)) for symbol, each in values.items()}
        every = {name: (terms, ()) for name, terms in polynomials.items()} | dict(peaks or {})
        for name, (terms, others) in every.items():
            if largest(terms, most) + max((largest(other, most) for other in others), default=0) > LARGEST:
                raise ProfilerError(f"{name} of these combinations may exceed {LARGEST:,}; give smaller multipliers")
        self.lead = next((n for n in range(len(self.shape)) if prod(self.shape[n:]) <= BLOCK), len(self.shape) - 1)
        """How many of the first axes are gone through one by one; a block has all of the others."""
        self.counts = {
            name: (_Count(terms, values), _largest_of([_Count(other, values) for other in others]))
            for name, (terms, others) in every.items()
        }
        self.names = tuple(self.counts)
        self.unmet = self._unmet(values)

    def _unmet(self, values: Mapping[int, Array]) -> dict[Index, ndarray[Any, Any]]:
        """Where the network's parts do not fit each other, by the shapes of the tables that say so."""
        import numpy as np

        made: dict[Index, ndarray[Any, Any]] = {}
        for need in self.found.widths.space.needs:
            unmet = np.asarray(self.found.unmet(need, values))
            if unmet.any():
                unmet = unmet.reshape((1,) * (len(self.shape) - unmet.ndim) + unmet.shape)
                made[unmet.shape] = made[unmet.shape] | unmet if unmet.shape in made else unmet
        return made

    def blocks(self) -> Iterator[tuple[int, dict[str, ndarray[Any, Any]], ndarray[Any, Any] | None]]:
        """Each block by the number of its first combination: its counts, flat, and which can be built (None: all)."""
        import numpy as np

        rest = self.shape[self.lead :]
        size = prod(rest)
        for base, several in self.counts.values():
            for count in (base, *several):
                count.settle(self.lead, rest)
        for number, index in enumerate(np.ndindex(*self.shape[: self.lead])):
            counts = {}
            for name, (base, several) in self.counts.items():
                total = base.block(index)
                if several:
                    peak = several[0].block(index)
                    for other in several[1:]:
                        peak = np.maximum(peak, other.block(index))
                    total = total + peak
                counts[name] = np.broadcast_to(total, rest).reshape(size)
            yield number * size, counts, self._buildable(index, rest)

    def _buildable(self, index: Index, rest: Index) -> ndarray[Any, Any] | None:
        import numpy as np

        if not self.unmet:
            return None
        unmet = np.zeros(rest, bool)
        for table in self.unmet.values():
            unmet |= _sliced(table, index)
        return ~unmet.reshape(prod(rest))

    def at(self, index: Index) -> dict[str, Any] | None:
        """The counts of one combination, None where it cannot be built."""
        if any(_sliced(table, index).item() for table in self.unmet.values()):
            return None
        return {
            name: base.at(index) + max((count.at(index) for count in several), default=0)
            for name, (base, several) in self.counts.items()
        }


class _Count:
    """One polynomial over all combinations: {widths of several stages: {shape: table}}, to be multiplied and added up."""

    def __init__(self, terms: Terms, values: Mapping[int, Array]) -> None:
        import numpy as np

        self.wide = {s: values[s] for m in terms for s in m if sum(n > 1 for n in values[s].shape) > 1}
        made: dict[Monomial, dict[Index, Array]] = {}
        rank = max((each.ndim for each in values.values()), default=0)
        for monomial, c in terms.items():
            product: Array = np.full((1,) * rank, c, np.float64 if isinstance(c, float) else np.int64)
            for symbol in monomial:
                if symbol not in self.wide:
                    product = product * values[symbol]
            tables = made.setdefault(tuple(symbol for symbol in monomial if symbol in self.wide), {})
            tables[product.shape] = tables[product.shape] + product if product.shape in tables else product
        self.terms = {(wide, shape): table for wide, tables in made.items() for shape, table in tables.items()}
        """The same table by table, each over its own axes."""
        self.tables = {wide: _merged(tables) for wide, tables in made.items()}
        self.ground: Array = 0
        """The sum of what does not depend on the first axes, over a block."""
        self.moving: list[Array] = []

    @property
    def shape(self) -> Index:
        """The axes that it depends on, with their lengths; 1 elsewhere."""
        arrays = [*(table for tables in self.tables.values() for table in tables.values()), *self.wide.values()]
        return tuple(max(lengths) for lengths in zip(*(each.shape for each in arrays), strict=True))

    def covers(self, other: _Count) -> bool:
        """Whether it is at least the other at every combination, because each of its tables is."""
        return all((self.terms.get(key, 0) >= table).all() for key, table in other.terms.items()) and all(
            (table >= 0).all() for key, table in self.terms.items() if key not in other.terms
        )

    def whole(self) -> Array:
        """Its table over all axes that it depends on."""
        return self._total(())

    def settle(self, lead: int, rest: Index) -> None:
        """Makes ready for blocks in which the first `lead` axes are at one position."""
        import numpy as np

        tables = self.tables.get((), {})
        fixed = [table for shape, table in tables.items() if prod(shape[:lead]) == 1]
        self.moving = [table for shape, table in tables.items() if prod(shape[:lead]) > 1]
        self.ground = np.zeros((1,) * len(rest), np.int64)
        for table in sorted(fixed, key=lambda each: each.size):
            self.ground = self.ground + table.reshape(table.shape[lead:])

    def block(self, index: Index) -> Array:
        """Its values in one block, which broadcast to the shape of the block."""
        # what is small is added up first, so that the whole block is gone through once
        return _sum([*(_sliced(table, index) for table in self.moving), self.ground, *self._products(index)])

    def at(self, index: Index) -> Any:
        """Its value at one combination: an int, or a float."""
        return self._total(index).item()

    def _total(self, index: Index) -> Array:
        return _sum([*(_sliced(table, index) for table in self.tables.get((), {}).values()), *self._products(index)])

    def _products(self, index: Index) -> Iterator[Array]:
        for wide, tables in self.tables.items():
            if wide:
                product = _sum([_sliced(table, index) for table in tables.values()])
                for symbol in wide:
                    product = product * _sliced(self.wide[symbol], index)
                yield product


def _largest_of(counts: Sequence[_Count]) -> list[_Count]:
    """Fewer counts with the same largest everywhere: small tables of the same axes become one."""
    import numpy as np

    small: dict[Index, Array] = {}
    large: list[_Count] = []
    for count in counts:
        shape = count.shape
        if prod(shape) > SMALL:
            if not any(other.covers(count) for other in large):
                large = [*(other for other in large if not count.covers(other)), count]
            continue
        table = count.whole()
        small[shape] = np.maximum(small[shape], table) if shape in small else table
    for shape in sorted(small, key=prod, reverse=True):
        made = _Count({}, {})
        made.tables = {(): {shape: small[shape]}}
        large.append(made)
    return large


def _sliced(table: Array, index: Index) -> Array:
    """A table where the first axes have these positions, or the only one that they have."""
    return table[tuple(i if n > 1 else 0 for i, n in zip(index, table.shape, strict=False))]


def _sum(tables: Sequence[Array]) -> Array:
    """The sum of tables of any shapes, the smallest first."""
    first, *others = sorted(tables, key=lambda each: each.size)
    total = first
    for table in others:
        total = total + table
    return total


def _merged(tables: Mapping[Index, Array]) -> dict[Index, Array]:
    """The same sum by fewer tables: each is added to one that has all of its axes."""
    kept: dict[Index, Array] = {}
    for shape in sorted(tables, key=prod, reverse=True):
        host = next((other for other in kept if all(n in (1, m) for n, m in zip(shape, other, strict=True))), None)
        if host is None:
            kept[shape] = tables[shape].copy()
        else:
            kept[host] = kept[host] + tables[shape]
    return kept
