"""Results on the screen: on a terminal the closed form at once, the witnesses' columns filling in; elsewhere at the end."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.text import Text

from profiler.records import Record, Results
from profiler.report import answers, sheet, telling
from profiler.report.output import Destinations, screen
from profiler.report.units import Unit

T = TypeVar("T")

Study = Callable[[Callable[[Results], None]], Results]
"""What takes a watcher, calls it with the results while they fill in, and returns them."""


def watched(study: Study, places: Destinations, unit: Unit, columns: Sequence[str], sort: str | None, verbose: bool) -> None:
    """Run `study` and put its answer where the user wants it. Raises ProfilerError."""
    sheet.check_columns([*columns, *([sort.removeprefix("-")] if sort else [])])
    seen: list[Results] = []

    def kept(watch: Callable[[Results], None]) -> Results:
        def noting(found: Results) -> None:
            seen[:] = [found]
            watch(found)

        return study(noting)

    try:
        results = _run(kept, places, unit, columns, sort)
    except KeyboardInterrupt:
        for found in seen:  # the closed form, and what the witnesses had said by then
            if any(f"{engine}_macs" not in record for record in found for engine in found.engines):
                found.notes.append("interrupted: the cells without a witness's count were not asked about.")
            for record in found:
                for engine in found.engines:
                    record.setdefault(f"{engine}_macs", None)  # type: ignore[misc]
            places.put(answers.results(found, unit, columns, sort))
        raise
    places.put(answers.results(results, unit, columns, sort))
    telling.passed_over(results.agreements, verbose)


def _run(study: Study, places: Destinations, unit: Unit, columns: Sequence[str], sort: str | None) -> Results:
    with ExitStack() as stack:
        if places.live:
            from rich.live import Live

            # gone when done: what it would cut is then printed whole
            live = stack.enter_context(Live(console=screen(), auto_refresh=False, transient=True))
            return study(lambda found: live.update(_so_far(found, unit, columns, sort), refresh=True))
        return with_bar(study)


def _so_far(found: Results, unit: Unit, columns: Sequence[str], sort: str | None) -> RenderableType:
    """The table as it stands, and below it how far the measuring is."""
    drawn = answers.results(found, unit, columns, sort).drawn
    spent, whole, stage = found.progress
    if not whole:
        return drawn
    said = [stage or f"measuring: {spent:.0f} of {whole:g} s", *filter(None, [estimate(found)])]
    return Group(drawn, Text(f"\n{'; '.join(said)}", style="dim"))


def with_bar(study: Callable[[Callable[[Results], None]], T]) -> T:
    """Run what takes a watcher behind a progress bar."""
    with bar() as watch:
        return study(watch)


@contextmanager
def bar() -> Iterator[Callable[[Results], None]]:
    """A watcher that moves a progress bar, gone when done: in a notebook below its cell, else on stderr, if a terminal."""
    if (notebook := _notebook()) is not None:
        with _below_the_cell(notebook) as watch:
            yield watch
    elif sys.stderr.isatty():
        with _on_stderr() as watch:
            yield watch
    else:
        yield _unwatched


@contextmanager
def _on_stderr() -> Iterator[Callable[[Results], None]]:
    from rich.markup import escape
    from rich.progress import Progress

    with ExitStack() as stack:
        bars: list[Progress] = []

        def watch(found: Results) -> None:
            if not bars:  # there is a witness or a clock to wait for; a thread that draws would disturb what is measured
                progress = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
                bars.append(stack.enter_context(progress))
                bars[0].add_task("", total=None)
            done, total, what = done_of(found)
            bars[0].update(bars[0].task_ids[0], completed=done, total=total, description=escape(what), refresh=True)

        yield watch


def _notebook() -> Any:
    """IPython's display, where a kernel of Jupyter shows what is displayed; None elsewhere."""
    display = sys.modules.get("IPython.display")
    shell = sys.modules["IPython"].get_ipython() if display is not None else None
    return display if hasattr(shell, "kernel") else None


@contextmanager
def _below_the_cell(display: Any) -> Iterator[Callable[[Results], None]]:
    """HTML that is replaced in place: no widgets, which not every notebook has."""
    handles: list[Any] = []

    def put(text: str) -> None:
        if handles:
            handles[0].update(display.HTML(text))
        else:
            handles.append(display.display(display.HTML(text), display_id=True))

    def watch(found: Results) -> None:
        done, total, what = done_of(found)
        put(f'<progress value="{done:g}" max="{total:g}"></progress> {html.escape(what)}')

    try:
        yield watch
    finally:
        if handles:
            put("")


def done_of(found: Results) -> tuple[float, float, str]:
    """How much of how much is done, and of what: while latencies are measured, with the estimate so far."""
    waiting = sum(any(f"{engine}_macs" not in record for engine in found.engines) for record in found)
    if waiting or not found.measured:
        return len(found) - waiting, len(found), "recounting the built networks"
    spent, whole, stage = found.progress
    return spent, max(whole, spent), stage or estimate(found) or "measuring"


def estimate(found: Results) -> str:
    """`mobilenet_v1 3.42 ms ±1.2 % B`; of several cells the one known least well, on which the time that is left is spent."""
    known = [(_spread(record), i) for i, record in enumerate(found) if record.get("latency_s")]
    if not known:
        return ""
    _, least = max(known)
    record = found[least]
    first = found.base or record
    return f"{sheet.column('model')[1](record, first, 'auto')} {sheet.column('latency_s')[1](record, first, 'auto')}"


def _spread(record: Record) -> float:
    """Half an interval as a share of its estimate."""
    value, low, high = record["latency_s"], record["latency_low_s"], record["latency_high_s"]
    return (high - low) / 2 / value if value and low is not None and high is not None else 0.0


def _unwatched(results: Results) -> None:
    """Nobody looks until the end."""
