"""Results on the screen: on a terminal the closed form at once, the witnesses' columns filling in; elsewhere at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.records.results import Results
from profiler.report.answers import networks
from profiler.report.output import Destinations, screen
from profiler.report.sheets import details, sheet
from profiler.report.terminal.progress import estimate, with_bar
from profiler.report.units import Unit

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
            places.put(networks.results(found, unit, columns, sort))
        raise
    places.put(networks.results(results, unit, columns, sort))
    details.passed_over(results.agreements, verbose)


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
    drawn = networks.results(found, unit, columns, sort).drawn
    spent, whole, stage = found.progress
    if not whole:
        return drawn
    said = [stage or f"measuring: {spent:.0f} of {whole:g} s", *filter(None, [estimate(found)])]
    return Group(drawn, Text(f"\n{'; '.join(said)}", style="dim"))
