"""Results on the screen: on a terminal the closed form at once, the witnesses' columns filling in; elsewhere at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.console import Console

from profiler.records import Results
from profiler.report import answers
from profiler.report.output import Destinations, screen
from profiler.report.units import Unit

Study = Callable[[Callable[[Results], None]], Results]
"""What takes a watcher, calls it with the results while they fill in, and returns them."""


def watched(study: Study, places: Destinations, unit: Unit, columns: Sequence[str], sort: str | None, verbose: bool) -> None:
    """Run `study` and put its answer where the user wants it. Raises ProfilerError."""
    with ExitStack() as stack:
        if places.live:
            from rich.live import Live

            live = stack.enter_context(Live(console=screen(), auto_refresh=False))
            results = study(lambda found: live.update(answers.results(found, unit, columns, sort).drawn, refresh=True))
            live.update(answers.results(results, unit, columns, sort).drawn, refresh=True)
        elif sys.stderr.isatty():
            from rich.progress import Progress

            bar = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
            task = bar.add_task("recounting the built networks", start=False)
            results = study(lambda found: bar.update(task, completed=len(found.agreements)))
        else:
            results = study(_unwatched)
    places.put(answers.results(results, unit, columns, sort), drawn_already=places.live)
    if verbose:
        for agreement in results.agreements:
            passed = ", ".join(agreement.unsupported) or "nothing"
            print(f"{agreement.model}: {agreement.engine} says that it passed over {passed}", file=sys.stderr)


def _unwatched(results: Results) -> None:
    """Nobody looks until the end."""
