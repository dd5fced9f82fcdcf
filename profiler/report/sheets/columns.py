"""A record → the text of one cell of a table: counts in the unit asked for, latencies with their interval and grade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from profiler.records.profile import Record
from profiler.records.results import Results
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


# Which columns a comparison, a sweep or a benchmark shows unless told otherwise


def default_columns(results: Results) -> list[str]:
    """What a comparison or a sweep shows unless told otherwise: what varies, what it costs, what the witnesses say."""
    if results.command == "bench":
        return _bench_columns(results)
    present = results.columns
    checks = [name for name in present if name.endswith("_macs") and name != "side_macs"]
    clock = _clock_columns(results)
    total = ["total"] if any(record["convention"] != "paper" for record in results) else []
    side = [name for name in ("side_params", "side_macs") if any(record[name] for record in results)]
    if results.command == "compare":
        place = [name for name in ("alpha", "resolution", "batch") if _varies(results, name)]
        ratios = ["params_ratio", "macs_ratio"] if len(results) > 1 else ["", ""]
        shown = [
            "model",
            *place,
            "params",
            ratios[0],
            "macs",
            ratios[1],
            *total,
            "activations",
            "weight_bytes",
            *side,
            *checks,
            *clock,
        ]
        return [name for name in shown if name]
    place = [name for name in ("model", "batch") if _varies(results, name)]
    accuracy = ["top1"] if any(record["top1"] is not None for record in results) else []
    if any(record["alpha"] is not None for record in results):
        place.append("alpha")
    return [*place, "resolution", "params", *side, "macs", *total, "activations", *accuracy, *checks, *clock]


def _clock_columns(results: Results) -> list[str]:
    """What stands on the right of the counts where they were measured too."""
    if not results.measured:
        return []
    epoch = ["epoch_s"] if any(record.get("epoch_s") is not None for record in results) else []
    pareto = ["pareto"] if any(record.get("pareto") is not None for record in results) else []
    gpu = ["device_s"] if any(record.get("device_s") is not None for record in results) else []
    ratio = ["ratio"] if results.command != "sweep" and len(results) > 1 else []
    return ["latency_s", *gpu, "images_per_second", *epoch, *ratio, *pareto]


def _bench_columns(results: Results) -> list[str]:
    """What varies, the latency, and what came before it."""
    axes = ("alpha", "resolution", "batch", "device", "threads", "dtype", "memory_format", "compile")
    place = ["model", *(name for name in axes if _varies(results, name))]
    compiled = ["compile_s"] if any(record.get("compile_s") is not None for record in results) else []
    before = ["first_call_s", *compiled, "peak_bytes"]
    return [*place, "macs", *_clock_columns(results), *before]


def _varies(results: Results, name: str) -> bool:
    return len({str(record.get(name)) for record in results}) > 1


def narrow_columns(results: Results) -> list[str]:
    """Where the terminal has no room for all: what tells the cells apart, multiply-adds, latency, ratio."""
    shown = default_columns(results)
    kept = ("alpha", "resolution", "batch", "device", "threads", "dtype", "memory_format", "compile", "macs", "top1")
    place = [name for name in shown if name in kept and (_varies(results, name) or name == "macs")]
    clock = [name for name in shown if name in ("latency_s", "epoch_s", "ratio", "pareto")]
    model = ["model"] if _varies(results, "model") or not place else []
    rate = ["images_per_second"] if "ratio" not in clock and "images_per_second" in shown else []
    return [*model, *place, clock[0], *rate, *clock[1:]]
