"""A network over α, resolution and batch: one record a cell. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import structs

from profiler import grid
from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.load.load import Model, is_reference, load_at, parse
from profiler.records.events import Event
from profiler.records.notes import AccuracySources, AskedAtCorners, Note, Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.cells import (
    DEFAULT_ENGINES,
    Cell,
    Numbers,
    Watch,
    counted,
    ending,
    engines_named,
    finished,
    insisted,
    points,
)  # fmt: skip
from profiler.study.published import top1
from profiler.study.recounting import recounted_and_measured

MOST_CHECKED = 16
DEFAULT_MODEL, DEFAULT_ALPHA = "mobilenet_v1", "0.25..1.0"


@checked
def sweep(
    *models: Model,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    convention: str = "paper",
    options: Mapping[str, Any] | None = None,
    bench: bool | BenchOptions = False,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """One record a cell: every model at every α, every resolution (or ρ) and every batch, in that order.

    α, resolution and ρ are ranges as text ("0.25..1.0", "128..224:32"), lists or single numbers; without any, α runs over
    0.25..1.0. A sweep of more than 16 cells is checked at its corners. With `bench` the cells are measured too. `batch`,
    `watch` and `progress` are those of `compare`. Raises ProfilerError, UnknownName, ShapeError.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho)
    return finished(sweeping(models, at, engine, convention, bench), watch, progress)  # type: ignore[no-any-return]


def sweeping(
    models: Sequence[Model], at: Place, engine: str | Iterable[str], convention: str, bench: bool | BenchOptions
) -> Iterator[Event]:
    """The events of a sweep of `models` over the ranges of a place; the last holds its Results. Raises as `sweep` does."""
    named = models or (DEFAULT_MODEL,)
    if at.alpha is None and at.resolution is None and at.rho is None:
        for model in named:
            if not isinstance(model, str) or is_reference(parse(model)[0]):
                name = model if isinstance(model, str) else type(model).__name__
                raise ProfilerError(f"{name} has no width multiplier to sweep; give --resolution, as --resolution 128..224")
        at = at._replace(alpha=DEFAULT_ALPHA)
    engines = engines_named(engine)
    measuring = bench_options(bench)
    if measuring is not None:
        at = at._replace(batch=measuring.batch(at.batch))
    cells, axes = cells_over(named, at)
    return ending(_swept(cells, axes, len(named), engines, convention, measuring, insisted(engine)))


def _swept(
    cells: Sequence[Cell],
    axes: tuple[int, int, int],
    models: int,
    engines: Sequence[str],
    convention: str,
    measuring: BenchOptions | None,
    insists: bool,
) -> Generator[Event, None, Results]:
    settings = [] if measuring is None else [measuring.setting()]
    title = structs.replace(_title(cells, axes), measured_in=None if measuring is None else measuring.title(settings))
    chosen = _chosen(models, axes)
    notes: list[Note] = []
    if len(engines) > 1 and len(chosen) < len(cells):
        notes.append(AskedAtCorners(tuple(engines[1:]), len(chosen), len(cells)))
    sources = tuple(dict.fromkeys(figure.name for cell in cells if (figure := top1(cell.network))))
    notes += [AccuracySources(sources)] if sources else []
    results = counted(cells, "sweep", title, engines, convention, chosen, notes)
    return (yield from recounted_and_measured(results, cells, engines, chosen, settings, measuring, insists))


def cells_over(models: Sequence[Model], at: Place) -> tuple[list[Cell], tuple[int, int, int]]:
    """Every model at every point of the ranges of `at`, and how many points α, the size and the batch have.

    Raises as `sweep` does.
    """
    if at.resolution is not None and at.rho is not None:
        raise ProfilerError("give a resolution or a rho, not both")
    alphas: list[Fraction | None] = points(at.alpha, "alpha", grid.ALPHA_STEP, grid.alpha) or [None]
    sides: list[int | None] = points(at.resolution, "resolution", grid.RESOLUTION_STEP, grid.side) or [None]
    rhos: list[Fraction | None] = points(at.rho, "rho", grid.ALPHA_STEP, grid.rho) or [None]
    batches: list[int | None] = [None] if at.batch == "none" else points(at.batch, "batch", Fraction(1), grid.batch) or [1]
    axes = (len(alphas), len(sides) * len(rhos), len(batches))
    size = axes[0] * axes[1] * axes[2]
    if size * len(models) > grid.MOST_POINTS:
        raise ProfilerError(f"the sweep makes {size * len(models):,} cells, more than {grid.MOST_POINTS:,}; take larger steps")
    cells = [
        Cell(load_at(at._replace(model=model, alpha=a, resolution=side, rho=r)), b)
        for model in map(_free_of(alphas, sides, rhos), models)
        for a in alphas
        for side in sides
        for r in rhos
        for b in batches
    ]
    return cells, axes


def _free_of(alphas: Sequence[object], sides: Sequence[object], rhos: Sequence[object]) -> Callable[[Model], Model]:
    """Refuses a model that fixes what the sweep runs over: its own option would win, and every cell be the same."""
    swept = {"alpha": alphas, "resolution": sides, "rho": rhos}

    def checked(model: Model) -> Model:
        if isinstance(model, str):
            name, own = parse(model)
            size = {"resolution", "rho", "input"} & own.keys()
            for key, values in swept.items():
                if len(values) > 1 and (key in own or (key != "alpha" and size)):
                    raise ProfilerError(f"model '{model}' fixes the {key} that the sweep runs over; write {name} alone")
        return model

    return checked


def _title(cells: Sequence[Cell], axes: tuple[int, ...]) -> Title:
    """The networks and the points used."""
    networks = [cell.network for cell in cells]
    return Title(
        models=tuple(dict.fromkeys(network.name for network in networks)),
        alphas=tuple(dict.fromkeys(network.alpha for network in networks if network.alpha is not None)),
        sides=tuple(dict.fromkeys(network.resolution for network in networks if network.resolution)),
        batches=tuple(dict.fromkeys(cell.batch for cell in cells)) if axes[2] > 1 or cells[0].batch != 1 else (),
    )


def _chosen(models: int, axes: tuple[int, int, int]) -> list[int]:
    """All cells of a small sweep; of a larger one, of each model, the corners of its axes."""
    size = axes[0] * axes[1] * axes[2]
    if models * size <= MOST_CHECKED:
        return list(range(models * size))
    ends = [sorted({0, n - 1}) for n in axes]
    return [
        model * size + (i * axes[1] + j) * axes[2] + k
        for model in range(models)
        for i in ends[0]
        for j in ends[1]
        for k in ends[2]
    ]
