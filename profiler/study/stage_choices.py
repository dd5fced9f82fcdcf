"""What each stage of a network can be in a fit of its widths: ranges as the user writes them, as multipliers with widths."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

from profiler import grid
from profiler.count.stages import Staged, called
from profiler.errors import ProfilerError
from profiler.load.by_stage import multiplier
from profiler.load.load import Network

MOST_COMBINATIONS = 10**8
STEP = Fraction(1, 8)
"""Of multipliers in a range that gives none."""
Choices = list[list[tuple[Fraction, dict[int, int]]]]
"""For each stage its multipliers in order, each with {group: width}."""


def choices_of(network: Network, found: Staged, multipliers: Any, widths: Any, multiple: int) -> Choices:
    """What each stage can be: one range or list for all stages, or one for each, of multipliers or of widths.

    Two multipliers that make the same widths are one choice. Raises ProfilerError for another number of ranges, for what is no
    range, and for too many combinations.
    """
    if (multipliers is None) == (widths is None):
        raise ProfilerError(f"{network.name}: give multipliers of its stages or their widths, one of the two")
    what = "multipliers" if widths is None else "widths"
    given = multipliers if widths is None else widths
    ranges = [given] if isinstance(given, str) else list(given)
    ranges = ranges * len(found.stages) if len(ranges) == 1 else ranges
    if len(ranges) != len(found.stages):
        raise ProfilerError(f"{network.name} has {called(found.stages)}, and {len(ranges)} {what} are given; give one for each")
    made: Choices = []
    for stage, text in zip(found.stages, ranges, strict=True):
        native = found.groups[stage.main].native
        step = STEP if widths is None else Fraction(found.step(multiple))
        points = grid.points(str(text), f"{network.name}: {what} of stage {stage.name}", step)
        if widths is not None:
            points = [Fraction(_width(network.name, stage.name, n, native, found.step(multiple)), native) for n in points]
        options: dict[tuple[int, ...], tuple[Fraction, dict[int, int]]] = {}
        for point in sorted(points):
            option = found.scaled(stage, multiplier(network.name, point, stage.name), multiple)
            options.setdefault(tuple(option.values()), (point, option))
        made.append(list(options.values()))
    total = prod(map(len, made))
    if total > MOST_COMBINATIONS:
        each = ", ".join(f"{stage.name}: {len(options)}" for stage, options in zip(found.stages, made, strict=True))
        raise ProfilerError(
            f"{network.name}: {total:,} combinations of its stages ({each}) are more than the {MOST_COMBINATIONS:,} that are "
            "counted; give a larger step, narrower ranges, or one value for a stage that is to stay"
        )
    return made


def _width(name: str, stage: str, n: Fraction, native: int, q: int) -> int:
    if n != native and (n < 1 or n % q):
        raise ProfilerError(
            f"{name}: stage {stage} cannot be {grid.shown(n)} wide; give a multiple of {q}, or {native} as it is"
        )
    return int(n)
