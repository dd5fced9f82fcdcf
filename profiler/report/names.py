"""What networks are called where several stand side by side, so that no two of them look alike."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from profiler.records.columns import COLUMNS
from profiler.records.place import written
from profiler.records.profile import Profile
from profiler.report import units

AXES = tuple(column.name for column in COLUMNS.values() if column.varies)
"""What cells of one network differ in; what is compiled is told from the rest by its runtime."""
_IMAGE = re.compile(r"\d+x\d+x\d+")
TELLING = ("options", "input", *AXES)
"""Columns that tell records of one network apart."""
_SAID = {"alpha": "α {}", "resolution": "side {}", "batch": "batch {}", "threads": "{} threads", "input": "input {}"}


def model(record: Mapping[str, Any], apart: Collection[str] = ()) -> str:
    """`mobilenet_v1@separable=false`, without the options that stand apart in columns of their own; or its label."""
    if record.get("label"):
        return str(record["label"])
    options = {key: value for key, value in record["options"].items() if key not in apart}
    return str(record["model"]) + (f"@{','.join(written(options))}" if options else "")


def telling(records: Sequence[Mapping[str, Any]], shown: Sequence[str], over: Sequence[str] = ()) -> list[str]:
    """`shown`, and after it the columns without which two records that are not of one cell would look alike in these.

    `over` are columns of options that a study runs over.
    """
    names = list(shown)
    while alike := _alike(records, names):
        more = next((name for name in (*over, *TELLING) if name not in names and _apart(alike, name)), None)
        if more is None:
            return names
        names.append(more)
    return names


def _alike(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[list[Mapping[str, Any]]]:
    """Records that look alike in these columns, where there is more than one."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for record in records:
        look = tuple(model(record) if name == "model" else str(record.get(name)) for name in names)
        groups.setdefault(look, []).append(record)
    return [group for group in groups.values() if len(group) > 1]


def _apart(groups: Sequence[Sequence[Mapping[str, Any]]], name: str) -> bool:
    return any(len({str(record.get(name)) for record in group}) > 1 for group in groups)


def worded(column: str, value: Any) -> str:
    """`batch 8`, `side 224`: what a column holds, in words."""
    return _SAID.get(column, "{}").format(value)


def side_tells_input(records: Sequence[Mapping[str, Any]]) -> bool:
    """True where the records of one network at one side have one input."""
    seen: dict[tuple[str, Any], Any] = {}
    return all(seen.setdefault((model(each), each["resolution"]), each["input"]) == each["input"] for each in records)


def size_column(records: Sequence[Mapping[str, Any]]) -> str:
    """The column that tells how large the inputs are: the input itself where an image is not square, which has no one side."""
    oblong = any(record["resolution"] is None and _IMAGE.fullmatch(str(record["input"])) for record in records)
    return "input" if oblong else "resolution"


def of_records(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The networks, with what else tells the records apart where they are of one."""
    names = [record.get("label") or ",".join([record["model"], *written(record["options"])]) for record in records]
    shown = ["model"]
    if _alike(records, shown):
        shown += [name for name in AXES if len({str(record.get(name)) for record in records}) > 1]
    for column in telling(records, shown)[1:]:
        values: list[Any] = [record.get(column) for record in records]
        names = [
            name if value is None else f"{name}, {worded(column, value)}" for name, value in zip(names, values, strict=True)
        ]
    return names


def of_profiles(profiles: Sequence[Profile], records: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """The networks, as their records call them, with the place that they were counted at where one stands there twice."""
    labels = [record.get("label") for record in records] if len(records) == len(profiles) else [None] * len(profiles)
    names = [label or profile.model for label, profile in zip(labels, profiles, strict=True)]
    return [
        name if names.count(name) == 1 else _with_place(name, profile) for name, profile in zip(names, profiles, strict=True)
    ]


def _with_place(name: str, profile: Profile) -> str:
    """The network with the options, α, inputs and batch that it was counted at."""
    alpha = [] if profile.alpha in (None, 1) else [f"α={float(profile.alpha or 0):g}"]
    batch = [] if profile.batch in (None, 1) else [f"batch {profile.batch}"]
    return ", ".join([name, *written(profile.options), *alpha, *map(units.shape, profile.inputs), *batch])
