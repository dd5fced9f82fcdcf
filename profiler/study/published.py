"""The published figures that the zoo is held to (archs/published.csv), and what ours are beside them. No torch.

A figure says what it is a number of: a network at a point (`model`, `options`, `alpha`, `resolution`), a part of it (`kind=…`,
`path=…`, commas between several paths, empty for all) and a quantity. `verdict` is `equal` (ours agrees to one unit of its
last printed digit, since papers round and truncate alike), `erratum` (it does not, for the reason given), `open` (it does not,
and nobody knows why: the evidence is given) or `quoted` (an accuracy, or a latency on a phone in ms: no count reaches it).

An accuracy belongs to an architecture at an α and a side, under the options that it was trained with. The only option that
changes no more than the outputs of a classifier is called `classes` throughout archs/. 1,000 classes of ImageNet, and 1,001
where one stands for the background, are one task; any other number of classes is another task, with accuracies of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache, lru_cache
from math import log
from typing import Any, NamedTuple

from profiler.load.load import Counted, Network, load
from profiler.network.registry import Architecture, zoo_folder
from profiler.records.notes import AccuraciesDiffer, AccuracySources, Differing, Note
from profiler.records.place import Place
from profiler.records.profile import Row
from profiler.records.published import Figure
from profiler.study import compressed_figures


def ours(figure: Figure) -> Fraction:
    """Our count of what a figure is a number of, in its unit, exactly."""
    every = _rows(figure.model, figure.options, figure.alpha, figure.resolution)
    if figure.quantity in compressed_figures.QUANTITIES:
        return compressed_figures.ours(figure, [row for row in every if _holds(figure, row)]) / UNITS.get(figure.unit, 1)
    count = QUANTITIES[figure.quantity.removesuffix("_share")]
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


UNITS = {"1": 1, "Ki": 1024, "K": 10**3, "M": 10**6, "G": 10**9, "KB": 10**3, "MB": 10**6}
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


# Accuracies

CLASSES = "classes"
IMAGENET, WITH_BACKGROUND = 1000, 1001


class Point(NamedTuple):
    """Where in the plane of an architecture an accuracy was published."""

    alpha: Fraction
    side: int | None


Trained = tuple[tuple[tuple[str, Any], ...], int]
"""Options that are not the defaults, without `classes`, sorted; and the number of classes, the same one for all of ImageNet."""


def rated(model: str) -> frozenset[Point]:
    """Where any top-1 accuracy of an architecture was published, under whatever options."""
    return frozenset(Point(Fraction(figure.alpha), int(figure.resolution)) for figure in _by_model().get(model, ()))


def top1(network: Counted) -> Figure | None:
    """The published top-1 accuracy of a network at its point, in percent: the first of `accuracies`."""
    found = accuracies(network)
    return found[0] if found else None


def accuracies(network: Counted) -> tuple[Figure, ...]:
    """Every published top-1 accuracy of a network at its point, in percent.

    First that of the paper which the network is from, then those of other papers, then those of releases. Empty for inputs of
    other channels or with sides that differ, and for a network that is not of the zoo: nobody published that.
    """
    made, point = _place(network)
    return () if made is None else _around(made, network).get(point, ())


def neighbours(network: Counted) -> tuple[Figure, ...]:
    """The published accuracies nearest to a network that has none, of its own architecture, options and task.

    Those at its side with the next smaller and the next larger α, and those at its α with the next smaller and the next larger
    side. Where nothing was published at its side nor at its α, the one point that is nearest by the ratio of the αs times that
    of the sides. Empty for a network that has an accuracy.
    """
    made, here = _place(network)
    found = {} if made is None else _around(made, network)
    if not found or here in found:
        return ()
    near = _beside([point for point in found if point.side == here.side], here)
    near += _beside([point for point in found if point.alpha == here.alpha], here)
    return tuple(found[point][0] for point in near or [min(found, key=lambda point: _apart(point, here))])


def _beside(line: list[Point], here: Point) -> list[Point]:
    """Of points on a line through `here`, the last before it and the first after it."""
    before, after = (sorted(point for point in line if (point < here) == smaller) for smaller in (True, False))
    return [*before[-1:], *after[:1]]


def _apart(a: Point, b: Point) -> tuple[float, Point]:
    """The logarithm of how many times as wide one point is as the other, times how many times as large; `a` settles a draw."""
    return round(abs(log(float(a.alpha) / float(b.alpha))) + abs(log((a.side or 1) / (b.side or 1))), 9), a


def _place(network: Counted) -> tuple[Architecture | None, Point]:
    """The architecture and the point of a network; no architecture where nobody publishes an accuracy."""
    if not isinstance(network, Network) or not network.sized_native:
        return None, Point(Fraction(1), None)
    return network.architecture, Point(network.alpha, network.resolution)


def _around(made: Architecture, network: Counted) -> Mapping[Point, tuple[Figure, ...]]:
    """The accuracies of an architecture under the options of `network`, by point."""
    known = _published(made)
    return known.get(_trained(made, network.options), {}) if known else {}


def _trained(made: Architecture, options: Mapping[str, Any]) -> Trained:
    """What a network under these options, which are not the defaults, was trained as."""
    classes = options[CLASSES] if CLASSES in options else made.options[CLASSES].default
    others = tuple(sorted((key, value) for key, value in options.items() if key != CLASSES))
    return others, IMAGENET if classes == WITH_BACKGROUND else classes


@cache
def _published(made: Architecture) -> Mapping[Trained, Mapping[Point, tuple[Figure, ...]]]:
    """The accuracies of an architecture by what was trained and where, those of one point by rank."""

    def rank(figure: Figure) -> tuple[bool, bool, bool]:
        return not (figure.paper and figure.paper in made.paper), not figure.paper, figure.of_8_bits

    found: dict[Trained, dict[Point, list[Figure]]] = {}
    for figure in sorted(_by_model().get(made.name, ()), key=rank):
        given = made.checked(dict(item.split("=") for item in figure.options.split(",") if item))
        point = Point(Fraction(figure.alpha), int(figure.resolution))
        found.setdefault(_trained(made, given), {}).setdefault(point, []).append(figure)
    return {trained: {point: tuple(at) for point, at in points.items()} for trained, points in found.items()}


@lru_cache(maxsize=1)
def _by_model() -> Mapping[str, list[Figure]]:
    found: dict[str, list[Figure]] = {}
    for figure in figures():
        if figure.quantity == "top1":
            found.setdefault(figure.model, []).append(figure)
    return found


def accuracy_notes(networks: Iterable[Counted]) -> list[Note]:
    """Where the accuracies of these networks were published, and which of them another source prints otherwise."""
    sources: dict[str, None] = {}
    differ: dict[str, Differing] = {}
    for network in networks:
        if not (found := accuracies(network)):
            continue
        shown, *others = found
        sources[f"{shown.name} ({shown.reason})" if shown.reason else shown.name] = None
        if unlike := tuple((other.printed, other.name) for other in others if not shown.agrees(other)):
            place = Place(network.name, network.options, float(network.alpha or 1), network.resolution)
            differ[place.key] = Differing(place, (shown.printed, shown.name), unlike)
    notes: list[Note] = [AccuracySources(tuple(sources))] if sources else []
    return notes + ([AccuraciesDiffer(tuple(differ.values()))] if differ else [])
