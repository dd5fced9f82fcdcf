"""Bytes of parameters with the dtypes that they are in: `16.1 MiB in fp32`, `15.0 GiB in bfloat16`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from profiler.records.columns import MIXED, one_dtype
from profiler.report import units

WORDS = {"float32": "fp32"}
"""What tables call a dtype, where not as torch does."""
SEVERAL = "weight bytes"
"""The heading above bytes of several dtypes."""


def word(name: str) -> str:
    """What tables call a dtype."""
    return WORDS.get(name, name)


def dtype(record: Mapping[str, Any]) -> str:
    """The dtype of a record's parameters, `mixed` where there are several, empty where it has none."""
    known = record.get("parameter_bytes")
    if not known:  # or a record of an earlier version, whose bytes are those of float32
        return word("float32") if record.get("params") else ""
    return word(one_dtype(known) or "")


def heading(records: Iterable[Mapping[str, Any] | None]) -> str:
    """The heading of the bytes of parameters: `weights (fp32)`, with their dtype where all records have the same."""
    dtypes = {dtype(record) for record in records if record is not None} - {""}
    if len(dtypes) > 1 or MIXED in dtypes:
        return SEVERAL
    return f"weights ({next(iter(dtypes), word('float32'))})"


def size_in_words(by_dtype: Mapping[str, int]) -> str:
    """`16.1 MiB in fp32`, `15.1 GiB: 15.0 GiB in bfloat16, 128.0 MiB in fp32`, the most first."""
    most = sorted(by_dtype.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{units.size(n)} in {word(name)}" for name, n in most)
    return parts if len(most) == 1 else f"{units.size(sum(by_dtype.values()))}{f': {parts}' if parts else ''}"
