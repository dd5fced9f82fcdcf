"""The command line: options in, one call, one renderer out. Data on stdout, everything else on stderr.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or input, 3 something needed is absent, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from profiler.commands import counting, gate, measuring, saved
from profiler.commands.completion import whole_words
from profiler.commands.defaults import Commands
from profiler.commands.options import with_settings
from profiler.errors import ProfilerError
from profiler.report import encoding

app = typer.Typer(
    name="profiler",
    cls=Commands,
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


app.command("list")(with_settings(counting.list_))
app.command("show")(counting.show)
app.command("compare")(counting.compare)
app.command("sweep")(counting.sweep)
app.command("bench")(measuring.bench)
app.command("formula")(with_settings(counting.formula))
app.command("verify")(counting.verify)
app.command("check")(with_settings(gate.check))
app.command("diff")(with_settings(saved.diff))
app.command("report")(saved.report)
app.command("selftest")(measuring.selftest)


def main() -> None:
    """Run the app; a fault of the user's is one sentence on stderr and an exit code."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # it stays open to the end of the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=encoding.ERRORS)  # α on a terminal that has none is an a, not a traceback
    code: int | str | None = 0
    try:
        with whole_words(os.environ):
            app()
    except ProfilerError as fault:
        print(f"error: {encoding.printable(str(fault))}", file=sys.stderr)
        code = fault.exit_code
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:
        code = end.code
    except OSError as fault:
        print(f"error: stdout cannot be written: {fault.strerror}; give it a place with room", file=sys.stderr)
        code = 2
    if code == 130:
        print("interrupted", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError as fault:
        if code == 0:
            print(f"error: stdout cannot be written: {fault.strerror}; give it a place with room", file=sys.stderr)
            code = 2
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter's own flush is quiet
    sys.exit(code)


if __name__ == "__main__":
    main()
