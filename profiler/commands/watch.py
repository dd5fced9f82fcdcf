"""A study on the screen: events as they come, on a terminal as a table that fills in, elsewhere as a bar; then its answer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.records.events import Counted, Event, Finished, Streamed, Timed
from profiler.records.results import Results
from profiler.report import units
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.encoding import printable
from profiler.report.output import Destinations, screen
from profiler.report.terminal.progress import bar, estimate
from profiler.report.terminal.table import results_table


def shown(events: Iterator[Event], destinations: Destinations, view: View, filling: bool = False) -> Any:
    """Run a study to its end, put its answer where the user wants it, and give back what was found.

    With `filling` the table stands on a terminal at once and fills in. Interrupted, what there is by then is put first. Raises
    what the study raises, and KeyboardInterrupt where the user ended it.
    """
    end: Event | None = None
    with _table(view) if filling and destinations.live else bar() as show:
        for event in events:
            end = event
            if isinstance(event, Finished):
                break
            try:
                show(event)
            except KeyboardInterrupt as hand:  # while it was drawn: the study shall end as if it were its own
                end = _ended(events, hand)
                break
    assert isinstance(end, Finished)
    answer = registry.answer(end.found, view)
    # half of a run does not take the place of a whole one
    destinations.put(answer, new_only=end.interrupted and any(_is_unmeasured(record) for record in answer.records))
    if end.interrupted:
        raise KeyboardInterrupt
    return end.found


def put_streamed(events: Generator[Event, None, None], destinations: Destinations, view: View) -> Results:
    """Run a study that writes its records itself, show the first of them where a table is wanted, and give back those.

    Raises what the study raises, and KeyboardInterrupt where the user ended it.
    """
    end: Event | None = None
    with closing(events), bar() as show:
        for end in events:
            show(end)
    assert isinstance(end, Finished)
    if destinations.form == "table":
        answer = registry.answer(end.found, view)
        of_list = results_table(
            end.found, units.settled(view.unit, "raw", (r["macs"] for r in end.found)), view.columns
        )  # and no heat table of a part of the cells
        replace(destinations, files=()).put(replace(answer, drawn=of_list))
    found: Results = end.found
    return found


def _is_unmeasured(record: Mapping[str, Any]) -> bool:
    return record.get("latency_s", 0.0) is None


def _ended(events: Iterator[Event], hand: KeyboardInterrupt) -> Event:
    return events.throw(hand)  # type: ignore[attr-defined,no-any-return]  # studies are generators


@contextmanager
def _table(view: View) -> Iterator[Callable[[Event], None]]:
    from rich.live import Live

    # gone when done: what it would cut is then printed whole
    with Live(console=screen(), auto_refresh=False, transient=True) as live:
        yield lambda event: live.update(_so_far(event, view), refresh=True)


def _so_far(event: Event, view: View) -> RenderableType:
    """The table as it stands, and below it how far the measuring is."""
    if isinstance(event, Finished | Streamed):  # Streamed is of a study that shows a bar
        return Text()
    if isinstance(event, Counted):  # there is no table before all is traced
        return Text(printable(f"{event.what}: {event.done:,} of {event.of:,}"), style="dim")
    drawn = registry.answer(event.results, view).drawn
    if not isinstance(event, Timed):
        return drawn
    words = [event.stage or f"measuring: {event.spent_s:.0f} of {event.budget_s:g} s", *filter(None, [estimate(event.results)])]
    return Group(drawn, Text(f"\n{'; '.join(words)}", style="dim"))
