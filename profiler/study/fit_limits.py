"""Cells held to limits: limits as numbers, what only tracing or a clock tells of a cell, and how it stands to them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.errors import ProfilerError, Unavailable, quoted
from profiler.load.load import Network
from profiler.records.columns import MEASURED_COLUMNS, PREDICTED, Record
from profiler.records.events import Counted, Event
from profiler.records.limits import BYTES, Bound, binding, broken
from profiler.records.notes import Note, Unweighed
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell
from profiler.study.peak import peak_of

if TYPE_CHECKING:
    from profiler.study.calibrated_source import CalibratedSource


def bounds_of(given: Mapping[str, tuple[object, object]]) -> list[Bound]:
    """{quantity: (least, most)}, each a text, a number or None, as bounds. Raises ProfilerError."""
    bounds = []
    for quantity, (least, most) in given.items():
        low, high = (_amount(quantity, value, end) for value, end in ((least, "min"), (most, "max")))
        if low is not None and high is not None and low > high:
            names = [f"--{end}-{quantity.replace('_', '-')}" for end in ("min", "max")]
            raise ProfilerError(f"{names[0]} {least} is above {names[1]} {most}; change one of them")
        if low is not None or high is not None:
            bounds.append(Bound(quantity, high, None if low is None else int(low)))
    if not bounds:
        raise ProfilerError("no limit is given; give one, e.g. --max-macs 300M or --max-params 4M")
    return bounds


def _amount(quantity: str, value: object, end: str) -> int | float | None:
    if value is None:
        return None
    if quantity == "latency":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        seconds = float(grid.exact(value, "max_latency", "0.02") if number else grid.duration(value, "--max-latency"))
        if seconds <= 0:
            raise ProfilerError(f"--max-latency {quoted(value)} is not a time above 0; write it as 20ms")
        return seconds
    option = f"--{end}-{quantity.replace('_', '-')}"
    if quantity in BYTES and not isinstance(value, int):
        return grid.size(value, option)
    return grid.count(value, option)


def weigh(bounds: Sequence[Bound], records: Sequence[Record], cells: Sequence[Cell]) -> Generator[Event, None, list[Note]]:
    """Put the peak of an inference into the records of the cells that nothing else rules out; what is to be said of them.

    Of a network of the zoo it is counted on paper; a reference is traced, which takes a moment. Where that fails it is unknown.
    """
    notes: list[Note] = []
    memory = next((bound for bound in bounds if bound.quantity == "memory"), None)
    if memory is None:
        return notes
    for record in records:
        record["memory_bytes"] = None
    paper = [bound for bound in bounds if bound.quantity not in ("memory", "latency")]
    open_ = [i for i, record in enumerate(records) if not broken(paper, record) and not _too_heavy(memory, record)]
    traced = sum(not isinstance(cells[i].network, Network) for i in open_)
    done = 0
    for i in open_:
        if not isinstance(cells[i].network, Network):
            yield Counted(done, traced)
            done += 1
        try:
            records[i]["memory_bytes"] = peak_of(cells[i])
        except Unavailable:
            raise
        except ProfilerError as fault:
            notes.append(Unweighed(str(cells[i].place), str(fault)))
    return notes


def _too_heavy(memory: Bound, record: Record) -> bool:
    """Whether its weights alone, which are there while it runs, are more than its memory may be."""
    return memory.most is not None and bool(record["weight_bytes"] > memory.most)


def time_cells(
    bounds: Sequence[Bound],
    records: Sequence[Record],
    cells: Sequence[Cell],
    bench: BenchOptions,
    source: CalibratedSource | None = None,
) -> Generator[Event, None, tuple[list[Note], bool]]:
    """Put latencies into the records of the cells that nothing else rules out: measured here, or predicted by a file.

    Gives back what is to be said of them, and whether the user interrupted it.
    """
    limit = next((bound for bound in bounds if bound.quantity == "latency"), None)
    if limit is None or limit.most is None:
        return [], False
    from profiler.study.fit_latency import latencies, latencies_from  # what only measuring needs

    paper = [bound for bound in bounds if bound is not limit]
    unknown: Record = dict.fromkeys((*MEASURED_COLUMNS, *(column.name for column in PREDICTED), "latency_fits"))
    for record in records:
        record |= unknown
    open_ = [i for i, record in enumerate(records) if not broken(paper, record)]
    ranked = [{**record, **held(paper, record)} if paper else {**record, "fits": True, "used": 0.0} for record in records]
    open_.sort(key=lambda i: rank(ranked[i]))
    if not open_:
        return [], False
    if source is not None:
        found = latencies_from(records, cells, open_, float(limit.most), source)
    else:
        found = yield from latencies(records, cells, open_, float(limit.most), bench)
    for i, columns in found.columns.items():
        records[i] |= columns
    return found.notes, found.interrupted


def source_for(bounds: Sequence[Bound], name: str | None, bench: BenchOptions) -> CalibratedSource | None:
    """The file that latencies are predicted from, in the setting that `bench` names; None where there is none.

    Raises ProfilerError without a limit of latency, for several settings and for a file that holds too little; Unavailable.
    """
    if name is None:
        return None
    if not any(bound.quantity == "latency" for bound in bounds):
        raise ProfilerError(f"--from {quoted(name)} has no effect without --max-latency; add one, e.g. --max-latency 20ms")
    if bench.time is not None:
        raise ProfilerError("--time has no effect with --from, which measures nothing; leave one of them out")
    from profiler.study.calibrated_source import calibrated_source

    for given in (bench.device, bench.dtype, bench.memory_format):
        if not isinstance(given, str):
            raise ProfilerError(f"{quoted(given)} are several settings; a fit takes one")
    device = None if bench.device == "auto" else bench.device
    asked = {"device": device, "threads": bench.threads, "dtype": bench.dtype, "memory_format": bench.memory_format}
    return calibrated_source(name, asked)


def held(bounds: Sequence[Bound], record: Record) -> Record:
    """The columns that say how a cell stands to the limits."""
    known = [bound for bound in bounds if bound.value(record) is not None]
    outside = broken(bounds, record)
    memory = next((bound for bound in bounds if bound.quantity == "memory" and bound not in known), None)
    if memory is not None and _too_heavy(memory, record) and not broken(known, record):
        used = memory.used({"memory_bytes": record["weight_bytes"]})
        return {"fits": False, "binding": "memory", "used": None if used == inf else float(used), "pareto": None}
    bound, share = binding(known or bounds, record)
    return {
        "fits": not outside,
        "binding": bound.quantity,
        "used": None if share == inf else float(share),
        "pareto": None,
    }


def rank(record: Record) -> tuple[Any, ...]:
    """The best first: within the limits by published top-1, then by use of the limits; outside by how little it misses."""
    used = inf if record["used"] is None else record["used"]
    if not record["fits"]:
        return (2, used)
    if record["top1"] is not None:
        return (0, -record["top1"], record["macs"], record["params"])
    return (1, -used, -record["macs"])
