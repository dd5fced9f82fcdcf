"""JSON → typed values, by msgspec; what does not fit is refused with its place, as `rows[3].macs`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
NAMES = {int: "int", float: "float", str: "str", bool: "bool", NoneType: "null", dict: "object", list: "array"}
"""What msgspec calls the kinds of JSON."""
WORDS = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "null": "null",
    "object": "an object", "array": "a list",
}  # fmt: skip
_FAULT = re.compile(r"(?P<said>.*?)(?P<at>(?: - at (?:`key` in )?`\$[^`]*`)*)", re.DOTALL)
_LENGTH = re.compile(r"Expected `array` of length (.*), got (\d+)")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class Malformed(ValueError):
    """A value that is not of its shape: where, as `rows[3].macs` or empty for the whole, and what is the matter."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where, self.reason = where, reason


def decode(plain: Any, shape: type[T]) -> T:
    """What JSON holds as a value of `shape`. A whole number is a number too; true and false are none. Raises Malformed.

    A class that msgspec does not know decodes itself, by its method `decoded`.
    """
    try:
        return msgspec.convert(plain, shape, str_keys=True, dec_hook=_decoded)
    except msgspec.ValidationError as fault:
        raise _malformed(plain, str(fault)) from None
    except UnicodeEncodeError:
        raise Malformed("", "expected keys in UTF-8, and one holds half of a surrogate pair") from None


def kind(value: Any) -> str:
    """`a text (1)`."""
    word = WORDS[NAMES[type(value)]]
    return word if isinstance(value, dict | list | NoneType) else f"{word} ({str(value)[:40]})"


def _decoded(shape: Any, plain: Any) -> Any:
    try:
        return shape.decoded(plain)
    except msgspec.ValidationError as fault:  # as another fault, or the place of `plain` itself would be lost
        raise ValueError(str(fault)) from None


def _malformed(plain: Any, text: str) -> Malformed:
    """msgspec's words in ours: "Expected `int`, got `str` - at `$.rows[3].macs`"."""
    found = _FAULT.fullmatch(text)
    assert found is not None
    said = found["said"]
    places = re.findall(r"`\$([^`]*)`", found["at"])
    steps = [name or index for name, index in _STEP.findall("".join(reversed(places)))]
    where, value = next(_at(plain, steps, _is_at_fault(said)), ("".join(reversed(places)), plain))
    where = where.removeprefix(".")
    if "`key` in" in found["at"]:
        return Malformed(where, "expected whole numbers as its keys, and one is none")
    if missing := re.fullmatch(r"Object missing required field `(.*)`", said):
        return Malformed(where, f"there is no {missing[1]}")
    if length := _LENGTH.fullmatch(said):
        return Malformed(where, f"expected a list of {length[1]}, and this is a list of {length[2]}")
    if expected := re.match(r"Expected `([^`]*)`", said):
        return Malformed(where, f"expected {_expected(expected[1])}, and this is {kind(value)}")
    if said.startswith("Invalid enum value"):
        return Malformed(where, f"expected another word, and this is {kind(value)}")
    return Malformed(where, said)


def _expected(names: str) -> str:
    """`a number or a whole number` of "float": every whole number is a number."""
    known = names.split(" | ")
    if "float" in known and "int" not in known:
        known.append("int")
    return " or ".join(WORDS.get(name, name) for name in known)


def _is_at_fault(said: str) -> Callable[[Any], bool]:
    """What tells the value that msgspec speaks of from others in its place, as it names no keys of a dict."""
    if got := re.fullmatch(r"Expected `[^`]*`, got `([^`]*)`", said):
        return lambda value: NAMES.get(type(value)) == got[1]
    if missing := re.fullmatch(r"Object missing required field `(.*)`", said):
        return lambda value: isinstance(value, dict) and missing[1] not in value
    if length := _LENGTH.fullmatch(said):
        return lambda value: isinstance(value, list) and len(value) == int(length[2])
    return lambda _: True


def _at(value: Any, steps: list[str], is_at_fault: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    """The places that `steps` may stand for, and what is there; a step of `...` is any key of a dict."""
    if not steps:
        if is_at_fault(value):
            yield "", value
        return
    step, *rest = steps
    inside = value if step == "..." else [int(step) if isinstance(value, list) else step]
    for key in inside:
        name = f"[{key}]" if isinstance(value, list) else f".{key}"
        for where, found in _at(value[key], rest, is_at_fault):
            yield name + where, found
