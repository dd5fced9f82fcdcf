"""Notes of what other processes and devices did, in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from profiler.records.elsewhere import CellLost, CountInterrupted, RecountInterrupted, RunByCommand


def in_words(note: CellLost | CountInterrupted | RecountInterrupted | RunByCommand) -> str:
    """A note as a sentence."""
    match note:
        case CellLost():
            return f"{note.cell} is left out, since it could not be counted: {note.reason}."
        case CountInterrupted():
            return f"interrupted: {note.counted:,} of {note.of:,} cells were counted; the others are left out."
        case RecountInterrupted():
            return "interrupted: the cells without another counter's figure were not checked."
        case RunByCommand():
            return _by_command(note)


def _by_command(note: RunByCommand) -> str:
    more = f" (the first of {note.cells} cells)" if note.cells > 1 else ""
    pushed = f", after {_command(note.push)}" if note.push else ""
    device = "; ".join(", ".join(f"{key} {value}" for key, value in facts) for facts in note.facts if facts)
    about = f"the device says: {device}" if device else "the command prints no facts about the device"
    return f"exec: {_command(note.words)}{pushed}{more}; {about}."


def _command(words: Sequence[str]) -> str:
    """A command as it may be typed, its placeholders as they are written."""
    return " ".join(word if re.fullmatch(r"[\w@%+=:,./{}-]+", word) else shlex.quote(word) for word in words)
