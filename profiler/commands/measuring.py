"""The commands that measure: bench, selftest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from profiler.commands import options as o
from profiler.report import forms

if TYPE_CHECKING:
    from profiler.records.results import Results
    from profiler.records.timing import Measured
    from profiler.report.output import Destinations
    from profiler.report.units import Unit


def bench(
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
    plot: o.Plot = False,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Measured latency, with intervals and grades: networks side by side in rounds, over sizes, batches and settings."""
    from profiler.study.bench import bench

    places = o.places(format, output, csv, quiet, forms.CLOCKED if layers else forms.RESULTS, plot)
    clock = o.clock(
        True, places, device=device, threads=threads, dtype=dtype, memory_format=memory_format, compile=compile, train=train,
        optimizer=optimizer, dataset_size=dataset_size, time=time, resume=resume,
    )  # fmt: skip
    given: dict[str, Any] = {
        "alpha": alpha, "resolution": resolution, "rho": rho, "input": input, "batch": batch, "clock": clock,
        "options": o.settings(set_),
    }  # fmt: skip
    if layers:
        from profiler.report import units
        from profiler.study import layers as study

        shown = (depth, top, units.unit(unit), o.named(columns), sort)
        watched(lambda watch: study.layers(*(models or ()), **given, watch=watch), study.Interrupted, places, *shown)
        return
    o.watch(lambda watch: bench(*(models or ()), **given, watch=watch), places, unit, columns, sort, verbose)


def watched(
    study: Callable[[Callable[[Results], None]], Measured],
    interrupted: type[KeyboardInterrupt],
    places: Destinations,
    depth: int,
    top: int | None,
    unit: Unit,
    columns: Sequence[str],
    sort: str | None,
) -> None:
    """Run a study of layers behind a bar and put its answer; `interrupted` holds what was found before the user's own hand.

    Raises ProfilerError, UnknownName.
    """
    from profiler.report.answers import layer_times
    from profiler.report.terminal.progress import with_bar

    layer_times.check(depth, top, columns, sort)
    try:
        found = with_bar(study)
    except interrupted as end:
        places.put(layer_times.layers(end.found, depth, top, unit, columns, sort))  # type: ignore[attr-defined]
        raise
    places.put(layer_times.layers(found, depth, top, unit, columns, sort))


def selftest(
    time: Annotated[str, typer.Option("--time", metavar="TIME", help="How long to measure.")] = "60s",
    threads: o.Threads = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """The measuring protocol proves itself on this machine: known lengths, itself against itself, a planted slowdown, torch."""
    from profiler.errors import CheckFailed
    from profiler.report.answers import layer_times
    from profiler.report.terminal.progress import with_bar
    from profiler.study.selftest import selftest

    places = o.places(format, output, csv, quiet)
    found = with_bar(lambda watch: selftest(time=time, threads=threads, watch=watch))
    places.put(layer_times.certificate(found))
    if verbose:
        print(", ".join(f"{key}: {value}" for key, value in found.machine.items()), file=sys.stderr)
    if not found.passed:
        failed = ", ".join(check["check"] for check in found.checks if not check["passed"])
        raise CheckFailed(f"the protocol did not prove itself here: {failed}; see the lines marked no, and quiet the machine")
