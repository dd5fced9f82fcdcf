"""Whether a forward takes what it is given, by its signature: said before anything is run or copied."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from profiler.errors import ProfilerError, UnknownName
from profiler.module.decorators import a_decorator_takes

if TYPE_CHECKING:
    from torch import nn

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_call(name: str, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that the forward of `module` does not take, or without one that it needs.

    Says nothing where the signature is no witness: a hook that changes the arguments, a forward in C. Raises UnknownName,
    ProfilerError.
    """
    module = getattr(module, "_orig_mod", module)
    signature = _signature(module)
    if signature is None:
        return
    takes = signature.parameters
    named = [key for key, each in takes.items() if each.kind in _NAMED]
    known = ", ".join(named) or "nothing"
    free = any(each.kind is each.VAR_KEYWORD for each in takes.values())
    renamed = [key for key in kwargs if key not in named and a_decorator_takes(module.forward, key)]
    for key in kwargs:
        if key in named or key in renamed or (free and _takes_besides(module, takes, key)):
            continue
        read = _read(module.forward) if free else None
        named += sorted(read[0] - set(named)) if read is not None else []
        raise UnknownName(f"input of {name}", key, named, f"(its forward takes {_few(named)})" if len(named) > 30 else "")
    by_place = [key for key, each in takes.items() if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if len(args) > len(by_place) and not any(each.kind is each.VAR_POSITIONAL for each in takes.values()):
        raise ProfilerError(f"{name}: its forward takes {len(by_place)} inputs by place ({known}) but is given {len(args)}")
    if twice := [key for key in by_place[: len(args)] if key in kwargs and key in named]:
        raise ProfilerError(f"{name}: its input {twice[0]} is given by its place and by its name; give it once")
    given = {*by_place[: len(args)], *kwargs}
    wanting = [key for key, each in takes.items() if each.default is each.empty and key not in given]
    wanting = [key for key in wanting if takes[key].kind in (*_NAMED, inspect.Parameter.POSITIONAL_ONLY)]
    if wanting and not renamed:
        which = f"{', '.join(wanting[:-1])} and {wanting[-1]}" if wanting[1:] else wanting[0]
        raise ProfilerError(
            f"{name}: its forward needs {which}; give {'each' if wanting[1:] else 'it'} beside the others, "
            f"as --input {wanting[0]}={_example(wanting[0])}"
        )


def parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    """What the forward of a module takes, by name; nothing where nobody can tell."""
    signature = _signature(module)
    return {} if signature is None else signature.parameters


def _signature(module: nn.Module) -> inspect.Signature | None:
    import torch

    calls = type(module).__call__
    hooked = any(getattr(module, table, None) for table in ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs"))
    if hooked or calls is not torch.nn.Module.__call__ or isinstance(module, torch.jit.ScriptModule):
        return None
    try:
        return inspect.signature(module.forward)
    except (TypeError, ValueError):
        return None


def _example(name: str) -> str:
    if "ids" in name or "tokens" in name:
        return "128:int64"
    return "3x224x224" if "pixel" in name or "image" in name else "128"


def _few(names: Iterable[str]) -> str:
    """The first of `names`."""
    names = list(names)
    return ", ".join(names[:12]) + (" …" if names[12:] else "")


# **kwargs


def _takes_besides(module: nn.Module, takes: Mapping[str, inspect.Parameter], key: str) -> bool:
    """Whether a forward with **kwargs does anything with `key`, as far as its code tells."""
    rest = next(each for each in takes.values() if each.kind is each.VAR_KEYWORD)
    if key in _declared(rest.annotation):
        return True
    read = _read(module.forward)
    if read is None:
        return True
    names, passed_on = read
    if key in names:
        return True
    if not passed_on:
        return False
    if not type(module).__module__.startswith("transformers."):
        return True  # it is passed on to something that may take it, and python says where it does not
    return any(key in _named_by(part) for part in module.modules() if part is not module)


def _named_by(part: nn.Module) -> set[str]:
    try:
        takes = inspect.signature(part.forward).parameters
    except (TypeError, ValueError):
        return set()
    read = _read(part.forward)
    return {*takes, *(read[0] if read is not None else ())}


def _declared(annotation: Any) -> set[str]:
    """The keys of `**kwargs: Unpack[SomeTypedDict]`."""
    return {key for each in get_args(annotation) for key in getattr(each, "__annotations__", {})}


def _read(forward: Callable[..., Any]) -> tuple[set[str], bool] | None:
    """What a forward asks its **kwargs for by name, and whether it hands them on; None where its code does not tell."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(forward))))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef) or function.args.kwarg is None:
        return set(), False
    rest = function.args.kwarg.arg
    names: set[str] = set()
    understood: set[int] = set()
    passed_on = False
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=held) as at, slice=ast.Constant(value=str(key))) if held == rest:
                names.add(key)
                understood.add(id(at))
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=held) as at, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(value=str(key)), *_],
            ) if held == rest:
                names.add(key)
                understood.add(id(at))
            case ast.Compare(left=ast.Constant(value=str(key)), comparators=[ast.Name(id=held) as at]) if held == rest:
                names.add(key)
                understood.add(id(at))
            case ast.keyword(arg=None, value=ast.Name(id=held) as at) if held == rest:
                passed_on = True
                understood.add(id(at))
    used = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == rest]
    return (names, passed_on) if all(id(node) in understood for node in used) else None
