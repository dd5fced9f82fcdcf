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
            help="What bench --layers -o run.json wrote, its samples, or a .csv of 20 networks.",
        ),
    ] = "",
    scale_to: Annotated[
        Optional[str],
        typer.Option(
            "--scale-to", metavar="FILE", help="3 or more of its networks measured here, where --from is of another device."
        ),
    ] = None,
    ranges: Ranges = Ranges(),
    batch: o.Batches = None,
    set_: o.Set = None,
    over: o.Over = None,
    device: Annotated[
        Optional[str], typer.Option("--device", metavar="NAME", help="The device, of several that the file was measured on.")
    ] = None,
    threads: Annotated[
        Optional[str], typer.Option("--threads", metavar="N", help="How many threads, of several in the file.")
    ] = None,
    dtype: Annotated[Optional[str], typer.Option("--dtype", metavar="NAME", help="The dtype, of several in the file.")] = None,
    memory_format: Annotated[
        Optional[str], typer.Option("--memory-format", metavar="NAME", help="The memory format, of several in the file.")
    ] = None,
    runtime: Annotated[
        Optional[str], typer.Option("--runtime", metavar="NAME", help="What ran the networks, of several in the file.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also what the file says nothing of, with the reason beside it.")
    ] = False,
    layer_file: Annotated[
        Optional[Path],
        typer.Option("--table", metavar="FILE.csv", help="Also every layer of every cell with its seconds, for a search."),
    ] = None,
    table: Table = Table(),
    plot: o.Plot = False,
    out: Output = Output(),
) -> None:
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed, ProfilerError
    from profiler.report import files
    from profiler.report.answers import results
    from profiler.report.writers import plain
    from profiler.study.layer_table import layer_table
    from profiler.study.predict import latencies_of, predicting

    if not source:
        raise ProfilerError("--from says what to predict from; give a file, as --from run.json")
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
        raise CheckFailed("nothing is predicted; see the reasons below the table, or insist by --force")
