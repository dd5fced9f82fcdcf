"""Where an answer goes: stdout in one format, files in the format of their suffix."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from profiler.errors import ProfilerError
from profiler.report import files
from profiler.report.answer import WIDE, Answer
from profiler.report.encoding import printable, without_commands
from profiler.report.files import File
from profiler.report.forms import FORMS, check_form, form_named, form_of, written


@dataclass(frozen=True)
class Destinations:
    """Where the user wants it. Made before any work is done, so that a place that cannot be written is refused first."""

    form: str
    files: tuple[tuple[File, str], ...]
    quiet: bool
    plot: bool = False
    """True where plots stand below the table on stdout."""
    failed: list[ProfilerError] = field(default_factory=list)
    """What could not be written, for whoever has put all that could."""

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
        form = form_named(form)
        check_form(form, besides, f"format '{form}'")
        asked: list[tuple[File, str]] = []
        for path, name in [*((path, form_of(path)) for path in outputs), *([] if csv is None else [(csv, "csv")])]:
            check_form(name, besides, f"output '{path}'")
            file = files.file_at(path)
            files.check_apart(file, [other for other, _ in asked])
            if not quiet:
                files.check_not_stdout(file)
            asked.append((file, name))
        if csv is not None:
            files.check_suffix(asked[-1][0], "--csv", ".csv", "comma-separated values")
        if FORMS[form].binary and not quiet and sys.stdout.isatty():
            raise ProfilerError(
                f"format '{form}' is binary, which a terminal cannot show; give -o FILE{FORMS[form].suffixes[0]}, or a pipe"
            )
        if plot and form != "table":
            raise ProfilerError(f"--plot needs a table on stdout, not {form}; leave one of them out")
        return cls(form, tuple(asked), quiet, plot)

    def asks(self, *forms: str) -> bool:
        """True where it is wanted in one of these forms."""
        return self.form in forms or any(form in forms for _, form in self.files)

    @property
    def live(self) -> bool:
        """True where a table can fill in before the user's eyes."""
        return self.form == "table" and not self.quiet and sys.stdout.isatty()

    def put(self, answer: Answer, new_only: bool = False) -> None:
        """Write stdout, then the files: none of them where one cannot be made, and with `new_only` none over an older one.

        What cannot be written keeps nothing else from being written, and is kept in `failed`; even a quiet answer is then on
        stdout, since it may have taken hours. Raises ProfilerError where there is nothing to plot.
        """
        if self.plot and answer.subject is None:
            raise ProfilerError("--plot: this result has no plot; networks, comparisons and measured layers have one")
        if not self.quiet:
            self._show(answer)
        self._fill_files(answer, new_only)
        if self.quiet and self.failed:
            self._show(answer)

    def _fill_files(self, answer: Answer, new_only: bool) -> None:
        try:
            contents = [(file, written(answer, form)) for file, form in self.files]
        except ProfilerError as fault:
            self.failed.append(fault)
            return
        for file, content in contents:
            if new_only and not file.into and file.path.exists():
                cure = "carry on with --resume, or name another file"
                self.failed.append(
                    ProfilerError(f"output '{file.name}' was not written because not every cell was measured; {cure}")
                )
            else:
                self.write(file, content)

    def write(self, file: File, content: str | bytes) -> None:
        """Write one file; a fault is kept in `failed`."""
        try:
            files.write(file, content)
        except ProfilerError as fault:
            self.failed.append(fault)

    def check(self) -> None:
        """Raises ProfilerError with all that could not be written."""
        if self.failed:
            raise ProfilerError("; ".join(dict.fromkeys(map(str, self.failed))))

    def _show(self, answer: Answer) -> None:
        """Write stdout; a fault is kept in `failed`."""
        try:
            self._print(answer)
        except ProfilerError as fault:
            self.failed.append(fault)

    def _print(self, answer: Answer) -> None:
        if self.form == "table":
            on_stdout(_rendered(answer.drawn))
            if self.plot:
                from profiler.report.terminal.plot import plot

                on_stdout(_rendered(plot(answer.subject)))
            return
        made = written(answer, self.form)
        on_stdout(printable(made) if isinstance(made, str) and sys.stdout.isatty() else made)


def on_stdout(content: str | bytes) -> bool:
    """Write to stdout; False where its reader has left. Raises ProfilerError where it takes no more."""
    try:
        if isinstance(content, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(without_commands(content) if os.environ.get("GITHUB_ACTIONS") == "true" else content)
        sys.stdout.flush()
    except BrokenPipeError:  # its reader has all that it wants; the end of the command hands over the rest, or drops it
        return False
    except OSError as fault:
        raise ProfilerError(f"cannot write to stdout: {fault.strerror}; free some space, or write elsewhere") from None
    return True


class Screen(Console):
    """A console that shows names and obeys none: what would command a terminal is replaced wherever it comes from."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of `renderable`, without control characters but those that rich itself puts there."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def screen(file: TextIO | None = None) -> Console:
    """stdout, or a text that stands for it: a terminal at its width, anything else uncut."""
    if sys.stdout.isatty():
        return Screen(file=file, force_terminal=True if file is not None else None)
    return Screen(file=file, width=WIDE, soft_wrap=False)


def _rendered(drawn: RenderableType) -> str:
    """What stdout would be sent, before any of it is."""
    text = _Text()
    screen(text).print(drawn, crop=False)
    return text.getvalue()


class _Text(StringIO):
    """A text with the encoding of stdout, by which rich chooses its signs."""

    encoding = property(lambda _: getattr(sys.stdout, "encoding", None))
