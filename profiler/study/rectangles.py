"""A network of the zoo over options, α and sizes → rectangles of networks × sizes, with the counts of every pair. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from fractions import Fraction
from typing import Any, NamedTuple

from profiler.count.conventions import PAPER, Convention
from profiler.count.factored import counts_of
from profiler.count.shapes import Inputs
from profiler.errors import ShapeError
from profiler.load.load import Network, load_at
from profiler.records.place import Place, shape
from profiler.study.tiles import Tile, fitting

MOST_RECORDS = 1 << 14
"""Records of a rectangle, about."""


Asked = tuple["int | None", "Fraction | None"]
"""A size as the user gives it: a side in pixels, or ρ; the network's own where both are None."""


class Row(NamedTuple):
    """A network at its own size."""

    place: Place
    native: Inputs
    alpha: Fraction
    options: Mapping[str, Any]
    name: str

    @classmethod
    def of(cls, place: Place) -> tuple[Row, Network]:
        """The network at a place, without and with what it is made of."""
        network = closed_form(place)
        return cls(place, network.inputs, network.alpha, network.options, network.name), network

    def network(self, size: Size | None = None) -> Network:
        """The network, at a size or at its own."""
        at = self.place if size is None else self.place._replace(resolution=size.side, rho=size.rho)
        return closed_form(at)


class Size(NamedTuple):
    """A size of the input, as it was asked for, and what it makes of the inputs."""

    side: int | None
    rho: Fraction | None
    inputs: Inputs
    resolution: int | None
    input: str
    """As the column `input` of a record has it."""


class Rectangle(NamedTuple):
    """Some networks at some sizes, and their counts: arrays (networks, sizes) for one sample."""

    rows: Sequence[Row]
    sizes: Sequence[Size]
    counts: Mapping[str, Any]
    walked: bool
    """True where some of these networks took a walk for each pair."""


def closed_form(place: Place) -> Network:
    """The network of the zoo, or of a value, at a place. Raises as `load_at` does."""
    found = load_at(place)
    assert isinstance(found, Network)
    return found


def rectangles(places: Iterable[Place], sizes: Sequence[Asked], rule: Convention = PAPER, deep: int = 1) -> Iterator[Rectangle]:
    """Every network of `places`, which say no size, at every one of `sizes`, (side, ρ); the size varies faster.

    A rectangle has some 16,000 records of `deep` batches each. Raises ShapeError where a network does not fit a size.
    """
    strip: Strip | None = None
    for place in places:
        row, network = Row.of(place)
        if strip is not None and (strip.full or row.native != strip.native):
            yield from strip.rectangles(deep)
            strip = strip.another() if row.native == strip.native else None
        strip = strip or Strip(row, network, sizes, rule)
        strip.add(row, network)
    if strip is not None:
        yield from strip.rectangles(deep)


class Strip:
    """Networks of the same inputs, as many as are held at once, at all sizes."""

    def __init__(self, row: Row, network: Network, sizes: Sequence[Asked], rule: Convention) -> None:
        """For networks like the first. Raises ShapeError where that does not fit the last size."""
        self.native, self.rule = row.native, rule
        self.sizes = []
        for side, rho in sizes:
            sized = closed_form(row.place._replace(resolution=side, rho=rho))
            self.sizes.append(Size(side, rho, sized.inputs, sized.resolution, " ".join(map(shape, sized.inputs))))
        with self._in_its_words([row]):
            self.most = fitting(len(counts_of(network.value, self.sizes[-1].inputs)))
        self._begin()

    def another(self) -> Strip:
        """An empty one for further networks."""
        made = copy(self)
        made._begin()
        return made

    def _begin(self) -> None:
        self.rows: list[Row] = []
        self.parts = [range(at, min(at + self.most, len(self.sizes))) for at in range(0, len(self.sizes), self.most)]
        self.tiles = [Tile([self.sizes[i].inputs for i in part], self.rule) for part in self.parts]

    @property
    def full(self) -> bool:
        return len(self.rows) >= self.most

    def add(self, row: Row, network: Network) -> None:
        """One more network. Raises ShapeError where it does not fit."""
        self.rows.append(row)
        with self._in_its_words([row]):
            for tile in self.tiles:
                tile.add(network.value)

    def rectangles(self, deep: int) -> Iterator[Rectangle]:
        """All pairs, in some 16,000 records of `deep` batches each. Raises ShapeError where one does not fit."""
        with self._in_its_words(self.rows):
            for tile in self.tiles:
                tile.close(lambda i: self.rows[i].network().value)
        high = max(1, MOST_RECORDS // (len(self.sizes) * deep)) if len(self.tiles) == 1 else 1
        wide = max(1, MOST_RECORDS // deep)
        for top in range(0, len(self.rows), high):
            chosen = range(top, min(top + high, len(self.rows)))
            for part, tile in zip(self.parts, self.tiles, strict=True):
                for left in range(0, len(part), wide):
                    some = slice(left, min(left + wide, len(part)))
                    with self._in_its_words(self.rows):
                        counts = tile.counts(chosen, some)
                    here = [self.sizes[i] for i in part[some]]
                    yield Rectangle([self.rows[i] for i in chosen], here, counts, tile.walks(chosen))

    @contextmanager
    def _in_its_words(self, rows: Sequence[Row]) -> Iterator[None]:
        """A fault of shapes as the network tells it, of the first in the order of the sweep: with the least side that does."""
        try:
            yield
        except ShapeError:
            for row in rows:
                for size in self.sizes:
                    row.network(size).totals()
            raise
