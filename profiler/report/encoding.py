"""Signs that an encoding, a terminal or GitHub's runner must not get → what stands in their place."""

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


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What commands a terminal, or turns the order of what it shows."""
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""
_LONG = re.compile(r"\S{1000,}")
"""What is no word and no path, as a number of 5,000 digits."""
_WORKFLOW = re.compile(r"((?:^|[\r\n])\s*):(?=:)|#(?=#\[)")
"""Where a line begins as the commands of GitHub's runner do, and where one of its older ones begins."""


def printable(text: str) -> str:
    """`text` without what would command the terminal: a name is shown, not obeyed."""
    return CONTROL.sub("\ufffd", text)


def sentence(text: str) -> str:
    """`text` in one line that commands neither a terminal nor GitHub's runner, which reads stderr too."""
    return without_commands(printable(_LONG.sub(lambda word: f"{word[0][:60]}…", " ".join(text.split()))))


def without_commands(text: str) -> str:
    """`text` in which GitHub's runner finds no command: names from files come out of a check too."""
    return _WORKFLOW.sub(lambda found: f"{found[1] or ''}{':' if found[0].endswith(':') else '#'} ", text)


def data(text: str) -> bytes:
    """UTF-8. Half of a surrogate pair, which UTF-8 has not, stands as its escape, `\\ud800`: JSON reads it as what it was."""
    return text.encode("utf-8", "backslashreplace")
