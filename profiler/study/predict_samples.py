"""Samples of an earlier run (.samples.jsonl) → networks of the zoo on the clock, with their layers where these were clocked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from profiler.errors import ProfilerError, Unavailable
from profiler.measure.outcomes import Outcome
from profiler.measure.own_folder import printable
from profiler.measure.plan import LEAST_ROUNDS
from profiler.measure.recorded import recorded
from profiler.measure.statistics import median_interval, shares
from profiler.prediction.calibration import ClockedLayer, MeasuredNetwork
from profiler.prediction.features import is_free, kind_of, work_of, works_of
from profiler.records.columns import SETTING
from profiler.records.profile import Row
from profiler.study.leaf_rows import rows_by_leaf, rows_of
from profiler.study.predict_networks import LatencySource, SourceNetwork, family_of, network_at


class _Key(msgspec.Struct):
    """What the key of a cell says of it."""

    model: str
    batch: int
    device: str
    threads: int | None
    dtype: str
    memory_format: str
    runtime: str
    mode: str
    optimizer: str | None = None
    options: dict[str, Any] = {}
    alpha: float | None = None
    input: str = ""
    counts: list[int] | None = None


def samples_source(path: Path) -> LatencySource:
    """The networks of the zoo in a file of samples, in the order of its cells. Raises Unavailable, ProfilerError.

    A network that counts otherwise today than when it was measured is another one, and is left out.
    """
    if not path.exists():
        raise Unavailable(f"there is no file '{path}'; check its path")
    found = recorded(path)
    if found.command == "selftest":
        raise ProfilerError(
            f"samples '{path}': they are of a selftest, which slows its networks on purpose; give those of bench, sweep or fit"
        )
    timed: list[SourceNetwork] = []
    left: dict[str, None] = {}
    changed: dict[str, None] = {}
    why = ""
    for text, outcome in found.outcomes.items():
        key = _key(path, text)
        interval = median_interval(list(outcome.medians.values())) if len(outcome.rounds) >= LEAST_ROUNDS else None
        if interval is None:
            why = why or printable(outcome.reason, 200) or f"{len(outcome.rounds)} of {LEAST_ROUNDS} rounds were measured"
            continue
        network = network_at({**msgspec.structs.asdict(key), "resolution": None})
        if network is None:
            left[printable(key.model)] = None
            continue
        if key.counts is not None and list(network.totals(key.batch)) != key.counts:
            changed[printable(key.model)] = None
            continue
        rows = network.profile(key.batch).rows
        layers = _layers(rows, outcome, interval.estimate)
        measured = MeasuredNetwork(family_of(key.model), works_of(rows_by_leaf(rows)), interval, layers)
        said = {**msgspec.structs.asdict(key), "compile": key.runtime == "compile"}
        setting = tuple((name, said[name]) for name in SETTING)
        timed.append(SourceNetwork(measured, setting, key.batch))
    return LatencySource(str(path), timed, tuple(left), found.machine, why, tuple(changed))


def _key(path: Path, text: str) -> _Key:
    try:
        return msgspec.json.decode(text, type=_Key)
    except msgspec.DecodeError as fault:
        raise ProfilerError(f"samples '{path}': a cell does not describe a network ({printable(str(fault), 200)})") from None


def _layers(rows: tuple[Row, ...] | list[Row], outcome: Outcome, seconds: float) -> tuple[ClockedLayer, ...]:
    """The layers of a network, where they were clocked in every round."""
    rounds: list[Mapping[str, float]] = [each.visit.layers for each in outcome.rounds.values()]
    if not all(rounds):
        return ()
    share = shares(rounds)
    timed = [(path, row) for path, row in rows_of(rows, list(share)).items() if not is_free(row)]
    return tuple(ClockedLayer(kind_of(row), work_of(row), share[path] * seconds) for path, row in timed)
