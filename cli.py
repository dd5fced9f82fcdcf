"""The command line: options in, one call, one renderer out. Data on stdout, everything else on stderr.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or input, 3 something needed is absent, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from profiler import options as o
from profiler.errors import ProfilerError

if TYPE_CHECKING:
    from profiler.records import Results
    from profiler.report.output import Destinations

app = typer.Typer(
    name="profiler",
    help="What neural networks cost: exact on paper, checked against other counters, and on the clock.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(asked: bool) -> None:
    if asked:
        from profiler import __version__

        print(f"profiler {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command("compare")
def compare_command(
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
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Networks side by side: one row a model, ratios to the first, checked by fvcore on the built module."""
    from profiler import grid
    from profiler.study.compare import compare

    places = o.places(format, output, csv, quiet)
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

    _watch(study, places, unit, columns, sort, verbose)


@app.command("sweep")
def sweep_command(
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
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Networks over α and resolution (mobilenet_v1 over α 0.25..1.0 unless told otherwise), with published accuracies."""
    from profiler.study.sweep import sweep

    places = o.places(format, output, csv, quiet)
    clock = o.clock(
        bench, places, device=device, threads=threads, dtype=dtype, memory_format=memory_format, train=train,
        optimizer=optimizer, dataset_size=dataset_size, time=time, resume=resume,
    )  # fmt: skip

    def study(watch: Callable[[Results], None]) -> Results:
        return sweep(
            *(models or ()), alpha=alpha, resolution=resolution, rho=rho, input=input, batch=o.batch(batch, train),
            engine=o.engines(engine), convention=convention, options=o.settings(set_), bench=clock, watch=watch,
        )  # fmt: skip

    _watch(study, places, unit, columns, sort, verbose)


@app.command("bench")
def bench_command(
    models: o.Models = None,
    alpha: o.Alphas = None,
    resolution: o.Resolutions = None,
    rho: o.Rhos = None,
    input: o.Input = None,
    batch: o.TimedBatches = None,
    set_: o.Set = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    dtype: o.Dtype = "fp32",
    memory_format: o.MemoryFormat = "contiguous",
    compile: o.Compile = False,
    train: o.Train = False,
    optimizer: o.Optimizer = "sgd",
    dataset_size: o.DatasetSize = None,
    time: o.Seconds = None,
    resume: o.Resume = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Each layer on the clock, beside its MACs, activations and bytes.")
    ] = False,
    depth: Annotated[int, typer.Option("--depth", metavar="N", help="With --layers: levels of the tree; 0: every layer.")] = 0,
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="With --layers: only the N that take longest.")] = 20,
    unit: o.UnitName = "auto",
    columns: o.Columns = None,
    sort: o.Sort = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Measured latency, with intervals and grades: networks side by side in rounds, over sizes, batches and settings."""
    from profiler.study.bench import bench

    places = o.places(format, output, csv, quiet)
    clock = o.clock(
        True, places, device=device, threads=threads, dtype=dtype, memory_format=memory_format, compile=compile, train=train,
        optimizer=optimizer, dataset_size=dataset_size, time=time, resume=resume,
    )  # fmt: skip
    given: dict[str, Any] = {
        "alpha": alpha, "resolution": resolution, "rho": rho, "input": input, "batch": batch, "clock": clock,
        "options": o.settings(set_),
    }  # fmt: skip
    if layers:
        from profiler.report import clocks, units
        from profiler.study import layers as study

        shown = (depth, top, units.unit(unit), o.named(columns), sort)
        clocks.watched(lambda watch: study.layers(*(models or ()), **given, watch=watch), study.Interrupted, places, *shown)
        return
    _watch(lambda watch: bench(*(models or ()), **given, watch=watch), places, unit, columns, sort, verbose)


@app.command("selftest")
def selftest_command(
    time: Annotated[str, typer.Option("--time", metavar="TIME", help="How long to measure.")] = "60s",
    threads: o.Threads = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """The measuring protocol proves itself on this machine: known lengths, itself against itself, a planted slowdown, torch."""
    from profiler.errors import CheckFailed
    from profiler.report import clocks
    from profiler.report.watch import with_bar
    from profiler.study.selftest import selftest

    places = o.places(format, output, csv, quiet)
    found = with_bar(lambda watch: selftest(time=time, threads=threads, watch=watch))
    places.put(clocks.certificate(found))
    if not found.passed:
        failed = ", ".join(check["check"] for check in found.checks if not check["passed"])
        raise CheckFailed(f"the protocol did not prove itself here: {failed}; see the lines marked no, and quiet the machine")


@app.command("show")
def show_command(
    model: o.Model,
    depth: Annotated[int, typer.Option("--depth", metavar="N", help="Levels of the layer tree; 0 shows every layer.")] = 2,
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Only the N layers with most MACs.")] = None,
    formulas: Annotated[
        bool,
        typer.Option("--formulas", help="Each layer's closed form with its numbers, and what separable pairs save."),
    ] = False,
    what_if: Annotated[
        Optional[str],
        typer.Option(
            "--what-if",
            metavar="REWRITING",
            help="What it would cost rewritten: separable (each k×k convolution as depthwise and pointwise) or folded "
            "(BatchNorm into convolutions).",
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
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also how a reference was traced, on stderr.")] = False,
) -> None:
    """One network: totals, shares by kind of layer, every layer. As CSV, one record a layer."""
    from profiler import grid
    from profiler.errors import CheckFailed
    from profiler.network.load import load
    from profiler.report import answers, telling, units
    from profiler.study.show import show

    places = o.places(format, output, csv, quiet)
    o.single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)
    network = load(model, alpha=alpha, resolution=resolution, rho=rho, input=input, options=o.settings(set_))
    found = show(network, grid.batches(batch)[0], convention, what_if=what_if, training=training, memory=memory)
    places.put(answers.show(found, depth, top, formulas, units.unit(unit), o.named(columns), sort))
    uncounted = telling.tell(network.name, found.tracing, verbose)
    if strict and uncounted:
        raise CheckFailed(f"{uncounted} operations of {network.name} have no formula; see the lines marked UNCOUNTED")


@app.command("list")
def list_command(
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
    from profiler.report import answers, units
    from profiler.study.listing import listing

    places = o.places(format, output, csv, quiet)
    found = listing(pattern, max_macs=max_macs, max_params=max_params, year=year, task=task)
    places.put(answers.listing(found, units.unit(unit), sort, o.named(columns)))


@app.command("formula")
def formula_command(
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
    from profiler.report import answers
    from profiler.study.formula import formula

    places = o.places(format, output, csv, quiet)
    places.put(answers.polynomials(formula(model, alpha=alpha, resolution=resolution, options=o.settings(set_))))


@app.command("verify")
def verify_command(
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
) -> None:
    """Our counts against published figures and witnesses: the zoo proves itself. Ends in 1 where anything is not as listed."""
    from profiler.errors import CheckFailed
    from profiler.report.verify import answer
    from profiler.report.watch import with_bar
    from profiler.study.verify import verify

    places = o.places(format, output, csv, quiet)
    found = with_bar(lambda watch: verify(*(models or ()), table=published, engine=o.engines(engine), watch=watch))
    places.put(answer(found, named=bool(models), published=published))
    if found.failures:
        raise CheckFailed(f"{found.failures} counts are not what archs/published.csv says; see the lines marked DIFFERS")


def _watch(
    study: Callable[[Callable[[Results], None]], Results],
    places: Destinations,
    unit: str,
    columns: str | None,
    sort: str | None,
    verbose: bool,
) -> None:
    """Run a study; on a terminal its closed form stands at once and the checks fill in."""
    from profiler.report import units
    from profiler.report.watch import watched

    watched(study, places, units.unit(unit), o.named(columns), sort, verbose)


def main() -> None:
    """Run the app; a fault of the user's is one sentence on stderr and an exit code."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # it stays open to the end of the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # α on a terminal that has none is a question mark, not a traceback
    code: int | str | None = 0
    try:
        app()
    except ProfilerError as fault:
        print(f"error: {fault}", file=sys.stderr)
        code = fault.exit_code
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:
        code = end.code
    except OSError as fault:
        print(f"error: stdout cannot be written: {fault.strerror}; give it a place with room", file=sys.stderr)
        code = 2
    if code == 130:
        print("interrupted", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError as fault:
        if code == 0:
            print(f"error: stdout cannot be written: {fault.strerror}; give it a place with room", file=sys.stderr)
            code = 2
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter's own flush is quiet
    sys.exit(code)


if __name__ == "__main__":
    main()
