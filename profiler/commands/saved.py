"""The commands about saved runs: report and diff."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from profiler.commands import options as o
from profiler.commands.given import check_caption, checked_label
from profiler.commands.groups import Output, Point, grouped, named, unit


@grouped
def report(
    file: Annotated[str, typer.Argument(help="A run saved with -o run.json; - reads stdin.", metavar="FILE")],
    depth: Annotated[
        Optional[int],
        typer.Option("--depth", metavar="N", help="Levels of modules to show, e.g. 1; 0 shows every layer. [default: 2]"),
    ] = None,
    top: o.Top = None,
    no_fold: o.NoFold = False,
    formulas: o.Formulas = False,
    receptive_field: o.Receptive = False,
    unit_: Annotated[
        Optional[str],
        typer.Option(
            "--unit",
            metavar="UNIT",
            help=o.UNIT_HELP,
        ),
    ] = None,
    columns: o.Columns = None,
    sort: o.Sort = None,
    caption: o.Caption = None,
    label: o.Label = None,
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    """Print a saved run again, in any format: as a table, a page, LaTeX, CSV. Nothing is counted or measured again.

    Examples:
        profiler report run.json
        profiler report run.json -f latex --unit paper
    """
    from profiler.report.answer import View
    from profiler.report.answers import registry
    from profiler.report.encoding import sentence
    from profiler.saved.read import read_document
    from profiler.saved.results import result

    run = read_document(file)
    if verbose:
        made = ", ".join(f"{key} {value}" for key, value in run.document["environment"].items())
        about = f"{run.name}: schema {run.document['schema']}, by profiler {run.command}; {made}"
        print(sentence(about), file=sys.stderr)
    found = result(run)
    destinations = out.destinations(registry.type_of(found).forms(found), plot)
    counts = None if unit_ is None else unit(unit_)
    check_caption(caption, destinations)
    view = View(
        counts, named(columns), sort, depth, top, formulas, not no_fold, caption=caption or "",
        label=checked_label(label, destinations), receptive_field=receptive_field,
    )  # fmt: skip
    destinations.put(registry.answer(found, view))


@grouped
def diff(
    before: Annotated[
        str,
        typer.Argument(
            help="The network before: a saved run (run.json, or - for stdin), a network (mobilenet_v1, net.py:Net), "
            "or one in a git revision (HEAD~1:net.py:Net).",
            metavar="BEFORE",
        ),
    ],
    after: Annotated[str, typer.Argument(help="The network after, given in the same ways.", metavar="AFTER")],
    top: Annotated[
        Optional[int], typer.Option("--top", metavar="N", help="Number of layers to show, those that changed most, e.g. 20.")
    ] = 10,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with code 1 if the two differ.")] = False,
    point: Point = Point(),
    batch: o.SingleBatch = None,
    set_: o.Set = None,
    unit_: o.UnitName = "raw",
    out: Output = Output(),
) -> None:
    """Compare two networks or two saved runs: the totals, then layer by layer what was changed, added, removed or renamed.

    Examples:
        profiler diff mobilenet_v1 mobilenet_v1@alpha=0.5
        profiler diff before.json net.py:Net --input 3x224x224
    """
    from profiler.report.answer import View
    from profiler.report.answers import layer_changes, registry
    from profiler.study.diff import differing

    destinations, view = out.destinations(), View(unit(unit_), top=top)
    layer_changes.check_top(top)
    found = differing(before, after, point.place(batch, set_))
    destinations.put(registry.answer(found, view))
    if exit_code and not found.same:
        raise typer.Exit(1)
