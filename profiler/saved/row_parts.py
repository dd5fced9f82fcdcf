"""The rows of a document: of a network, of a comparison, of layers on the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from msgspec import Struct, convert

from profiler.records.profile import Row, Shape
from profiler.records.timing import LayerTiming, Roof


class Sizes(TypedDict):
    """A window and its steps: one number for all axes, or one an axis."""

    kernel: NotRequired[int | list[int] | None]
    stride: NotRequired[int | list[int] | None]


class Facts(dict[str, Any]):
    """A layer's own numbers; what JSON holds as lists are tuples, as in a count."""

    @classmethod
    def decoded(cls, plain: Mapping[str, Any]) -> Facts:
        """Raises msgspec's ValidationError."""
        convert(plain, Sizes)
        return cls((name, _tuples(value)) for name, value in plain.items())


def _tuples(value: Any) -> Any:
    """Lists as tuples, those within them too: the two sides of each axis of a Pad."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


class RowPart(Struct, frozen=True, kw_only=True):
    """One operation, as `Row.to_dict` writes it."""

    path: str
    op: str
    kind: str
    module: str
    facts: Facts
    inputs: tuple[Shape, ...]
    output: Shape
    weights: int
    bias: int
    norm: int
    buffers: int
    macs: int
    elementwise: int
    activations: int
    side: bool
    moved: int = 0
    """0 in documents of earlier versions, which do not tell."""

    @property
    def row(self) -> Row:
        """What was written."""
        known = {name: getattr(self, name) for name in Row._fields}
        return Row(**known | {"facts": dict(self.facts)})


class ShownRow(RowPart, frozen=True, kw_only=True):
    """A row of `show`."""

    total: int
    """Its count under the convention."""


class ComparedRow(RowPart, frozen=True, kw_only=True):
    """A row of a comparison."""

    record: int
    """Which record it is of."""


class TimedRow(RowPart, frozen=True):
    """A layer on the clock, as `LayerTiming.to_dict` writes it."""

    layers: int
    """Which network it is of."""
    seconds: float
    share: float
    bytes: int
    roof: Roof
    least_s: float

    @property
    def timing(self) -> LayerTiming:
        """What was written."""
        return LayerTiming(self.row, self.seconds, self.share, self.bytes, self.roof, self.least_s)
