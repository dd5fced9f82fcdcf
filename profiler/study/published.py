"""The published figures that the zoo is held to (archs/published.csv), and what ours are beside them. No torch.

A figure says what it is a number of: a network at a point (`model`, `options`, `alpha`, `resolution`), a part of it (`kind=…`,
`path=…`, commas between several paths, empty for all) and a quantity. `verdict` is `equal` (ours agrees to one unit of its
last printed digit, since papers round and truncate alike), `erratum` (it does not, for the reason given), `open` (it does not,
and nobody knows why: the evidence is given) or `quoted` (an accuracy, or a latency on a phone in ms: no count reaches it).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from profiler.load.load import Counted, load
from profiler.network.registry import zoo_folder
from profiler.records.profile import Row
from profiler.records.published import Figure


def ours(figure: Figure) -> Fraction:
    """Our count of what a figure is a number of, in its unit, exactly."""
    count = QUANTITIES[figure.quantity.removesuffix("_share")]
    every = _rows(figure.model, figure.options, figure.alpha, figure.resolution)
    rows = [row for row in every if not row.side or figure.quantity == "training_params"]
    part = sum(count(row) for row in rows if _holds(figure, row))
    whole = sum(count(row) for row in rows)
    return Fraction(100 * part, whole) if figure.quantity.endswith("_share") else Fraction(part, UNITS[figure.unit])


def _holds(figure: Figure, row: Row) -> bool:
    """True where the figure is of a part that `row` belongs to."""
    key, _, value = figure.part.partition("=")
    if key == "kind":
        return row.kind == value
    return not key or any(f"{row.path}.".startswith(f"{path}.") for path in value.split(","))


UNITS = {"1": 1, "Ki": 1024, "K": 10**3, "M": 10**6, "G": 10**9}
QUANTITIES: dict[str, Callable[[Row], int]] = {
    "macs": lambda row: row.macs,
    "conv_macs": lambda row: 0 if row.op == "linear" else row.macs,
    "params": lambda row: row.params,
    "weights": lambda row: row.weights,
    "conv_weights": lambda row: 0 if row.op == "linear" else row.weights,
    # with the branches that run in training only
    "training_params": lambda row: row.params,
    # Keras counts the moving mean and variance of BatchNorm as parameters
    "keras_params": lambda row: row.params + (row.norm if row.op == "batch_norm" else 0),
    # its Inceptions, and TF-Slim's MobileNet v1, normalise without a scale: two moving moments more, one scale less
    "unscaled_keras_params": lambda row: row.params + (row.norm // 2 if row.op == "batch_norm" else 0),
}


@lru_cache(maxsize=16)
def _rows(model: str, options: str, alpha: str, resolution: str) -> tuple[Row, ...]:
    """The rows of a network at a figure's point; a table's figures share theirs."""
    settings = dict(item.split("=") for item in options.split(",") if item)
    place = {"input" if "x" in resolution else "resolution": resolution or None}
    return load(model, alpha=alpha, options=settings, **place).profile().rows


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


def top1(network: Counted) -> Figure | None:
    """The published top-1 accuracy of a network at its point, in percent; the first source of published.csv wins."""
    if not network.sized_native or network.alpha is None:
        return None  # other channels, or sides that differ, or a network that is not of the zoo: nobody published that
    options = ",".join(sorted(f"{key}={str(value).lower()}" for key, value in network.options.items()))
    return _accuracies().get((network.name, options, network.alpha, str(network.resolution or "")))
