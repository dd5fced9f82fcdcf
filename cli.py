"""The command line: every command and its line of help. Data goes to stdout, everything else to stderr.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or input, 3 something needed is not available, 130 interrupted.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from profiler.commands import ending, faults, streams
from profiler.commands.completion import whole_words
from profiler.commands.lazy import Command, commands

COMMANDS = {
    "list": Command("counting:list_", "List the networks known here, with parameters, MACs and top-1."),
    "show": Command("counting:show", "Count one network: totals, by kind of layer and by layer."),
    "compare": Command("counting:compare", "Compare networks in one table, a row each."),
    "sweep": Command("counting:sweep", "Count networks over width multipliers and input resolutions."),
    "bench": Command("measuring:bench", "Measure latency on this machine, with confidence intervals."),
    "formula": Command("counting:formula", "Print the exact polynomials of parameters and MACs."),
    "verify": Command("counting:verify", "Test the counts against published figures and other counters."),
    "check": Command("gate:check", "Fail if a network exceeds its budget or a baseline, for CI."),
    "fit": Command("fitting:fit", "Find the networks and sizes that fit a budget, best first."),
    "predict": Command("predicting:predict", "Predict latency from measurements of other networks."),
    "inspect": Command("inspecting:inspect", "Inspect a file of weights: sparsity, ranges, dead channels."),
    "fleet": Command("fleet:fleet", "Measure on several machines: start a worker, see what is there."),
    "diff": Command("saved:diff", "Compare two networks or two saved runs, layer by layer."),
    "report": Command("saved:report", "Print a saved run again, in any format."),
    "selftest": Command("measuring:selftest", "Test the latency measurement itself on this machine."),
}
"""Each command: where it stands in profiler/commands, and its line in `profiler --help`. It is loaded when it is used."""

app = typer.Typer(
    name="profiler",
    cls=commands(COMMANDS),
    help="""Count the parameters and multiply-adds (MACs) of neural networks exactly, and measure their latency.
    `profiler COMMAND --help` lists the options of a command.

    Examples:
        profiler show mobilenet_v1
        profiler compare mobilenet_v1 vgg16 resnet50
        profiler show net.py:Net --input 3x224x224
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(requested: bool) -> None:
    if requested:
        from profiler.version import __version__

        print(f"profiler {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """The options of the program itself."""


def main() -> None:
    """Run the app. A mistake of the user's is one sentence on stderr and an exit code."""
    streams.prepare()
    try:
        with whole_words(os.environ):
            code = app(standalone_mode=False) or 0
        if code == faults.INTERRUPTED:  # typer returns this code after Ctrl-C
            faults.interrupted()
    except BaseException as fault:  # any exception: code that is measured must not end a command silently
        code = faults.tell(fault)
    if (lost := streams.finish()) and code == 0:
        faults.say(lost)
        code = 2
    ending.Ending.code = code
    raise SystemExit(code)  # not sys.exit, which code that was run may have replaced


if __name__ == "__main__":
    main()
