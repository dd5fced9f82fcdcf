"""Networks side by side: one record a model. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.errors import ProfilerError
from profiler.grid import shown
from profiler.load.load import Model, load
from profiler.records.results import Results
from profiler.study.cells import DEFAULT_ENGINES, Cell, Watch, check, engines_named, results_of, watching

if TYPE_CHECKING:
    from profiler.study.bench_options import Clock


def compare(
    *models: Model,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: int | None = 1,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    convention: str = "paper",
    options: Mapping[str, Any] | None = None,
    bench: Clock | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """One record a model, in the order given; ratios in the table are to the first.

    A model is a name of the zoo or a reference (`timm:resnet18`), which may carry its own options
    (`mobilenet_v1@alpha=0.5,resolution=160`; they win over the keywords), a Layer, or a torch.nn.Module.
    `engine` names the witnesses that recount the built network; `watch` is called with the results
    before they start and after each model that they have counted; `progress` shows a bar instead, in a terminal or a
    notebook. With `bench` the networks are measured too.
    Raises ProfilerError, UnknownName, ShapeError, and for a reference or a device Unavailable.
    """
    if not models:
        raise ProfilerError("there is nothing to compare; name a network, as in: profiler compare mobilenet_v1 vgg16")
    engines = engines_named(engine)
    size = grid.batch(batch)
    point = {"alpha": alpha, "resolution": resolution, "rho": rho, "options": options}
    cells = [Cell(load(model, input=input, **point), size) for model in models]  # type: ignore[arg-type]
    results = results_of(cells, "compare", engines, convention)
    results.title = _title(cells)
    results.profiles = [cell.network.profile(cell.batch) for cell in cells]
    settings = bench.single(results) if bench is not None else []
    with watching(progress, watch) as seen:
        check(results, cells, engines, range(len(cells)), seen)
        if bench is not None:
            from profiler.study.measuring import clocked  # what only measuring needs

            clocked(results, cells, settings, bench, seen)
    return results


def _title(cells: Sequence[Cell]) -> str:
    """What all models have in common that is not their own: one α, one batch, an input that is not native."""
    said = []
    alphas = {cell.network.alpha for cell in cells if cell.network.alpha is not None}
    batches = {cell.batch for cell in cells}
    inputs = {cell.network.inputs for cell in cells}
    if len(alphas) == 1 and alphas != {1}:
        said.append(f"α {shown(alphas.pop())}")
    if len(inputs) == 1 and any(not cell.network.native for cell in cells):
        said.append(f"input {' '.join('x'.join(map(str, shape)) for shape in inputs.pop())}")
    if batches != {1}:
        said.append(f"batch {batches.pop() or 'none'}")
    return "; ".join(said)
