"""A sweep of more cells than a table or a page holds: its records in blocks, in the order of a sweep, exact. No torch.

Networks of the zoo are counted by tables over α × side (count/factored.py), and some cells of every block are counted anew by
the walk; references are traced cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from random import Random
from typing import Any

from profiler.count.closed import has_causal_attention
from profiler.count.conventions import PAPER, Convention
from profiler.errors import ProfilerError
from profiler.load.load import Model, Network, load_at
from profiler.records.blocks import Block, of_records
from profiler.records.columns import option_column
from profiler.records.place import Place
from profiler.study.assembled import Assembly
from profiler.study.axes import Axes, check_free, spread, value_of
from profiler.study.cells import Cell, record_of
from profiler.study.counting_tasks import count_cell
from profiler.study.in_order import Here, Where
from profiler.study.models import Given, Named, named
from profiler.study.rectangles import Rectangle, rectangles

MOST_CELLS = 10**8
SAMPLE, MOST_APART = 64, 1 << 12
"""Cells that the walk counts again at least, and how many cells apart they are at most."""
TRACED = 16
"""Cells of a block of references: each takes milliseconds."""


class Sweep:
    """The cells of a sweep, by position and in blocks."""

    def __init__(self, models: Sequence[Given | Named], at: Place, rule: Convention = PAPER) -> None:
        """Raises ProfilerError for invalid ranges, and for more than 10⁸ cells."""
        networks = named(models)
        self.models, self.labels = [each.model for each in networks], [each.label for each in networks]
        self.at, self.rule = spread(at), rule
        self.axes = Axes.of(self.at)
        if self.size > MOST_CELLS:
            raise ProfilerError(f"the sweep makes {self.size:,} cells, more than {MOST_CELLS:,}; use larger steps")
        for model in self.models:
            check_free(model, self.axes)
        self.over = tuple(key for key in self.axes.options if key != "input")
        self.assembly = Assembly(self.axes.batches, rule.name)
        self.random = Random(0)
        self.recounted = 0
        """Cells that the walk has counted again."""
        self.walked = 0
        """Cells of networks whose counts are no sums of products: they were counted by the walk, each by itself."""

    @property
    def size(self) -> int:
        """How many cells there are."""
        return prod(self.axes.sizes) * len(self.models)

    @property
    def corners(self) -> list[int]:
        """The cells at the ends of all axes, of each model."""
        ends = [sorted({0, n - 1}) for n in self.axes.sizes]
        found = []
        for model in range(len(self.models)):
            for corner in product(*ends):
                at = model
                for i, n in zip(corner, self.axes.sizes, strict=True):
                    at = at * n + i
                found.append(at)
        return found

    def cell(self, i: int) -> Cell:
        """One cell by its position. Raises as loading it does."""
        found = []
        for n in reversed(self.axes.sizes):
            i, at = divmod(i, n)
            found.append(at)
        *options, alpha, size, batch = reversed(found)
        chosen = [values[at] for values, at in zip(self.axes.options.values(), options, strict=True)]
        side, rho = divmod(size, len(self.axes.rhos))
        place = self._place(self.models[i], chosen)._replace(
            alpha=self.axes.alphas[alpha], resolution=self.axes.sides[side], rho=self.axes.rhos[rho]
        )
        network = load_at(place)
        over = {option_column(key): value_of(network, key) for key in self.over}
        return Cell(network, self.axes.batches[batch], over, self.labels[i])

    def blocks(self, where: Where | None = None) -> Iterator[Block]:
        """All records, those of references counted in `where`, or here.

        Raises ShapeError where a network does not fit an input, ProfilerError for what loading it raises.
        """
        each = prod(self.axes.sizes)
        for i in range(len(self.models)):
            first = self.cell(i * each).network
            if isinstance(first, Network):
                yield from self._by_tables(i, i * each, (i + 1) * each, where or Here())
            else:
                yield from self._one_by_one(i * each, (i + 1) * each, where or Here())

    def _one_by_one(self, start: int, end: int, where: Where) -> Iterator[Block]:
        found = where.results(count_cell, ((self.cell(i), self.rule.name) for i in range(start, end)))
        for at in range(start, end, TRACED):
            records = [each.get() for each in islice(found, TRACED)]
            yield of_records(records, at, list(records[0]))

    def _by_tables(self, i: int, start: int, end: int, where: Where) -> Iterator[Block]:
        places = (
            self._place(self.models[i], chosen)._replace(alpha=alpha)
            for chosen in product(*self.axes.options.values())
            for alpha in self.axes.alphas
        )
        sizes = list(product(self.axes.sides, self.axes.rhos))
        for found in rectangles(places, sizes, self.rule, len(self.axes.batches)):
            if any(has_causal_attention(row.network().value) for row in found.rows):  # tables have no useful MACs
                size = len(found.rows) * len(found.sizes) * len(self.axes.batches)
                yield from self._one_by_one(start, start + size, where)
                self.walked += size
                start += size
                continue
            block = self.assembly.block(found, start, self._over(found), self.labels[i])
            self.walked += block.size if found.walked else 0
            self._recount(block)
            yield block
            start += block.size
        assert start == end

    def _over(self, found: Rectangle) -> Mapping[str, Sequence[Any]]:
        """The options that the sweep runs over, of each network of a rectangle."""
        networks = [row.network() for row in found.rows] if self.over else []
        return {option_column(key): [value_of(network, key) for network in networks] for key in self.over}

    def _place(self, model: Model, chosen: Sequence[Any]) -> Place:
        """A model with the options at a point, without α and size."""
        options = dict(zip(self.axes.options, chosen, strict=True))
        own = {"input": options.pop("input")} if "input" in options else {}
        place = self.at._replace(model=model, options={**self.at.options, **options}, over={}, **own)
        return place._replace(alpha=None, resolution=None, rho=None)

    def _recount(self, block: Block) -> None:
        """Count some cells of a block anew, by the walk, and the ends of the sweep. Raises AssertionError where one differs."""
        apart = max(1, min(MOST_APART, self.size // SAMPLE))
        end = block.start + block.size
        chosen = set(self.random.sample(range(block.size), end // apart - block.start // apart))
        chosen |= {i - block.start for i in (0, self.size - 1) if block.start <= i < end}
        for i in sorted(chosen):
            made, walked = block.record(i), record_of(self.cell(block.start + i), self.rule)
            if made != walked:
                other = [name for name in walked if made.get(name) != walked[name]]
                said = ", ".join(f"{name} {made.get(name)} in place of {walked[name]}" for name in other)
                raise AssertionError(f"a cell of a sweep is not what the walk counts: {walked}; {said}")
        self.recounted += len(chosen)
