"""What the tables of Deep Compression print of whole networks and of layers, as our scheme makes it. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from profiler.count import compression
from profiler.count.deep_compression import NAME
from profiler.records.compressed import CompressedLayer
from profiler.records.profile import Row
from profiler.records.published import Figure

Layers = Sequence[CompressedLayer]


def _sum(layers: Layers, name: str) -> int:
    return sum(getattr(layer, name) for layer in layers)


def _ratio(of: str, to: str, times: int = 1) -> Callable[[Layers], Fraction]:
    return lambda layers: Fraction(times * _sum(layers, of), _sum(layers, to))


def _mean(name: str) -> Callable[[Layers], Fraction]:
    """The mean of bits over the weights that stay."""
    return lambda layers: Fraction(
        sum(layer.kept * Fraction(str(getattr(layer, name))) for layer in layers) / _sum(layers, "kept")
    )


QUANTITIES: dict[str, Callable[[Layers], Fraction]] = {
    "kept_percent": _ratio("kept", "weights", 100),
    "kept_ratio": _ratio("weights", "kept"),
    "mean_bits": _mean("bits"),
    "mean_coded_bits": _mean("coded_bits"),
    "mean_index_bits": _mean("index_bits"),
    "mean_coded_index_bits": _mean("coded_index_bits"),
    "shared_percent": _ratio("shared_bytes", "fp32_bytes", 100),
    "shared_ratio": _ratio("fp32_bytes", "shared_bytes"),
    "coded_percent": _ratio("coded_bytes", "fp32_bytes", 100),
    "coded_ratio": _ratio("fp32_bytes", "coded_bytes"),
    "fp32_bytes": lambda layers: Fraction(_sum(layers, "fp32_bytes")),
    "coded_bytes": lambda layers: Fraction(_sum(layers, "coded_bytes")),
}
"""What is printed: of the weights that stay, of the steps `shared` (P+Q there) and `coded` (P+Q+H)."""


def ours(figure: Figure, rows: Sequence[Row]) -> Fraction:
    """The figure of these rows of its network, in percent, bits, times or bytes."""
    of = compression.scheme(NAME, figure.model)
    known = [(row, of.of(row)) for row in rows if row.weights and not row.side]
    return QUANTITIES[figure.quantity]([compression.compressed(row, each) for row, each in known])
