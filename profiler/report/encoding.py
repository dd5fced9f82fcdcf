"""Signs that an encoding or a terminal must not get → letters in their place, one for one, so that tables stay in line."""

from __future__ import annotations

import codecs
import re

ERRORS = "profiler.near"
"""Its name as a way to handle errors."""
NEAR = {
    "×": "x", "…": "-", "–": "-", "—": "-", "±": "~", "·": "*", "²": "2", "³": "3", "α": "a", "ρ": "r", "µ": "u", "≤": "<",
    "≥": ">", "→": ">", "█": "#", "─": "-", "│": "|",
}  # fmt: skip


def near(fault: UnicodeError) -> tuple[str, int]:
    """A handler of encoding errors: the nearest letter, a question mark where there is none."""
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    return "".join(NEAR.get(sign, "?") for sign in fault.object[fault.start : fault.end]), fault.end


codecs.register_error(ERRORS, near)


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` without what would command the terminal: a name is shown, not obeyed."""
    return CONTROL.sub("\ufffd", text)
