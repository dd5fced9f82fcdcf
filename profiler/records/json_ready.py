"""Values as JSON holds them: numbers of other libraries as Python's own, what JSON has nothing for as text."""

from __future__ import annotations

from collections.abc import Mapping, Set
from math import isfinite
from numbers import Integral, Real
from typing import Any

from profiler.errors import text_of


def json_ready(value: Any) -> Any:
    """`value` of None, bools, ints, floats, texts, and tuples, lists and dicts of them: numpy's 3 is 3, a dtype its name.

    JSON has no NaN and no infinity: these are texts, `nan` and `inf`.
    """
    kind = type(value)
    if kind is float:
        return value if isfinite(value) else str(value)
    if value is None or kind in (bool, int, str):
        return value
    if isinstance(value, Mapping):
        return {key if type(key) is str else text_of(json_ready(key)): json_ready(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(json_ready, value))
    if isinstance(value, list | Set):
        return [json_ready(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return json_ready(float(value))
    if kind.__module__ == "numpy" and not getattr(value, "shape", None):  # its bool, which is no number to Python
        return value.item() if hasattr(value, "item") else str(value)
    return text_of(value)
