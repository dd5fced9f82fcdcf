"""Results on the screen: on a terminal the closed form at once, the witnesses' columns filling in; elsewhere at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.text import Text

from profiler.records import Results
from profiler.report import answers, sheet
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
    if verbose:
        for agreement in results.agreements:
            passed = ", ".join(agreement.unsupported) or "nothing"
            print(f"{agreement.cell}: {agreement.engine} says that it passed over {passed}", file=sys.stderr)


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
    return Group(drawn, Text(f"\n{stage or f'measuring: {spent:.0f} of {whole:g} s'}", style="dim"))


def with_bar(study: Callable[[Callable[[Results], None]], T]) -> T:
    """Run what takes a watcher behind a progress bar on stderr, where that is a terminal; the bar is gone when done."""
    if not sys.stderr.isatty():
        return study(_unwatched)
    from rich.progress import Progress

    with ExitStack() as stack:
        bars: list[Progress] = []

        def watch(found: Results) -> None:
            if not bars:  # there is a witness or a clock to wait for; a thread that draws would disturb what is measured
                progress = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
                bars.append(stack.enter_context(progress))
                bars[0].add_task("", total=None)
            done, total, what = _done(found)
            bars[0].update(bars[0].task_ids[0], completed=done, total=total, description=what, refresh=True)

        return study(watch)


def _done(found: Results) -> tuple[float, float, str]:
    """How much of how much is done, and of what."""
    waiting = sum(any(f"{engine}_macs" not in record for engine in found.engines) for record in found)
    if waiting or not found.measured:
        return len(found) - waiting, len(found), "recounting the built networks"
    spent, whole, stage = found.progress
    return spent, max(whole, spent), stage or "measuring"


def _unwatched(results: Results) -> None:
    """Nobody looks until the end."""
