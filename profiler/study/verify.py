"""The zoo proves itself: every published figure beside our count, and what the witnesses say. No torch without a witness."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from os import PathLike
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError, UnknownName
from profiler.load.load import is_reference, load, parse
from profiler.network.registry import find, names
from profiler.records.events import Event
from profiler.records.published import Figure, FigureCheck, Verified
from profiler.records.results import Results
from profiler.study.cells import (
    DEFAULT_ENGINES,
    Cell,
    Interrupted,
    Watch,
    counted,
    ending,
    engines_named,
    finished,
    insisted,
)  # fmt: skip
from profiler.study.in_order import HERE, Counting, Jobs, Where
from profiler.study.jobs import workers
from profiler.study.models import expanded, is_pattern, most_matched
from profiler.study.published import figures, ours
from profiler.study.recounting import recounted
from profiler.study.tracing_ahead import traced_ahead


@checked
def verify(
    *models: Any,
    table: str | None = None,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    jobs: Jobs = None,
    fleet: str | PathLike[str] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Verified:
    """Published figures and witnesses of `models`, texts (all of the zoo unless named), or of one published table.

    A table is named as `published.csv` has it, in part and in any case: "MobileNets Table 6". With it no witness is asked.
    A reference (`timm:resnet18`), which may carry its own options, has no figures: its witnesses are asked. `vgg1*` is every
    network of such a name. `jobs`, `fleet`, `watch` and `progress` are those of `compare`.
    Raises UnknownName for a model, table or engine, and for a reference as `load` does.
    """
    return finished(verifying(models, table, engine, Counting(jobs, fleet)), watch, progress)  # type: ignore[no-any-return]


def verifying(
    models: Sequence[str], table: str | None, engine: str | Iterable[str], counting: Counting = HERE
) -> Iterator[Event]:
    """The events of a verification; the last holds what was Verified. Raises as `verify` does."""
    where = workers(counting)
    engines, most = engines_named(engine), most_matched(counting.asked)
    for model in models:
        if not isinstance(model, str):
            raise ProfilerError(
                f"verify takes names and references, not {type(model).__name__}; `compare` takes a value or a module"
            )
    models = [name for model in models for name in (expanded(model, most) if is_pattern(model) else [model])]
    for model in models:
        name, own = parse(model)
        if is_reference(name):
            if name.lower().endswith(".onnx"):
                raise ProfilerError(
                    f"{name} is an ONNX file, which has no published figures and no torch module for other counters; "
                    f"compare it with the network that it was exported from: profiler diff NETWORK {name}"
                )
            continue
        if own:
            raise ProfilerError(f"model '{model}': verify uses the points of the published figures; write {name}")
        find(name)
    chosen = tuple(dict.fromkeys(models)) or tuple(names())
    asked = [figure for figure in figures() if figure.model in chosen]
    if table is not None:
        asked = _table(asked, table)
        chosen = tuple(dict.fromkeys(figure.model for figure in asked))
        engines = ("closed",)
    return ending(_verified(chosen, asked, engines, insisted(engine), where))


def _verified(
    chosen: tuple[str, ...], asked: Sequence[Figure], engines: Sequence[str], insists: bool, where: Where
) -> Generator[Event, None, Verified]:
    with where:
        checks = tuple(FigureCheck(figure, None if figure.verdict == "quoted" else ours(figure)) for figure in asked)
        cells = [Cell(load(model), 1) for model in chosen]
        ahead = yield from traced_ahead(cells, where)
        cells, kept = [cells[i] for i in ahead.kept], tuple(chosen[i] for i in ahead.kept)
        totals = {model: cell.network.totals() for model, cell in zip(kept, cells, strict=True)}
        counts = {model: (found.params, found.macs) for model, found in totals.items()}

        def made(found: Results | None) -> Verified:
            said = (tuple(found.agreements), (*found.warnings, *found.notes)) if found is not None else ((), tuple(ahead.notes))
            return Verified(kept, checks, said[0], counts, said[1])

        if len(engines) == 1 and not ahead.interrupted:
            return made(None)
        every = range(len(cells))
        start = counted(cells, "verify", engines=engines, chosen=every, notes=ahead.notes)
        try:
            if ahead.interrupted:
                raise Interrupted(start)
            return made((yield from recounted(start, cells, engines, every, insists, where)))
        except Interrupted as hand:
            raise Interrupted(made(hand.found)) from None


def _table(asked: Sequence[Figure], wanted: str) -> list[Figure]:
    exact = [figure for figure in asked if figure.name.lower() == wanted.lower()]
    found = exact or [figure for figure in asked if wanted.lower() in figure.name.lower()]
    known = sorted({figure.name for figure in asked})
    if not found and any(wanted.lower() in figure.name.lower() for figure in figures()):
        raise ProfilerError(f"table '{wanted}' has no figures of the networks given; leave them out")
    if not found:
        raise UnknownName("published table", wanted, known)
    if len({figure.name for figure in found}) > 1:
        several = ", ".join(dict.fromkeys(figure.name for figure in found))
        raise ProfilerError(f"table '{wanted}' may be one of several: {several}; name one")
    return found
