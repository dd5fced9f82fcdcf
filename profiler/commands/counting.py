"""The commands that count: compare, sweep, show, list, formula, verify."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from profiler.commands import completion
from profiler.commands import options as o
from profiler.report import forms

if TYPE_CHECKING:
    from profiler.records.results import Results


def compare(
    models: o.Models = None,
    alpha: o.Alpha = None,
    resolution: o.Resolution = None,
    rho: o.Rho = None,
    input: o.Input = None,
    batch: o.TimedBatch = None,
    set_: o.Set = None,
    engine: o.Engines = None,
    bench: o.Bench = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    dtype: o.Dtype = "fp32",
    memory_format: o.MemoryFormat = "contiguous",
    train: o.Train = False,
    optimizer: o.Optimizer = "sgd",
    dataset_size: o.DatasetSize = None,
    time: o.Seconds = None,
    resume: o.Resume = None,
    convention: o.ConventionName = "paper",
    unit: o.UnitName = "raw",
    columns: o.Columns = None,
    sort: o.Sort = None,
    plot: o.Plot = False,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Networks side by side: one row a model, ratios to the first, checked by fvcore on the built module."""
    from profiler import grid
    from profiler.study.compare import compare

    places = o.places(format, output, csv, quiet, forms.COMPARED, plot)
    o.single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)
    clock = o.clock(
        bench, places, device=device, threads=threads, dtype=dtype, memory_format=memory_format, train=train,
        optimizer=optimizer, dataset_size=dataset_size, time=time, resume=resume,
    )  # fmt: skip

    size = grid.batches(o.batch(batch, train))[0]

    def study(watch: Callable[[Results], None]) -> Results:
        return compare(
            *(models or ()), alpha=alpha, resolution=resolution, rho=rho, input=input, batch=size,
            engine=o.engines(engine), convention=convention, options=o.settings(set_), bench=clock, watch=watch,
        )  # fmt: skip

    o.watch(study, places, unit, columns, sort, verbose)


def sweep(
    models: o.Models = None,
    alpha: o.Alphas = None,
    resolution: o.Resolutions = None,
    rho: o.Rhos = None,
    input: o.Input = None,
    batch: o.TimedBatches = None,
    set_: o.Set = None,
    engine: o.Engines = None,
    bench: o.Bench = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    dtype: o.Dtype = "fp32",
    memory_format: o.MemoryFormat = "contiguous",
    train: o.Train = False,
    optimizer: o.Optimizer = "sgd",
    dataset_size: o.DatasetSize = None,
    time: o.Seconds = None,
    resume: o.Resume = None,
    convention: o.ConventionName = "paper",
    unit: o.UnitName = "raw",
    columns: o.Columns = None,
    sort: o.Sort = None,
    plot: o.Plot = False,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Networks over α and resolution (mobilenet_v1 over α 0.25..1.0 unless told otherwise), with published accuracies."""
    from profiler.study.sweep import sweep

    places = o.places(format, output, csv, quiet, forms.RESULTS, plot)
    clock = o.clock(
        bench, places, device=device, threads=threads, dtype=dtype, memory_format=memory_format, train=train,
        optimizer=optimizer, dataset_size=dataset_size, time=time, resume=resume,
    )  # fmt: skip

    def study(watch: Callable[[Results], None]) -> Results:
        return sweep(
            *(models or ()), alpha=alpha, resolution=resolution, rho=rho, input=input, batch=o.batch(batch, train),
            engine=o.engines(engine), convention=convention, options=o.settings(set_), bench=clock, watch=watch,
        )  # fmt: skip

    o.watch(study, places, unit, columns, sort, verbose)


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
    strict: Annotated[bool, typer.Option("--strict", help="End in 1 if an operation has no formula.")] = False,
    alpha: o.Alpha = None,
    resolution: o.Resolution = None,
    rho: o.Rho = None,
    input: o.Input = None,
    batch: o.Batch = "1",
    set_: o.Set = None,
    convention: o.ConventionName = "paper",
    unit: o.UnitName = "raw",
    columns: o.Columns = None,
    sort: o.Sort = None,
    plot: o.Plot = False,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """One network: totals, shares by kind of layer, every layer. As CSV, one record a layer."""
    from profiler import grid
    from profiler.errors import CheckFailed
    from profiler.load.load import load
    from profiler.report import units
    from profiler.report.answers import networks
    from profiler.report.sheets import details
    from profiler.study.show import show

    places = o.places(format, output, csv, quiet, forms.NETWORK, plot)
    o.single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)
    network = load(model, alpha=alpha, resolution=resolution, rho=rho, input=input, options=o.settings(set_))
    found = show(
        network, grid.batches(batch)[0], convention, what_if=what_if, training=training, memory=memory,
        wired=places.asks(*forms.DRAWINGS),
    )  # fmt: skip
    places.put(networks.show(found, depth, top, formulas, units.unit(unit), o.named(columns), sort, not no_fold))
    uncounted = details.tell(network.name, found.tracing, verbose)
    if strict and uncounted:
        raise CheckFailed(f"{uncounted} operations of {network.name} have no formula; see the lines marked UNCOUNTED")


def list_(
    pattern: Annotated[
        Optional[str], typer.Argument(help="Only names that match, as resnet or 'vgg1*'.", metavar="PATTERN")
    ] = None,
    max_macs: Annotated[Optional[str], typer.Option("--max-macs", metavar="N", help="At most so many, as 600M.")] = None,
    max_params: Annotated[Optional[str], typer.Option("--max-params", metavar="N", help="At most so many, as 5M.")] = None,
    year: Annotated[Optional[str], typer.Option("--year", metavar="YEAR", help="Published then: 2015, or 2014..2016.")] = None,
    task: Annotated[Optional[str], typer.Option("--task", metavar="TASK", help="As classification.")] = None,
    unit: o.UnitName = "auto",
    columns: o.Columns = None,
    sort: o.Sort = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """The zoo: name, paper, year, native input, parameters, multiply-adds, published top-1."""
    from profiler.report import units
    from profiler.report.answers import networks
    from profiler.study.listing import listing

    places = o.places(format, output, csv, quiet)
    found = listing(pattern, max_macs=max_macs, max_params=max_params, year=year, task=task)
    places.put(networks.listing(found, units.unit(unit), sort, o.named(columns)))


def formula(
    model: o.Model,
    alpha: o.Alphas = None,
    resolution: o.Resolution = None,
    set_: o.Set = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """Exact polynomials of params and MACs in α and the side, with the domain on which they hold; text and LaTeX."""
    from profiler.report.answers import networks
    from profiler.study.formula import formula

    places = o.places(format, output, csv, quiet)
    places.put(networks.polynomials(formula(model, alpha=alpha, resolution=resolution, options=o.settings(set_))))


def verify(
    models: o.Models = None,
    published: Annotated[
        Optional[str],
        typer.Option("--table", metavar="NAME", help='One published table with ours beside it: "MobileNets Table 6".'),
    ] = None,
    engine: o.Engines = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Our counts against published figures and witnesses: the zoo proves itself. Ends in 1 where anything is not as listed."""
    from profiler.errors import CheckFailed
    from profiler.report.answers.verify import answer
    from profiler.report.sheets import details
    from profiler.report.terminal.progress import with_bar
    from profiler.study.verify import verify

    places = o.places(format, output, csv, quiet)
    found = with_bar(lambda watch: verify(*(models or ()), table=published, engine=o.engines(engine), watch=watch))
    places.put(answer(found, named=bool(models), published=published))
    details.passed_over(found.agreements, verbose)
    if found.failures:
        raise CheckFailed(f"{found.failures} counts are not what archs/published.csv says; see the lines marked DIFFERS")
