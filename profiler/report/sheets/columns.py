"""A record → the text of one cell of a table: counts in the unit asked for, latencies with their interval and grade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from profiler.records.columns import (
    BASE_COLUMNS,
    COLUMNS,
    GIVEN,
    WAITING,
    WITNESSED,
    Column,
    Record,
    latency,
    options_of,
    prediction,
    value,
)
from profiler.records.limits import QUANTITIES as LIMITED
from profiler.records.place import written
from profiler.records.results import Results
from profiler.report import names, units
from profiler.report.sheets import dtypes
from profiler.report.units import Unit


@dataclass(frozen=True)
class Heading:
    """What stands above a column of a table, and whether numbers stand under it."""

    text: str
    right: bool = True
    best: Literal["", "least", "most"] = ""
    """Which of its numbers is the best; papers print it in bold."""
    bar: bool = False
    """True of shares in percent, beside which a terminal draws bars."""


Cell = Callable[[Record, Record, Unit], str]
"""(this record, the first one, unit) → text."""
RATIOS = ("params_ratio", "macs_ratio")
"""What tables show beside the columns of the records: a count over that of the first."""
LIKE_NUMBERS = ("input", "pareto")
"""Columns of words that stand to the right all the same."""


def of(name: str, results: Results) -> tuple[Heading, Cell]:
    """The table's column for a column of the records, or for one of the ratios."""
    if name in RATIOS:
        key = name.removesuffix("_ratio")
        return Heading("×"), lambda record, first, unit: units.ratio(record[key], first[key])
    column = results.column(name)
    if name == "model" and results.over:
        apart = options_of(results.over)
        return Heading(column.title, right=False), lambda record, first, unit: names.model(record, apart)
    right = column.holds not in (str, bool, dict) or name in LIKE_NUMBERS
    text = "" if name == "pareto" else column.title
    return Heading(text, right, column.better), _waiting(column, CELLS.get(name) or _by_unit(column))


def known(over: Iterable[str] = ()) -> list[str]:
    """What `--columns` and `--sort` take: the options `over` which a study runs besides."""
    return [*COLUMNS, *over, *RATIOS]


def _waiting(column: Column, cell: Cell) -> Cell:
    """The same, and an ellipsis while the value is still to come."""
    return lambda record, first, unit: WAITING.value if record.get(column.name) is WAITING else cell(record, first, unit)


def _by_unit(column: Column) -> Cell:
    """A cell of a column that has nothing of its own to it."""
    name = column.name
    if column in WITNESSED and not column.unit:
        return lambda record, first, unit: _witness(record, name, unit)
    make = UNITS[column.unit]
    return lambda record, first, unit: units.UNKNOWN if record.get(name) is None else make(record[name], units.of(unit, name))


def _plain(value: Any, unit: Unit) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


UNITS: dict[str, Callable[[Any, Unit], str]] = {
    "": _plain,
    "count": units.count,
    "macs": units.macs,
    "seconds": lambda value, unit: units.seconds(value),
    "joules": lambda value, unit: units.joules(value),
    "bytes": lambda value, unit: units.size(value),
    "accuracy": lambda value, unit: units.accuracy(value),
    "rate": lambda value, unit: units.rate(value),
    "ratio": lambda value, unit: units.times(value),
    "share": lambda value, unit: f"{100 * value:.1f} %",
    "difference": lambda value, unit: f"{value:.0e}",
}


def _witness(record: Record, name: str, unit: Unit) -> str:
    """`equal`, or the number that an engine counts instead."""
    found = record.get(name)
    return units.UNKNOWN if found is None else "equal" if found == record["macs"] else units.count(found, unit, "macs")


def latency_text(record: Record) -> str:
    """`3.42 ms ±0.8 % A`: never without its interval and grade."""
    known = latency(record)
    if known is None:
        return units.UNKNOWN
    estimate, low, high = known
    rest = f" {units.interval(estimate, low, high)} {record['grade']}"
    return units.amount(units.seconds(estimate), estimate, "seconds", rest=rest, ends=(low, high))


def energy_text(record: Record) -> str:
    """`12.3 mJ ±0.4 %`: never without its interval."""
    joules, low, high = (value(record, name) for name in ("joules_per_image", "joules_low", "joules_high"))
    if joules is None or low is None or high is None:
        return units.UNKNOWN
    rest = f" {units.interval(joules, low, high)}"
    return units.amount(units.joules(joules), joules, "joules", rest=rest, ends=(low, high))


def predicted_text(record: Record) -> str:
    """`≈ 12.4 ms [11.1, 13.9]`: never without its interval."""
    found = prediction(record)
    if found is None:
        return units.UNKNOWN
    middle, low, high = found
    text = str(units.seconds(middle))
    step = middle / float(text.split()[0].replace(",", ""))
    return f"≈ {text} [{units.three_digits(low / step)}, {units.three_digits(high / step)}]"


def accuracy_text(record: Record) -> str:
    """`72.0`, with a mark where the user gives it: `74.1†`."""
    percent = value(record, "top1")
    if percent is None or not is_given(record):
        return units.accuracy(percent)
    return units.amount(units.accuracy(percent), percent, rest=DAGGER)


def is_given(record: Record) -> bool:
    """Whether the user gives the accuracy of a record, and no publication."""
    return record.get("top1_source") == GIVEN


DAGGER = "†"


def _ratio(record: Record, first: Record, unit: Unit) -> str:
    """`1.93× ±1.2 % slower`, over the rounds that measured both."""
    if record is first or _is_first_of_its_device(record, first):
        return "1.00×" if latency(record) is not None else units.UNKNOWN
    found, low, high = record["ratio"], record["ratio_low"], record["ratio_high"]
    if found is None or low is None or high is None:
        return units.UNKNOWN
    return f"{units.times(found)} {units.interval(found, low, high)} {record['verdict']}"


def _is_first_of_its_device(record: Record, first: Record) -> bool:
    """Whether a record of a fleet is of the cell that ratios are to, on another device than the first."""
    if record.get("host") is None or record["ratio"] is not None:
        return False
    same = (*BASE_COLUMNS, "dtype", "memory_format", "runtime", "mode", "optimizer")
    return all(record.get(name) == first.get(name) for name in same)


def limited(quantity: str) -> str:
    """What tables call the quantity of a limit."""
    if quantity not in LIMITED:
        return quantity
    return "weights" if quantity == "weight_bytes" else COLUMNS[LIMITED[quantity]].title


CELLS: dict[str, Cell] = {
    "model": lambda record, first, unit: names.model(record),
    "options": lambda record, first, unit: ",".join(written(record["options"])),
    "alpha": lambda record, first, unit: units.UNKNOWN if record["alpha"] is None else f"{record['alpha']:g}",
    "label": lambda record, first, unit: record.get("label") or "",
    "top1": lambda record, first, unit: accuracy_text(record),
    "weight_dtype": lambda record, first, unit: dtypes.dtype(record) or units.UNKNOWN,
    "latency_s": lambda record, first, unit: latency_text(record),
    "joules_per_image": lambda record, first, unit: energy_text(record),
    "ratio": _ratio,
    "pareto": lambda record, first, unit: "*" if record["pareto"] else "",
    "predicted_s": lambda record, first, unit: predicted_text(record),
    "binding": lambda record, first, unit: limited(record["binding"]),
}
"""The columns whose cells say more than their value."""


# Which columns a comparison, a sweep or a benchmark shows unless told otherwise


def default_columns(results: Results) -> list[str]:
    """What a comparison or a sweep shows unless told otherwise: what varies, what it costs, what the witnesses say.

    Of a fleet the machines and devices stand first, since the cells stand in blocks, one a device.
    """
    shown = _default_columns(results)
    machines = [name for name in ("host", "device") if _varies(results, name)] if _has(results, "host") else []
    return [*machines, *(name for name in shown if name not in machines)]


def _default_columns(results: Results) -> list[str]:
    if results.command == "bench":
        return _bench_columns(results)
    if results.command == "predict":
        varied = [name for name in ("alpha", "resolution", "batch") if _varies(results, name)]
        return [*names.telling(results, ["model", *results.over, *varied], results.over), "params", "macs", "predicted_s"]
    if results.command == "fit":
        return fit_columns(results, results.fitting or results)
    present = results.columns
    checks = [column.name for column in WITNESSED if not column.unit and column.name in present]
    clock = _clock_columns(results)
    total = ["total"] if any(record["convention"] != "paper" for record in results) else []
    side = [name for name in ("side_params", "side_macs") if any(record[name] for record in results)]
    unread = ["unread"] if any(value(record, "unread") for record in results) else []
    memory = ["memory_bytes"] if "memory_bytes" in present else []
    active = ["active_params"] if any(value(each, "active_params") not in (None, each["params"]) for each in results) else []
    if results.command == "compare":
        # α of some networks beside none of others says nothing, unless it differs
        alphas = {record["alpha"] for record in results} - {None}
        varied = [name for name in (names.size_column(results), "batch") if _varies(results, name)]
        varied = [*(["alpha"] if len(alphas) > 1 else []), *varied]
        place = names.telling(results, ["model", *results.over, *varied], results.over)
        ratios = list(RATIOS) if len(results) > 1 else []
        dtype = ["weight_dtype"] if dtypes.heading(results) == dtypes.SEVERAL else []
        counts = [
            "params",
            *ratios[:1],
            *active,
            *unread,
            "macs",
            *ratios[1:],
            *total,
            "activations",
            "weight_bytes",
            *dtype,
            *memory,
        ]
        return [*place, *counts, *side, *_own_accuracies(results), *checks, *clock]
    accuracy = ["top1"] if _has(results, "top1") else []
    dtype = ["weight_dtype"] if len({dtypes.dtype(record) for record in results} - {""}) > 1 else []
    apart = options_of(results.over)
    place = ["model"] if len({names.model(record, apart) for record in results}) > 1 else []
    sizes = ["alpha", "resolution"] if _has(results, "alpha") else ["resolution"]
    if results.over:  # they may be what is not run over, which the title says
        sizes = [name for name in sizes if _varies(results, name)]
    place += [*results.over, *(["batch"] if _varies(results, "batch") else []), *sizes]
    place = names.telling(results, place, results.over)
    return [*place, "params", *unread, *side, "macs", *total, "activations", *dtype, *memory, *accuracy, *checks, *clock]


def places(results: Results, shown: Sequence[Record]) -> list[str]:
    """Where the cells of a fit are: the network, the options that are run over, α and the side, the batch where it varies."""
    sizes = [name for name in ("alpha", "resolution") if any(record[name] is not None for record in shown)]
    batch = ["batch"] if _varies(results, "batch") else []
    return names.telling(shown, ["model", *results.over, *sizes, *batch], results.over)


def fit_columns(results: Results, shown: Sequence[Record]) -> list[str]:
    """Of the cells shown: where they are, their accuracy, what is limited, what binds them and how much of it they use."""
    place = places(results, shown)
    accuracy = ["top1"] if any(record["top1"] is not None for record in shown) else []
    counts = {"params", "macs", *(bound.column for bound in results.limits)}
    clock = [name for name in ("latency_s", "predicted_s") if name == "latency_s" in counts or _has(results, name)]
    counts -= {"latency_s"}
    # of what is only to be at least so much nothing is used up
    limits = ["binding", "used"] if any(bound.most is not None for bound in results.limits) else []
    return [*place, *accuracy, *(name for name in COLUMNS if name in counts), *clock, *limits, "pareto"]


def _clock_columns(results: Results) -> list[str]:
    """What stands on the right of the counts where they were measured too."""
    if not results.measured:
        return []
    ratio = ["ratio"] if results.command != "sweep" and len(results) > 1 else []
    epoch, device, pareto = ([name] if _has(results, name) else [] for name in ("epoch_s", "device_s", "pareto"))
    guessed = ["predicted_s"] if _has(results, "predicted_s") else []
    joules = ["joules_per_image"] if _has(results, "joules_per_image") else []
    return ["latency_s", *guessed, *device, "images_per_second", *joules, *epoch, *ratio, *pareto]


def _bench_columns(results: Results) -> list[str]:
    """What varies, the latency, and what came before it."""
    varied = [name for name in names.AXES if _varies(results, name)]
    varied = [names.size_column(results) if name == "resolution" else name for name in varied]
    place = names.telling(results, ["model", *results.over, *varied], results.over)
    before = [name for name in ("export_s", "load_s") if _has(results, name)]
    compiled = ["compile_s"] if _has(results, "compile_s") else []
    after = [name for name in ("artifact_bytes", "output_difference") if _has(results, name)]
    loading = [*before, "first_call_s", *compiled, "peak_bytes", *after]
    return [*place, "macs", *_own_accuracies(results), *_clock_columns(results), *loading]


def _own_accuracies(results: Results) -> list[str]:
    """Accuracies, where the user gives one: what is published stands beside it then."""
    return ["top1"] if any(map(is_given, results)) else []


def _varies(results: Results, name: str) -> bool:
    return len({str(record.get(name)) for record in results}) > 1


def _has(results: Results, name: str) -> bool:
    return any(value(record, name) is not None for record in results)


def without_checks(results: Results) -> list[str]:
    """The columns of a paper: what the engines say of our counts is no result of its own."""
    checks = [column.name for column in WITNESSED]
    return [name for name in default_columns(results) if name not in checks]


LEAST = (
    "peak_bytes", "first_call_s", "compile_s", "output_difference", "artifact_bytes", "load_s", "export_s",
    "weight_bytes", "activations", "weight_dtype", "side_macs", "side_params", "memory_bytes", "unread", "active_params",
    "params_ratio", "macs_ratio",
)  # fmt: skip
"""Columns that a terminal without room for all does without, what is missed least first."""


def narrower(results: Results) -> list[list[str]]:
    """The columns with one fewer each time, what is missed least first; what tells rows apart and what was asked for stays."""
    left, made = default_columns(results), []
    kept = narrow_columns(results) if results.measured else [name for name in left if name not in LEAST]
    last = [name for name in left if name not in (*LEAST, *kept)]
    for name in [*(name for name in LEAST if name in left and name not in kept), *last]:
        left = [each for each in left if each != name]
        made.append(left)
    return made


def narrow_columns(results: Results) -> list[str]:
    """What stays of a measurement where the terminal has no room: what tells the cells apart, multiply-adds, latency, ratio."""
    shown = default_columns(results)
    place = [
        name for name in shown if name == "macs" or (name in (*results.over, *names.TELLING, "top1") and _varies(results, name))
    ]
    clock = [name for name in shown if name in ("latency_s", "epoch_s", "ratio", "pareto")]
    model = ["model"] if len({names.model(record, options_of(results.over)) for record in results}) > 1 or not place else []
    rate = ["images_per_second"] if "ratio" not in clock and "images_per_second" in shown else []
    return [*model, *place, clock[0], *rate, *clock[1:]]
