"""What the decorators of a forward take besides what its signature says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

MOST = 64
"""Decorators of one forward that are looked at: what wraps itself has no end."""


def a_decorator_takes(forward: Callable[..., Any], key: str) -> bool:
    """Whether a decorator of `forward` holds `key`, as one does that renames an argument of an earlier version."""
    for _ in range(MOST):
        if (wrapped := getattr(forward, "__wrapped__", None)) is None:
            break
        function = getattr(forward, "__func__", forward)
        code = getattr(function, "__code__", None)
        held = [*(code.co_consts if code is not None else ()), *_closure(function)]
        if key in _texts(held):
            return True
        forward = wrapped
    return False


def _texts(values: Iterable[Any]) -> set[str]:
    """The texts among values, and inside those that are collections."""
    inside = [each for value in values if type(value) in (tuple, list, set, frozenset, dict) for each in value]
    return {each for each in (*values, *inside) if type(each) is str}


def _closure(function: Any) -> Iterator[Any]:
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # an empty cell
            yield cell.cell_contents
