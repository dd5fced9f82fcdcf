"""What is to be said of a baseline that was to be rewritten."""

from __future__ import annotations

from profiler.records.notes import Said


class BaselineWritten(Said, frozen=True):
    """A baseline that was rewritten with the counts of now."""

    name: str
    changes: tuple[tuple[str, str, int, int], ...]
    """(network, quantity, then, now) of what is different."""
    new: bool = False
    """True where there was no such file."""


class BaselineKept(Said, frozen=True):
    """A baseline that was to be rewritten and is as it was, since a budget is not kept."""

    name: str
