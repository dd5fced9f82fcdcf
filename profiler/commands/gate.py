"""The command of the gate: check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from profiler.commands import options as o


def check(
    models: o.Models = None,
    max_macs: Annotated[Optional[str], typer.Option("--max-macs", metavar="N", help="At most so many, as 600M.")] = None,
    max_params: Annotated[Optional[str], typer.Option("--max-params", metavar="N", help="At most so many, as 5M.")] = None,
    max_activations: Annotated[
        Optional[str], typer.Option("--max-activations", metavar="N", help="At most so many, as 10M.")
    ] = None,
    max_weight_bytes: Annotated[
        Optional[str], typer.Option("--max-weight-bytes", metavar="SIZE", help="Parameters in fp32, as 20MiB.")
    ] = None,
    max_memory: Annotated[
        Optional[str], typer.Option("--max-memory", metavar="SIZE", help="Peak of inference on paper, as 100MiB.")
    ] = None,
    max_latency: Annotated[
        Optional[str], typer.Option("--max-latency", metavar="TIME", help="Measured here, as 30ms; fails above its interval.")
    ] = None,
    baseline: Annotated[
        Optional[str], typer.Option("--baseline", metavar="FILE", help="A saved run that no count may have grown beyond.")
    ] = None,
    tolerance: Annotated[str, typer.Option("--tolerance", metavar="SHARE", help="Growth that the baseline allows.")] = "0%",
    strict: Annotated[
        bool, typer.Option("--strict", help="Also fail where a latency is undecided, or an operation has no formula.")
    ] = False,
    junit: Annotated[Optional[Path], typer.Option("--junit", metavar="PATH", help="Also write JUnit XML.")] = None,
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Layers shown of a network that grew.")] = 10,
    alpha: o.Alpha = None,
    resolution: o.Resolution = None,
    rho: o.Rho = None,
    input: o.Input = None,
    batch: Annotated[Optional[str], typer.Option("--batch", metavar="N", help="Samples at once. [default: 1]")] = None,
    set_: o.Set = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure latency too, to compare it with the baseline's.")] = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    dtype: o.Dtype = "fp32",
    memory_format: o.MemoryFormat = "contiguous",
    time: o.Seconds = None,
    unit: o.UnitName = "raw",
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """Budgets, from options or [tool.profiler.budgets], and a baseline: a gate for CI. Ends in 1 where one is not kept."""
    import os

    from profiler import config
    from profiler.errors import CheckFailed
    from profiler.report import units
    from profiler.report.answers import budgets, layer_changes
    from profiler.report.ci import github
    from profiler.report.ci import junit as xml
    from profiler.report.terminal.progress import with_bar
    from profiler.report.writers import plain
    from profiler.study.bench_options import Clock
    from profiler.study.check import check

    places = o.places(format, output, csv, quiet)
    shown = units.unit(unit)
    layer_changes.check_top(top)
    if junit is not None:
        plain.check_writable(junit)
        plain.check_apart(junit, [path for path, _ in places.files])
    o.single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)
    clock = Clock(
        device=device, threads=threads, dtype=dtype, memory_format=memory_format, time=time,
        outputs=tuple(path for path, _ in places.files),
    )  # fmt: skip
    found = with_bar(
        lambda watch: check(
            *(models or ()), macs=max_macs, params=max_params, activations=max_activations, weight_bytes=max_weight_bytes,
            memory=max_memory, latency=max_latency, baseline=baseline, tolerance=tolerance, strict=strict, alpha=alpha,
            resolution=resolution, rho=rho, input=input, batch=batch, options=o.settings(set_), config=config.settings(),
            bench=bench, clock=clock, watch=watch,
        )
    )  # fmt: skip
    places.put(budgets.answer(found, top, shown))
    if junit is not None:
        plain.write(junit, xml.junit(found))
    github.tell(found, os.environ)
    if not found.passed:
        raise CheckFailed(budgets.failure(found))
