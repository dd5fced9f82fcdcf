"""A record → the text of one cell of a table: counts in the unit asked for, latencies with their interval and grade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from profiler.records import Record
from profiler.report import units
from profiler.report.units import Unit


@dataclass(frozen=True)
class Column:
    """A heading, and whether numbers stand under it."""

    heading: str
    right: bool = True
    best: Literal["", "least", "most"] = ""
    """Which of its numbers is the best; papers print it in bold."""
    bar: bool = False
    """True of shares in percent, beside which a terminal draws bars."""


Cell = Callable[[Record, Record, Unit], str]
"""(this record, the first one, unit) → text."""
WAITING = "…"


def counted(key: str) -> Cell:
    """A count, in the unit asked for."""
    return lambda record, first, unit: units.count(record.get(key), unit)  # type: ignore[arg-type]


def text(key: str) -> Cell:
    """A value as it is."""

    def cell(record: Record, first: Record, unit: Unit) -> str:
        value: Any = record.get(key)
        return units.UNKNOWN if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    return cell


def _latency(record: Record, first: Record, unit: Unit) -> str:
    """`3.42 ms ±0.8 % A`: never without its interval and grade."""
    if "latency_s" not in record:
        return WAITING
    value, low, high = record["latency_s"], record["latency_low_s"], record["latency_high_s"]
    if value is None or low is None or high is None:
        return units.UNKNOWN
    said = f" {units.interval(value, low, high)} {record['grade']}"
    return units.amount(units.seconds(value), value, "seconds", rest=said, ends=(low, high))


def _ratio(record: Record, first: Record, unit: Unit) -> str:
    """`1.93× ±1.2 % slower`, over the rounds that measured both."""
    if record is first:
        return "1.00×" if record.get("latency_s") is not None else WAITING if "latency_s" not in record else units.UNKNOWN
    value, low, high = record.get("ratio"), record.get("ratio_low"), record.get("ratio_high")
    if value is None or low is None or high is None:
        return WAITING if "latency_s" not in record else units.UNKNOWN
    return f"{units.times(value)} {units.interval(value, low, high)} {record['verdict']}"


def _timed(key: str) -> Cell:
    def cell(record: Record, first: Record, unit: Unit) -> str:
        return WAITING if "latency_s" not in record else units.seconds(record.get(key))  # type: ignore[arg-type]

    return cell


def _bytes(key: str) -> Cell:
    def cell(record: Record, first: Record, unit: Unit) -> str:
        value: Any = record.get(key)
        return WAITING if "latency_s" not in record else units.UNKNOWN if value is None else units.size(value)

    return cell


def _rate(record: Record, first: Record, unit: Unit) -> str:
    return WAITING if "latency_s" not in record else units.rate(record.get("images_per_second"))


MEASURED: dict[str, tuple[Column, Cell]] = {
    "latency_s": (Column("latency", best="least"), _latency),
    "latency_low_s": (Column("from"), _timed("latency_low_s")),
    "latency_high_s": (Column("to"), _timed("latency_high_s")),
    "ratio": (Column("× the first"), _ratio),
    "images_per_second": (Column("images/s", best="most"), _rate),
    "epoch_s": (Column("epoch", best="least"), _timed("epoch_s")),
    "build_s": (Column("build"), _timed("build_s")),
    "first_call_s": (Column("first call"), _timed("first_call_s")),
    "compile_s": (Column("compile"), _timed("compile_s")),
    "device_s": (Column("on the device"), _timed("device_s")),
    "peak_bytes": (Column("peak", best="least"), _bytes("peak_bytes")),
    "pareto": (Column(""), lambda record, first, unit: "*" if record.get("pareto") else ""),
    "ratio_low": (Column("ratio from"), text("ratio_low")),
    "ratio_high": (Column("ratio to"), text("ratio_high")),
    **{
        name: (Column(heading, right=False), text(name))
        for name, heading in (
            ("device", "device"), ("dtype", "dtype"), ("memory_format", "memory format"), ("compile", "compiled"),
            ("mode", "mode"), ("optimizer", "optimizer"), ("grade", "grade"), ("reason", "reason"), ("verdict", "verdict"),
            ("launch_bound", "launch-bound"), ("stop", "stopped"),
        )
    },
    "threads": (Column("threads"), text("threads")),
}  # fmt: skip
