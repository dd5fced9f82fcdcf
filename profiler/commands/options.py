"""What the commands share: options as typer reads them, and the texts that they are given as arguments of the library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from profiler.commands import completion
from profiler.commands.defaults import Defaults
from profiler.errors import ProfilerError

if TYPE_CHECKING:
    from profiler.records.results import Results
    from profiler.report.output import Destinations
    from profiler.study.bench_options import Clock


# What several commands share. Typer reads the annotations, so Optional stands where a type checker would take `| None`.

Model = Annotated[
    str,
    typer.Argument(
        help="A network, e.g. mobilenet_v1@alpha=0.5, or a reference to any module: timm:resnet18, net.py:Net.",
        metavar="MODEL",
        autocompletion=completion.models,
    ),
]
Models = Annotated[
    Optional[list[str]],
    typer.Argument(
        help="Networks, which `profiler list` names, or references: timm:resnet18, net.py:Net.",
        metavar="MODEL",
        autocompletion=completion.models,
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
TimedBatch = Annotated[Optional[str], typer.Option("--batch", metavar="N", help="Samples at once. [default: 1; 32 to train]")]
TimedBatches = Annotated[
    Optional[str],
    typer.Option("--batch", metavar="RANGE", help="Samples at once: 8, or 1,8,32. [default: 1; 32 to train]"),
]
Set = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the architecture; may be repeated.",
        autocompletion=completion.own_settings,
    ),
]
Engines = Annotated[
    Optional[list[str]],
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Who counts: closed, traced, fvcore, thop, torch; repeated or with commas. [default: closed,fvcore]",
        autocompletion=completion.engines,
    ),
]
ConventionName = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        help="How `total` counts: paper, fvcore, thop, torch or torchinfo.",
        autocompletion=completion.conventions,
    ),
]
UnitName = Annotated[
    str,
    typer.Option(
        "--unit",
        metavar="UNIT",
        help="Counts in the table: raw, auto, K, M, G, or flops (2 a MAC).",
        autocompletion=completion.units,
    ),
]
Columns = Annotated[
    Optional[str],
    typer.Option("--columns", metavar="A,B", help="Columns to show, of those in the CSV.", autocompletion=completion.columns),
]
Sort = Annotated[
    Optional[str],
    typer.Option("--sort", metavar="COLUMN", help="Sort by a column; -COLUMN downwards.", autocompletion=completion.sort),
]
Format = Annotated[
    str,
    typer.Option(
        "-f",
        "--format",
        metavar="FORMAT",
        help="stdout as table, csv, json, jsonl, markdown, latex, html …",
        autocompletion=completion.forms,
    ),
]
Outputs = Annotated[
    Optional[list[Path]],
    typer.Option("-o", "--output", metavar="PATH", help="Also write a file, format by its suffix; may be repeated."),
]
Csv = Annotated[Optional[Path], typer.Option("--csv", metavar="PATH", help="Also write the records as CSV.")]

# How latency is measured. `bench` takes several of a device, a number of threads, a dtype and a memory format, with commas.

Bench = Annotated[bool, typer.Option("--bench", help="Measure latency too.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda:1, mps; auto: a GPU if there is one.",
        autocompletion=completion.devices,
    ),
]
Threads = Annotated[Optional[str], typer.Option("--threads", metavar="N", help="CPU threads. [default: all that may be used]")]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype", metavar="NAME", help="fp32, bf16 or fp16; where it trains, by autocast.", autocompletion=completion.dtypes
    ),
]
MemoryFormat = Annotated[
    str,
    typer.Option(
        "--memory-format", metavar="NAME", help="contiguous or channels_last.", autocompletion=completion.memory_formats
    ),
]
Compile = Annotated[bool, typer.Option("--compile", help="Also compiled by torch.compile, beside eager.")]
Train = Annotated[bool, typer.Option("--train", help="Time training steps: forward, loss, backward, optimiser.")]
Optimizer = Annotated[
    str,
    typer.Option("--optimizer", metavar="NAME", help="Of training steps: sgd or adam.", autocompletion=completion.optimizers),
]
DatasetSize = Annotated[
    Optional[str], typer.Option("--dataset-size", metavar="N", help="Samples of an epoch, as 60K: seconds an epoch.")
]
Seconds = Annotated[
    Optional[str],
    typer.Option(
        "--time", metavar="TIME", help="Shared by all cells, from the first warm-up: 5m. [default: 30s; 60s to train]"
    ),
]
Resume = Annotated[
    Optional[Path], typer.Option("--resume", metavar="FILE", help="Carry on with the .samples.jsonl of an interrupted run.")
]
Depth = Annotated[int, typer.Option("--depth", metavar="N", help="Levels of the layer tree; 0 shows every layer.")]
Top = Annotated[Optional[int], typer.Option("--top", metavar="N", help="Only the N layers with most MACs.")]
Formulas = Annotated[
    bool, typer.Option("--formulas", help="Each layer's closed form with its numbers, and what separable pairs save.")
]
NoFold = Annotated[bool, typer.Option("--no-fold", help="Equal layers one by one, not summed in a line.")]
Plot = Annotated[bool, typer.Option("--plot", help="Also plots in the terminal, below the table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Nothing on stdout.")]


def _told(ctx: typer.Context, verbose: bool) -> bool:
    """With -v, the settings that the project's own file gave the command."""
    if verbose and isinstance(ctx.obj, Defaults) and ctx.obj.where:
        print(str(ctx.obj), file=sys.stderr)
    return verbose


Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", callback=_told, help="Also what stands behind the answer, and the settings used, on stderr."
    ),
]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command that has no more to say with -v than the settings used: the option is added, and its own callback does it."""

    @wraps(command)
    def run(**given: Any) -> None:
        del given["verbose"]
        command(**given)

    own = signature(command, eval_str=True)
    verbose = Parameter("verbose", Parameter.KEYWORD_ONLY, default=False, annotation=Verbose)
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), verbose])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature(run).parameters.values()}
    return run


def places(
    form: str,
    outputs: list[Path] | None,
    csv: Path | None,
    quiet: bool,
    besides: tuple[str, ...] = (),
    plot: bool = False,
) -> Destinations:
    """Where the answer goes; `besides` are the forms other than tables that the command can write. Raises ProfilerError."""
    from profiler.report.output import Destinations

    return Destinations.of(form, outputs or (), csv, quiet, besides, plot)


def watch(
    study: Callable[[Callable[[Results], None]], Results],
    places: Destinations,
    unit: str,
    columns: str | None,
    sort: str | None,
    verbose: bool,
) -> None:
    """Run a study; on a terminal its closed form stands at once and the checks fill in."""
    from profiler.commands.watch import watched
    from profiler.report import units

    watched(study, places, units.unit(unit), named(columns), sort, verbose)


def clock(asked: bool, places: Destinations, **given: Any) -> Clock | None:
    """How to measure; None where nothing is to be. Raises ProfilerError for options that only measuring has."""
    if not asked:
        if given["train"] or given["resume"] is not None or given["dataset_size"] is not None:
            raise ProfilerError("--train, --dataset-size and --resume are for measuring; add --bench")
        return None
    from profiler.study.bench_options import Clock

    return Clock(**given, outputs=tuple(path for path, _ in places.files))


def batch(given: str | None, train: bool) -> str:
    """The batch that was given; else 1, or 32 for training steps, since batch statistics of one sample are none."""
    if given or not train:
        return given or "1"
    from profiler.study.bench_options import TRAIN_BATCH

    return str(TRAIN_BATCH)


def settings(given: list[str] | None) -> dict[str, str]:
    """`--set key=value` as a dict."""
    found = {}
    for setting in given or ():
        key, equals, value = setting.partition("=")
        if not equals or not key or not value:
            raise ProfilerError(f"--set '{setting}' is not key=value; write it as --set classes=10")
        found[key] = value
    return found


def named(columns: str | None) -> list[str]:
    """`--columns a, b` as a list."""
    return [name.strip() for name in (columns or "").split(",") if name.strip()]


def engines(given: list[str] | None) -> tuple[str, ...]:
    from profiler.study.cells import DEFAULT_ENGINES

    return tuple(given) if given else DEFAULT_ENGINES


def single(**given: str | None) -> None:
    """Refuses a range where one value is meant."""
    for name, value in given.items():
        if value is not None and ("," in value or ".." in value):
            raise ProfilerError(f"--{name} {value} is a range; this command takes one value, `profiler sweep` takes ranges")
