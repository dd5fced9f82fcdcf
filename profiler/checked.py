"""The arguments of the library's public calls, held to what their annotations say: another type is refused in one sentence."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from os import PathLike
from typing import Any, NamedTuple, ParamSpec, TypeVar

from profiler.errors import ProfilerError, quoted

P = ParamSpec("P")
R = TypeVar("R")


class Kind(NamedTuple):
    """What an argument may be."""

    words: str
    accepts: Callable[[Any], bool]


def _is_listed(value: Any) -> bool:
    """Texts one by one; a generator is believed, since to look into it would use it up."""
    if isinstance(value, list | tuple | set | frozenset | dict):
        return all(isinstance(each, str) for each in value)
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _is_named(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


KINDS = {
    "None": Kind("None", lambda value: value is None),
    "str": Kind("a text", lambda value: isinstance(value, str)),
    "bool": Kind("True or False", lambda value: isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")),
    "int": Kind("a whole number", _is_whole),
    "float": Kind("a number", lambda value: isinstance(value, int | float | str) or hasattr(value, "__float__")),
    "PathLike[str]": Kind("a path", lambda value: isinstance(value, PathLike)),
    "Iterable[str]": Kind("a list of texts", _is_listed),
    "Sequence[str]": Kind("a list of texts", lambda value: isinstance(value, str) or _is_listed(value)),
    "Mapping[str, Any]": Kind("a dict with texts as keys", _is_named),
    "tuple[Any, ...]": Kind("a tuple", lambda value: isinstance(value, tuple | list)),
    "Watch": Kind("a function", callable),
}
"""{annotation: what it takes}; what is not here and is no class below is checked where it is used."""
CLASSES = {
    "Config": "profiler.Config.nearest()",
    "Saved": "what profiler.read gives",
    "BenchOptions": "profiler.BenchOptions(device=...)",
    "Layer": "a Layer",
    "nn.Module": "a torch.nn.Module",
}
"""{class: what it is called}, known by their names, so that none is loaded to be told from another."""


def checked(call: Callable[P, R]) -> Callable[P, R]:
    """`call`, whose arguments are held to their annotations. It raises ProfilerError for another type."""
    kinds = cache(lambda: _kinds(call))

    @wraps(call)
    def held(*args: P.args, **kwargs: P.kwargs) -> R:
        positional, rest, named = kinds()
        for (name, known), value in zip(positional, args, strict=False):
            _check(call.__name__, name, known, value)
        if rest is not None:
            for value in args[len(positional) :]:
                _check(call.__name__, *rest, value)
        for name, value in kwargs.items():
            if name in named:
                _check(call.__name__, name, named[name], value)
        return call(*args, **kwargs)

    return held


Known = tuple[Kind, ...]


def _kinds(call: Callable[..., Any]) -> tuple[list[tuple[str, Known]], tuple[str, Known] | None, dict[str, Known]]:
    """What each argument may be: those that may stand without their names, what stands behind them, and all by name."""
    found = inspect.signature(call).parameters
    every = {name: _known(str(parameter.annotation)) for name, parameter in found.items()}
    where = {name: parameter.kind for name, parameter in found.items()}
    positional = [(name, every[name]) for name in found if where[name] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    rest = next(((name, every[name]) for name in found if where[name] is inspect.Parameter.VAR_POSITIONAL), None)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return positional, rest, {name: known for name, known in every.items() if where[name] not in variable}


def _known(annotation: str) -> Known:
    """The kinds of an annotation; none where one of them is not known here, and anything is taken."""
    found = []
    for part in annotation.split(" | "):
        if part in KINDS:
            found.append(KINDS[part])
        elif part in CLASSES:
            found.append(Kind(CLASSES[part], _of_class(part.rpartition(".")[2])))
        else:
            return ()
    return tuple(found)


def _of_class(name: str) -> Callable[[Any], bool]:
    return lambda value: any(
        each.__name__ == name and each.__module__.partition(".")[0] in ("profiler", "torch") for each in type(value).__mro__
    )


def _check(call: str, name: str, known: Known, value: Any) -> None:
    if known and not any(kind.accepts(value) for kind in known):
        *most, last = dict.fromkeys(kind.words for kind in known if kind.words != "None")
        words = f"{', '.join(most)} or {last}" if most else last
        raise ProfilerError(f"{call}: {name} is {quoted(value)}, of type {type(value).__name__}; give {words}")
