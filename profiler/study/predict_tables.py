"""Tables of measured networks (.csv) → networks on the clock."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profiler import grid
from profiler.errors import ProfilerError, Unavailable, shortened
from profiler.prediction.calibration import MeasuredNetwork
from profiler.prediction.features import works_of
from profiler.records.columns import SETTING
from profiler.records.interval import Interval
from profiler.study.predict_networks import LatencySource, SourceNetwork, family_of, rows_at

SCALES = {"latency_s": 1.0, "latency_ms": 1e-3, "latency_us": 1e-6}
"""The columns of a table that may hold the latency, and their seconds."""
UNSTATED: Mapping[str, Any] = {
    "device": "cpu", "threads": None, "dtype": "fp32", "memory_format": "contiguous", "runtime": "eager", "compile": False,
    "mode": "infer", "optimizer": None,
}  # fmt: skip
"""What a table is taken to be measured in where it does not say."""
MOST_SECONDS = 1e6
SURE = 0.02
"""Half-width of a latency whose table states no interval, as a share."""


def table_source(name: str) -> LatencySource:
    """A table of measured networks of the zoo, by name, α, side and batch."""
    try:
        with Path(name).open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
    except FileNotFoundError:
        raise Unavailable(f"there is no file '{name}'; check its path") from None
    except (OSError, ValueError, csv.Error) as fault:  # ValueError: no UTF-8, or a zero byte in the name
        raise ProfilerError(f"{name!r} cannot be read as a table: {shortened(str(fault))}") from None
    column = next((key for key in SCALES if lines and key in lines[0]), None)
    if column is None or "model" not in (lines[0] if lines else ()):
        raise ProfilerError(f"'{name}' is not a table of latencies; it needs the columns model and {' or '.join(SCALES)}")
    timed: list[SourceNetwork] = []
    left: list[str] = []
    for number, line in enumerate(lines, 2):
        if not line[column]:
            continue
        seconds = _number(name, number, column, line[column], SCALES[column])
        try:
            batch = grid.side(line.get("batch") or 1, "batch")
            rows = rows_at(_record(line, batch))
            setting = tuple((key, _said(key, line)) for key in SETTING)
        except ProfilerError as fault:
            raise ProfilerError(f"'{name}', line {number}: {fault}") from None
        if rows is None:
            left.append(line["model"])
            continue
        ends = [_number(name, number, key, line[key]) for key in ("latency_low_s", "latency_high_s") if line.get(key)]
        low, high = ends if len(ends) == 2 else (seconds * (1 - SURE), seconds * (1 + SURE))
        if not low <= seconds <= high:
            raise ProfilerError(
                f"'{name}', line {number}: {column} {seconds:g} s is not between its ends, {low:g} and {high:g} s"
            )
        network = MeasuredNetwork(family_of(line["model"]), works_of(rows), Interval(seconds, low, high))
        timed.append(SourceNetwork(network, setting, batch))
    return LatencySource(name, timed, tuple(dict.fromkeys(left)), None)


def _record(line: Mapping[str, str], batch: int) -> dict[str, Any]:
    options = dict(each.split("=", 1) for each in (line.get("options") or "").split(",") if "=" in each)
    return {
        "model": line["model"],
        "options": options,
        "alpha": line.get("alpha") or None,
        "resolution": line.get("resolution") or None,
        "input": line.get("input") or None,
        "batch": batch,
    }


def _number(name: str, line: int, column: str, text: str, scale: float = 1.0) -> float:
    """Seconds of a latency in units of `scale`. Raises ProfilerError."""
    try:
        value = float(text) * scale
    except ValueError:
        value = 0.0
    if not 0 < value < MOST_SECONDS:
        raise ProfilerError(f"'{name}', line {line}: {column} '{text[:40]}' is not a latency; give a number above 0")
    return value


def _said(key: str, line: Mapping[str, str]) -> Any:
    text = line.get(key)
    if key == "runtime" and not text:
        return "compile" if _said("compile", line) else "eager"
    if text is None or text == "":
        return UNSTATED[key]
    if key == "threads":
        return grid.side(text, key)
    return text.lower() == "true" if key == "compile" else text
