"""Which row of a network takes whose output."""

from __future__ import annotations

from msgspec import Struct

from profiler.records.profile import Shape


class Wiring(Struct, frozen=True):
    """Which row takes whose output, by their numbers among the rows of the profile."""

    inputs: tuple[Shape, ...]
    """Shapes of the network's inputs, the batch axis first."""
    sources: tuple[tuple[int, ...], ...]
    """Parallel to the rows; -1 is the first input of the network, -2 its second."""
    outputs: tuple[int, ...]

    def check(self, rows: int) -> None:
        """Raises ValueError where these are no wires of so many rows."""
        if len(self.sources) != rows:
            raise ValueError(f"a wiring of {len(self.sources)} rows where there are {rows}")
        for number, wires in enumerate((*self.sources, self.outputs)):  # a row takes from those that ran before it
            if not all(-len(self.inputs) <= wire < number for wire in wires):
                raise ValueError(f"the wires of row {number} lead to none before it")
