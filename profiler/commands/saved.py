"""The commands about saved runs: report."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from profiler import options as o


def report(
    file: Annotated[str, typer.Argument(help="What -o run.json wrote; - reads a pipe.", metavar="FILE")],
    depth: Annotated[
        Optional[int], typer.Option("--depth", metavar="N", help="Levels of the layer tree; 0 shows every layer.")
    ] = None,
    top: o.Top = None,
    formulas: o.Formulas = False,
    unit: Annotated[
        Optional[str],
        typer.Option("--unit", metavar="UNIT", help="Counts in the table: raw, auto, K, M, G, or flops (2 a MAC)."),
    ] = None,
    columns: o.Columns = None,
    sort: o.Sort = None,
    format: o.Format = "table",
    output: o.Outputs = None,
    csv: o.Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """A saved run again, in any form: tables, pages, plots. Nothing is counted or measured anew."""
    from profiler import saved
    from profiler.report import again, units
    from profiler.study import reread

    run = saved.read(file)
    found = reread.subject(run)
    places = o.places(format, output, csv, quiet, again.besides(found))
    shown = None if unit is None else units.unit(unit)
    places.put(again.answer(run, found, depth, top, formulas, shown, o.named(columns), sort))
