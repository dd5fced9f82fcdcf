"""What one output element of a layer sees of the network's input, as a record."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

ALL = "all"
"""Written in the place of a number of positions where every position of the input is seen."""


class ReceptiveField(Struct, frozen=True):
    """The receptive field of a layer, an entry for each spatial axis of the network's input.

    Fields are those of an input without borders: they may be larger than the input that is counted.
    """

    jump: tuple[float | None, ...]
    """Positions of the input between two neighbouring outputs; None where outputs do not follow the positions of an axis."""
    windows: tuple[int | None, ...]
    """Positions between the first and the last that an output sees through windows (convolution, pooling, resizing), both
    included; of the output that sees most, and over all branches. None where windows alone do not say."""
    everything: tuple[bool, ...]
    """Whether an output sees the whole axis, through global pooling, linear layers, attention or statistics of the input."""

    def __post_init__(self) -> None:
        if not len(self.jump) == len(self.windows) == len(self.everything):
            raise ValueError("jump, windows and everything must be lists of the same length, an item for each spatial axis")

    @property
    def size(self) -> tuple[int | str | None, ...]:
        """Positions seen along each axis; `"all"` where that is every one, None where it is not known."""
        return tuple(ALL if whole else size for size, whole in zip(self.windows, self.everything, strict=True))

    def columns(self) -> dict[str, Any]:
        """What the records of layers say of it, None where there is nothing to say."""
        return {
            "jump": _known([int(each) if each is not None and each == int(each) else each for each in self.jump]),
            "receptive_field": ALL if self.everything and all(self.everything) else _known(list(self.size)),
            "window_field": _known(list(self.windows)),
        }


def _known(values: list[Any]) -> list[Any] | None:
    return values if any(value is not None for value in values) else None


EMPTY = ReceptiveField((), (), ())
"""Of a layer that does not read the input's positions, or of one that is not followed."""
