"""The command that chooses: fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from profiler.commands import options as o
from profiler.commands.groups import (
    ByCommand,
    Limits,
    MeasuringSetting,
    Output,
    Ranges,
    Table,
    Time,
    Training,
    accuracies_of,
    bench_options,
    grouped,
)  # fmt: skip
from profiler.report import forms

if TYPE_CHECKING:
    from profiler.records.place import Place
    from profiler.report.answer import View
    from profiler.report.output import Destinations
    from profiler.study.bench_options import BenchOptions

Stages = tuple[Optional[str], Optional[list[str]], Optional[list[str]], Optional[int]]
"""The task that is named, multipliers, widths, and what these are multiples of."""


@grouped
def fit(
    models: o.Models = None,
    limits: Limits = Limits(),
    task: Annotated[
        Optional[str],
        typer.Option(
            "--task",
            metavar="TASK",
            help="Without networks: search those of `profiler list` for this task. [default: classification]",
        ),
    ] = None,
    ranges: Ranges = Ranges(),
    batch: o.Batches = None,
    set_: o.Set = None,
    over: o.Over = None,
    top1: o.Top1 = None,
    per_stage: Annotated[
        Optional[list[str]],
        typer.Option(
            "--per-stage",
            metavar="RANGE",
            help="Width multipliers of each stage of one network, e.g. 0.25..1.5: every combination is counted. "
            "Repeat it to give each stage its own.",
        ),
    ] = None,
    stage_widths: Annotated[
        Optional[list[str]],
        typer.Option(
            "--stage-widths",
            metavar="RANGE",
            help="Widths of each stage's last layer in place of multipliers, e.g. 16..256:16.",
        ),
    ] = None,
    multiple_of: Annotated[
        Optional[int],
        typer.Option(
            "--multiple-of", metavar="N", help="Round the widths of stages to a multiple of this, e.g. 16. [default: 8]"
        ),
    ] = None,
    source: Annotated[
        Optional[str],
        typer.Option(
            "--from",
            metavar="FILE",
            help="Predict latency from a saved run, as `profiler predict` does, in place of measuring.",
        ),
    ] = None,
    setting: MeasuringSetting = MeasuringSetting(),
    by_command: ByCommand = ByCommand(),
    time: o.Seconds = None,
    top: Annotated[
        Optional[int], typer.Option("--top", metavar="N", help="Number of rows to show, e.g. 50; a file has all of them.")
    ] = 20,
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
) -> None:
    """Find the networks, width multipliers and resolutions that fit a budget: the best first, by published accuracy where
    it is known, then those that just miss. Exits with code 1 if none fits.

    Examples:
        profiler fit --max-macs 300M --max-params 4M
        profiler fit mobilenet_v2 --alpha 0.35..1.4:0.05 --max-latency 20ms
    """
    if per_stage or stage_widths or multiple_of is not None:
        if plot:
            from profiler.errors import ProfilerError

            raise ProfilerError(
                "--plot cannot draw combinations of stages; leave it out, or write them to a file with -o FILE.csv"
            )
        place = ranges.place(batch, set_, over)
        destinations = out.destinations()
        measuring = bench_options(setting, Training(), Time(time=time, resume=None), destinations, **vars(by_command))
        if top1:
            from profiler.errors import ProfilerError

            raise ProfilerError("--top1 has no effect with --per-stage, which orders combinations by size; leave it out")
        given = (task, per_stage, stage_widths, multiple_of)
        _stages(models or [], limits, place, given, measuring, source, destinations, table.view(destinations, top=top))
        return
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed
    from profiler.report.answers import fit as answers
    from profiler.report.answers import results
    from profiler.study.fit import fitting
    from profiler.study.fit_limits import bounds_of

    destinations = out.destinations(forms.RESULTS, plot)
    view = table.view(destinations, top=top)
    place = ranges.place(batch, set_, over)
    results.check_view(view, place.over)
    measuring = bench_options(setting, Training(), Time(time=time, resume=None), destinations, **vars(by_command))
    events = fitting(models or (), place, bounds_of(limits.pairs()), task, measuring, source, accuracies_of(top1))
    found = shown(events, destinations, view)
    if not found.fitting:
        raise CheckFailed(answers.failure(found))


def _stages(
    models: list[str], limits: Limits, place: Place, given: Stages, measuring: BenchOptions, source: str | None,
    destinations: Destinations, view: View,
) -> None:  # fmt: skip
    """Every combination of the stages of one network: those that fit. Raises CheckFailed where none does."""
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed, ProfilerError
    from profiler.report.answers import stage_fit
    from profiler.study.fit_limits import bounds_of
    from profiler.study.fit_stages import fitting_stages

    task, multipliers, widths, multiple_of = given
    if not (multipliers or widths):
        raise ProfilerError("--multiple-of rounds the widths of stages; add --per-stage or --stage-widths")
    if len(models) != 1 or task is not None or any(sign in models[0].partition("@")[0] for sign in "*?"):
        raise ProfilerError("--per-stage and --stage-widths take exactly one network; name one, e.g. mobilenet_v1")
    if place.over:
        raise ProfilerError("--per-stage and --over cannot be combined; give one of them")
    at = place._replace(model=models[0], batch=1 if place.batch is None else place.batch)
    events = fitting_stages(at, bounds_of(limits.pairs()), multipliers, widths, multiple_of, measuring, source)
    found = shown(events, destinations, view)
    if not found.fitting:
        raise CheckFailed(stage_fit.failure(found))
