"""The shape of every command's document, so that what is read back is known to hold what the reports take from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from profiler.records.agreement import Difference
from profiler.records.columns import BASE_COLUMNS, Record
from profiler.records.profile import Row
from profiler.records.shown import Changed, Footprint, Gap, Tracing, Training, Wiring
from profiler.records.timing import LayerTiming, Roofs, Timing
from profiler.saved.shape import Check, Fault, Shape, checker, fields

RESULTS = ("compare", "sweep", "bench")
"""The commands whose records are cells."""
TEXTS = [str]
BY_DTYPE = {...: int}
PARTS = {
    "params": BY_DTYPE,
    "buffers": BY_DTYPE,
    "inputs": BY_DTYPE,
    "gradients": BY_DTYPE,
    "optimizer": BY_DTYPE,
    ...: BY_DTYPE,
}
SIZES = (int | None, [int])
"""A window or its steps: one number for all axes, or one an axis."""
BESIDE = {"latency_s": ("latency_low_s", "latency_high_s", "grade"), "ratio": ("ratio_low", "ratio_high", "verdict")}
"""What no record has without the others."""


def check(document: Mapping[str, Any]) -> Fault | None:
    """The first place where a document is not what its command writes; the four parts of every document are there."""
    command = document["command"]
    fault = _checker(f"{command} --layers" if command == "bench" and "layers" in document else command)(document)
    if fault is not None:
        return Fault(fault.where.removeprefix("."), fault.said)
    return _alone(document["records"]) if command in RESULTS else None


def _alone(records: Sequence[Mapping[str, Any]]) -> Fault | None:
    """A latency or a ratio without its interval."""
    for i, record in enumerate(records):
        for name, others in BESIDE.items():
            for other in others if name in record else ():
                if other not in record or (record[other] is None) != (record[name] is None):
                    return Fault(
                        f"records[{i}].{other}", f"expected {'null' if record[name] is None else 'what'} stands beside {name}"
                    )
    return None


@cache
def _checker(command: str) -> Check:
    shape: dict[Any, Shape] = {"records": [{...: Any}], "rows?": [{...: Any}], "environment": {"machine?": ({...: Any}, None)}}
    match command:
        case "show":
            shape |= _show()
        case "compare" | "sweep" | "bench":
            shape |= _results()
        case "bench --layers":
            shape |= _results() | _layers()
        case "list":
            shape |= {"records": [_listed()]}
        case "formula":
            shape |= _formula()
        case "selftest":
            shape |= {"certificate": {"date": str, "machine": {...: Any}, "passed": bool, "checks": [_proof()]}}
    return checker(shape)


def _cell() -> Shape:
    return fields(Record, needed=BASE_COLUMNS)


def _row() -> dict[Any, Shape]:
    return fields(Row, facts={"kernel?": SIZES, "stride?": SIZES})


def _results() -> dict[str, Shape]:
    place = {"options?": {...: Any}, "alpha?": float | None, "resolution?": int | None, "batch?": int | None}
    agreement = {
        "model": str, "engine": str, "macs": int, "total": int, **place, "reasons": [{"reason": str, "amount": int}],
        "differences": [fields(Difference)], "unsupported": TEXTS,
    }  # fmt: skip
    return {
        "records": [_cell()], "rows?": [_row() | {"record": int}], "title?": str, "base?": int | None, "engines?": TEXTS,
        "agreements?": [agreement], "warnings?": TEXTS, "notes?": TEXTS, "rounds?": [[float]], "samples?": str,
    }  # fmt: skip


def _layers() -> dict[str, Shape]:
    clock = fields(LayerTiming, row=Any, moved=Any)
    del clock["row"], clock["moved"]
    roofs = fields(Roofs, calls={"other": float, ...: float})
    head = {"model": str, "timing": fields(Timing), "roofs": roofs, "instrumented": float}
    return {"rows": [_row() | clock | {"layers": int, "bytes": int}], "layers": [head]}


def _show() -> dict[str, Shape]:
    training = fields(Training, rows=[{"path": str, "forward": int, "backward": int, "recomputed": int}], uncounted=TEXTS)
    return {
        "records": [_cell()], "rows": [_row() | {"total": int}], "engine": str, "uncounted": TEXTS,
        "tracing?": fields(Tracing, gaps=[fields(Gap)]), "what_if?": [fields(Changed, path=str | None)], "training?": training,
        "memory?": [fields(Footprint, parts=PARTS)], "wiring?": fields(Wiring),
    }  # fmt: skip


def _listed() -> Shape:
    texts = dict.fromkeys(("model", "paper", "task", "input"), str)
    return {**texts, "year": int, "params": int, "macs": int, "activations": int, "top1": float | None, "options": {...: Any}}


def _formula() -> dict[str, Shape]:
    whole = int | None
    term = {
        "model": str, "quantity": str, "alpha_power": int, "side_power": int, "coefficient": int | str, "period": whole,
        "remainder": int, "least": int, "alpha_step": str | None, "alpha_least": str | None, "alpha": float | None,
    }  # fmt: skip
    grid = {"model": str, "alpha": float, "resolution": int, "params": int, "macs": int}
    head = {"model": str, "alpha": str, "native": whole, "rounded": bool, "terms": int}
    return {"records": [term], "grid": [grid], "polynomials": [head]}


def _proof() -> Shape:
    return {"check": str, "value": float | None, "aim": float, "passed": bool, "detail": str}
