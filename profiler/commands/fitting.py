"""The command that chooses: fit."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from profiler.commands import options as o
from profiler.commands.groups import Limits, Output, Ranges, Table, grouped
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
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Cells shown; a file has all.")] = 20,
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
) -> None:
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed
    from profiler.report.answers import fit as answers
    from profiler.report.answers import results
    from profiler.study.fit import bounds_of, fitting

    destinations, view = out.destinations(forms.RESULTS, plot), table.view(top=top)
    place = ranges.place(batch, set_, over)
    results.check_view(view, place.over)
    found = shown(fitting(models or (), place, bounds_of(limits.pairs()), task), destinations, view)
    if not found.fitting:
        raise CheckFailed(answers.failure(found))
