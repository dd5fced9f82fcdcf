"""The command line: a table of contents. Options in, one study, one answer out; data on stdout, everything else on stderr.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or input, 3 something needed is absent, 130 interrupted.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from profiler.commands import ending, faults, streams
from profiler.commands.completion import whole_words
from profiler.commands.lazy import Command, commands

COMMANDS = {
    "list": Command("counting:list_", "The zoo: name, paper, year, native input, parameters, multiply-adds, published top-1."),
    "show": Command("counting:show", "One network: totals, shares by kind of layer, every layer. As CSV, one record a layer."),
    "compare": Command(
        "counting:compare",
        "Networks side by side: one row a model, ratios to the first, checked by fvcore on the built module.",
    ),
    "sweep": Command(
        "counting:sweep",
        "Networks over α and resolution (mobilenet_v1 over α 0.25..1.0 unless told otherwise), with published accuracies.",
    ),
    "bench": Command(
        "measuring:bench",
        "Measured latency, with intervals and grades: networks side by side in rounds, over sizes, batches and settings.",
    ),
    "formula": Command(
        "counting:formula",
        "Exact polynomials of params and MACs in α and the side, of any module, with their domain; text and LaTeX.",
    ),
    "verify": Command(
        "counting:verify",
        "Our counts against published figures and witnesses: the zoo proves itself. Exits with 1 if anything is not as listed.",
    ),
    "check": Command(
        "gate:check",
        "Budgets, from options or [tool.profiler.budgets], and a baseline: a gate for CI. Exits with 1 if one is exceeded.",
    ),
    "fit": Command(
        "fitting:fit",
        "Which networks fit a budget, how wide and at which side: the best first, then what just misses. Exits with 1 if none.",
    ),
    "predict": Command(
        "predicting:predict",
        "Latency of what was not measured, from what was, with an interval; refuses what it was not calibrated on.",
    ),
    "inspect": Command(
        "inspecting:inspect",
        "A file of weights: dead channels, ranges, ranks, bytes at each precision; what leaves its network with what is dead.",
    ),
    "fleet": Command(
        "fleet:fleet",
        "Machines that measure together: `fleet worker` makes this one a worker of a dask scheduler, `fleet status` shows all.",
    ),
    "diff": Command(
        "saved:diff", "Two saved runs or two networks: totals, then layer by layer what changed, came, went or was renamed."
    ),
    "report": Command(
        "saved:report", "A saved run again, in any form: tables, pages, plots. Nothing is counted or measured anew."
    ),
    "selftest": Command(
        "measuring:selftest",
        "The measuring protocol proves itself on this machine: known lengths, itself against itself, a planted slowdown, "
        "torch.",
    ),
}
"""Each command: where it stands in profiler/commands, and what it does. It is loaded when it is asked for."""

app = typer.Typer(
    name="profiler",
    cls=commands(COMMANDS),
    help="What neural networks cost: exact on paper, checked against other counters, and on the clock.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(asked: bool) -> None:
    if asked:
        from profiler.version import __version__

        print(f"profiler {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the app; a fault of the user's is one sentence on stderr and an exit code."""
    streams.prepare()
    try:
        with whole_words(os.environ):
            code = app(standalone_mode=False) or 0
        if code == faults.INTERRUPTED:  # typer's own word for the user's hand
            faults.interrupted()
    except BaseException as fault:  # whatever it is: no code that is measured ends a command without a word
        code = faults.tell(fault)
    if (lost := streams.finish()) and code == 0:
        faults.say(lost)
        code = 2
    ending.Ending.code = code
    raise SystemExit(code)  # not by sys.exit, which code that was run may have replaced


if __name__ == "__main__":
    main()
