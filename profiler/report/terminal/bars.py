"""Bars in eighths of a letter; of # where the encoding has no blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from profiler.report import palette
from profiler.report.encoding import printable

EIGHTHS = "▏▎▍▌▋▊▉█"


def bar(share: float, width: int, plain: bool = False) -> str:
    """`share` of `width` letters, 0 to 1; whatever is not nothing shows."""
    eighths = min(max(round(8 * width * share), int(share > 0)), 8 * width)
    if plain:
        return "#" * -(-eighths // 8)
    return EIGHTHS[-1] * (eighths // 8) + (EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")


class Length(NamedTuple):
    """One bar: its name, its length, what is said beside it, and the ends of its interval if it has one."""

    name: str
    value: float
    said: str
    ends: tuple[float, float] | None = None
    predicted: bool = False
    """True where nobody measured it: drawn in outline."""


MOST_NAME = 32
"""Letters of a name; the middle of a longer one is left out."""


@dataclass(frozen=True)
class Bars:
    """Bars below each other under a title; where an interval is wider than a letter, it is shaded."""

    title: str
    lengths: Sequence[Length]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [short(length.name, min(MOST_NAME, options.max_width // 3)) for length in self.lengths]
        left, right = max(map(cell_len, names)), max(len(length.said) for length in self.lengths)
        width = max(options.max_width - left - right - 4, 4)
        most = max(max((length.value, *(length.ends or ()))) for length in self.lengths) or 1
        yield Text(f"\n{self.title}", style="bold")
        for name, length in zip(names, self.lengths, strict=True):
            drawn = _drawn(length, most, width, options.ascii_only)
            yield Text.assemble(
                f"{set_cell_size(name, left)}  ", (f"{drawn:<{width}}", palette.BARS), f"  {length.said:>{right}}"
            )


def _drawn(length: Length, most: float, width: int, plain: bool) -> str:
    if length.ends is not None:
        low, high = (round(width * end / most) for end in length.ends)
        if high > low or length.predicted:
            known = ("=" if plain else "░") if length.predicted else ("#" if plain else EIGHTHS[-1])
            return known * max(low, int(high == low)) + ("-" if plain else "▒") * (high - low)
    return bar(length.value / most, width, plain)


def short(name: str, most: int) -> str:
    """A name of at most so many letters: its end, which tells it from others, stays."""
    text = printable(" ".join(name.split()))
    return text if cell_len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"
