"""The columns of a record, each once: what it holds, what tables call it, its unit, which end is better, where it comes from.

A new column that is counted or measured is one line here: `of` makes its value from a Profile, or from a Timing. Tables, pages,
plots, CSV, the documents on disk and `--columns` read this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from math import ceil
from typing import Any, Literal, NamedTuple

from profiler.records.json_ready import json_ready
from profiler.records.place import shape

Record = dict[str, Any]
"""One cell of a comparison or sweep: {column: value}; an unknown is None, what a running study has still to find is WAITING."""
Unit = Literal["", "count", "macs", "seconds", "bytes", "accuracy", "rate", "ratio", "share", "joules", "difference"]


class State(Enum):
    """What a field is that is neither a value nor unknown."""

    WAITING = "…"


WAITING = State.WAITING


class Column(NamedTuple):
    """One column of the records."""

    name: str
    holds: type = int
    """Of what a value is, where it is not None."""
    heading: str = ""
    """What tables call it; its name with spaces unless given."""
    unit: Unit = ""
    better: Literal["", "least", "most"] = ""
    """Which of its numbers is the best."""
    axis: int = 0
    """Of what a trade-off can be drawn of, its rank as a first choice, from 1; 0 where it cannot."""
    varies: bool = False
    """True of what tells cells apart: where one was counted, and in what setting it was measured."""
    of: Callable[[Any], Any] | None = None
    """Its value: of a Profile where it is counted, of a Timing where it is measured."""
    label: str = ""
    """What a page calls it, where a table's heading does not do alone."""
    unknown: bool = False
    """True where it may be unknown (null)."""
    option: bool = False
    """True of an option that a study ran over: not a column of the contract; it belongs to one run."""
    later: bool = False
    """True of what is counted since a later version: documents of earlier ones lack it, and there it is unknown."""

    @property
    def title(self) -> str:
        """Its heading in a table."""
        return self.heading or self.name.replace("_", " ")


COUNTED = (
    Column("model", str, of=lambda p: p.model),
    Column("options", dict, of=lambda p: dict(p.options)),
    Column("alpha", float, "α", varies=True, unknown=True, of=lambda p: None if p.alpha is None else float(p.alpha)),
    Column("resolution", int, "side", varies=True, unknown=True, of=lambda p: p.resolution),
    Column("input", str, of=lambda p: " ".join(map(shape, p.inputs))),
    Column("batch", int, varies=True, unknown=True, of=lambda p: p.batch),
    Column("params", int, unit="count", better="least", axis=5, of=lambda p: p.totals.params),
    Column("weights", int, unit="count", of=lambda p: p.totals.weights),
    Column("side_params", int, "auxiliary params", unit="count", of=lambda p: p.totals.side_params),
    Column("buffers", int, unit="count", of=lambda p: p.totals.buffers),
    Column("macs", int, "MACs", unit="macs", better="least", axis=4, of=lambda p: p.totals.macs),
    Column("side_macs", int, "auxiliary MACs", unit="count", of=lambda p: p.totals.side_macs),
    Column("elementwise", int, unit="count", axis=7, of=lambda p: p.totals.elementwise),
    Column("activations", int, unit="count", axis=6, of=lambda p: p.totals.activations),
    Column("weight_bytes", int, "weights (fp32)", unit="bytes", better="least", axis=9, of=lambda p: p.weight_bytes),
    Column("convention", str),
    Column("total", int, unit="count", axis=8),
    Column("top1", float, "top-1 %", unit="accuracy", better="most", axis=1, unknown=True),
    Column("unread", int, unit="count", later=True, of=lambda p: p.unread),
    Column("moved", int, unit="bytes", later=True, of=lambda p: p.totals.moved),
    Column("parameter_bytes", dict[str, int], later=True, of=lambda p: p.bytes_by_dtype),
    Column("label", str, unknown=True, later=True),
    Column("top1_source", str, "top-1 from", unknown=True, later=True),
    Column("weight_dtype", str, "weights in", unknown=True, later=True, of=lambda p: one_dtype(p.bytes_by_dtype)),
    Column("active_params", int, "active", unit="count", later=True, of=lambda p: p.active_params),
    Column("useful_macs", int, "useful", unit="macs", later=True, of=lambda p: p.useful_macs),
)
GIVEN = "given"
"""The source of an accuracy that the user gives; of a published one it is the table that prints it."""
MIXED = "mixed"
WITNESSED = (
    Column("fvcore_macs", int, "fvcore", unknown=True),
    Column("fvcore_total", int, unit="count", unknown=True),
    Column("thop_macs", int, "thop", unknown=True),
    Column("thop_total", int, unit="count", unknown=True),
    Column("torch_macs", int, "torch", unknown=True),
    Column("traced_macs", int, "traced", unknown=True),
)
"""What the other engines count: the part that compares with ours, and what they print where that is another number."""
FITTED = (
    Column("memory_bytes", int, "memory", unit="bytes", better="least", axis=9, unknown=True),
    Column("fits", bool),
    Column("binding", str, "binds", label="binding limit"),
    Column("used", float, "used", "share", unknown=True),
    Column("latency_fits", str, "latency", label="latency within its limit", unknown=True),
    Column("top1_near", str, "top-1 published near it", unknown=True),
)
"""The columns of what was held to limits: whether it is within them, and how much of the one that binds it uses."""
PREDICTED = (
    Column("predicted_s", float, "predicted", "seconds", "least", axis=2, label="predicted latency", unknown=True),
    Column("predicted_low_s", float, "predicted from", "seconds", unknown=True),
    Column("predicted_high_s", float, "predicted to", "seconds", unknown=True),
    Column("predicted_from", str, "from what", unknown=True),
)
"""The latency of cells that were not measured: never in the columns of those that were."""
ENERGY = (
    Column(
        "joules_per_image", float, "energy/image", "joules", "least", axis=12, unknown=True, of=lambda t: t.joules_per_image
    ),
    Column("joules_low", float, "energy from", "joules", unknown=True, of=lambda t: t.joules_low),
    Column("joules_high", float, "energy to", "joules", unknown=True, of=lambda t: t.joules_high),
    Column("no_energy", str, "energy unknown since", unknown=True, of=lambda t: t.no_energy or None),
)
"""The columns of cells whose energy was asked for."""
FLEET = (Column("host", str, varies=True, unknown=True),)
"""The columns of cells that a fleet measured: the machine."""
SETTING = ("device", "threads", "dtype", "memory_format", "runtime", "compile", "mode", "optimizer")
"""The columns of what a cell was measured in."""
MEASURED = (
    Column("device", str, varies=True, of=lambda t: t.device),
    Column("threads", int, varies=True, of=lambda t: t.threads),
    Column("dtype", str, varies=True, of=lambda t: t.dtype),
    Column("memory_format", str, varies=True, of=lambda t: t.memory_format),
    Column("compile", bool, "compiled", of=lambda t: t.compile),
    Column("mode", str, of=lambda t: t.mode),
    Column("latency_s", float, "latency", "seconds", "least", axis=2, unknown=True, of=lambda t: t.latency_s),
    Column("latency_low_s", float, "from", "seconds", label="latency from", unknown=True, of=lambda t: t.latency_low_s),
    Column("latency_high_s", float, "to", "seconds", label="latency to", unknown=True, of=lambda t: t.latency_high_s),
    Column("grade", str, unknown=True, of=lambda t: t.grade),
    Column("reason", str, of=lambda t: t.reason),
    Column("images_per_second", float, "images/s", "rate", "most", axis=3, unknown=True, of=lambda t: t.images_per_second),
    Column("rounds", int, unit="count", of=lambda t: t.rounds),
    Column("samples", int, unit="count", of=lambda t: t.samples),
    Column("build_s", float, "build", "seconds", unknown=True, of=lambda t: t.build_s),
    Column("first_call_s", float, "first call", "seconds", unknown=True, of=lambda t: t.first_call_s),
    Column("compile_s", float, "compile", "seconds", unknown=True, of=lambda t: t.compile_s),
    Column("peak_bytes", int, "peak", "bytes", "least", axis=10, unknown=True, of=lambda t: t.peak_bytes),
    Column("ratio", float, "× the first", "ratio", label="ratio", unknown=True),
    Column("ratio_low", float, "ratio from", unknown=True),
    Column("ratio_high", float, "ratio to", unknown=True),
    Column("verdict", str, unknown=True),
    Column("pareto", bool, "", label="Pareto", unknown=True),
    Column("optimizer", str, unknown=True, of=lambda t: t.optimizer),
    Column("dataset_size", int, unit="count", unknown=True),
    Column("epoch_s", float, "epoch", "seconds", "least", axis=11, unknown=True),
    Column("device_s", float, "on the device", "seconds", unknown=True, of=lambda t: t.device_s),
    Column("launch_bound", bool, "launch-bound", unknown=True, of=lambda t: t.launch_bound),
    Column("stop", str, "stopped", unknown=True, of=lambda t: t.stop or None),
    Column("clock", str, unknown=True, of=lambda t: t.clock),
    Column("wall_s", float, "by the wall clock", "seconds", unknown=True, of=lambda t: t.wall_s),
    Column("runtime", str, varies=True, later=True, of=lambda t: t.runtime),
    Column("export_s", float, "export", "seconds", unknown=True, later=True, of=lambda t: t.export_s),
    Column("load_s", float, "load", "seconds", unknown=True, later=True, of=lambda t: t.load_s),
    Column(
        "artifact_bytes",
        int,
        "export file",
        "bytes",
        label="exported file",
        unknown=True,
        later=True,
        of=lambda t: t.artifact_bytes,
    ),
    Column("nodes", int, unit="count", unknown=True, later=True, of=lambda t: t.nodes),
    Column(
        "output_difference",
        float,
        "differs by",
        "difference",
        label="largest difference of the outputs from eager's",
        unknown=True,
        later=True,
        of=lambda t: t.output_difference,
    ),
)

GROUPS = (COUNTED, WITNESSED, FITTED, MEASURED, PREDICTED, ENERGY, FLEET)
COLUMNS: dict[str, Column] = {column.name: column for group in GROUPS for column in group}
"""Every column, in the order of the contract."""
BASE_COLUMNS = tuple(column.name for column in COUNTED)
"""The columns that every record has; those of a witness stand after them when it was asked."""
MEASURED_COLUMNS = tuple(column.name for column in MEASURED)
"""The columns that records have when they were measured."""


def option_column(key: str) -> str:
    """The column of an option that a study runs over: its own name, unless a column of the contract has that."""
    return f"option_{key}" if key in COLUMNS else key


def options_of(columns: Iterable[str]) -> list[str]:
    """The options that have these columns."""
    return [column.removeprefix("option_") for column in columns]


def column_of_option(name: str, values: Iterable[Any]) -> Column:
    """The column of an option as its values make it: of numbers, words or switches; numbers are an axis of plots too."""
    kinds = {type(value) for value in values if value is not None}
    holds: type = next(iter(kinds)) if len(kinds) == 1 else float if kinds == {int, float} else str
    return Column(name, holds, name, axis=20 if holds in (int, float) else 0, varies=True, unknown=True, option=True)


def of_engine(engine: str) -> tuple[str, ...]:
    """The columns of an engine's counts."""
    return tuple(column.name for column in WITNESSED if column.name.partition("_")[0] == engine)


def one_dtype(by_dtype: Mapping[str, int]) -> str | None:
    """The dtype of parameters, `mixed` where there are several, None where there are no parameters."""
    return None if not by_dtype else next(iter(by_dtype)) if len(by_dtype) == 1 else MIXED


_PLAIN = frozenset((int, str, float, type(None)))


def record(profile: Any, convention: str = "paper", total: int | None = None, top1: float | None = None) -> Record:
    """The record of a Profile; `total` is its count under `convention` (macs under `paper`)."""
    made = {column.name: column.of(profile) if column.of else None for column in COUNTED}
    made["convention"], made["total"], made["top1"] = convention, profile.totals.macs if total is None else total, top1
    return {name: value if type(value) in _PLAIN else json_ready(value) for name, value in made.items()}


def measured(timing: Any, dataset_size: int | None = None) -> Record:
    """The measured columns of a record, from its Timing, but for ratios and ranks, which take the other records too.

    With `dataset_size` an epoch lasts as many training steps as its samples make batches.
    """
    made = {column.name: column.of(timing) if column.of is not None else None for column in MEASURED}
    if dataset_size is not None:
        steps = ceil(dataset_size / timing.batch)
        made |= {"dataset_size": dataset_size, "epoch_s": None if timing.latency_s is None else timing.latency_s * steps}
    return made


def energy(timing: Any) -> Record:
    """The columns of a record whose energy was asked for, from its Timing."""
    return {column.name: column.of(timing) for column in ENERGY if column.of is not None}


def value(record: Mapping[str, Any], name: str) -> Any:
    """What a record holds in a column; None where that is unknown, still waited for, or was not asked."""
    found = record.get(name)
    return None if found is WAITING else found


def prediction(record: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """(estimate, low, high) in seconds; None where nothing was predicted."""
    estimate, low, high = (value(record, name) for name in ("predicted_s", "predicted_low_s", "predicted_high_s"))
    return None if estimate is None or low is None or high is None else (estimate, low, high)


def latency(record: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """(estimate, low, high) in seconds; None where it is unknown, still waited for, or was not asked."""
    estimate, low, high = (value(record, name) for name in ("latency_s", "latency_low_s", "latency_high_s"))
    return None if estimate is None or low is None or high is None else (estimate, low, high)
