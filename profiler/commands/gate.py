"""The command of the gate: check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from profiler.commands import limit_options as limits
from profiler.commands import options as o
from profiler.commands.groups import (
    ByCommand,
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
    max_macs: limits.MaxMacs = None,
    max_params: limits.MaxParams = None,
    max_activations: limits.MaxActivations = None,
    max_weight_bytes: limits.MaxWeightBytes = None,
    max_unread: Annotated[
        Optional[str],
        typer.Option("--max-unread", metavar="N", help="Most parameters allowed that the forward pass does not read, e.g. 0."),
    ] = None,
    max_memory: limits.MaxMemory = None,
    max_latency: Annotated[
        Optional[str],
        typer.Option(
            "--max-latency",
            metavar="TIME",
            help="Highest latency allowed, e.g. 30ms, measured on this machine; fails if the whole 95 % confidence "
            "interval is above it.",
        ),
    ] = None,
    baseline: Annotated[
        Optional[str],
        typer.Option("--baseline", metavar="FILE", help="A saved run, e.g. base.json: fails if a count is larger than in it."),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Accept the growth: rewrite the file of --baseline with the counts of now, and say what changed."
        ),
    ] = False,
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="SHARE", help="Growth over the baseline that is allowed, e.g. 5%.")
    ] = "0%",
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Also fail if the latency is too uncertain to decide, or if an operation has no formula."
        ),
    ] = False,
    junit: Annotated[
        Optional[Path], typer.Option("--junit", metavar="PATH", help="Also write the result as JUnit XML, e.g. budgets.xml.")
    ] = None,
    top: Annotated[
        Optional[int], typer.Option("--top", metavar="N", help="Number of layers to show of a network that grew, e.g. 20.")
    ] = 10,
    point: Point = Point(),
    batch: o.SingleBatch = None,
    set_: o.Set = None,
    jobs: o.Jobs = None,
    bench: Annotated[bool, typer.Option("--bench", help="Also measure latency, to compare it with the baseline's.")] = False,
    setting: MeasuringSetting = MeasuringSetting(),
    by_command: ByCommand = ByCommand(),
    time: o.Seconds = None,
    unit_: o.UnitName = "raw",
    out: Output = Output(),
) -> None:
    """Fail with exit code 1 if a network exceeds its budget, or has grown beyond a baseline. For CI. Budgets come from the
    options below or from [tool.profiler.budgets] in pyproject.toml.

    Examples:
        profiler check mobilenet_v1 --max-macs 600M --max-params 5M
        profiler check net.py:Net --input 3x224x224 --baseline base.json --tolerance 2%
    """
    import os
    import sys

    from profiler.commands.watch import shown
    from profiler.config import Config
    from profiler.errors import CheckFailed
    from profiler.report import files, words
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
        files.check_suffix(report, "--junit", ".xml", "JUnit tests")
    budget = {
        "macs": max_macs, "params": max_params, "activations": max_activations, "weight_bytes": max_weight_bytes,
        "unread": max_unread, "memory": max_memory, "latency": max_latency,
    }  # fmt: skip
    measuring = bench_options(setting, Training(), Time(time=time, resume=None), destinations, **vars(by_command))
    events = checking(
        models or (), point.place(batch, set_), {key: value for key, value in budget.items() if value is not None}, baseline,
        tolerance, strict, Config.nearest(), bench, measuring, update, jobs,
    )  # fmt: skip
    found = shown(events, destinations, view)
    if update and (destinations.quiet or destinations.form != "table"):
        print(words.said(found.notes[-1]), file=sys.stderr)
    if report is not None:
        destinations.write(report, xml.junit(found))
    github.tell(found, os.environ)
    if not found.passed:
        raise CheckFailed(budgets.failure(found))
