"""What JSON must look like to be read: shapes as data, made of the fields of our records, and the first departure."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from inspect import signature
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "null"}
KINDS: dict[type, str] = WORDS | {dict: "an object", list: "a list"}
Shape = Any
"""`int | None`; `[shape]`, a list; `{"key": shape, "perhaps?": shape, ...: shape}`, an object; `(shape, shape)`, either."""


class Fault(NamedTuple):
    """Where a value is not of its shape, as `rows[3].macs`, and what is the matter."""

    where: str
    said: str


Check = Callable[[Any], Fault | None]


def fields(made: type, needed: Container[str] | None = None, **others: Shape) -> dict[Any, Shape]:
    """The object that a record of this class is in JSON; `others` win. Unless `needed` says, what has a default may lack."""
    if needed is None:
        needed = [name for name, each in signature(made).parameters.items() if each.default is each.empty]
    hints = {name: of_hint(hint) for name, hint in get_type_hints(made).items()} | others
    return {name if name in needed else f"{name}?": shape for name, shape in hints.items()}


def of_hint(hint: Any) -> Shape:
    """`tuple[int, ...]` is a list in JSON, a Mapping an object, a Literal a text."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return str
    if origin is tuple:
        return [of_hint(parts[0])] if parts[-1] is ... else [tuple(map(of_hint, parts))]
    if origin in (dict, Mapping):
        return {...: of_hint(parts[1])}
    return hint


def checker(shape: Shape) -> Check:
    """What finds the first fault of a value. A whole number is a number too; true and false are none."""
    if shape is Any:
        return lambda _: None
    if isinstance(shape, dict):
        return _object(shape)
    if isinstance(shape, list):
        return _list(checker(shape[0]))
    if isinstance(shape, tuple):
        return _either([checker(each) for each in shape])
    return _plain(NoneType if shape is None else shape)


def kind(value: Any) -> str:
    """`a text (1)`."""
    if isinstance(value, list):
        return "a list"
    return KINDS[type(value)] + ("" if isinstance(value, dict | NoneType) else f" ({str(value)[:40]})")


def _plain(shape: Any) -> Check:
    kinds = list(get_args(shape)) if isinstance(shape, UnionType) else [shape]
    if float in kinds and int not in kinds:
        kinds.append(int)
    known, words = frozenset(kinds), " or ".join(WORDS[each] for each in kinds)

    def check(value: Any) -> Fault | None:
        return None if type(value) in known else Fault("", f"expected {words}, and this is {kind(value)}")

    return check


def _list(each: Check) -> Check:
    def check(value: Any) -> Fault | None:
        if not isinstance(value, list):
            return Fault("", f"expected a list, and this is {kind(value)}")
        for i, item in enumerate(value):
            if fault := each(item):
                return Fault(f"[{i}]{fault.where}", fault.said)
        return None

    return check


def _object(shape: Mapping[Any, Shape]) -> Check:
    parts = {str(name).removesuffix("?"): checker(each) for name, each in shape.items() if name is not ...}
    needed = [name for name in parts if name in shape]
    others = checker(shape[...]) if ... in shape else None

    def check(value: Any) -> Fault | None:
        if not isinstance(value, dict):
            return Fault("", f"expected an object, and this is {kind(value)}")
        for name in needed:
            if name not in value:
                return Fault("", f"there is no {name}")
        for name, item in value.items():
            part = parts.get(name, others)
            if part is not None and (fault := part(item)):
                return Fault(f".{name}{fault.where}", fault.said)
        return None

    return check


def _either(checks: list[Check]) -> Check:
    def check(value: Any) -> Fault | None:
        faults = [fault for each in checks if (fault := each(value))]
        if len(faults) < len(checks):
            return None
        return next((fault for fault in faults if fault.where), faults[0])

    return check
