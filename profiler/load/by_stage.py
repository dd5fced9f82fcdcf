"""`stages=0.5:0.75:1`: a network of the zoo with a width multiplier for each of its stages. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from profiler import grid
from profiler.count.stages import MULTIPLE_OF, Staged, called, staged
from profiler.errors import ProfilerError, ShapeError, quoted
from profiler.network.layers import Layer, Shape

LARGEST_MULTIPLE = 1 << 12


def scaled(
    name: str, value: Layer, inputs: tuple[Shape, ...], alpha: Fraction, stages: Any = None, multiple_of: Any = None
) -> tuple[Layer, dict[str, Any]]:
    """`value` with its stages scaled by `stages`, a text or a list, and the options that say so.

    Stages are those of the network at its native `inputs`. Raises ProfilerError for another number of multipliers, for one that
    is none, and beside an α.
    """
    if stages is None and multiple_of is None:
        return value, {}
    if stages is None:
        raise ProfilerError(f"{name}: multiple_of rounds the widths of stages; give stages too, e.g. stages=0.5:0.75:1")
    if alpha != 1:
        raise ProfilerError(f"{name}: alpha {grid.shown(alpha)} and stages both scale its widths; give one of them")
    found = staged_of(name, value, inputs)
    given = multipliers(name, stages, found)
    multiple = multiple_of_(multiple_of)
    if set(given) == {1}:
        return value, {}  # the network as it is, by its own name
    told: dict[str, Any] = {"stages": written(given)}
    if multiple != MULTIPLE_OF:
        told["multiple_of"] = multiple
    return found.value(found.at_multipliers(given, multiple)), told


def staged_of(name: str, value: Layer, inputs: tuple[Shape, ...]) -> Staged:
    """The stages of a network that is called so. Raises ProfilerError where it has none, or does not fit its input."""
    try:
        return staged(value, inputs)
    except ShapeError as fault:
        raise ProfilerError(f"{name}: {fault}") from None


def multipliers(name: str, given: Any, found: Staged) -> list[Fraction]:
    """`0.5:0.75:1`, or a list, as a multiplier for each stage. Raises ProfilerError."""
    pieces: Sequence[Any] = list(given) if isinstance(given, list | tuple) else str(given).split(":")
    if len(pieces) != len(found.stages):
        count = f"{len(pieces)} multipliers" if len(pieces) != 1 else "one multiplier"
        example = ":".join(["1"] * len(found.stages))
        raise ProfilerError(f"{name} has {called(found.stages)}, and stages gives {count}; give one each, as stages={example}")
    return [multiplier(name, piece, stage.name) for piece, stage in zip(pieces, found.stages, strict=True)]


def multiplier(name: str, given: Any, stage: str) -> Fraction:
    """One multiplier, a number or a fraction as 1/3. Raises ProfilerError unless it is above 0 and at most 64."""
    what = f"{name}: the multiplier of stage {stage}"
    found = grid.exact(given, what, "0.5 or 1/3")
    if not 0 < found <= grid.MOST_ALPHA:
        raise ProfilerError(f"{what} must be above 0 and at most {grid.MOST_ALPHA}, not {quoted(given)}")
    return found


def multiple_of_(given: Any) -> int:
    """What scaled widths are multiples of, 8 unless it is given. Raises ProfilerError."""
    if given is None:
        return MULTIPLE_OF
    found = grid.side(given, "multiple_of")
    if found > LARGEST_MULTIPLE:
        raise ProfilerError(f"multiple_of must be from 1 to {LARGEST_MULTIPLE}, not {found}")
    return found


def written(given: Sequence[Fraction]) -> str:
    """Multipliers as `stages=` takes them."""
    return ":".join(map(grid.shown, given))
