"""The command of latencies that were not measured: predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from profiler.commands import options as o
from profiler.commands.groups import Output, Ranges, Table, grouped
from profiler.report import forms


@grouped
def predict(
    models: o.Models = None,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="What to predict from: a run saved by `profiler bench --layers -o run.json`, its .samples.jsonl, "
            "or a CSV file with the latency of 20 or more networks.",
        ),
    ] = "",
    scale_to: Annotated[
        Optional[str],
        typer.Option(
            "--scale-to",
            metavar="FILE",
            help="If --from is of another device: a run of this device with 3 or more of the same networks, e.g. here.json.",
        ),
    ] = None,
    ranges: Ranges = Ranges(),
    batch: o.Batches = None,
    set_: o.Set = None,
    over: o.Over = None,
    device: Annotated[
        Optional[str],
        typer.Option("--device", metavar="NAME", help="If --from holds several devices: the one to predict for, e.g. cpu."),
    ] = None,
    threads: Annotated[
        Optional[str],
        typer.Option(
            "--threads", metavar="N", help="If --from holds several numbers of threads: the one to predict for, e.g. 4."
        ),
    ] = None,
    dtype: Annotated[
        Optional[str],
        typer.Option("--dtype", metavar="NAME", help="If --from holds several data types: the one to predict for, e.g. fp32."),
    ] = None,
    memory_format: Annotated[
        Optional[str],
        typer.Option(
            "--memory-format",
            metavar="NAME",
            help="If --from holds several memory formats: the one to predict for, e.g. channels_last.",
        ),
    ] = None,
    runtime: Annotated[
        Optional[str],
        typer.Option("--runtime", metavar="NAME", help="If --from holds several runtimes: the one to predict for, e.g. eager."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also predict networks unlike those that were measured, with a warning beside each.")
    ] = False,
    layer_file: Annotated[
        Optional[Path],
        typer.Option(
            "--table",
            metavar="FILE.csv",
            help="Also write the predicted seconds of every layer to a CSV file, e.g. for an architecture search.",
        ),
    ] = None,
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
) -> None:
    """Predict the latency of networks from measurements of others, with a 95 % interval. Networks too unlike those that
    were measured are refused.

    Examples:
        profiler bench mobilenet_v1 resnet50 --layers -o run.json
        profiler predict mobilenet_v1 --alpha 0.25..1.0:0.05 --from run.json
    """
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed, ProfilerError
    from profiler.report import files
    from profiler.report.answers import results
    from profiler.report.writers import plain
    from profiler.study.layer_table import layer_table
    from profiler.study.predict import latencies_of, predicting

    if not source:
        raise ProfilerError("missing option --from; give a file to predict from, e.g. --from run.json")
    destinations = out.destinations(forms.RESULTS, plot)
    view = table.view(destinations)
    place = ranges.place(batch, set_, over)
    results.check_view(view, place.over)
    asked = {"device": device, "threads": threads, "dtype": dtype, "memory_format": memory_format, "runtime": runtime}
    file = None if layer_file is None else files.file_at(layer_file)
    if file is not None:
        files.check_apart(file, [other for other, _ in destinations.files])
        files.check_suffix(file, "--table", ".csv", "comma-separated values")
    known = latencies_of(source, scale_to, asked, force)
    found = shown(predicting(models or (), place, known, force), destinations, view)
    if file is not None:
        rows = layer_table(found, models or (), place, known)
        destinations.write(file, plain.csv_text(rows, list(rows[0]) if rows else ["model"]))
    if all(record["predicted_s"] is None for record in found):
        raise CheckFailed("nothing was predicted; see the reasons below the table, or add --force")
