"""The counts of all combinations of the choices of stages: sums of small tables, broadcast over one axis a stage. No torch.

A product of widths depends on the stages of its factors only, mostly on two, so a count over all combinations is the sum of
tables over the axes of such products. Widths that are rounded from several stages (the transitions of a DenseNet) are factors
of their own. The combinations are gone through in blocks that fit the cache; numpy is loaded when they are made.
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


class Combined:
    """The counts of a network over all combinations of `choices`: for each stage its choices, each {group: width}."""

    def __init__(self, found: Staged, choices: Sequence[Sequence[Mapping[int, int]]], polynomials: Mapping[str, Terms]) -> None:
        import numpy as np

        self.shape: Index = tuple(map(len, choices))
        self.found, self.names = found, tuple(polynomials)
        widths: list[Array] = [None] * len(found.groups)
        for axis, (stage, options) in enumerate(zip(found.stages, choices, strict=True)):
            shape = tuple(len(options) if i == axis else 1 for i in range(len(choices)))
            for group in stage.groups:
                widths[group] = np.array([option[group] for option in options], np.int64).reshape(shape)
        values = found.symbols(widths)
        most = {symbol: int(np.max(each)) for symbol, each in values.items()}
        for name, terms in polynomials.items():
            if largest(terms, most) > LARGEST:
                raise ProfilerError(f"{name} of these combinations may exceed {LARGEST:,}; give smaller multipliers")
        self.wide = {symbol: each for symbol, each in values.items() if sum(n > 1 for n in np.shape(each)) > 1}
        """Widths that depend on several stages."""
        self.tables = {name: self._tables(terms, values) for name, terms in polynomials.items()}
        self.unmet = self._unmet(values)
        self.lead = next((n for n in range(len(self.shape)) if prod(self.shape[n:]) <= BLOCK), len(self.shape) - 1)
        """How many of the first axes are gone through one by one; a block has all of the others."""

    def _tables(self, terms: Terms, values: Mapping[int, Array]) -> dict[Monomial, dict[Index, Array]]:
        """{widths of several stages: {shape: table}}: the count is the sum of each product of the former with its tables."""
        made: dict[Monomial, dict[Index, Array]] = {}
        import numpy as np

        for monomial, c in terms.items():
            wide = tuple(symbol for symbol in monomial if symbol in self.wide)
            product: Array = np.full((1,) * len(self.shape), c, np.int64)
            for symbol in monomial:
                if symbol not in self.wide:
                    product = product * values[symbol]
            tables = made.setdefault(wide, {})
            tables[product.shape] = tables[product.shape] + product if product.shape in tables else product
        return {wide: _merged(tables) for wide, tables in made.items()}

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
        ground = {name: self._ground(tables.get((), {})) for name, tables in self.tables.items()}
        for number, index in enumerate(np.ndindex(*self.shape[: self.lead])):
            counts = {name: self._block(name, index, *ground[name]).reshape(size) for name in self.names}
            yield number * size, counts, self._buildable(index, rest)

    def _ground(self, tables: Mapping[Index, Array]) -> tuple[Array, list[Array]]:
        """The sum of the tables that do not depend on the first axes, over a whole block; and the other tables."""
        import numpy as np

        fixed = [table for shape, table in tables.items() if prod(shape[: self.lead]) == 1]
        ground = np.zeros(self.shape[self.lead :], np.int64)
        for table in fixed:
            ground += table.reshape(table.shape[self.lead :])
        return ground, [table for shape, table in tables.items() if prod(shape[: self.lead]) > 1]

    def _block(self, name: str, index: Index, ground: Array, moving: Sequence[Array]) -> Array:
        total = ground
        if moving:
            # what is small is added up first, so that the whole block is gone through once
            total = ground + _sum([_sliced(table, index) for table in moving])
        for wide, tables in self.tables[name].items():
            if wide:
                product = _sum([_sliced(table, index) for table in tables.values()])
                for symbol in wide:
                    product = product * _sliced(self.wide[symbol], index)
                total = total + product
        return total

    def _buildable(self, index: Index, rest: Index) -> ndarray[Any, Any] | None:
        import numpy as np

        if not self.unmet:
            return None
        unmet = np.zeros(rest, bool)
        for table in self.unmet.values():
            unmet |= _sliced(table, index)
        return ~unmet.reshape(prod(rest))

    def at(self, index: Index) -> dict[str, int] | None:
        """The counts of one combination, None where it cannot be built."""
        if any(_sliced(table, index).item() for table in self.unmet.values()):
            return None
        found = {}
        for name, by_wide in self.tables.items():
            total = 0
            for wide, tables in by_wide.items():
                part = sum(_sliced(table, index).item() for table in tables.values())
                total += part * prod(_sliced(self.wide[symbol], index).item() for symbol in wide)
            found[name] = total
        return found


def _sliced(table: Array, index: Index) -> Array:
    """A table where the first axes have these positions, or the only one that they have."""
    return table[tuple(i if n > 1 else 0 for i, n in zip(index, table.shape, strict=False))]


def _sum(tables: Sequence[Array]) -> Array:
    """The sum of tables of any shapes, the smallest first."""
    total = 0
    for table in sorted(tables, key=lambda each: each.size):
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
            kept[host] += tables[shape]
    return kept
