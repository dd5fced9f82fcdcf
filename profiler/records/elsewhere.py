"""What is to be said of counting that ended early or elsewhere, and of other devices that were measured, as values."""

from __future__ import annotations

from profiler.records.notes import Said


class CellLost(Said, frozen=True):
    """A cell that is left out, since the process that counted it ended, and how."""

    cell: str
    reason: str


class CountInterrupted(Said, frozen=True):
    """The user ended the study before every cell was counted: so many of how many were."""

    counted: int
    of: int


class RunByCommand(Said, frozen=True):
    """A command ran the networks on another device, and clocked them there."""

    words: tuple[str, ...]
    """As the first cell was run, but for its file and its runs."""
    push: tuple[str, ...]
    cells: int
    facts: tuple[tuple[tuple[str, str], ...], ...]
    """What it said of its device, each once."""


class RecountInterrupted(Said, frozen=True):
    """The user ended the study before every cell was recounted."""
