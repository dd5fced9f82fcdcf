"""One function of many tasks, its results in the order of the tasks: in this process or in several. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from os import PathLike
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
Jobs = int | str | None
"""How many processes count at once: a number, "auto" for one a core, None for the user's own process."""


class Counting(NamedTuple):
    """Who counts, where it is not the user's own process."""

    jobs: Jobs = None
    fleet: str | PathLike[str] | None = None
    """The scheduler whose workers do."""

    @property
    def asked(self) -> bool:
        """Whether the user said who."""
        return self.jobs is not None or self.fleet is not None


HERE = Counting()


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
