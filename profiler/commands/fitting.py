"""The command that chooses: fit."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from profiler.commands import options as o
from profiler.commands.groups import Limits, MeasuringSetting, Output, Ranges, Table, Time, Training, bench_options, grouped
from profiler.report import forms


@grouped
def fit(
    models: o.Models = None,
    limits: Limits = Limits(),
    task: Annotated[
        Optional[str],
        typer.Option("--task", metavar="TASK", help="Without models: networks of the zoo for it. [default: classification]"),
    ] = None,
    ranges: Ranges = Ranges(),
    batch: o.Batches = None,
    set_: o.Set = None,
    over: o.Over = None,
    setting: MeasuringSetting = MeasuringSetting(),
    time: o.Seconds = None,
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Cells shown; a file has all.")] = 20,
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
) -> None:
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed
    from profiler.report.answers import fit as answers
    from profiler.report.answers import results
    from profiler.study.fit import fitting
    from profiler.study.fit_limits import bounds_of

    destinations, view = out.destinations(forms.RESULTS, plot), table.view(top=top)
    place = ranges.place(batch, set_, over)
    results.check_view(view, place.over)
    measuring = bench_options(setting, Training(), Time(time=time, resume=None), destinations)
    found = shown(fitting(models or (), place, bounds_of(limits.pairs()), task, measuring), destinations, view)
    if not found.fitting:
        raise CheckFailed(answers.failure(found))
