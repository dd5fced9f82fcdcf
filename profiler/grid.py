"""Ranges and lists of the command line as exact values: `0.25..1.0`, `128..224:32`, `224,192`, `3x224x224`, `600M`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import floor

from profiler.errors import ProfilerError, quoted

MOST_POINTS = 10_000
ALPHA_STEP = Fraction(1, 4)
RESOLUTION_STEP = Fraction(32)
MOST_ALPHA = 64
MOST_SIDE = 1 << 20
MOST_DIGITS = 60
LARGEST = 10**13
"""No number of a command line is as large; what is larger is not even read."""


_SIDES = re.compile(r"(\d{1,6})x(\d{1,6})")
_FRACTION = re.compile(r"[+-]?\d+\s*/\s*\d+")
"""`4/7`, as formulas write a multiplier."""
_SEVERAL_SHAPES = re.compile(r"\d[\dx]*(,\d[\dx]*)+|\d+\.\.\d+(:\d+)?")
"""`3x32x32,3x64x64`, `128,256` and `128..512:128`."""


EXAMPLES = {"alpha": "0.5", "rho": "0.5", "resolution": "224", "batch": "8", "year": "2015"}
"""How a quantity is written, where a message shows it."""


def exact(value: object, what: str, example: str = "") -> Fraction:
    """A number as it is written, exactly: 0.1 is 1/10, as is the text 1/10. Raises ProfilerError on all but a finite number."""
    example = example or EXAMPLES.get(what, "0.25 or 224")
    if isinstance(value, int | Fraction) and not isinstance(value, bool) and -LARGEST < value < LARGEST:
        return Fraction(value)
    if isinstance(value, str) and _FRACTION.fullmatch(value.strip()):
        top, bottom = (exact(part, what, example) for part in value.split("/"))
        if not bottom:
            raise ProfilerError(f"{what} '{quoted(value)}' divides by 0; write it as {example}")
        return top / bottom
    text = quoted(value)
    if what == "resolution" and isinstance(value, str) and (sides := _SIDES.fullmatch(value.strip())):
        raise ProfilerError(f"resolution '{text}' is two numbers; write them as --input 3x{sides[1]}x{sides[2]}")
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):  # no number, or one of more digits than Python writes
        if isinstance(value, int) and not isinstance(value, bool):
            raise ProfilerError(f"{what} '{text}' is too large or too small; give a positive number") from None
        raise ProfilerError(f"{what} '{text}' is not a number; write it as {example}") from None
    except Exception:  # an object whose text raises
        raise ProfilerError(f"{what} is {text}, which is not a number; write it as {example}") from None
    if not number.is_finite():
        raise ProfilerError(f"{what} '{text}' is not finite; give a positive number")
    if abs(number.adjusted()) > 12:
        raise ProfilerError(f"{what} '{text}' is too large or too small; give a positive number")
    if len(number.as_tuple().digits) > MOST_DIGITS:
        raise ProfilerError(f"{what} '{text}' has more than {MOST_DIGITS} digits; round it")
    return Fraction(number)


def alpha(value: object) -> Fraction:
    """A width multiplier, above 0 and at most 64."""
    number = exact(value, "alpha")
    if not 0 < number <= MOST_ALPHA:
        raise ProfilerError(f"alpha must be above 0 and at most {MOST_ALPHA}, not {shown(number)}")
    return number


def rho(value: object) -> Fraction:
    """A resolution multiplier, above 0 and at most 64."""
    number = exact(value, "rho")
    if not 0 < number <= MOST_ALPHA:
        raise ProfilerError(f"rho must be above 0 and at most {MOST_ALPHA}, not {shown(number)}")
    return number


def whole(value: object, what: str) -> int:
    """A whole number that a computer word holds. Raises ProfilerError."""
    number = exact(value, what, "0")
    if number.denominator != 1:
        raise ProfilerError(f"{what} {shown(number)} is not a whole number; write it as 0")
    return int(number)


def side(value: object, what: str = "resolution") -> int:
    """A whole number from 1: the side of the input in pixels, or `what` else is counted in whole steps."""
    number = exact(value, what)
    if number.denominator != 1 or not 1 <= number <= MOST_SIDE:
        unit = "whole number of pixels" if what == "resolution" else "whole number"
        raise ProfilerError(f"{what} must be a {unit} from 1 to {MOST_SIDE}, not {shown(number)}")
    return int(number)


def batch(value: object) -> int | None:
    """A batch size: a whole number of samples from 1, or none (None): inputs as they are."""
    if value is None or (isinstance(value, str) and value.strip() == "none"):
        return None
    number = exact(value, "batch")
    if number.denominator != 1 or not 1 <= number <= MOST_SIDE:
        raise ProfilerError(f"batch must be a whole number from 1 to {MOST_SIDE}, not {shown(number)}")
    return int(number)


def axis(batch: int | None) -> int:
    """The batch axis of a network that has one. Raises ProfilerError for none."""
    if batch is None:
        raise ProfilerError(
            "batch none is for modules without a batch axis, and networks of `profiler list` have one; give a number"
        )
    return batch


def shown(number: Fraction | int) -> str:
    """The shortest exact decimal, `1/3` where there is none."""
    number = Fraction(number)
    decimal = Decimal(number.numerator) / Decimal(number.denominator)
    return f"{decimal.normalize():f}" if Fraction(decimal) == number else str(number)


def points(text: str, what: str, step: Fraction) -> list[Fraction]:
    """The points of a range or list, in the order given: `A..B`, `A..B:STEP`, `A,B,C`, and lists of ranges.

    Both ends of a range are points. Raises ProfilerError on reversed, off-step, empty or absurd ones.
    """
    found: list[Fraction] = []
    for piece in text.split(","):
        found += _piece(piece.strip(), text, what, step, MOST_POINTS - len(found))
    return list(dict.fromkeys(found))


def _piece(piece: str, text: str, what: str, step: Fraction, room: int) -> list[Fraction]:
    if not piece:
        raise ProfilerError(f"{what} '{quoted(text)}' has an empty item; write it as 0.25..1.0, 128..224:32 or 224,192")
    ends, colon, given = piece.partition(":")
    first, dots, last = ends.partition("..")
    if not dots:
        if colon:
            raise ProfilerError(f"{what} '{quoted(piece)}' has a step and no range; write it as A..B:STEP")
        return [exact(first, what)]
    low, high = exact(first, what), exact(last, what)
    if colon:
        step = exact(given, f"the step of {what}")
    if step <= 0:
        raise ProfilerError(f"{what} '{quoted(piece)}' has a step of {shown(step)}; give one above 0")
    if low > high:
        raise ProfilerError(f"{what} '{piece}' runs backwards; write it as {shown(high)}..{shown(low)}")
    steps = (high - low) / step
    if steps >= room:
        raise ProfilerError(f"{what} '{piece}' makes more than {MOST_POINTS:,} points; use a larger step")
    if steps.denominator != 1:
        fits = [low + step * k for k in (int(steps), int(steps) + 1)]
        near = " or ".join(f"{shown(low)}..{shown(end)}" for end in fits if end != low)
        cure = f"end it at {near}, or give a step as {shown(low)}..{shown(high)}:STEP"
        raise ProfilerError(f"{what} '{piece}': {shown(high)} is not on the step of {shown(step)}; {cure}")
    return [low + step * k for k in range(int(steps) + 1)]


_COMMA = re.compile(r",(?![^\[({]*[\])}])")
"""A comma between values, and none inside the brackets of one."""


def values(text: str, what: str) -> list[str]:
    """The values of an option, as text in the order given: words and numbers (`relu,gelu`), ranges of numbers, lists of both.

    A range steps by 1 between whole numbers and by 0.25 between others, unless its step is given (`16..64:16`).
    Raises ProfilerError as `points` does.
    """
    found: list[str] = []
    for piece in _COMMA.split(text):
        piece = piece.strip()
        step = ALPHA_STEP if "." in piece.replace("..", "") else Fraction(1)
        found += [piece] if piece and not _is_range(piece) else map(shown, points(piece, what, step))
    return list(dict.fromkeys(found))


def _is_range(piece: str) -> bool:
    """True of `16..64:16`, false of a word that has dots in it, as a path."""
    first, dots, last = piece.partition(":")[0].partition("..")
    return bool(dots) and any(end.strip()[:1].isdigit() for end in (first, last))


def names_several_shapes(text: object) -> bool:
    """Whether a text names several inputs: 3x32x32,3x64x64 or 128,256 or 128..512:128."""
    return isinstance(text, str) and _SEVERAL_SHAPES.fullmatch(text.strip()) is not None


def check_one_shape(text: str) -> None:
    """Raises ProfilerError for a text that names several inputs, where one is counted."""
    if names_several_shapes(text):
        raise ProfilerError(f"input '{quoted(text)}' names several; give one, or run over them with sweep or compare")


def shape(text: str) -> tuple[int, ...]:
    """`3x224x224` as a shape of one sample. Raises ProfilerError unless all are whole numbers from 1."""
    check_one_shape(text)
    sides = text.lower().replace("×", "x").split("x")
    if not all(part.strip().isdecimal() and len(part) <= 20 and 1 <= int(part) <= MOST_SIDE for part in sides):
        raise ProfilerError(f"input '{quoted(text)}' is not a shape; write channels and sides as 3x224x224")
    return tuple(int(part) for part in sides)


def count(given: object, what: str) -> int:
    """`600M` or `4.2e6` as a whole number; K, M, G and T are powers of 1000."""
    text = given if isinstance(given, str) else quoted(given)
    scale = {"K": 3, "M": 6, "G": 9, "T": 12}.get(text.strip()[-1:].upper(), 0)
    number = exact(text.strip()[:-1] if scale else text, what, "600M or 4200000") * 10**scale
    if number.denominator != 1 or number < 0:
        raise ProfilerError(f"{what} '{quoted(text)}' is not a whole number from 0; write it as 600M or 4200000")
    return int(number)


def batches(text: str) -> list[int | None]:
    """`1,8,32` as batch sizes, `none` as inputs that get no batch axis."""
    if text.strip() == "none":
        return [None]
    return [batch(size) for size in points(text, "batch", Fraction(1))]


def sample(given: object) -> tuple[int, ...]:
    """A shape of one sample, from text (`3x224x224`) or numbers. Raises ProfilerError unless all are whole, from 1."""
    if isinstance(given, str):
        return shape(given)
    sides = tuple(given) if isinstance(given, list | tuple) else (given,)
    return shape("x".join(map(quoted, sides)))


_SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9, "B": 1}
_TIMES = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
}


def size(given: object, what: str) -> int:
    """`64MiB` or `1.5 GB` as bytes, rounded down. Raises ProfilerError where it has no unit."""
    number, scale = _with_unit(given, what, _SIZES, "64MiB")
    return floor(number * scale)


def duration(given: object, what: str) -> Fraction:
    """`30ms` or `850 us` as seconds, exactly. Raises ProfilerError where it has no unit."""
    number, scale = _with_unit(given, what, _TIMES, "30ms")
    return number * scale


def share(given: object, what: str) -> Fraction:
    """`1%` or `0.5 %` as 1/100 and 1/200. Raises ProfilerError where it is no percentage from 0."""
    number, scale = _with_unit(given, what, {"%": Fraction(1, 100)}, "1%")
    return number * scale


def _with_unit(given: object, what: str, known: Mapping[str, Fraction | int], example: str) -> tuple[Fraction, Fraction]:
    text = (given if isinstance(given, str) else quoted(given)).strip()
    unit = next((unit for unit in known if text.lower().endswith(unit.lower())), None)
    if unit is None or not text[: -len(unit)].strip():
        raise ProfilerError(f"{what} '{quoted(given)}' needs a unit ({', '.join(known)}); write it as {example}")
    number = exact(text[: -len(unit)], what, example)
    if number < 0:
        raise ProfilerError(f"{what} '{quoted(given)}' is below 0; write it as {example}")
    return number, Fraction(known[unit])
