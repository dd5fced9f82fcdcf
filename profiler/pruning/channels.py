"""The channels of each tensor of a network: which stand or fall together, which hold one value, and which cannot leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.int64]


@dataclass
class Channels:
    """The channels of one tensor, the axis after the batch."""

    ids: Ids
    """The channel of the network that each is: those that stand or fall together have one root."""
    value: Numbers
    """What a channel holds everywhere, whatever the input; NaN where it holds more."""
    inferred: Flags
    """Whether that is known by BatchNorm's statistics alone."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def constant(self) -> Flags:
        """Which of them hold one value."""
        return ~np.isnan(self.value)


@dataclass
class Together:
    """Sets of channels that stand or fall together, with the reason why a set must stay."""

    parent: list[int] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    """{root: why it stays}."""

    def new(self, count: int, reason: str = "") -> Ids:
        """So many channels of their own; with a `reason` they stay."""
        first = len(self.parent)
        self.parent += range(first, first + count)
        ids = np.arange(first, first + count)
        if reason:
            self.keep(ids, reason)
        return ids

    def root(self, each: int) -> int:
        """What stands for the set of a channel."""
        while self.parent[each] != each:
            self.parent[each] = self.parent[self.parent[each]]
            each = self.parent[each]
        return each

    def join(self, one: Iterable[int], other: Iterable[int]) -> None:
        """Channels of two tensors that stand or fall together, pair by pair."""
        for a, b in zip(one, other, strict=True):
            first, second = self.root(int(a)), self.root(int(b))
            if first == second:
                continue
            self.parent[second] = first
            if (reason := self.reasons.pop(second, "")) and first not in self.reasons:
                self.reasons[first] = reason

    def keep(self, ids: Iterable[int], reason: str) -> None:
        """These stay; the first reason stands."""
        for each in ids:
            self.reasons.setdefault(self.root(int(each)), reason)

    def stays(self, ids: Iterable[int]) -> Flags:
        """Which of these must stay."""
        return np.array([self.root(int(each)) in self.reasons for each in ids], dtype=bool)

    def reason(self, each: int) -> str:
        """Why a channel stays; empty where it may leave."""
        return self.reasons.get(self.root(int(each)), "")
