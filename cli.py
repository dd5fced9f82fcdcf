"""The command line: options in, one call, one renderer out. Data on stdout, everything else on stderr.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or input, 3 something needed is absent, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from profiler.errors import ProfilerError

if TYPE_CHECKING:
    from profiler.records import Results
    from profiler.report.output import Destinations

app = typer.Typer(
    name="profiler",
    help="Parameters and multiply-adds of neural networks, exact on paper and checked against other counters.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _models(incomplete: str) -> list[str]:
    from profiler.network.registry import names

    return [name for name in names() if name.startswith(incomplete)]


# What several commands share. Typer reads the annotations, so Optional stands where a type checker would take `| None`.

Model = Annotated[
    str,
    typer.Argument(
        help="A network, e.g. mobilenet_v1@alpha=0.5, or a reference to any module: timm:resnet18, net.py:Net.",
        metavar="MODEL",
        autocompletion=_models,
    ),
]
Models = Annotated[
    Optional[list[str]],
    typer.Argument(
        help="Networks, which `profiler list` names, or references: timm:resnet18, net.py:Net.",
        metavar="MODEL",
        autocompletion=_models,
    ),
]
Alpha = Annotated[Optional[str], typer.Option("--alpha", metavar="NUMBER", help="Width multiplier.")]
Resolution = Annotated[Optional[str], typer.Option("--resolution", metavar="PIXELS", help="Side of the input.")]
Rho = Annotated[Optional[str], typer.Option("--rho", metavar="NUMBER", help="Side as a multiple of the native one.")]
Alphas = Annotated[
    Optional[str], typer.Option("--alpha", metavar="RANGE", help="Width multipliers: 0.25..1.0, 0.1..0.5:0.1 or 0.5,1.")
]
Resolutions = Annotated[
    Optional[str],
    typer.Option("--resolution", metavar="RANGE", help="Sides of the input: 128..224, 128..224:16 or 224,192."),
]
Rhos = Annotated[
    Optional[str], typer.Option("--rho", metavar="RANGE", help="Sides as multiples of the native one: 0.5..1.0:0.1.")
]
Input = Annotated[
    Optional[list[str]],
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Shape of one sample, as 3x224x224; of a reference any inputs, as ids=128:int64, repeated.",
    ),
]
Batch = Annotated[
    str, typer.Option("--batch", metavar="N", help="Samples at once; none passes the shapes of a reference as they are.")
]
Batches = Annotated[str, typer.Option("--batch", metavar="RANGE", help="Samples at once: 8, or 1,8,32.")]
Set = Annotated[
    Optional[list[str]],
    typer.Option("--set", metavar="KEY=VALUE", help="An option of the architecture; may be repeated."),
]
Engines = Annotated[
    Optional[list[str]],
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Who counts: closed, traced, fvcore, thop, torch; repeated or with commas. [default: closed,fvcore]",
    ),
]
ConventionName = Annotated[
    str, typer.Option("--convention", metavar="NAME", help="How `total` counts: paper, fvcore, thop, torch or torchinfo.")
]
UnitName = Annotated[
    str, typer.Option("--unit", metavar="UNIT", help="Counts in the table: raw, auto, K, M, G, or flops (2 a MAC).")
]
Columns = Annotated[Optional[str], typer.Option("--columns", metavar="A,B", help="Columns to show, of those in the CSV.")]
Sort = Annotated[Optional[str], typer.Option("--sort", metavar="COLUMN", help="Sort by a column; -COLUMN downwards.")]
Format = Annotated[str, typer.Option("-f", "--format", metavar="FORMAT", help="stdout as table, csv, json, jsonl or markdown.")]
Outputs = Annotated[
    Optional[list[Path]],
    typer.Option("-o", "--output", metavar="PATH", help="Also write a file, format by its suffix; may be repeated."),
]
Csv = Annotated[Optional[Path], typer.Option("--csv", metavar="PATH", help="Also write the records as CSV.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Nothing on stdout.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Also what the witnesses pass over, on stderr.")]


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
    models: Models = None,
    alpha: Alpha = None,
    resolution: Resolution = None,
    rho: Rho = None,
    input: Input = None,
    batch: Batch = "1",
    set_: Set = None,
    engine: Engines = None,
    convention: ConventionName = "paper",
    unit: UnitName = "raw",
    columns: Columns = None,
    sort: Sort = None,
    format: Format = "table",
    output: Outputs = None,
    csv: Csv = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Networks side by side: one row a model, ratios to the first, checked by fvcore on the built module."""
    from profiler import grid
    from profiler.study.compare import compare

    places = _places(format, output, csv, quiet)
    _single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)

    def study(watch: Callable[[Results], None]) -> Results:
        return compare(
            *(models or ()), alpha=alpha, resolution=resolution, rho=rho, input=input, batch=grid.batches(batch)[0],
            engine=_engines(engine), convention=convention, options=_settings(set_), watch=watch,
        )  # fmt: skip

    _watch(study, places, unit, columns, sort, verbose)


@app.command("sweep")
def sweep_command(
    models: Models = None,
    alpha: Alphas = None,
    resolution: Resolutions = None,
    rho: Rhos = None,
    input: Input = None,
    batch: Batches = "1",
    set_: Set = None,
    engine: Engines = None,
    convention: ConventionName = "paper",
    unit: UnitName = "raw",
    columns: Columns = None,
    sort: Sort = None,
    format: Format = "table",
    output: Outputs = None,
    csv: Csv = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Networks over α and resolution (mobilenet_v1 over α 0.25..1.0 unless told otherwise), with published accuracies."""
    from profiler.study.sweep import sweep

    places = _places(format, output, csv, quiet)

    def study(watch: Callable[[Results], None]) -> Results:
        return sweep(
            *(models or ()), alpha=alpha, resolution=resolution, rho=rho, input=input, batch=batch,
            engine=_engines(engine), convention=convention, options=_settings(set_), watch=watch,
        )  # fmt: skip

    _watch(study, places, unit, columns, sort, verbose)


@app.command("show")
def show_command(
    model: Model,
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
    alpha: Alpha = None,
    resolution: Resolution = None,
    rho: Rho = None,
    input: Input = None,
    batch: Batch = "1",
    set_: Set = None,
    convention: ConventionName = "paper",
    unit: UnitName = "raw",
    columns: Columns = None,
    sort: Sort = None,
    format: Format = "table",
    output: Outputs = None,
    csv: Csv = None,
    quiet: Quiet = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also how a reference was traced, on stderr.")] = False,
) -> None:
    """One network: totals, shares by kind of layer, every layer. As CSV, one record a layer."""
    from profiler import grid
    from profiler.errors import CheckFailed
    from profiler.network.load import load
    from profiler.report import answers, telling, units
    from profiler.study.show import show

    places = _places(format, output, csv, quiet)
    _single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)
    network = load(model, alpha=alpha, resolution=resolution, rho=rho, input=input, options=_settings(set_))
    found = show(network, grid.batches(batch)[0], convention, what_if=what_if, training=training, memory=memory)
    places.put(answers.show(found, depth, top, formulas, units.unit(unit), _named(columns), sort))
    if found.tracing is None:
        return
    lines = telling.gaps(network.name, found.tracing)
    for line in [*lines, *(telling.tracing_lines(network.name, found.tracing) if verbose else [])]:
        print(line, file=sys.stderr)
    if strict and lines:
        raise CheckFailed(
            f"{found.tracing.uncounted} operations of {network.name} have no formula; see the lines marked UNCOUNTED"
        )


@app.command("list")
def list_command(
    pattern: Annotated[
        Optional[str], typer.Argument(help="Only names that match, as resnet or 'vgg1*'.", metavar="PATTERN")
    ] = None,
    max_macs: Annotated[Optional[str], typer.Option("--max-macs", metavar="N", help="At most so many, as 600M.")] = None,
    max_params: Annotated[Optional[str], typer.Option("--max-params", metavar="N", help="At most so many, as 5M.")] = None,
    year: Annotated[Optional[str], typer.Option("--year", metavar="YEAR", help="Published then: 2015, or 2014..2016.")] = None,
    task: Annotated[Optional[str], typer.Option("--task", metavar="TASK", help="As classification.")] = None,
    unit: UnitName = "auto",
    columns: Columns = None,
    sort: Sort = None,
    format: Format = "table",
    output: Outputs = None,
    csv: Csv = None,
    quiet: Quiet = False,
) -> None:
    """The zoo: name, paper, year, native input, parameters, multiply-adds, published top-1."""
    from profiler.report import answers, units
    from profiler.study.listing import listing

    places = _places(format, output, csv, quiet)
    found = listing(pattern, max_macs=max_macs, max_params=max_params, year=year, task=task)
    places.put(answers.listing(found, units.unit(unit), sort, _named(columns)))


@app.command("formula")
def formula_command(
    model: Model,
    alpha: Alphas = None,
    resolution: Resolution = None,
    set_: Set = None,
    format: Format = "table",
    output: Outputs = None,
    csv: Csv = None,
    quiet: Quiet = False,
) -> None:
    """Exact polynomials of params and MACs in α and the side, with the domain on which they hold; text and LaTeX."""
    from profiler.report import answers
    from profiler.study.formula import formula

    places = _places(format, output, csv, quiet)
    places.put(answers.polynomials(formula(model, alpha=alpha, resolution=resolution, options=_settings(set_))))


@app.command("verify")
def verify_command(
    models: Models = None,
    published: Annotated[
        Optional[str],
        typer.Option("--table", metavar="NAME", help='One published table with ours beside it: "MobileNets Table 6".'),
    ] = None,
    engine: Engines = None,
    format: Format = "table",
    output: Outputs = None,
    csv: Csv = None,
    quiet: Quiet = False,
) -> None:
    """Our counts against published figures and witnesses: the zoo proves itself. Ends in 1 where anything is not as listed."""
    from profiler.errors import CheckFailed
    from profiler.report.verify import answer
    from profiler.report.watch import with_bar
    from profiler.study.verify import verify

    places = _places(format, output, csv, quiet)
    found = with_bar(lambda watch: verify(*(models or ()), table=published, engine=_engines(engine), watch=watch))
    places.put(answer(found, named=bool(models), published=published))
    if found.failures:
        raise CheckFailed(f"{found.failures} counts are not what archs/published.csv says; see the lines marked DIFFERS")


def _places(form: str, outputs: list[Path] | None, csv: Path | None, quiet: bool) -> Destinations:
    from profiler.report.output import Destinations

    return Destinations.of(form, outputs or (), csv, quiet)


def _settings(given: list[str] | None) -> dict[str, str]:
    """`--set key=value` as a dict."""
    found = {}
    for setting in given or ():
        key, equals, value = setting.partition("=")
        if not equals or not key or not value:
            raise ProfilerError(f"--set '{setting}' is not key=value; write it as --set classes=10")
        found[key] = value
    return found


def _named(columns: str | None) -> list[str]:
    """`--columns a, b` as a list."""
    return [name.strip() for name in (columns or "").split(",") if name.strip()]


def _engines(given: list[str] | None) -> tuple[str, ...]:
    from profiler.study.cells import DEFAULT_ENGINES

    return tuple(given) if given else DEFAULT_ENGINES


def _single(**given: str | None) -> None:
    """Refuses a range where one value is meant."""
    for name, value in given.items():
        if value is not None and ("," in value or ".." in value):
            raise ProfilerError(f"--{name} {value} is a range; this command takes one value, `profiler sweep` takes ranges")


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

    watched(study, places, units.unit(unit), _named(columns), sort, verbose)


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
