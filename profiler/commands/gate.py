"""The command of the gate: check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from profiler.commands import options as o
from profiler.commands.groups import (
    MeasuringSetting,
    Output,
    Point,
    Time,
    Training,
    bench_options,
    grouped,
    unit,
)


@grouped
def check(
    models: o.Models = None,
    max_macs: o.MaxMacs = None,
    max_params: o.MaxParams = None,
    max_activations: o.MaxActivations = None,
    max_weight_bytes: o.MaxWeightBytes = None,
    max_unread: Annotated[
        Optional[str], typer.Option("--max-unread", metavar="N", help="Parameters that the forward does not read, as 0.")
    ] = None,
    max_memory: o.MaxMemory = None,
    max_latency: Annotated[
        Optional[str], typer.Option("--max-latency", metavar="TIME", help="Measured here, as 30ms; fails above its interval.")
    ] = None,
    baseline: Annotated[
        Optional[str], typer.Option("--baseline", metavar="FILE", help="A saved run that no count may have grown beyond.")
    ] = None,
    tolerance: Annotated[str, typer.Option("--tolerance", metavar="SHARE", help="Growth that the baseline allows.")] = "0%",
    strict: Annotated[
        bool, typer.Option("--strict", help="Also fail where a latency is undecided, or an operation has no formula.")
    ] = False,
    junit: Annotated[Optional[Path], typer.Option("--junit", metavar="PATH", help="Also write JUnit XML.")] = None,
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Layers shown of a network that grew.")] = 10,
    point: Point = Point(),
    batch: o.SingleBatch = None,
    set_: o.Set = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency too, to compare it with the baseline's.")] = False,
    setting: MeasuringSetting = MeasuringSetting(),
    time: o.Seconds = None,
    unit_: o.UnitName = "raw",
    out: Output = Output(),
) -> None:
    import os

    from profiler.commands.watch import shown
    from profiler.config import Config
    from profiler.errors import CheckFailed
    from profiler.report import files
    from profiler.report.answer import View
    from profiler.report.answers import budgets, layer_changes
    from profiler.report.ci import github
    from profiler.report.ci import junit as xml
    from profiler.study.check import checking

    destinations, view = out.destinations(), View(unit(unit_), top=top)
    layer_changes.check_top(top)
    report = None if junit is None else files.file_at(junit)
    if report is not None:
        files.check_apart(report, [file for file, _ in destinations.files])
        files.check_suffix(report, "--junit", ".xml", "the tests of JUnit")
    limits = {
        "macs": max_macs, "params": max_params, "activations": max_activations, "weight_bytes": max_weight_bytes,
        "unread": max_unread, "memory": max_memory, "latency": max_latency,
    }  # fmt: skip
    measuring = bench_options(setting, Training(), Time(time=time, resume=None), destinations)
    events = checking(
        models or (), point.place(batch, set_), {key: value for key, value in limits.items() if value is not None}, baseline,
        tolerance, strict, Config.nearest(), bench, measuring,
    )  # fmt: skip
    found = shown(events, destinations, view)
    if report is not None:
        destinations.write(report, xml.junit(found))
    github.tell(found, os.environ)
    if not found.passed:
        raise CheckFailed(budgets.failure(found))
