"""Where an answer goes: stdout in one format, files in the format of their suffix."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from profiler.errors import ProfilerError, UnknownName
from profiler.report import plain
from profiler.report.forms import FORMS, check, form_named, form_of
from profiler.report.plot import plot as plots
from profiler.report.sheet import Sheet

WIDE = 10_000
"""Columns of a table that no terminal cuts: piped, or in a file."""


@dataclass(frozen=True)
class Answer:
    """What a command found, in every form that it can be written in."""

    drawn: RenderableType
    sheets: Callable[[], list[Sheet]]
    records: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    document: Callable[[], dict[str, Any]]

    subject: Any = None
    """What it is about: Results, Shown, Measured; of it pages, plots and drawings are made."""
    depth: int = 2
    """Levels of the layer tree that a drawing shows."""

    def text(self, form: str) -> str:
        """The answer as `form`, for a file or a pipe."""
        return FORMS[form].make(self)

    def page_of_text(self) -> str:
        """What a terminal of any width would show."""
        page = StringIO()
        Console(file=page, width=WIDE, color_system=None).print(self.drawn)
        return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


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
        check(form_named(form), besides, f"format '{form}'")
        for i, (path, name) in enumerate(files):
            check(name, besides, f"output '{path}'")
            plain.check_writable(path)
            plain.check_apart(path, [other for other, _ in files[:i]])
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

    def put(self, answer: Answer) -> None:
        """Write the files, then stdout: none of them where one cannot be made. Raises ProfilerError."""
        if self.plot and answer.subject is None:
            raise ProfilerError(
                "--plot: there is nothing to plot in this; networks, comparisons and layers on the clock have plots"
            )
        for path, text in [(path, answer.text(form)) for path, form in self.files]:
            plain.write(path, text)
        if self.quiet:
            return
        if self.form == "table":
            screen().print(answer.drawn, crop=False)
            if self.plot:
                screen().print(plots(answer.subject), crop=False)
        else:
            sys.stdout.write(answer.text(self.form))


def screen() -> Console:
    """stdout: the terminal at its width, anything else uncut."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE, soft_wrap=False)


def _sortable(value: Any) -> Any:
    return str(value) if isinstance(value, dict) else value


def sorted_by(records: Sequence[Mapping[str, Any]], key: str, known: Sequence[str]) -> list[int]:
    """Positions of the records by a column, downwards with a minus before it; unknowns last. Raises UnknownName."""
    name = key.removeprefix("-")
    if name not in known:
        raise UnknownName("column", name, known)
    present = [i for i, record in enumerate(records) if record.get(name) is not None]
    order = sorted(present, key=lambda i: _sortable(records[i][name]), reverse=key.startswith("-"))
    ranked = set(present)
    return order + [i for i in range(len(records)) if i not in ranked]
