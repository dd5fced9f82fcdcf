"""Which row takes whose output while a module is traced: tensors are known by identity, from the row that made them on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import ReferenceType, ref

from torch import Tensor, nn

from profiler.count.receptive.fold import Seen
from profiler.count.receptive.sights import Sights
from profiler.module.trees import tensors
from profiler.records.profile import Row, Shape
from profiler.records.receptive import EMPTY, ReceptiveField
from profiler.records.wiring import Wiring
from profiler.tracing import receptive
from profiler.tracing.tables.entries import Entry


class Wires:
    """Tensors that live, the rows whose outputs they are or were made of without a cost, and what they see of the input."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[ReferenceType[Tensor], tuple[int, ...], Sights | None]] = {}
        self.sources: dict[int, tuple[int, ...]] = {}
        self.fields: dict[int, Sights | None] = {}
        self.shapes: list[Shape] = []
        self.outputs: tuple[int, ...] = ()
        self.seen = Seen(())

    def begin(self, args: Any, kwargs: Any) -> None:
        """The network's own inputs."""
        given = tensors((args, kwargs))
        self.shapes += [tuple(tensor.shape) for tensor in given]
        self.seen = Seen(self.shapes)
        for i, tensor in enumerate(given):
            sights = None if tensor.is_nested else self.seen.of_input(tuple(tensor.shape))
            self.known[id(tensor)] = (ref(tensor), (-1 - i,), sights)

    def layer(self, number: int, row: Row, given: Sequence[Tensor], out: Any, module: nn.Module | None = None) -> None:
        """A row was added that is a whole module, which read `given` and made `out`."""
        made, parts = tensors(out), receptive.parts_of(given, self._sights)
        self._row(number, given, made, receptive.of_row(self.seen, row, parts, made, module))

    def operator(self, number: int | None, row: Row | None, found: Entry, given: Sequence[Tensor], args: Any, out: Any) -> None:
        """An operator read `given` and made `out`, in a row of its own or without one, of which the outputs come from the same
        rows as the inputs."""
        made = tensors(out)
        sights = receptive.of_operator(self.seen, found, row, receptive.parts_of(given, self._sights), args, out)
        if number is not None:
            self._row(number, given, made, sights)
        elif sources := self.of(given):
            self._made(made, sources, sights)

    def end(self, out: Any) -> None:
        self.outputs = self.of(tensors(out))

    def of(self, given: Iterable[Tensor]) -> tuple[int, ...]:
        """The rows that tensors come from, each once, in order."""
        found: dict[int, None] = {}
        for tensor in given:
            kept = self.known.get(id(tensor))
            if kept is not None and kept[0]() is tensor:  # an id is given again once its tensor is gone
                found |= dict.fromkeys(kept[1])
        return tuple(found)

    def _sights(self, tensor: Tensor) -> Sights | None:
        kept = self.known.get(id(tensor))
        return kept[2] if kept is not None and kept[0]() is tensor else None

    def _row(self, number: int, given: Iterable[Tensor], made: Sequence[Tensor], sights: Sequence[Sights | None]) -> None:
        self.sources[number] = self.of(given)
        self.fields[number] = sights[0] if sights else None
        self._made(made, (number,), sights)

    def _made(self, made: Sequence[Tensor], sources: tuple[int, ...], sights: Sequence[Sights | None]) -> None:
        for tensor, each in zip(made, sights, strict=True):
            self.known[id(tensor)] = (ref(tensor), sources, each)

    def wiring(self, places: Sequence[int], rows: int) -> Wiring:
        """The wiring of a profile of so many rows, in which those that were recorded stand at `places`."""

        def placed(wires: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(places[wire] if wire >= 0 else wire for wire in wires)

        sources: list[tuple[int, ...]] = [()] * rows
        for number, given in self.sources.items():
            sources[places[number]] = placed(given)
        return Wiring(tuple(self.shapes), tuple(sources), placed(self.outputs))

    def receptive(self, places: Sequence[int], rows: int) -> tuple[ReceptiveField, ...]:
        """The receptive fields of the same rows."""
        found = [EMPTY] * rows
        for number, sights in self.fields.items():
            found[places[number]] = self.seen.field(sights)
        return tuple(found)
