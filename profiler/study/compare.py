"""Networks side by side: one record a model. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from msgspec import structs

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.records.events import Event
from profiler.records.notes import Title
from profiler.records.place import Place, shape
from profiler.records.results import Results
from profiler.study.axes import Grid, spread, width_notes
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.cells import (
    DEFAULT_ENGINES,
    Cell,
    Interrupted,
    Watch,
    counted,
    ending,
    engines_for,
    engines_named,
    finished,
    insisted,
    known,
)
from profiler.study.in_order import HERE, Counting, Jobs, Where
from profiler.study.jobs import workers
from profiler.study.models import Given, grid_over, most_matched
from profiler.study.published import accuracy_notes
from profiler.study.recounting import recounted_and_measured
from profiler.study.tracing_ahead import traced_ahead


@checked
def compare(
    *models: Given,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = None,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    convention: str = "paper",
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    bench: bool | BenchOptions = False,
    top1: Mapping[str, Any] | None = None,
    memory: bool = False,
    jobs: Jobs = None,
    fleet: str | PathLike[str] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Results:
    """One record a model, in the order given; ratios in the table are to the first.

    A model is a name of the zoo or a reference (`timm:resnet18`), which may carry its own options
    (`mobilenet_v1@alpha=0.5,resolution=160`; they win over the keywords), a Layer, or a torch.nn.Module. `mobilenet_v3*` is
    every network of such a name. A dict, `{"Ours": module}`, or a text, `Ours=net.py:Net`, gives a row a label, which stands
    in place of the model's name. `top1` gives accuracies in percent, `{"Ours": 74.1}`, by label or model; records mark them as
    given. `memory` adds the peak bytes of an inference, on paper.
    `engine` names the engines that recount the built network. With `bench` the networks are measured too, as its BenchOptions
    say. `over` names options with their values, as in `sweep`; a model then has a record for each of them. A batch is 1
    unless given, 32 where training steps are measured. `jobs` is how many processes count at once, "auto" for one a core, or
    `fleet` the scheduler of dask.distributed whose workers do; the results are the same. `watch` is called with each event of
    the study; `progress` shows a bar instead, in a terminal or a notebook.
    Raises ProfilerError, UnknownName, ShapeError, and for a reference or a device Unavailable.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    counting = Counting(jobs, fleet)
    events = comparing(models, at, engine, convention, bench, top1=top1, memory=memory, counting=counting)
    return finished(events, watch, progress)  # type: ignore[no-any-return]


def comparing(
    models: Sequence[Given],
    at: Place,
    engine: str | Iterable[str],
    convention: str,
    bench: bool | BenchOptions,
    *,
    top1: Mapping[str, Any] | None = None,
    memory: bool = False,
    counting: Counting = HERE,
) -> Iterator[Event]:
    """The events of a comparison of `models` at one place; the last holds its Results. Raises as `compare` does."""
    if not models:
        raise ProfilerError("no network to compare; name one, e.g. profiler compare mobilenet_v1 vgg16")
    where = workers(counting)
    engines = engines_named(engine)
    measuring = bench_options(bench)
    at = spread(at)
    at = at._replace(batch=measuring.batch(at.batch) if measuring is not None else at.batch)
    return ending(
        _compared(
            grid_over(models, at, top1, most_matched(counting.asked)),
            engines,
            convention,
            measuring,
            insisted(engine),
            memory,
            where,
        )
    )


def _compared(
    made: Grid,
    engines: Sequence[str],
    convention: str,
    measuring: BenchOptions | None,
    insists: bool,
    memory: bool,
    where: Where,
) -> Generator[Event, None, Results]:
    with where:
        engines = engines_for(made.cells, engines, insists)
        settings = [] if measuring is None else [measuring.setting()]
        ahead = yield from traced_ahead(made.cells, where, convention)
        cells = [made.cells[i] for i in ahead.kept]
        title = structs.replace(_title(cells), measured_in=None if measuring is None else measuring.title(settings))
        chosen = range(len(cells))
        accuracies = accuracy_notes(cell.network for cell in cells if cell.top1 is None)
        notes = [*width_notes(cells), *accuracies, *ahead.notes]
        results = counted(cells, "compare", title, engines, convention, chosen, notes, made.over)
        results = results.replace(profiles=[cell.network.profile(cell.batch) for cell in cells])
        if ahead.interrupted:
            raise Interrupted(known(results))
        return (yield from recounted_and_measured(results, cells, engines, chosen, settings, measuring, insists, memory, where))


def _title(cells: Sequence[Cell]) -> Title:
    """What all models have in common that is not their own: one α, one batch, an input that is not native."""
    alphas = tuple(dict.fromkeys(cell.network.alpha for cell in cells if cell.network.alpha is not None))
    batches = tuple(dict.fromkeys(cell.batch for cell in cells))
    inputs = list(dict.fromkeys(cell.network.inputs for cell in cells))
    same_input = len(inputs) == 1 and any(not cell.network.native for cell in cells)
    return Title(
        alphas=alphas if len(alphas) == 1 and alphas[0] != 1 else (),
        input=" ".join(map(shape, inputs[0])) if same_input else "",
        batches=() if batches == (1,) else batches,
    )
