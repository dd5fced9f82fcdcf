"""Which row takes whose output while a module is traced: tensors are known by identity, from the row that made them on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import ReferenceType, ref

from torch import Tensor

from profiler.module.trees import tensors
from profiler.records.profile import Shape
from profiler.records.wiring import Wiring


class Wires:
    """Tensors that live, and the rows whose outputs they are or were made of without a cost."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[ReferenceType[Tensor], tuple[int, ...]]] = {}
        self.sources: dict[int, tuple[int, ...]] = {}
        self.shapes: list[Shape] = []
        self.outputs: tuple[int, ...] = ()

    def begin(self, args: Any, kwargs: Any) -> None:
        """The network's own inputs."""
        for i, tensor in enumerate(tensors((args, kwargs))):
            self.shapes.append(tuple(tensor.shape))
            self.known[id(tensor)] = (ref(tensor), (-1 - i,))

    def row(self, number: int, given: Iterable[Tensor], out: Any) -> None:
        """A row was added that read `given` and made `out`."""
        self.sources[number] = self.of(given)
        self._made(out, (number,))

    def passed(self, given: Iterable[Tensor], out: Any) -> None:
        """An operator without a row: its outputs are what its inputs were."""
        sources = self.of(given)
        if sources:
            self._made(out, sources)

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

    def _made(self, out: Any, sources: tuple[int, ...]) -> None:
        for tensor in tensors(out):
            self.known[id(tensor)] = (ref(tensor), sources)

    def wiring(self, places: Sequence[int], rows: int) -> Wiring:
        """The wiring of a profile of so many rows, in which those that were recorded stand at `places`."""

        def placed(wires: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(places[wire] if wire >= 0 else wire for wire in wires)

        sources: list[tuple[int, ...]] = [()] * rows
        for number, given in self.sources.items():
            sources[places[number]] = placed(given)
        return Wiring(tuple(self.shapes), tuple(sources), placed(self.outputs))
