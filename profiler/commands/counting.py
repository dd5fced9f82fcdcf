"""The commands that count: list, show, compare, sweep, formula, verify."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from profiler.commands import completion, language_options, range_options
from profiler.commands import limit_options as limits
from profiler.commands import options as o
from profiler.commands.groups import (
    AutoTable,
    ByCommand,
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
    jobs: o.Jobs = None,
    bench: o.Bench = False,
    setting: MeasuringSetting = MeasuringSetting(),
    by_command: ByCommand = ByCommand(),
    training: Training = Training(),
    time: Time = Time(),
    machines: Machines = Machines(),
    convention: o.ConventionName = "paper",
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    """Compare networks in one table: parameters, multiply-adds (MACs) and activations of each, and how many times the first
    network's they are. fvcore checks the counts. With --bench, also latency.

    Examples:
        profiler compare mobilenet_v1 vgg16 resnet50
        profiler compare Ours=net.py:Net mobilenet_v2 --input 3x224x224 --bench
    """
    from profiler.commands import verbose as say
    from profiler.commands.watch import shown
    from profiler.report.answers import results
    from profiler.study.compare import comparing
    from profiler.study.in_order import Counting

    destinations = out.destinations(forms.COMPARED, plot)
    view = table.view(destinations)
    place = point.place(batch, set_, over)
    results.check_view(view, place.over)
    measuring = bench and bench_options(setting, training, time, destinations, **vars(by_command), **vars(machines))
    own = accuracies_of(top1)
    counting = Counting(jobs, None if bench else machines.fleet)
    events = comparing(models or (), place, engines(engine), convention, measuring, top1=own, memory=memory, counting=counting)
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
    prefill: language_options.Prefills = None,
    decode: language_options.Decode = None,
    jobs: o.Jobs = None,
    bench: o.Bench = False,
    measure: o.Measure = None,
    setting: MeasuringSetting = MeasuringSetting(),
    by_command: ByCommand = ByCommand(),
    training: Training = Training(),
    time: Time = Time(),
    machines: Machines = Machines(),
    convention: o.ConventionName = "paper",
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    """Count networks over ranges of width multipliers, resolutions, batch sizes or options, with published accuracies.
    Without options it counts mobilenet_v1 at the width multipliers 0.25, 0.5, 0.75 and 1.

    Examples:
        profiler sweep mobilenet_v1 --alpha 0.25..1.0 --resolution 128..224
        profiler sweep net.py:Net --input 3x32x32 --over width=16..64:16 --csv sweep.csv
    """
    from profiler.commands import verbose as say
    from profiler.commands.watch import put_streamed, shown
    from profiler.errors import ProfilerError
    from profiler.grid import MOST_POINTS
    from profiler.report.answers import results
    from profiler.study.in_order import Counting
    from profiler.study.sweep import is_large, sweeping
    from profiler.study.texts import over_texts

    destinations = out.destinations(forms.RESULTS, plot)
    view = table.view(destinations)
    place = over_texts(ranges.place(batch, set_, over), prefill, decode)
    results.check_view(view, place.over)
    measuring = bench and bench_options(
        setting, training, time, destinations, measure=measure, **vars(by_command), **vars(machines)
    )
    own = accuracies_of(top1)
    counting = Counting(jobs, None if bench else machines.fleet)
    if is_large(models or (), place, counting.asked):
        if measuring:
            raise ProfilerError(f"--bench measures at most {MOST_POINTS:,} cells, and this sweep has more; use larger steps")
        if own or memory:
            what = "--top1" if own else "--memory"
            raise ProfilerError(f"{what} works for at most {MOST_POINTS:,} cells, and this sweep has more; use larger steps")
        from profiler.study.streamed import streaming

        asked = engines(engine)
        writing = streaming(models or (), place, asked, convention, destinations, view, counting)
        found = put_streamed(writing, destinations, view)
        say.notes(found, verbose and (destinations.quiet or destinations.form != "table"))
        return
    events = sweeping(models or (), place, engines(engine), convention, measuring, top1=own, memory=memory, counting=counting)
    found = shown(events, destinations, view, filling=True)
    say.passed_over(found.agreements, verbose)


@grouped
def show(
    model: o.Model,
    depth: o.Depth = 2,
    top: o.Top = None,
    no_fold: o.NoFold = False,
    formulas: o.Formulas = False,
    receptive_field: o.Receptive = False,
    what_if: Annotated[
        Optional[str],
        typer.Option(
            "--what-if",
            metavar="REWRITING",
            help="Count a rewritten network beside the original: separable (each k×k convolution becomes depthwise "
            "and pointwise) or folded (BatchNorm merged into convolutions).",
            autocompletion=completion.what_if,
        ),
    ] = None,
    training: Annotated[bool, typer.Option("--training", help="Also count the multiply-adds of a training step.")] = False,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also compute the peak memory of inference and of training, without running them.")
    ] = False,
    weights: Annotated[
        Optional[list[str]],
        typer.Option(
            "--weights",
            metavar="FORM",
            help="Also compute the size of the parameters in another form: fp16, bf16, fp8, int8, int4:128 (groups "
            "of 128) or bits=5. Can be repeated.",
        ),
    ] = None,
    widths_of: Annotated[
        Optional[str],
        typer.Option(
            "--widths-of",
            metavar="FILE",
            help="Set the width of each layer from the weights in FILE, a smaller network that `profiler inspect` wrote.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with code 1 if an operation has no formula and was not counted.")
    ] = False,
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
    """Count one network: its totals, its share of parameters and multiply-adds (MACs) by kind of layer, and every layer.

    Examples:
        profiler show mobilenet_v1
        profiler show net.py:Net --input 3x224x224 --depth 1 --memory
    """
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
    view = table.view(destinations, depth=depth, top=top, formulas=formulas, fold=not no_fold, receptive_field=receptive_field)
    place = point.place(None if steps else batch, set_)._replace(model=model, batch=batch)
    wired = receptive_field or bool(view.columns or view.sort) or destinations.asks(*forms.DRAWINGS)
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
        typer.Argument(
            help="Only names that contain or match this, e.g. resnet or 'vgg1*'; models of a library by 'timm:*mobile*'.",
            metavar="PATTERN",
        ),
    ] = None,
    max_macs: limits.MaxMacs = None,
    max_params: limits.MaxParams = None,
    year: Annotated[
        Optional[str],
        typer.Option("--year", metavar="YEAR", help="Only networks published in this year, e.g. 2015 or 2014..2016."),
    ] = None,
    task: Annotated[
        Optional[str], typer.Option("--task", metavar="TASK", help="Only networks for this task, e.g. classification.")
    ] = None,
    native: Annotated[
        Optional[str],
        typer.Option(
            "--native", metavar="SHAPE", help="Only networks with this native input, e.g. 3x224x224, or 3x* for three channels."
        ),
    ] = None,
    count: Annotated[
        bool,
        typer.Option(
            "--count",
            help="With a pattern of a library: count every network that matches, however many; otherwise only a "
            "few are counted.",
        ),
    ] = False,
    jobs: o.Jobs = None,
    fleet: o.Fleet = None,
    table: AutoTable = AutoTable(),
    out: Output = Output(),
) -> None:
    """List the networks known here, with paper, year, native input, parameters, MACs and published top-1 accuracy.

    Examples:
        profiler list
        profiler list 'mobilenet*' --max-macs 300M --sort=-top1
    """
    from profiler.report.answers import registry
    from profiler.report.terminal.progress import bar
    from profiler.study.listing import listing

    destinations = out.destinations()
    view = table.view(destinations)
    with bar() as watch:
        found = listing(
            pattern,
            max_macs=max_macs,
            max_params=max_params,
            year=year,
            task=task,
            native=native,
            count=count,
            jobs=jobs,
            fleet=fleet,
            watch=watch,
        )
    destinations.put(registry.answer(found, view))


@grouped
def formula(
    model: o.Model,
    alpha: range_options.Alphas = None,
    resolution: o.Resolution = None,
    rho: o.Rho = None,
    input: o.Input = None,
    set_: o.Set = None,
    out: Output = Output(),
) -> None:
    """Print parameters and MACs as exact polynomials in the width multiplier α and the resolution, as text and LaTeX, and
    say for which values they hold.

    Examples:
        profiler formula mobilenet_v1
        profiler formula net.py:Net --input 3x224x224
    """
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
        typer.Option("--table", metavar="NAME", help='Print one published table beside our counts, e.g. "MobileNets Table 6".'),
    ] = None,
    engine: o.Engines = None,
    jobs: o.Jobs = None,
    fleet: o.Fleet = None,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    """Test the counts: compare them with the figures that papers publish, and count the built networks with fvcore. Exits
    with code 1 if a count differs from what is expected.

    Examples:
        profiler verify
        profiler verify mobilenet_v1 --table "MobileNets Table 6"
    """
    from profiler.commands import verbose as say
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed
    from profiler.report.answer import View
    from profiler.study.in_order import Counting
    from profiler.study.verify import verifying

    destinations, view = out.destinations(), View(summary=not models, table=published)
    found = shown(verifying(models or (), published, engines(engine), Counting(jobs, fleet)), destinations, view)
    say.passed_over(found.agreements, verbose)
    if found.failures:
        raise CheckFailed(f"{found.failures} counts differ from archs/published.csv; see the lines marked DIFFERS")
