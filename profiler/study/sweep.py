"""A network over α, resolution and batch: one record a cell. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.errors import ProfilerError
from profiler.grid import shown
from profiler.load.load import Model, load, parse
from profiler.load.schemes import is_reference
from profiler.records.results import Results
from profiler.study.cells import DEFAULT_ENGINES, Cell, Numbers, Watch, check, engines_named, points, results_of, watching
from profiler.study.published import top1

if TYPE_CHECKING:
    from profiler.study.bench_options import Clock

MOST_CHECKED = 16
DEFAULT_MODEL, DEFAULT_ALPHA = "mobilenet_v1", "0.25..1.0"


def sweep(
    *models: Model,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = 1,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    convention: str = "paper",
    options: Mapping[str, Any] | None = None,
    bench: Clock | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """One record a cell: every model at every α, every resolution (or ρ) and every batch, in that order.

    α, resolution and ρ are ranges as text ("0.25..1.0", "128..224:32"), lists or single numbers; without any, α runs over
    0.25..1.0. A sweep of more than 16 cells is checked at its corners. With `bench` the cells are measured too. `watch`
    and `progress` are those of `compare`. Raises ProfilerError, UnknownName, ShapeError.
    """
    named = models or (DEFAULT_MODEL,)
    if alpha is None and resolution is None and rho is None:
        for model in named:
            if not isinstance(model, str) or is_reference(parse(model)[0]):
                name = model if isinstance(model, str) else type(model).__name__
                raise ProfilerError(f"{name} has no width multiplier to sweep; give --resolution, as --resolution 128..224")
        alpha = DEFAULT_ALPHA
    engines = engines_named(engine)
    cells, axes = cells_over(named, alpha, resolution, rho, batch, input, options)
    results = results_of(cells, "sweep", engines, convention)
    results.title = _title(cells, axes)
    settings = bench.single(results) if bench is not None else []
    chosen = _chosen(len(named), axes)
    if len(engines) > 1 and len(chosen) < len(cells):
        results.notes.append(f"{', '.join(engines[1:])}: asked about {len(chosen)} cells at the corners of {len(cells)}.")
    sources = list(dict.fromkeys(figure.name for cell in cells if (figure := top1(cell.network))))
    if sources:
        results.notes.append(f"top-1: published, {', '.join(sources)}.")
    with watching(progress, watch) as seen:
        check(results, cells, engines, chosen, seen)
        if bench is not None:
            from profiler.study.measuring import clocked  # what only measuring needs

            clocked(results, cells, settings, bench, seen)
    return results


def cells_over(
    models: Sequence[Model],
    alpha: Numbers,
    resolution: Numbers,
    rho: Numbers,
    batch: Numbers,
    input: Any,
    options: Mapping[str, Any] | None,
) -> tuple[list[Cell], tuple[int, int, int]]:
    """Every model at every point, and how many points α, the size and the batch have. Raises as `sweep` does."""
    if resolution is not None and rho is not None:
        raise ProfilerError("give a resolution or a rho, not both")
    alphas: list[Fraction | None] = points(alpha, "alpha", grid.ALPHA_STEP, grid.alpha) or [None]
    sides: list[int | None] = points(resolution, "resolution", grid.RESOLUTION_STEP, grid.side) or [None]
    rhos: list[Fraction | None] = points(rho, "rho", grid.ALPHA_STEP, grid.rho) or [None]
    batches: list[int | None] = [None] if batch == "none" else points(batch, "batch", Fraction(1), grid.batch) or [1]
    axes = (len(alphas), len(sides) * len(rhos), len(batches))
    size = axes[0] * axes[1] * axes[2]
    if size * len(models) > grid.MOST_POINTS:
        raise ProfilerError(f"the sweep makes {size * len(models):,} cells, more than {grid.MOST_POINTS:,}; take larger steps")
    cells = [
        Cell(load(model, alpha=a, resolution=side, rho=r, input=input, options=options), b)
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


def _title(cells: Sequence[Cell], axes: tuple[int, ...]) -> str:
    """The points used, in words."""
    names = ", ".join(dict.fromkeys(cell.network.name for cell in cells))
    alphas = list(dict.fromkeys(shown(cell.network.alpha) for cell in cells if cell.network.alpha is not None))
    used = [f"α {_listed(alphas)}"] if alphas else []
    sides = list(dict.fromkeys(str(cell.network.resolution) for cell in cells if cell.network.resolution))
    if sides:
        used.append(f"resolution {_listed(sides)}")
    if axes[2] > 1 or cells[0].batch != 1:
        used.append(f"batch {_listed(list(dict.fromkeys(str(cell.batch) for cell in cells)))}")
    return f"{names}: {'; '.join(used)}"


def _listed(values: list[str]) -> str:
    return ", ".join(values) if len(values) <= 9 else f"{values[0]}, {values[1]} … {values[-1]} ({len(values)} points)"


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
