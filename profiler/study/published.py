"""The published figures that the zoo is held to (archs/published.csv), and what ours are beside them. No torch.

A figure says what it is a number of: a network at a point (`model`, `options`, `alpha`, `resolution`), a part of it (`kind=…`,
`path=…`, commas between several paths, empty for all) and a quantity. `verdict` is `equal` (ours agrees to one unit of its
last printed digit, since papers round and truncate alike), `erratum` (it does not, for the reason given) or `quoted`
(an accuracy: no count reaches it).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from profiler.network.load import Network, load
from profiler.network.registry import zoo_folder
from profiler.records import Row


class Figure(NamedTuple):
    """One printed figure."""

    model: str
    options: str
    alpha: str
    resolution: str
    """A side, or a whole shape as 1x15x25x25; empty for the native one."""
    part: str
    quantity: str
    printed: str
    """As printed; its digits are its precision, so 15300 meant to three digits stands as 153e2."""
    unit: str
    source: str
    table: str
    verdict: str
    reason: str

    @property
    def name(self) -> str:
        """`MobileNets Table 6`."""
        return f"{self.source.partition(' (')[0]} {self.table}"

    def network(self) -> Network:
        """The network at the figure's point."""
        options = dict(item.split("=") for item in self.options.split(",") if item)
        place = "input" if "x" in self.resolution else "resolution"
        return load(self.model, alpha=self.alpha, options=options, **{place: self.resolution or None})

    def ours(self) -> Fraction:
        """Our count in the figure's unit, exactly."""
        count = QUANTITIES[self.quantity.removesuffix("_share")]
        rows = [row for row in self.network().profile().rows if not row.side or self.quantity == "training_params"]
        part = sum(count(row) for row in rows if self._holds(row))
        whole = sum(count(row) for row in rows)
        return Fraction(100 * part, whole) if self.quantity.endswith("_share") else Fraction(part, UNITS[self.unit])

    def agrees(self) -> bool:
        """True where ours is less than one unit of the last printed digit away."""
        exponent = Decimal(self.printed).as_tuple().exponent
        assert isinstance(exponent, int)
        return abs(self.ours() - Fraction(self.printed)) < Fraction(10) ** exponent

    def _holds(self, row: Row) -> bool:
        key, _, value = self.part.partition("=")
        if key == "kind":
            return row.kind == value
        return not key or any(f"{row.path}.".startswith(f"{path}.") for path in value.split(","))


UNITS = {"1": 1, "Ki": 1024, "K": 10**3, "M": 10**6, "G": 10**9}
QUANTITIES: dict[str, Callable[[Row], int]] = {
    "macs": lambda row: row.macs,
    "conv_macs": lambda row: 0 if row.op == "linear" else row.macs,
    "params": lambda row: row.params,
    "weights": lambda row: row.weights,
    # with the branches that run in training only
    "training_params": lambda row: row.params,
    # Keras counts the moving mean and variance of BatchNorm as parameters
    "keras_params": lambda row: row.params + (row.norm if row.op == "batch_norm" else 0),
    # its Inceptions, and TF-Slim's MobileNet v1, normalise without a scale: two moving moments more, one scale less
    "unscaled_keras_params": lambda row: row.params + (row.norm // 2 if row.op == "batch_norm" else 0),
}


@lru_cache(maxsize=1)
def figures() -> tuple[Figure, ...]:
    """Every figure of published.csv, in its order."""
    with (zoo_folder() / "published.csv").open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        assert tuple(next(rows)) == Figure._fields
        return tuple(Figure(*row) for row in rows)


@lru_cache(maxsize=1)
def _accuracies() -> dict[tuple[str, str, Fraction, str], Figure]:
    found: dict[tuple[str, str, Fraction, str], Figure] = {}
    for figure in figures():
        if figure.quantity == "top1":
            options = ",".join(sorted(figure.options.split(",")))
            point = (figure.model, options, Fraction(figure.alpha), figure.resolution)
            found.setdefault(point, figure)
    return found


def top1(network: Network) -> Figure | None:
    """The published top-1 accuracy of a network at its point, in percent; the first source of published.csv wins."""
    options = ",".join(sorted(f"{key}={str(value).lower()}" for key, value in network.options.items()))
    return _accuracies().get((network.name, options, network.alpha, str(network.resolution or "")))
