"""Progress bars: on a terminal, or below the cell of a notebook, gone when the work is done."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console

from profiler.records.columns import WAITING, latency, of_engine
from profiler.records.events import Counted, Event, Finished, Recounted, Started, Streamed, Timed
from profiler.records.results import Results
from profiler.report import names
from profiler.report.encoding import printable
from profiler.report.sheets import columns


@contextmanager
def bar() -> Iterator[Callable[[Event], None]]:
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
def _on_stderr() -> Iterator[Callable[[Event], None]]:
    from rich.markup import escape
    from rich.progress import Progress

    with ExitStack() as stack:
        bars: list[Progress] = []

        def watch(event: Event) -> None:
            if not bars:  # there is a witness or a clock to wait for; a thread that draws would disturb what is measured
                progress = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
                bars.append(stack.enter_context(progress))
                bars[0].add_task("", total=None)
            done, total, what = done_of(event)
            bars[0].update(bars[0].task_ids[0], completed=done, total=total, description=escape(printable(what)), refresh=True)

        yield watch


def _notebook() -> Any:
    """IPython's display, where a kernel of Jupyter shows what is displayed; None elsewhere."""
    display = sys.modules.get("IPython.display")
    shell = sys.modules["IPython"].get_ipython() if display is not None else None
    return display if hasattr(shell, "kernel") else None


@contextmanager
def _below_the_cell(display: Any) -> Iterator[Callable[[Event], None]]:
    """HTML that is replaced in place: no widgets, which not every notebook has."""
    handles: list[Any] = []

    def put(text: str) -> None:
        if handles:
            handles[0].update(display.HTML(text))
        else:
            handles.append(display.display(display.HTML(text), display_id=True))

    def watch(event: Event) -> None:
        done, total, what = done_of(event)
        put(f'<progress value="{done:g}" max="{total:g}"></progress> {html.escape(what)}')

    try:
        yield watch
    finally:
        if handles:
            put("")


def done_of(event: Event) -> tuple[float, float, str]:
    """How much of how much is done, and of what: while latencies are measured, with the estimate so far."""
    match event:
        case Timed(results, spent_s, budget_s, stage):
            return spent_s, max(budget_s, spent_s), stage or estimate(results) or "measuring"
        case Counted(done, of, what):
            return done, of, what
        case Started(results) | Recounted(results, _):
            unweighed = sum(record.get("memory_bytes") is WAITING for record in results)
            if unweighed:
                return len(results) - unweighed, len(results), "tracing the memory of an inference"
            names = [name for engine in results.engines for name in of_engine(engine)]
            waiting = sum(any(record[name] is WAITING for name in names) for record in results)
            return len(results) - waiting, len(results), "recounting the built networks"
        case Streamed(done, of):
            return done, of, "writing records"
        case Finished():
            return 1, 1, "done"


def estimate(results: Results) -> str:
    """`mobilenet_v1 3.42 ms ±1.2 % B`; of several cells the one known least well, on which the time that is left is spent."""
    known = [(_spread(found), i) for i, record in enumerate(results) if (found := latency(record)) is not None]
    if not known:
        return ""
    record = results[max(known)[1]]
    return f"{names.model(record)} {columns.latency_text(record)}"


def _spread(of: tuple[float, float, float]) -> float:
    """Half an interval as a share of its estimate."""
    value, low, high = of
    return (high - low) / 2 / value if value else 0.0


def _unwatched(event: Event) -> None:
    """Nobody looks until the end."""
