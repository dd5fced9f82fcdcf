"""A bar in eighths of a letter; of # where the encoding has no blocks."""

from __future__ import annotations

EIGHTHS = "▏▎▍▌▋▊▉█"


def bar(share: float, width: int, plain: bool = False) -> str:
    """`share` of `width` letters, 0 to 1; whatever is not nothing shows."""
    eighths = min(max(round(8 * width * share), int(share > 0)), 8 * width)
    if plain:
        return "#" * -(-eighths // 8)
    return EIGHTHS[-1] * (eighths // 8) + (EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")
