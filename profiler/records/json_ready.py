"""Values as JSON holds them: numbers of other libraries as Python's own, what JSON has nothing for as text."""

from __future__ import annotations

from collections.abc import Mapping, Set
from numbers import Integral, Real
from typing import Any


def json_ready(value: Any) -> Any:
    """`value` of None, bools, ints, floats, texts, and tuples, lists and dicts of them: numpy's 3 is 3, a dtype its name."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {key if type(key) is str else str(json_ready(key)): json_ready(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(json_ready, value))
    if isinstance(value, list | Set):
        return [json_ready(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if kind.__module__ == "numpy" and not getattr(value, "shape", None):  # its bool, which is no number to Python
        return value.item() if hasattr(value, "item") else str(value)
    return str(value)
