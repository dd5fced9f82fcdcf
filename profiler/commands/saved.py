"""The commands about saved runs: report and diff."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from profiler.commands import options as o


def report(
    file: Annotated[str, typer.Argument(help="What -o run.json wrote; - reads a pipe.", metavar="FILE")],
    depth: Annotated[
        Optional[int], typer.Option("--depth", metavar="N", help="Levels of the layer tree; 0 shows every layer.")
    ] = None,
    top: o.Top = None,
    no_fold: o.NoFold = False,
    formulas: o.Formulas = False,
    unit: Annotated[
        Optional[str],
        typer.Option("--unit", metavar="UNIT", help="Counts in the table: raw, auto, K, M, G, or flops (2 a MAC)."),
    ] = None,
    columns: o.Columns = None,
    sort: o.Sort = None,
    plot: o.Plot = False,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """A saved run again, in any form: tables, pages, plots. Nothing is counted or measured anew."""
    from profiler.report import encoding, units
    from profiler.report.answers import saved_run
    from profiler.saved import read as saved
    from profiler.saved import results as reread

    run = saved.read(file)
    if verbose:
        made = ", ".join(f"{key} {value}" for key, value in run.document["environment"].items())
        told = f"{run.name}: schema {run.document['schema']}, by profiler {run.command}; {made}"
        print(encoding.printable(told), file=sys.stderr)
    found = reread.subject(run)
    places = o.places(format, output, csv, quiet, besides(found), plot)
    shown = None if unit is None else units.unit(unit)
    places.put(saved_run.answer(run, found, depth, top, formulas, shown, o.named(columns), sort, not no_fold))


def diff(
    before: Annotated[str, typer.Argument(help="A saved run (.json, or - for a pipe), or a network.", metavar="BEFORE")],
    after: Annotated[str, typer.Argument(help="The same, of what it became.", metavar="AFTER")],
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Layers shown, those that differ most.")] = 10,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End in 1 where they differ.")] = False,
    alpha: o.Alpha = None,
    resolution: o.Resolution = None,
    rho: o.Rho = None,
    input: o.Input = None,
    batch: Annotated[Optional[str], typer.Option("--batch", metavar="N", help="Samples at once. [default: 1]")] = None,
    set_: o.Set = None,
    unit: o.UnitName = "raw",
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """Two saved runs or two networks: totals, then layer by layer what changed, came, went or was renamed."""
    from profiler.report import units
    from profiler.report.answers import diff as diff_answer
    from profiler.report.answers import layer_changes
    from profiler.study.diff import diff

    places = o.places(format, output, csv, quiet)
    shown = units.unit(unit)
    layer_changes.check_top(top)
    o.single(alpha=alpha, resolution=resolution, rho=rho, batch=batch)
    point = {"alpha": alpha, "resolution": resolution, "rho": rho, "input": input, "batch": batch}
    found = diff(before, after, **point, options=o.settings(set_))
    places.put(diff_answer.answer(found, top, shown))
    if exit_code and not found.same:
        raise typer.Exit(1)


def besides(found: object) -> tuple[str, ...]:
    """The forms other than tables that a run that was read back can be written in."""
    from profiler.records.results import Results
    from profiler.records.shown import Shown
    from profiler.records.timing import Measured
    from profiler.report import forms

    match found:
        case Measured():
            return forms.CLOCKED
        case Shown():
            return forms.NETWORK
        case Results():
            return forms.COMPARED if found.profiles else forms.RESULTS
        case _:
            return ()
