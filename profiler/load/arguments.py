"""What `--set key=value` means to a factory: texts as the types that its annotations and defaults ask for. No torch."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from profiler.errors import ProfilerError, UnknownName, either, shortened

NOTHING = inspect.Parameter.empty
_YES, _NO = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


def checked(name: str, factory: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` as keywords for `factory`, texts turned into the types of its parameters.

    Raises UnknownName for a keyword that it does not take, ProfilerError for a value that does not fit or one that is missing.
    """
    known, open_ended = parameters(factory)
    found = {}
    for key, value in given.items():
        if key not in known and not open_ended:
            cure = f"(options of {name}: {', '.join(known) or 'none'})"
            raise UnknownName(f"option of {name}", key, known, cure)
        kind, default = known.get(key, (NOTHING, NOTHING))
        found[key] = typed(value, kind, default, f"{name}: {key}") if isinstance(value, str) else value
    missing = [key for key in required(factory) if key not in found]
    if missing:
        raise ProfilerError(
            f"{name} needs {' and '.join(missing)}; give {'each' if missing[1:] else 'it'}, as --set {missing[0]}=…"
        )
    return found


def parameters(factory: Callable[..., Any]) -> tuple[dict[str, tuple[Any, Any]], bool]:
    """{keyword: (type, default)} of `factory`, and whether it takes any others besides."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # written in C, or a callable without one
        return {}, True
    typed_as = hints(factory)
    known = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            known[name] = (typed_as.get(name, NOTHING), parameter.default)
    return known, any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())


WIDTHS = ("alpha", "width_mult", "width_multiplier", "multiplier")
"""What people call the argument of a factory that multiplies its widths."""


def width_of(*factories: Callable[..., Any] | None) -> str | None:
    """The argument that multiplies the widths: the first that one of these takes by such a name; None where none does."""
    known = [parameters(factory)[0] for factory in factories if factory is not None]
    return next((name for name in WIDTHS for takes in known if name in takes), None)


def hints(factory: Callable[..., Any]) -> dict[str, Any]:
    """The types of a factory's annotations, and under `return` what it makes; nothing where they do not evaluate."""
    try:
        return get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    except Exception:  # an annotation of somebody else's says nothing about its type
        return {}


def required(factory: Callable[..., Any]) -> list[str]:
    """The keywords without which `factory` cannot be called."""
    known, _ = parameters(factory)
    return [name for name, (_, default) in known.items() if default is NOTHING]


def typed(text: str, kind: Any, default: Any, where: str) -> Any:
    """`text` as a `kind`, or where there is none as the kind of `default`, or as the Python literal that it reads as."""
    if kind is NOTHING or kind is Any:
        kind = NOTHING if default is NOTHING or default is None else type(default)
    choices = get_args(kind) if _is_union(kind) else (kind,)
    accepted = []
    for choice in sorted(choices, key=_last_resort):
        try:
            return _as(text.strip(), choice)
        except ValueError as fault:
            accepted.append(str(fault))
    several = f", or --over {where.rpartition(' ')[2]}={shortened(text, 40)}" if "," in text or ".." in text else ""
    raise ProfilerError(
        f"{where} must be {' or '.join(dict.fromkeys(accepted))}, not {shortened(text, 80)}; change it{several}"
    )


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _last_resort(kind: Any) -> int:
    """A text fits str whatever it says, and float where it says a whole number: the narrow kinds first."""
    return {type(None): -1, bool: 0, int: 1, float: 2, str: 9}.get(kind, 3)


def _as(text: str, kind: Any) -> Any:
    """Raises ValueError with what would have been accepted."""
    word = text.lower()
    if kind is str:
        return text
    if kind is type(None):
        if word in ("none", "null"):
            return None
        raise ValueError("none")
    if kind is bool:
        if word in _YES or word in _NO:
            return word in _YES
        raise ValueError("true or false")
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError("a whole number" if kind is int else "a number") from None
    if get_origin(kind) is Literal:
        for choice in get_args(kind):
            if text == str(choice):
                return choice
        raise ValueError(either([str(choice) for choice in get_args(kind)]))
    return _container(text, kind)


def _container(text: str, kind: Any) -> Any:
    """A literal, as the tuple or list that `kind` may ask for; a text that is no literal where anything goes."""
    word = text.lower()
    if word in ("none", "null", "true", "false"):
        return {"true": True, "false": False}.get(word)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = text
    plain = get_origin(kind) or kind
    if plain in (tuple, list, dict, set):
        if not isinstance(value, tuple | list | dict | set):
            raise ValueError(f"a {plain.__name__}, as {'{1: 2}' if plain is dict else '[2, 2]'}")
        return plain(value)
    return value
