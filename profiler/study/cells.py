"""Cells: networks at places → records, and what the engines say of them, as events. No torch until an engine is asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

from msgspec import structs

from profiler.count import conventions
from profiler.count.closed import has_causal_attention
from profiler.errors import UnknownName
from profiler.load.load import Counted, Network
from profiler.records.columns import GIVEN, WAITING, Record, of_engine, options_of, record
from profiler.records.events import Event, Finished
from profiler.records.notes import NotCounted, Note, Title, Unread
from profiler.records.place import Place, shape, written
from profiler.records.profile import Profile
from profiler.records.results import Results
from profiler.records.traced import Uncounted
from profiler.study.published import top1

ENGINES = ("closed", "traced", "fvcore", "thop", "torch")
DEFAULT_ENGINES = ("closed", "fvcore")

Numbers = str | float | Fraction | Sequence[str | float | Fraction] | None
"""A range or list as text ("0.25..1.0"), one number, or several."""

Watch = Callable[[Event], None]
"""Called with what a study tells while it runs."""


@dataclass(frozen=True)
class Cell:
    """One network at one point, and the batch that it is counted for."""

    network: Counted
    batch: int | None
    over: Mapping[str, Any] = field(default_factory=dict)
    """The options that its study runs over, by their columns."""
    label: str | None = None
    """What the user calls the network."""
    top1: float | None = None
    """An accuracy in percent that the user gives."""

    @property
    def name(self) -> str:
        """What its rows are called."""
        return self.label or self.network.name

    @property
    def title(self) -> str:
        """The same with the options that it does not run over: `mobilenet_v1@classes=10`."""
        apart = options_of(self.over)
        options = {key: value for key, value in self.network.options.items() if key not in apart}
        return self.name + (f"@{','.join(written(options))}" if options and self.label is None else "")

    @property
    def place(self) -> Place:
        """The network and its point, as its record has them."""
        network = self.network
        alpha = None if network.alpha is None else float(network.alpha)
        inputs = " ".join(map(shape, network.inputs))
        batch, options = network.batched(self.batch), dict(network.options)
        return Place(network.name, options, alpha, network.resolution, inputs, batch, label=self.label)


def engines_named(names: str | Iterable[str]) -> tuple[str, ...]:
    """Engines of a comma list or an iterable of them; `closed` is always among them. Raises UnknownName.

    A reference has no closed form: where `closed` counts a network of the zoo, tracing counts it.
    """
    given = [names] if isinstance(names, str) else list(names)
    asked = [name.strip() for item in given for name in item.split(",")]
    for name in asked:
        if name not in ENGINES:
            raise UnknownName("engine", name, ENGINES)
    return ("closed", *(name for name in ENGINES[1:] if name in asked))


def insisted(names: str | Iterable[str]) -> bool:
    """Whether the user named the engines: those that a study asks by itself are left out where they would take the memory."""
    return names is not DEFAULT_ENGINES


def engines_for(cells: Sequence[Cell], engines: Sequence[str], insists: bool) -> Sequence[str]:
    """The engines to be asked about some cells: without the user's asking none, where none of them is a torch module."""
    return engines if insists or any(cell.network.has_module for cell in cells) else engines[:1]


# Counting


def counted(
    cells: Sequence[Cell],
    command: str,
    title: Title | str = "",
    engines: Sequence[str] = ("closed",),
    convention: str = "paper",
    chosen: Sequence[int] = (),
    notes: Sequence[Note] = (),
    over: Sequence[str] = (),
) -> Results:
    """The records of `cells` by closed form; the `chosen` ones wait for what the other engines say."""
    rule = conventions.find(convention)
    asked = set(chosen)
    names = [name for engine in engines[1:] for name in of_engine(engine)]
    waiting = sorted(names, key=lambda name: name.endswith("_macs"))  # the order of the documents on disk
    records = [
        record_of(cell, rule) | (dict.fromkeys(waiting, WAITING) if i in asked else dict.fromkeys(names))
        for i, cell in enumerate(cells)
    ]
    gaps = [[NotCounted(cell.name, each) for each in _uncounted(cell)] for cell in cells]
    unread = [[note] if (note := _unread(cell)) is not None else [] for cell in cells]
    return Results(
        records, command, title, engines=engines[1:], notes=[*notes, *_by_network(cells, unread)],
        warnings=_by_network(cells, gaps), over=over,
    )  # fmt: skip


N = TypeVar("N", NotCounted, Unread)


def _by_network(cells: Sequence[Cell], notes: Sequence[Sequence[N]]) -> list[N]:
    """The notes of each cell, once where they hold at every point of its network; else each names its point."""
    by_name: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        by_name.setdefault(cell.name, []).append(i)
    said: list[N] = []
    for name, members in by_name.items():
        alike = all(notes[i] == notes[members[0]] for i in members)
        for i in members[:1] if alike else members:
            said += [structs.replace(note, model=name if alike else str(cells[i].place)) for note in notes[i]]
    return [note for i, note in enumerate(said) if note not in said[:i]]


def record_of(cell: Cell, rule: conventions.Convention = conventions.PAPER) -> Record:
    """The record of a cell, its `total` by a convention. Raises ShapeError, and ProfilerError for a reference."""
    conventions.check(rule, cell.network.name, cell.network.has_module)
    network, profile = cell.network, _summed(cell)
    total = profile.macs if rule is conventions.PAPER else rule.total(network.profile(cell.batch).rows)
    figure = top1(network)
    made = record(profile, rule.name, total, float(figure.printed) if figure else None)
    made |= {"label": cell.label, "top1_source": figure.name if figure else None}
    if cell.top1 is not None:
        made |= {"top1": cell.top1, "top1_source": GIVEN}
    return {**made, **cell.over}


def _summed(cell: Cell) -> Profile:
    """The profile of a cell, of a closed form without its rows, unless a row says that a part of it may be skipped."""
    network, batch = cell.network, cell.network.batched(cell.batch)
    if not isinstance(network, Network) or has_causal_attention(network.value):
        return structs.replace(network.profile(cell.batch), batch=batch)
    totals = network.totals(cell.batch)
    return Profile(network.name, network.options, network.alpha, network.resolution, network.inputs, batch, (), totals)


def _uncounted(cell: Cell) -> Sequence[Uncounted]:
    """Operators of a reference that have no formula; a closed form has none."""
    return cell.network.traced(cell.batch).uncounted if not isinstance(cell.network, Network) else ()


def _unread(cell: Cell) -> Unread | None:
    """Of a reference, where the parameters are that its forward does not read; a closed form has none."""
    if isinstance(cell.network, Network):
        return None
    profile = cell.network.profile(cell.batch)
    return Unread(profile.model, profile.unread, profile.module_params, profile.unread_at) if profile.unread else None


def known(results: Results) -> Results:
    """The same results, where what is still waited for is unknown."""
    return results.replace(
        [{name: None if value is WAITING else value for name, value in record.items()} for record in results]
    )


# The end of a study


class Interrupted(KeyboardInterrupt):
    """The user's own hand, with what was found until then."""

    def __init__(self, found: Any) -> None:
        self.found = found
        super().__init__()


def ending(study: Generator[Event, None, Any]) -> Generator[Event, None, None]:
    """The events of a study, and as the last one what it gives back; interrupted, what it had found."""
    try:
        found = yield from study
    except Interrupted as hand:
        yield Finished(hand.found, interrupted=True)
    else:
        yield Finished(found)


def finished(events: Iterator[Event], watch: Watch | None = None, progress: bool = False) -> Any:
    """What a study found, once it has run; `watch` is called with every event, `progress` shows a bar.

    Raises what the study raises, KeyboardInterrupt where the user ended it.
    """
    with watching(progress, watch) as seen:
        for event in events:
            if isinstance(event, Finished):
                if event.interrupted:
                    raise KeyboardInterrupt
                return event.found
            if seen is not None:
                seen(event)
    raise AssertionError("a study ends with what it found")


def watching(progress: bool, watch: Watch | None) -> AbstractContextManager[Watch | None]:
    """`watch` for the time of a with block; with `progress` a bar instead, in a terminal or a notebook."""
    if not progress:
        return nullcontext(watch)
    from profiler.report.terminal.progress import bar

    return bar()
