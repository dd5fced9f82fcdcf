"""Progress bars: on a terminal, or below the cell of a notebook, gone when the work is done."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from rich.console import Console

from profiler.records.profile import Record
from profiler.records.results import Results
from profiler.report.sheets import sheet

T = TypeVar("T")


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
