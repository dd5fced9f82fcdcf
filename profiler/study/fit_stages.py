"""Which widths of a network's stages fit within limits: every combination counted exactly. No torch; numpy when it runs."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.checked import checked
from profiler.count.stages import MULTIPLE_OF
from profiler.errors import ProfilerError
from profiler.load.by_stage import multiple_of_, staged_of
from profiler.load.load import Model
from profiler.records.events import Event
from profiler.records.limits import Bound
from profiler.records.place import Place
from profiler.records.stage_fit import StageFit
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Watch, ending, finished
from profiler.study.combinations import Combined
from profiler.study.costs import with_stages
from profiler.study.fit_limits import bounds_of, source_for
from profiler.study.polynomials_in_widths import in_widths, peak_in_widths
from profiler.study.recount_stages import MEMORY, recount
from profiler.study.stage_choices import choices_of
from profiler.study.stage_search import StageSearch
from profiler.study.works_in_widths import check_kinds, works_in_widths

if TYPE_CHECKING:
    from profiler.study.calibrated_source import CalibratedSource

SHOWN = ("params", "macs", "activations")
"""The counts whose ends are looked for, limited or not."""


@checked
def fit_stages(
    model: Model,
    multipliers: str | Sequence[str] | None = None,
    *,
    widths: str | Sequence[str] | None = None,
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
    max_activations: str | int | None = None,
    max_weight_bytes: str | int | None = None,
    max_memory: str | int | None = None,
    max_latency: str | float | None = None,
    min_macs: str | int | None = None,
    min_params: str | int | None = None,
    min_activations: str | int | None = None,
    min_weight_bytes: str | int | None = None,
    min_memory: str | int | None = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = 1,
    multiple_of: int = MULTIPLE_OF,
    options: Mapping[str, Any] | None = None,
    bench: BenchOptions | None = None,
    source: str | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> StageFit:
    """The combinations of a multiplier for each stage of `model` that are within all limits, every one counted exactly.

    `multipliers` is a range (`"0.25..1.5"`, by an eighth unless it has its step) or list for all stages, or one for each;
    `widths` gives the width of a stage's last layer instead. Limits are as in `fit`; one that is met exactly is kept. Widths
    are multiples of `multiple_of` and of the network's groups and heads. `model` is a network of the zoo, or a Layer with its
    `input`.

    With `max_latency` some combinations are measured here, as `bench` says, all predicted from them, and those that are
    recommended measured too, as in `fit`; with a `source` they are predicted from a file. Raises ProfilerError for more than
    100 million combinations, invalid limits or ranges, and for a module, whose code sets its widths; Unavailable.
    """
    bounds = bounds_of(
        {
            "macs": (min_macs, max_macs), "params": (min_params, max_params),
            "activations": (min_activations, max_activations), "weight_bytes": (min_weight_bytes, max_weight_bytes),
            "memory": (min_memory, max_memory), "latency": (None, max_latency),
        }
    )  # fmt: skip
    at = Place(model, options or {}, None, resolution, input, batch, rho)
    events = fitting_stages(at, bounds, multipliers, widths, multiple_of, bench, source)
    return finished(events, watch, progress)  # type: ignore[no-any-return]


def fitting_stages(
    at: Place,
    bounds: Sequence[Bound],
    multipliers: str | Sequence[str] | None = None,
    widths: str | Sequence[str] | None = None,
    multiple_of: object = None,
    bench: BenchOptions | None = None,
    source: str | None = None,
) -> Iterator[Event]:
    """The events of such a fit at a place, within bounds; the last holds its StageFit. Raises as `fit_stages` does."""
    bench = bench or BenchOptions()
    return ending(_fitted(at, bounds, multipliers, widths, multiple_of, bench, source_for(bounds, source, bench)))


def _fitted(
    at: Place,
    bounds: Sequence[Bound],
    multipliers: str | Sequence[str] | None,
    widths: str | Sequence[str] | None,
    multiple_of: object,
    bench: BenchOptions,
    source: CalibratedSource | None,
) -> Generator[Event, None, StageFit]:
    network = with_stages(at.model, alpha=at.alpha, resolution=at.resolution, rho=at.rho, input=at.input, options=at.options)
    if network.alpha != 1:
        raise ProfilerError(f"{at.model}: alpha and multipliers for each stage both scale the widths; leave alpha out")
    size, multiple = grid.axis(grid.batch(at.batch)), multiple_of_(multiple_of)
    found = staged_of(network.name, network.value, network.inputs)
    choices = choices_of(network, found, multipliers, widths, multiple)
    limited = {bound.column for bound in bounds}
    polynomials, highest = in_widths(found, size), peak_in_widths(found, size)
    bare = [[option for _, option in stage] for stage in choices]
    counts = {name: terms for name, terms in polynomials.items() if name in SHOWN or name in limited}
    combined = Combined(found, bare, counts, {MEMORY: highest} if MEMORY in limited else None)
    limit = next((bound.most for bound in bounds if bound.quantity == "latency"), None)
    works = None
    if limit is not None:
        works = works_in_widths(found, size)
        check_kinds(network.name, found, combined.values)
    recount(network, found, combined, bare, size, works)
    search = StageSearch(network, found, choices, combined, polynomials, highest, tuple(bounds), multiple, size)
    if limit is None or works is None:
        yield from ()
        return search.answer(search.swept())
    from profiler.study.fit_stage_latency import predicted_stages, timed_stages  # what only latencies need

    if source is not None:
        return predicted_stages(search, works, float(limit), source)
    return (yield from timed_stages(search, works, float(limit), bench))
