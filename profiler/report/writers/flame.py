"""Layers as flame graphs: speedscope's file format, one profile a network and weight, the module paths as stacks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Any

from profiler.errors import ProfilerError
from profiler.records.measured import Measured
from profiler.records.profile import Profile, Row
from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.report import names

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
COUNTS = (("MACs", "macs"), ("params", "params"), ("activations", "activations"))
Weighed = tuple[str, str, str, Sequence[Row], Sequence[int | float]]
"""network, weight, unit, rows, and what each weighs."""


def speedscope(subject: Any) -> str:
    """The layers of `subject` by MACs, params and activations, and by seconds where they were clocked.

    A count's weights are integers, and their sum is the network's total. Raises ProfilerError where there are no layers.
    """
    frames: dict[str, int] = {}
    profiles = [_profile(frames, each) for each in weighed(subject) if sum(each[4])]
    if not profiles:
        raise ProfilerError(
            "a flame graph needs layers, and this result has none; write it with `profiler show` or `profiler bench --layers`"
        )
    made = {
        "$schema": SCHEMA,
        "exporter": "profiler",
        "name": ", ".join(dict.fromkeys(each["name"].rpartition(", ")[0] for each in profiles)),
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": name} for name in frames]},
        "profiles": profiles,
    }
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n"


@singledispatch
def weighed(found: object) -> Iterable[Weighed]:  # noqa: ARG001  # every function of this dispatch takes it
    """The layers of a result with what each weighs; none, unless its type says otherwise."""
    return ()


@weighed.register(Shown)
def _(found: Shown) -> Iterable[Weighed]:
    return _counted(found.profile)


@weighed.register(Measured)
def _(found: Measured) -> Iterable[Weighed]:
    for each in found.layers:
        rows = [timed.row for timed in each.rows]
        yield each.model, "time", "seconds", rows, [timed.seconds for timed in each.rows]
        yield from _counts(each.model, rows)


@weighed.register(Results)
def _(found: Results) -> Iterable[Weighed]:
    for name, profile in zip(names.of_profiles(found.profiles, found), found.profiles, strict=True):
        yield from _counts(name, [row for row in profile.rows if not row.side])


def _counted(profile: Profile) -> Iterable[Weighed]:
    yield from _counts(profile.model, [row for row in profile.rows if not row.side])


def _counts(model: str, rows: Sequence[Row]) -> Iterable[Weighed]:
    for name, key in COUNTS:
        yield model, name, "none", rows, [getattr(row, key) for row in rows]


def _profile(frames: dict[str, int], weighed: Weighed) -> dict[str, Any]:
    """A sampled profile: a stack and a weight for each row that weighs anything, in running order."""
    model, name, unit, rows, weights = weighed
    kept = [(row, weight) for row, weight in zip(rows, weights, strict=True) if weight]
    return {
        "type": "sampled",
        "name": f"{model}, {name}",
        "unit": unit,
        "startValue": 0,
        "endValue": _total([weight for _, weight in kept]),
        "samples": [[frames.setdefault(frame, len(frames)) for frame in _stack(model, row)] for row, _ in kept],
        "weights": [weight for _, weight in kept],
    }


def _total(weights: Sequence[int | float]) -> int | float:
    """The sum: exact where it is of counts, and correctly rounded of seconds, which every version of Python adds up alike."""
    return sum(weights) if all(isinstance(weight, int) for weight in weights) else math.fsum(weights)


def _stack(model: str, row: Row) -> list[str]:
    """The network, every module on the way by its whole path, then the operation."""
    names = row.path.split(".") if row.path else []
    return [model, *(".".join(names[:i]) for i in range(1, len(names))), f"{row.path} ({row.op})".strip()]
