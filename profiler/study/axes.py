"""What a study runs over: options of a network, α, the side and the batch, each point a cell. No torch until one is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any, NamedTuple

from profiler import grid
from profiler.errors import ProfilerError, quoted
from profiler.load.load import Counted, Model, Network, load_at, parse
from profiler.records.columns import option_column
from profiler.records.notes import AlphaSets, Note
from profiler.records.place import Place
from profiler.study.cells import Cell, Numbers

OWN = ("alpha", "resolution", "rho", "batch")
"""Axes that have an option of their own; `--over` takes them too."""


class Grid(NamedTuple):
    """The cells of a study, model by model, and how many points each of its axes has."""

    cells: list[Cell]
    axes: tuple[int, ...]
    over: tuple[str, ...]
    """The columns of the options that it runs over."""

    def corners(self, models: int) -> list[int]:
        """The cells at the ends of all axes, of each of so many models."""
        size = prod(self.axes)
        ends = [sorted({0, n - 1}) for n in self.axes]
        found = []
        for model in range(models):
            for corner in product(*ends):
                at = 0
                for i, n in zip(corner, self.axes, strict=True):
                    at = at * n + i
                found.append(model * size + at)
        return found


class Axes(NamedTuple):
    """The points of every axis, checked; an axis that is not run over has one, the network's own."""

    options: dict[str, list[Any]]
    """Options of an architecture or arguments of a factory; under `input` inputs, where they are run over."""
    alphas: list[Fraction | None]
    sides: list[int | None]
    rhos: list[Fraction | None]
    batches: list[int | None]

    @classmethod
    def of(cls, at: Place) -> Axes:
        """The ranges of a place. Raises ProfilerError."""
        at = spread(at)
        if at.resolution is not None and at.rho is not None:
            raise ProfilerError("resolution and rho both set the size of the input; give one of them")
        return cls(
            {key: values(key, given) for key, given in at.over.items()},
            points(at.alpha, "alpha", grid.ALPHA_STEP, grid.alpha) or [None],
            points(at.resolution, "resolution", grid.RESOLUTION_STEP, grid.side) or [None],
            points(at.rho, "rho", grid.ALPHA_STEP, grid.rho) or [None],
            [None] if at.batch == "none" else points(at.batch, "batch", Fraction(1), grid.batch) or [1],
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many points each axis has; the side is one, in pixels or as a multiple."""
        return (*map(len, self.options.values()), len(self.alphas), len(self.sides) * len(self.rhos), len(self.batches))

    @property
    def free(self) -> dict[str, Sequence[Any]]:
        """The axes of several points, by the option that would fix them."""
        known = {**self.options, "alpha": self.alphas, "resolution": self.sides, "rho": self.rhos}
        return {key: found for key, found in known.items() if len(found) > 1}

    def places(self, model: Model, at: Place) -> Iterator[tuple[Place, int | None]]:
        """A model at every point, and its batch; the batch varies fastest."""
        for chosen in product(*self.options.values()):
            options = dict(zip(self.options, chosen, strict=True))
            own = {"input": options.pop("input")} if "input" in options else {}
            place = at._replace(model=model, options={**at.options, **options}, over={}, **own)
            for alpha, side, rho in product(self.alphas, self.sides, self.rhos):
                for batch in self.batches:
                    yield place._replace(alpha=alpha, resolution=side, rho=rho), batch


def cells_over(models: Sequence[Model], at: Place) -> Grid:
    """Every model at every point of the ranges of `at`. Raises as `sweep` does."""
    axes = Axes.of(at)
    at = spread(at)
    if (size := prod(axes.sizes) * len(models)) > grid.MOST_POINTS:
        raise ProfilerError(
            f"the sweep makes {size:,} cells, more than {grid.MOST_POINTS:,}; use larger steps, or write them to a "
            "file with sweep_to"
        )
    for model in models:
        check_free(model, axes)
    cells = []
    for model in models:
        for place, batch in axes.places(model, at):
            network = load_at(place)
            cells.append(
                Cell(
                    network, batch, {option_column(key): value_of(network, key) for key in place.options if key in axes.options}
                )
            )
    return Grid(cells, axes.sizes, tuple(option_column(key) for key in axes.options if key != "input"))


def spread(at: Place) -> Place:
    """The place with α, the size and the batch where their own options put them, whichever way they were given.

    Raises ProfilerError for one that was given both ways.
    """
    if not isinstance(at.over, Mapping):
        raise ProfilerError(f"over must be a mapping, e.g. over={{'width': [16, 32]}}, not {type(at.over).__name__}")
    if (inputs := _several_inputs(at.input)) is not None and "input" not in at.over:
        at = at._replace(input=None, over={**at.over, "input": inputs})
    own = {key: at.over[key] for key in (*OWN, "input") if key in at.over}
    for key in own:
        if getattr(at, key) is not None:
            raise ProfilerError(f"{key} is given twice, by itself and by --over; give it once")
    for key in at.over:
        if key in at.options:
            raise ProfilerError(f"option {key} is given twice, by --set and by --over; give it once")
    own.pop("input", None)
    return at._replace(over={key: given for key, given in at.over.items() if key not in own}, **own)


def _several_inputs(given: Any) -> Any:
    """The text of an input that names several shapes, or several numbers of tokens, where `given` is one."""
    text = given[0] if isinstance(given, list | tuple) and len(given) == 1 else given
    return text if grid.names_several_shapes(text) else None


def values(key: str, given: Any) -> list[Any]:
    """The points of one option: a range or list as text, several values, or one. Raises ProfilerError."""
    if isinstance(given, str):
        return list(grid.values(given, key))
    found: list[Any] = []
    seen: set[tuple[type, Any]] = set()
    for value in _several(given, f"--over {key}"):
        try:
            known = (type(value), value) in seen
            seen.add((type(value), value))
        except Exception:  # it has no hash, or its comparison raises: alike is what is written alike
            known = any(type(value) is type(other) and quoted(value) == quoted(other) for other in found)
        if not known:
            found.append(value)
    if not found:
        raise ProfilerError(f"--over {key} has no values; write it as --over {key}=16..64:16")
    return found


def _several(given: Any, what: str) -> list[Any]:
    """Several values as a list, one as a list of one. Raises ProfilerError for too many, before any is looked at."""
    if isinstance(given, str | bytes | bytearray) or not isinstance(given, Sequence | Set):
        return [given]
    try:
        size = len(given)
    except OverflowError:  # a range of more values than a computer word counts
        size = sys.maxsize
    if size > grid.MOST_POINTS:
        raise ProfilerError(f"{what} has {size:,} values, more than {grid.MOST_POINTS:,}; give fewer")
    return list(given)


def points(given: Numbers, what: str, step: Fraction, one: Callable[[object], Any]) -> list[Any] | None:
    """What `given` means as checked points; None where it is None. Raises ProfilerError."""
    if given is None:
        return None
    if isinstance(given, str):
        return [one(point) for point in grid.points(given, what, step)]
    if not (found := list(dict.fromkeys(one(point) for point in _several(given, what)))):
        raise ProfilerError(f"{what} has no values; give one, or leave it out")
    return found


def check_free(model: Model, axes: Axes) -> None:
    """Refuse a model that fixes what the study runs over: its own option would win, and every cell be the same."""
    if not isinstance(model, str):
        return
    name, own = parse(model)
    size = {"resolution", "rho", "input"} & own.keys()
    for key in axes.free:
        if key in own or (key in ("resolution", "rho", "input") and size):
            raise ProfilerError(f"model '{model}' sets the {key} that is run over; write {name} alone")


def value_of(network: Counted, key: str) -> Any:
    """What an option of a network is at its point: its own default where that is the value."""
    made = network.architecture if isinstance(network, Network) else None
    if made is not None and key not in network.options and key in made.options:
        return made.options[key].default
    return network.options.get(key)


def width_notes(cells: Sequence[Cell]) -> list[Note]:
    """What is to be said of the axes: which argument of a factory α sets."""
    set_ = dict.fromkeys(
        (cell.network.name, cell.network.width)
        for cell in cells
        if not isinstance(cell.network, Network) and cell.network.width is not None
    )
    return [AlphaSets(name, option) for name, option in set_]
