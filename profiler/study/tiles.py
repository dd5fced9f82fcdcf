"""Networks × input sizes, a rectangle at a time: their counts as arrays, by tables where those hold, else by a walk a pair."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from profiler.count.conventions import PAPER, Convention
from profiler.count.factored import COUNTS, Tables, leaves, summed, tables, whole_numbers
from profiler.count.shapes import Inputs
from profiler.network.layers import Layer

HELD = 1 << 21
"""Counts of leaves that are held at once, a network's or an input's in a row: 16 MiB of each."""


class Group(NamedTuple):
    """Networks of one structure."""

    structure: Hashable
    tables: Tables | None
    """None where each pair takes a walk."""


class Tile:
    """The counts of some networks at some inputs, for one sample: networks are added one by one, then it is closed."""

    def __init__(self, inputs: Sequence[Inputs], rule: Convention) -> None:
        self.inputs = inputs
        self.rule = None if rule is PAPER else rule
        self.members: dict[Hashable, list[int]] = {}
        self.networks: list[Any] = []
        self.groups: list[Group] = []

    def add(self, value: Layer) -> None:
        """Count one more network, at the last input. Raises ShapeError where it does not fit."""
        found = leaves(value, self.inputs[-1], self.rule)
        self.members.setdefault(found.structure, []).append(len(self.networks))
        self.networks.append(whole_numbers(found.counts))

    def close(self, value: Callable[[int], Layer]) -> None:
        """Count the inputs; `value` builds a network by its position again. Raises ShapeError where one does not fit."""
        import numpy as np

        self.value = value
        self.group, self.place = (np.zeros(len(self.networks), np.intp) for _ in range(2))
        for structure, at in self.members.items():
            self.group[at], self.place[at] = len(self.groups), np.arange(len(at))
            networks = [self.networks[i] for i in at]
            made = tables(networks, structure, self.inputs, lambda i, at=at: value(at[i]), self.rule)  # type: ignore[misc]
            self.groups.append(Group(structure, made))
        self.networks = []

    def walks(self, networks: range) -> bool:
        """Whether one of these networks takes a walk for each pair."""
        return any(self.groups[self.group[i]].tables is None for i in networks)

    def counts(self, networks: range, inputs: slice) -> dict[str, Any]:
        """Each count as an array (networks, inputs), of int64 or of Python's own integers where they need not fit."""
        import numpy as np

        at = np.arange(networks.start, networks.stop)
        parts = [(self.group[at] == i, group) for i, group in enumerate(self.groups)]
        parts = [(chosen, group) for chosen, group in parts if chosen.any()]
        found = [self._of(group, at[chosen], inputs) for chosen, group in parts]
        if len(found) == 1:
            return found[0]
        whole = {}
        for name in COUNTS:
            kind = object if any(each[name].dtype == object for each in found) else np.int64
            whole[name] = np.empty((len(at), found[0][name].shape[1]), kind)
            for (chosen, _), each in zip(parts, found, strict=True):
                whole[name][chosen] = each[name]
        return whole

    def _of(self, group: Group, at: Any, inputs: slice) -> dict[str, Any]:
        import numpy as np

        if group.tables is not None:
            return {name: table.at(self.place[at], inputs) for name, table in group.tables.items()}
        sums = []
        for i in at.tolist():
            value = self.value(i)
            sums.append([summed(*leaves(value, each, self.rule)) for each in self.inputs[inputs]])
        return {name: np.array([[each[name] for each in row] for row in sums], dtype=object) for name in COUNTS}


def fitting(counts: int) -> int:
    """How many networks, or inputs, a tile takes, whose leaves have so many counts."""
    return max(1, HELD // max(counts, 1))
