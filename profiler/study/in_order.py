"""One function of many tasks, its results in the order of the tasks: in this process or in several. No torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

from profiler.errors import ProfilerError, quoted

T = TypeVar("T")
MOST_JOBS = 1024
Jobs = int | str | None
"""How many processes count at once: a number, "auto" for one a core, None for the user's own process."""


class Outcome(NamedTuple):
    """What came of one task: a value, or what it raised."""

    value: Any = None
    fault: Exception | None = None

    def get(self) -> Any:
        """The value. Raises what the task raised."""
        if self.fault is not None:
            raise self.fault
        return self.value


class Where(AbstractContextManager["Where"], Protocol):
    """Where tasks are done; a context manager that leaves no process behind."""

    elsewhere: bool
    """Whether another process does them, whose end is not the end of this one."""

    def results(self, function: Callable[[T], Any], tasks: Iterable[T]) -> Iterator[Outcome]:
        """What comes of each task, in their order, as soon as it is there.

        A process that ends before it has answered is the ProcessEnded of its task, and no other's. `function` is one of a
        module; a task that does not pickle, or cannot be read elsewhere, is done here.
        """

    def close(self) -> None:
        """End the processes, if any; the next task would begin them anew."""


class Here:
    """In this process, each task when its result is asked for."""

    elsewhere = False

    def results(self, function: Callable[[T], Any], tasks: Iterable[T]) -> Iterator[Outcome]:
        return (done(function, task) for task in tasks)

    def close(self) -> None:
        """There is nothing to end."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def done(function: Callable[[T], Any], task: T) -> Outcome:
    """A task, done here and now."""
    try:
        return Outcome(function(task))
    except Exception as fault:  # it is raised where its result is taken
        return Outcome(fault=fault)


def workers(jobs: Jobs) -> Where:
    """Where so many tasks at once are done: here, too, where formulas were registered that this process alone knows.

    Raises ProfilerError for what is no number of processes.
    """
    number = jobs_of(jobs)
    if number == 1 or _knows_formulas():
        return Here()
    from profiler.study.processes import Processes

    return Processes(number)


def _knows_formulas() -> bool:
    if "profiler.tracing.tables.registered" not in sys.modules:
        return False
    from profiler.tracing.tables.registered import any_registered

    return any_registered()


def jobs_of(given: Jobs) -> int:
    """`auto` and None as numbers. Raises ProfilerError."""
    if given is None:
        return 1
    text = quoted(given).strip()
    if text.lower() == "auto":
        from profiler.measure.host import default_threads

        return default_threads()
    if isinstance(given, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise ProfilerError(
            f"--jobs {text} is no number of processes from 1 to {MOST_JOBS:,}; give one, or auto for one a core"
        )
    return int(text)
