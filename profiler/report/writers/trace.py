"""Layers on the clock as the trace events that chrome://tracing and Perfetto open: end to end, inside their modules."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

from profiler.errors import ProfilerError
from profiler.measure.devices import threads_said
from profiler.records.measured import Measured
from profiler.records.timing import Layers, LayerTiming
from profiler.report import units


def chrome_trace(subject: Any) -> str:
    """Each network a process, each layer and module an event, in microseconds. Raises ProfilerError where nothing was clocked.

    Layers are laid end to end in running order, each for its share of the plain run's median; a trace shows no single run.
    """
    if not isinstance(subject, Measured) or not subject.layers:
        raise ProfilerError("a trace needs measured layers, and this result has none; write it with `profiler bench --layers`")
    events = [event for number, each in enumerate(subject.layers, 1) for event in _process(number, each)]
    about = {"layers": "laid end to end, each its share of the median run", **_machine(subject)}
    return json.dumps({"displayTimeUnit": "ms", "otherData": about, "traceEvents": events}, ensure_ascii=False) + "\n"


def _machine(subject: Measured) -> dict[str, str]:
    """What it was measured on, as text: viewers show no other."""
    return {key: str(value) for key, value in (subject.results.machine or {}).items() if isinstance(value, str | int | float)}


def _process(number: int, each: Layers) -> list[dict[str, Any]]:
    # in whole nanoseconds, so that an event ends where the next begins and never after the module around it
    ends = [round(1e9 * at) for at in accumulate((timed.seconds for timed in each.rows), initial=0.0)]
    events = [
        {"ph": "M", "pid": number, "tid": 1, "name": "process_name", "args": {"name": _title(each)}},
        {"ph": "M", "pid": number, "tid": 1, "name": "thread_name", "args": {"name": "layers"}},
        {"ph": "M", "pid": number, "tid": 1, "name": "process_sort_index", "args": {"sort_index": number}},
    ]
    spans = _spans([timed.row.path for timed in each.rows])
    for path, first, last, leaf in spans:
        args = _args(each.rows[first]) if leaf else {"layers": last - first}
        events.append(
            {
                "ph": "X", "pid": number, "tid": 1, "cat": "layer" if leaf else "module",
                "name": path or each.model, "ts": ends[first] / 1000, "dur": (ends[last] - ends[first]) / 1000, "args": args,
            }
        )  # fmt: skip
    return events


def _title(each: Layers) -> str:
    timing = each.timing
    said = [timing.device, *threads_said(timing.device, timing.threads), timing.dtype]
    if timing.latency_s is not None and timing.latency_low_s is not None and timing.latency_high_s is not None:
        spread = units.interval(timing.latency_s, timing.latency_low_s, timing.latency_high_s)
        said.insert(0, f"{units.seconds(timing.latency_s)} {spread} {timing.grade}")
    return f"{each.model}: {', '.join(said)}, batch {timing.batch}"


def _spans(paths: list[str]) -> list[tuple[str, int, int, bool]]:
    """(path, first row, row after the last, whether it is a row's own), the outer before the inner: the network, then modules.

    A module that runs, lets others run and runs again has a span each time.
    """
    spans: list[tuple[str, int, int, bool]] = [("", 0, len(paths), False)]
    opened: list[int] = []
    names_open: list[str] = []
    for i, path in enumerate(paths):
        names = path.split(".")[:-1]
        common = next((k for k, pair in enumerate(zip(names, names_open, strict=False)) if pair[0] != pair[1]), None)
        common = min(len(names), len(names_open)) if common is None else common
        for k in range(common, len(names)):
            del opened[k:]
            opened.append(len(spans))
            spans.append((".".join(names[: k + 1]), i, i, False))
        del opened[len(names) :]
        names_open = names
        for k in opened:
            spans[k] = (*spans[k][:2], i + 1, False)
        spans.append((path, i, i + 1, True))
    return spans


def _args(timed: LayerTiming) -> dict[str, Any]:
    row = timed.row
    return {
        "op": row.op,
        "kind": row.kind,
        "inputs": " ".join(units.shape(shape) for shape in row.inputs),
        "output": units.shape(row.output),
        "params": row.params,
        "MACs": row.macs,
        "activations": row.activations,
        "bytes": timed.moved,
        "share": timed.share,
        "MACs/s": timed.macs_per_s,
        "bound": timed.bound,
        "roof": timed.roof,
        "least_us": 1e6 * timed.least_s,
    }
