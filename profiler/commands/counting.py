"""The commands that count: list, show, compare, sweep, formula, verify."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from profiler.commands import completion
from profiler.commands import options as o
from profiler.commands.groups import (
    AutoTable,
    Language,
    Machines,
    MeasuringSetting,
    Output,
    Point,
    Ranges,
    Table,
    Time,
    Training,
    accuracies_of,
    bench_options,
    engines,
    grouped,
)  # fmt: skip
from profiler.report import forms


@grouped
def compare(
    models: o.Models = None,
    point: Point = Point(),
    batch: o.TimedBatch = None,
    set_: o.Set = None,
    over: o.Over = None,
    engine: o.Engines = None,
    top1: o.Top1 = None,
    memory: o.Memory = False,
    bench: o.Bench = False,
    setting: MeasuringSetting = MeasuringSetting(),
    training: Training = Training(),
    time: Time = Time(),
    machines: Machines = Machines(),
    convention: o.ConventionName = "paper",
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    from profiler.commands import verbose as say
    from profiler.commands.watch import shown
    from profiler.report.answers import results
    from profiler.study.compare import comparing

    destinations = out.destinations(forms.COMPARED, plot)
    view = table.view(destinations)
    place = point.place(batch, set_, over)
    results.check_view(view, place.over)
    measuring = bench and bench_options(setting, training, time, destinations, **vars(machines))
    own = accuracies_of(top1)
    events = comparing(models or (), place, engines(engine), convention, measuring, top1=own, memory=memory)
    found = shown(events, destinations, view, filling=True)
    say.passed_over(found.agreements, verbose)


@grouped
def sweep(
    models: o.Models = None,
    ranges: Ranges = Ranges(),
    batch: o.TimedBatches = None,
    set_: o.Set = None,
    over: o.Over = None,
    engine: o.Engines = None,
    top1: o.Top1 = None,
    memory: o.Memory = False,
    prefill: o.Prefills = None,
    decode: o.Decode = None,
    bench: o.Bench = False,
    measure: o.Measure = None,
    setting: MeasuringSetting = MeasuringSetting(),
    training: Training = Training(),
    time: Time = Time(),
    machines: Machines = Machines(),
    convention: o.ConventionName = "paper",
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    from profiler.commands import verbose as say
    from profiler.commands.watch import put_streamed, shown
    from profiler.errors import ProfilerError
    from profiler.grid import MOST_POINTS
    from profiler.report.answers import results
    from profiler.study.sweep import is_large, sweeping
    from profiler.study.texts import over_texts

    destinations = out.destinations(forms.RESULTS, plot)
    view = table.view(destinations)
    place = over_texts(ranges.place(batch, set_, over), prefill, decode)
    results.check_view(view, place.over)
    measuring = bench and bench_options(setting, training, time, destinations, measure=measure, **vars(machines))
    own = accuracies_of(top1)
    if is_large(models or (), place):
        if measuring:
            raise ProfilerError(f"--bench measures at most {MOST_POINTS:,} cells, and there are more; take larger steps")
        if own or memory:
            what = "--top1" if own else "--memory"
            raise ProfilerError(f"{what} is of at most {MOST_POINTS:,} cells, and there are more; take larger steps")
        from profiler.study.streamed import streaming

        asked = engines(engine)
        found = put_streamed(streaming(models or (), place, asked, convention, destinations, view), destinations, view)
        say.notes(found, verbose and (destinations.quiet or destinations.form != "table"))
        return
    events = sweeping(models or (), place, engines(engine), convention, measuring, top1=own, memory=memory)
    found = shown(events, destinations, view, filling=True)
    say.passed_over(found.agreements, verbose)


@grouped
def show(
    model: o.Model,
    depth: o.Depth = 2,
    top: o.Top = None,
    no_fold: o.NoFold = False,
    formulas: o.Formulas = False,
    what_if: Annotated[
        Optional[str],
        typer.Option(
            "--what-if",
            metavar="REWRITING",
            help="What it would cost rewritten: separable (each k×k convolution as depthwise and pointwise) or folded "
            "(BatchNorm into convolutions).",
            autocompletion=completion.what_if,
        ),
    ] = None,
    training: Annotated[bool, typer.Option("--training", help="Also the multiply-adds of a training step.")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Also the bytes of inference and training, and their peak.")] = False,
    weights: Annotated[
        Optional[list[str]],
        typer.Option(
            "--weights",
            metavar="FORM",
            help="Also the bytes of its parameters as fp16, bf16, fp8, int8, int4:128 or bits=5; may be repeated.",
        ),
    ] = None,
    widths_of: Annotated[
        Optional[str],
        typer.Option(
            "--widths-of", metavar="FILE", help="Each layer as wide as its weights in FILE, which `inspect --model` writes."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End in 1 if an operation has no formula.")] = False,
    language: Language = Language(),
    point: Point = Point(),
    batch: o.Batch = "1",
    set_: o.Set = None,
    convention: o.ConventionName = "paper",
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    from profiler.commands import verbose as say
    from profiler.commands.given import check_shown
    from profiler.errors import CheckFailed
    from profiler.report.answers import registry
    from profiler.study.show import in_full

    graphs = out.onnx_files()
    destinations = out.destinations(forms.NETWORK, plot)
    asked = language.asked()
    steps = asked is not None and asked.steps
    step = language.step()
    parts = {
        "--training": training, "--memory": memory, "--weights": bool(weights), "--train": step is not None,
        "--prefill and --decode": steps,
    }  # fmt: skip
    check_shown([name for name, asked in parts.items() if asked], destinations)
    view = table.view(destinations, depth=depth, top=top, formulas=formulas, fold=not no_fold)
    place = point.place(None if steps else batch, set_)._replace(model=model, batch=batch)
    wired = destinations.asks(*forms.DRAWINGS)
    found = in_full(
        place, convention, what_if=what_if, training=training, memory=memory, weights=weights or (), widths_of=widths_of,
        asked=asked, step=step, wired=wired,
    )  # fmt: skip
    destinations.put(registry.answer(found, view))
    if graphs:
        from profiler.study.exporting import exported

        graph = exported(place)
        for file in graphs:
            destinations.write(file, graph)
    name = found.profile.model
    uncounted = say.tracing(name, found.traced, verbose)
    if strict and uncounted:
        raise CheckFailed(f"{uncounted} operations of {name} have no formula; see the lines marked UNCOUNTED")


@grouped
def list_(
    pattern: Annotated[
        Optional[str],
        typer.Argument(help="Only names that match, as resnet or 'vgg1*'; of a library, 'timm:*mobile*'.", metavar="PATTERN"),
    ] = None,
    max_macs: o.MaxMacs = None,
    max_params: o.MaxParams = None,
    year: Annotated[Optional[str], typer.Option("--year", metavar="YEAR", help="Published then: 2015, or 2014..2016.")] = None,
    task: Annotated[Optional[str], typer.Option("--task", metavar="TASK", help="As classification.")] = None,
    native: Annotated[
        Optional[str],
        typer.Option("--native", metavar="SHAPE", help="Native input, or a pattern of it: 3x224x224, 3x* for three channels."),
    ] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Of a library, count every network; a few are counted unasked.")
    ] = False,
    table: AutoTable = AutoTable(),
    out: Output = Output(),
) -> None:
    from profiler.report.answers import registry
    from profiler.report.terminal.progress import bar
    from profiler.study.listing import listing

    destinations = out.destinations()
    view = table.view(destinations)
    with bar() as watch:
        found = listing(
            pattern, max_macs=max_macs, max_params=max_params, year=year, task=task, native=native, count=count, watch=watch
        )
    destinations.put(registry.answer(found, view))


@grouped
def formula(
    model: o.Model,
    alpha: o.Alphas = None,
    resolution: o.Resolution = None,
    rho: o.Rho = None,
    input: o.Input = None,
    set_: o.Set = None,
    out: Output = Output(),
) -> None:
    from profiler.commands.groups import options_of
    from profiler.report.answers import registry
    from profiler.study.formula import formula

    destinations = out.destinations()
    point = {"resolution": resolution, "rho": rho, "input": input}
    destinations.put(registry.answer(formula(model, alpha=alpha, options=options_of(set_), **point)))


@grouped
def verify(
    models: o.Verified = None,
    published: Annotated[
        Optional[str],
        typer.Option("--table", metavar="NAME", help='One published table with ours beside it: "MobileNets Table 6".'),
    ] = None,
    engine: o.Engines = None,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    from profiler.commands import verbose as say
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed
    from profiler.report.answer import View
    from profiler.study.verify import verifying

    destinations, view = out.destinations(), View(summary=not models, table=published)
    found = shown(verifying(models or (), published, engines(engine)), destinations, view)
    say.passed_over(found.agreements, verbose)
    if found.failures:
        raise CheckFailed(f"{found.failures} counts are not what archs/published.csv says; see the lines marked DIFFERS")
