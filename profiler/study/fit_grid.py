"""The cells that a fit looks at: of the networks named, or of the zoo's for a task, over what the user or the grid says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

from profiler import grid
from profiler.errors import ProfilerError, UnknownName
from profiler.load.load import is_reference, load_at, parse
from profiler.network.registry import Architecture, find, names
from profiler.records.columns import option_column
from profiler.records.notes import GridOfFit, Note
from profiler.records.place import Place
from profiler.study.axes import Axes, check_free, spread, value_of
from profiler.study.cells import Cell
from profiler.study.models import Given, Named, named
from profiler.study.published import rated

ALPHAS = tuple(grid.points("0.25..1.0", "alpha", grid.ALPHA_STEP))
SIDES = tuple(int(side) for side in grid.points("128..224", "resolution", grid.RESOLUTION_STEP))
LARGE = 96
"""The side from which an image is large: networks for thumbnails are no answer for a camera, nor the other way round."""
TASK = "classification"
CAMERA = (3, SIDES[-1], SIDES[-1])
"""What networks of the zoo shall read unless an input is given: an image in colours."""


MOST_CELLS = 100_000
"""Cells of the ranges that are given: minutes; the grid's own α and sides come on top."""


class Candidates(NamedTuple):
    """What a fit looks at."""

    cells: Iterator[tuple[Named, Cell]]
    """Each with the network that it is a point of."""
    models: int
    over: tuple[str, ...]
    """The columns of the options that it runs over."""
    notes: list[Note]


def candidates(models: Sequence[Given], at: Place, task: str | None) -> Candidates:
    """The cells of the networks that are named, or of the zoo's for a task. Raises UnknownName, ProfilerError."""
    at = spread(at)
    axes = Axes.of(at)
    chosen = named(models) or [Named(name) for name in of_task(TASK if task is None else task, at, axes)]
    if models and task is not None:
        raise ProfilerError(
            f"--task {task} searches the networks of `profiler list`, and networks are also named; leave one of them out"
        )
    if (size := prod(axes.sizes) * len(chosen)) > MOST_CELLS:
        raise ProfilerError(f"this fit has {size:,} cells or more, and the most is {MOST_CELLS:,}; use larger steps")
    for each in chosen:
        check_free(each.model, axes)
    notes: list[Note] = []
    alphas = ALPHAS if at.alpha is None else ()
    sides = SIDES if _is_sizeless(at) and not models and any(_is_large(find(each.name)) for each in chosen) else ()
    if not models and (alphas or sides):
        notes.append(GridOfFit(alphas, sides, len(chosen)))
    cells = ((each, cell) for each in chosen for cell in _cells(each, at, axes))
    return Candidates(cells, len(chosen), tuple(option_column(key) for key in axes.options if key != "input"), notes)


def of_task(task: str, at: Place, axes: Axes) -> list[str]:
    """Networks of the zoo for a task that read such an input and have the options that are run over. Raises UnknownName."""
    known = {name: find(name) for name in names()}
    tasks = sorted({made.task for made in known.values()})
    if task not in tasks:
        raise UnknownName("task", task, tasks)
    given = at.input[0] if isinstance(at.input, list | tuple) and at.input and not isinstance(at.input[0], int) else at.input
    asked = None if given is None else grid.sample(given)
    if asked is None and task == TASK:
        side = max((side for side in axes.sides if side is not None), default=CAMERA[-1])
        asked = (CAMERA[0], side, side)
    options = {*at.options, *axes.options} - {"input"}
    found = [
        name
        for name, made in known.items()
        if made.task == task and (asked is None or _reads(made, asked)) and _takes(made, at, axes)
    ]
    if not found:
        what = f" that reads {'x'.join(map(str, asked))}" if asked else ""
        cure = f" with the options {', '.join(sorted(options))}" if options else ""
        raise ProfilerError(f"no network of `profiler list` for {task}{what}{cure}; name networks, or see `profiler list`")
    return found


def _reads(made: Architecture, asked: tuple[int, ...]) -> bool:
    """Whether a network is made for inputs like this one: as many axes and channels, and as large or small an image."""
    native = made.inputs()[0]
    alike = len(made.inputs()) == 1 and len(native) == len(asked) and native[0] == asked[0]
    return alike and (len(asked) < 3 or (native[-1] >= LARGE) == (asked[-1] >= LARGE))


def _is_large(made: Architecture) -> bool:
    """Whether a network is made for one square image of a camera's size."""
    native = made.inputs()[0]
    return len(made.inputs()) == 1 and len(native) == 3 and native[-1] == native[-2] >= LARGE


def _takes(made: Architecture, at: Place, axes: Axes) -> bool:
    """Whether a network has the options that are set and run over, and takes all their values."""
    try:
        made.checked(at.options)
        for key, values in axes.options.items():
            for value in values if key != "input" else ():
                made.checked({key: value})
    except ProfilerError:
        return False
    return True


def _is_sizeless(at: Place) -> bool:
    return at.resolution is None and at.rho is None and at.input is None and "input" not in at.over


def _cells(network: Named, at: Place, axes: Axes) -> Iterator[Cell]:
    """A network at every point: of α and the side those that are given, else the grid's and the published ones."""
    model = network.model
    own: dict[str, Any] = {}
    made = None
    if isinstance(model, str):
        name, own = parse(model)
        made = None if is_reference(name) else find(name)
    staged = "stages" in own or "stages" in at.options or "stages" in axes.options
    if made is not None and at.alpha is None and "alpha" not in own and not staged:
        axes = axes._replace(alphas=_merged(ALPHAS, [point.alpha for point in rated(made.name)]))
    if made is not None and _is_sizeless(at) and not own.keys() & {"resolution", "rho", "input"}:
        native = made.inputs()[0][-1]
        if _is_large(made):
            axes = axes._replace(sides=_merged([*SIDES, native], [point.side for point in rated(made.name)]))
    for place, batch in axes.places(model, at):
        found = load_at(place)
        over = {option_column(key): value_of(found, key) for key in axes.options if key != "input"}
        yield Cell(found, batch, over, network.label)


def _merged(regular: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    return sorted({*regular, *others})
