"""The weights of a network under a scheme of compression, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from profiler.records.drawn import Drawn
from profiler.records.environment import document


class CompressedLayer(Struct, frozen=True):
    """One layer, and the bytes of its weights after each step."""

    path: str
    kind: str
    weights: int
    kept: int
    fillers: int
    """Zeros that are written because the next weight is too far away."""
    bits: int | None
    """Of a weight; None where the scheme says nothing of the layer."""
    index_bits: int | None
    coded_bits: float | None
    coded_index_bits: float | None
    fp32_bytes: int
    pruned_bytes: int
    shared_bytes: int
    coded_bytes: int | None
    """None where the average bits of Huffman's codes are not known."""


class Compressed(Drawn, Struct, frozen=True):
    """A network under a scheme."""

    model: str
    options: Mapping[str, Any]
    scheme: str
    layers: tuple[CompressedLayer, ...]
    environment: Mapping[str, Any] | None = None
    """Of a run that was read back: what it was made with."""

    def total(self, name: str) -> int | None:
        """The sum of a column; None where it is unknown of a layer."""
        values = [getattr(layer, name) for layer in self.layers]
        return None if None in values else sum(values)

    def to_dict(self) -> dict[str, Any]:
        """The document that a `.json` holds."""
        names = ("weights", "kept", "fillers", "fp32_bytes", "pruned_bytes", "shared_bytes", "coded_bytes")
        return document(
            "inspect",
            [structs.asdict(layer) for layer in self.layers],
            made_with=self.environment,
            rows=[],
            model=self.model,
            options=dict(self.options),
            scheme=self.scheme,
            totals={name: self.total(name) for name in names},
        )
