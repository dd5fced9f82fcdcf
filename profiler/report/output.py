"""Where an answer goes: stdout in one format, files in the format of their suffix."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from profiler.errors import ProfilerError
from profiler.report.answer import WIDE, Answer
from profiler.report.forms import FORMS, check_form, form_named, form_of, written
from profiler.report.writers import plain


@dataclass(frozen=True)
class Destinations:
    """Where the user wants it. Made before any work is done, so that a place that cannot be written is refused first."""

    form: str
    files: tuple[tuple[Path, str], ...]
    quiet: bool
    plot: bool = False
    """True where plots stand below the table on stdout."""

    @classmethod
    def of(
        cls,
        form: str,
        outputs: Sequence[Path],
        csv: Path | None,
        quiet: bool,
        besides: tuple[str, ...] = (),
        plot: bool = False,
    ) -> Destinations:
        """`besides`: the forms other than tables that the command can write. Raises ProfilerError, UnknownName, Unavailable."""
        files = [(path, form_of(path)) for path in outputs]
        if csv is not None:
            files.append((csv, "csv"))
        check_form(form_named(form), besides, f"format '{form}'")
        for i, (path, name) in enumerate(files):
            check_form(name, besides, f"output '{path}'")
            plain.check_writable(path)
            plain.check_apart(path, [other for other, _ in files[:i]])
        if FORMS[form].binary and not quiet and sys.stdout.isatty():
            raise ProfilerError(
                f"format '{form}' is bytes, which a terminal cannot show; give -o FILE{FORMS[form].suffixes[0]}, or a pipe"
            )
        if plot and form != "table":
            raise ProfilerError(f"--plot draws below the table, and stdout is to be {form}; leave out one of the two")
        return cls(form, tuple(files), quiet, plot)

    def asks(self, *forms: str) -> bool:
        """True where it is wanted in one of these forms."""
        return self.form in forms or any(form in forms for _, form in self.files)

    @property
    def live(self) -> bool:
        """True where a table can fill in before the user's eyes."""
        return self.form == "table" and not self.quiet and sys.stdout.isatty()

    def put(self, answer: Answer, replacing: bool = True) -> None:
        """Write the files, then stdout: none of them where one cannot be made. Raises ProfilerError.

        What took long to find is on stdout also where a file cannot be written, even a quiet one. Unless `replacing`, files
        that are there already stay as they are.
        """
        if self.plot and answer.subject is None:
            raise ProfilerError(
                "--plot: there is nothing to plot in this; networks, comparisons and layers on the clock have plots"
            )
        files = [(path, written(answer, form)) for path, form in self.files]
        piped = "" if self.quiet or self.form == "table" else written(answer, self.form)
        fault = self._write(files, replacing)
        if not self.quiet or fault is not None:
            self._print(answer, piped)
        if fault is not None:
            raise fault

    def _write(self, files: Sequence[tuple[Path, str | bytes]], replacing: bool) -> ProfilerError | None:
        """The first fault of the files, each of which is tried."""
        faults: list[ProfilerError] = []
        for path, content in files:
            if not replacing and path.is_file():
                print(f"{path} is left as it was, since the run was interrupted before it had all figures", file=sys.stderr)
                continue
            try:
                plain.write(path, content)
            except ProfilerError as fault:
                faults.append(fault)
        return faults[0] if faults else None

    def _print(self, answer: Answer, piped: str | bytes) -> None:
        if self.form == "table" or not piped:
            screen().print(answer.drawn, crop=False)
            if self.plot:
                from profiler.report.terminal.plot import plot

                screen().print(plot(answer.subject), crop=False)
        elif isinstance(piped, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(piped)
        else:
            sys.stdout.write(piped)


def screen() -> Console:
    """stdout: the terminal at its width, anything else uncut."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE, soft_wrap=False)
