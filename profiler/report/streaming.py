"""Records that are written as they come: into files and stdout, in the forms that hold any number of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from shutil import copyfileobj
from types import TracebackType
from typing import Any, BinaryIO

from profiler.errors import ProfilerError
from profiler.records.blocks import Block
from profiler.report import files
from profiler.report.encoding import data, printable
from profiler.report.forms import STREAMED
from profiler.report.output import Destinations, on_stdout
from profiler.report.writers import columnwise, plain
from profiler.report.writers.parquet import Kind, Writer

Put = Callable[[Block], object]


def check_streamed(destinations: Destinations, records: int, most: int) -> None:
    """Refuse, before any work, forms that hold `most` records, where there are more. Raises ProfilerError."""
    many = f"{most:,} records, and there are {records:,}"
    cure = f"{', '.join(STREAMED[:-1])} and {STREAMED[-1]} hold any number"
    for file, form in destinations.files:
        if form not in STREAMED:
            raise ProfilerError(f"output '{file.name}': {form} holds at most {many}; {cure}")
    if destinations.plot:
        raise ProfilerError(f"--plot draws at most {many}; use larger steps")
    if destinations.quiet or destinations.form in STREAMED:
        return
    if destinations.form != "table":
        raise ProfilerError(f"format '{destinations.form}' holds at most {many}; {cure}")
    if not destinations.files:
        raise ProfilerError(
            f"the sweep makes {records:,} cells, and a table shows at most {most:,}; write them to a file, e.g. "
            "--csv FILE.csv or -o FILE.parquet, "
            "or use larger steps"
        )


class Streams:
    """Every place that records go to, open at once; files take their names when all is written, and go if it is not."""

    def __init__(
        self, destinations: Destinations, columns: Sequence[str], kinds: Mapping[str, Kind], document: Mapping[str, Any]
    ) -> None:
        self.columns, self.kinds, self.document = list(columns), kinds, document
        self.destinations = destinations
        self.stack = ExitStack()
        self.puts: list[Put] = []
        self.left = False
        """True once stdout has no reader any more."""

    def __enter__(self) -> Streams:
        try:
            for file, form in self.destinations.files:
                self.puts.append(self._into(self.stack.enter_context(files.opened(file)), form))
            if self.destinations.form in STREAMED and not self.destinations.quiet:
                self.puts.append(self._to_stdout(self.destinations.form))
        except BaseException:
            self.stack.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self.stack.__exit__(kind, fault, trace)

    def put(self, block: Block) -> None:
        """The next records, everywhere."""
        for put in self.puts:
            put(block)

    @property
    def unread(self) -> bool:
        """True where nobody takes what is still to come."""
        return self.left and not self.destinations.files

    def _into(self, there: BinaryIO, form: str) -> Put:
        if form == "parquet":
            end = there
            if not there.seekable():  # a pipe: its reader gets the whole at the end
                there = self.stack.enter_context(_spooled(lambda whole: copyfileobj(whole, end)))
            return self.stack.enter_context(Writer(there, self.kinds, self.document)).put
        return self._lines(form, lambda text: there.write(data(text)))

    def _to_stdout(self, form: str) -> Put:
        if form == "parquet":
            there = self.stack.enter_context(_spooled(lambda whole: self._write_out(whole.read())))
            return self.stack.enter_context(Writer(there, self.kinds, self.document)).put
        return self._lines(form, self._write_out)

    def _lines(self, form: str, write: Callable[[str], object]) -> Put:
        if form == "csv":
            write(plain.line([plain.cell(name) for name in self.columns]))
            return lambda block: write(columnwise.csv_lines(block, self.columns))
        return lambda block: write(columnwise.jsonl_lines(block, self.columns))

    def _write_out(self, content: str | bytes) -> None:
        if not self.left:
            seen = isinstance(content, str) and sys.stdout.isatty()
            self.left = not on_stdout(printable(content) if seen else content)  # type: ignore[arg-type]


@contextmanager
def _spooled(at_end: Callable[[BinaryIO], object]) -> Iterator[BinaryIO]:
    """A file without a name, handed to `at_end` when it is whole."""
    with tempfile.TemporaryFile() as whole:
        yield whole
        whole.seek(0)
        at_end(whole)
