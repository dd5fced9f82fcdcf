"""The errors, each with the exit code of the command line.

ProfilerError                 2   wrong usage or input; the base class
├── UnknownName               2   an unknown network, option, column or convention (the nearest names are suggested)
├── ShapeError                2   a layer that does not fit its input, with the layer's path
├── InputNeeded               2   a network whose input cannot be inferred
├── WitnessFailed             2   a witness could not count a network; the closed form stands, and says why
├── ProcessEnded              2   the process that counted a network ended before it answered
├── CheckFailed               1   a check ran and failed
└── Unavailable               3   something needed is missing: a device, an optional package, a file
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

MOST_NAMED = 8
"""How many of many known names a message lists."""


class ProfilerError(Exception):
    """Wrong usage or input. The message says the problem, the value, where it is, and the cure."""

    exit_code = 2

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its message, whatever it is made from: processes that count send theirs."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class UnknownName(ProfilerError):
    """An unknown name; `known` are the names that are accepted."""

    def __init__(self, what: str, name: str, known: Iterable[str], cure: str = "") -> None:
        self.name = name
        known = list(known)
        cased = {each.lower(): each for each in known}
        # what begins like it first, the shortest of these before the others
        begun = sorted((each for each in cased if name and each.startswith(name.lower())), key=len)
        close = get_close_matches(name.lower(), cased, n=3, cutoff=0.55)
        near = [cased[each] for each in list(dict.fromkeys([*begun, *close]))[:3]]
        if near:
            hint = f"did you mean {either(near)}?"
        elif len(known) <= 30:
            hint = f"use {either(known)}" if known else "there are none"
        else:
            hint = f"there are {len(known)}, e.g. {', '.join(known[:MOST_NAMED])}"
        super().__init__(f"unknown {what} '{name[:60]}'; {hint}{cure and f' {cure}'}")


class ShapeError(ProfilerError):
    """A layer that does not fit its input shape; the count adds the path of the layer."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason, self.path = reason, path
        super().__init__(f"{path}: {reason}" if path else reason)


class InputNeeded(ProfilerError):
    """A network whose input shape is not given and cannot be inferred."""

    def __init__(self, name: str) -> None:
        super().__init__(f"cannot infer the input of {name}; pass --input 3x224x224, or --input ids=128:int64 for tokens")


class CheckFailed(ProfilerError):
    """A check ran to its end and failed."""

    exit_code = 1


class WitnessFailed(ProfilerError):
    """A witness could not count a network: no memory for it, or the module does not run. The closed form stands."""


class ProcessEnded(ProfilerError):
    """The process that counted a network ended before it answered: killed, as where memory runs out, or by itself."""


class Unavailable(ProfilerError):
    """Something needed is missing on this machine: a device, an optional package, a file."""

    exit_code = 3


def shortened(text: str, most: int = 300) -> str:
    """`text` on one line of at most `most` letters, cut between words where it is longer."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    kept = line[: most + 1].rpartition(" ")[0]
    return f"{kept or line[:most]} …"


def either(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def quoted(value: object) -> str:
    """A value as a message shows it: the start of a long one, and of what has no text its class."""
    try:
        text = str(value)
    except Exception:  # more digits than Python writes, or a text that raises
        return type(value).__name__ + (" of thousands of digits" if isinstance(value, int) else "")
    text = " ".join(text.splitlines()) if "\n" in text else text
    return text if len(text) <= 60 else f"{text[:40]}…"


def text_of(value: object) -> str:
    """The whole text of a value; of what has none, as a number of more digits than Python writes, its class."""
    try:
        return str(value)
    except Exception:  # somebody else's object, whose text raises
        return quoted(value)
