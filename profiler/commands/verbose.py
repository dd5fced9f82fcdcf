"""What commands print to stderr beside the result: operations that were not counted, and details with -v."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from profiler.report.encoding import sentence

if TYPE_CHECKING:
    from profiler.records.agreement import Agreement
    from profiler.records.results import Results
    from profiler.records.traced import Traced


def tracing(name: str, found: Traced | None, verbose: bool) -> int:
    """Print what a trace did not count, and how it was made if `verbose`. Returns the number of operations not counted."""
    if found is None:
        return 0
    from profiler.report.sheets.details import tracing_lines, uncounted

    for line in [*uncounted(name, found), *(tracing_lines(name, found) if verbose else [])]:
        print(sentence(line), file=sys.stderr)
    return found.coverage.uncounted


def notes(found: Results, verbose: bool) -> None:
    """Print the notes of records that were written to a file and not shown as a table, if `verbose`."""
    from profiler.report.words import said

    for note in found.notes if verbose else ():
        print(sentence(said(note)), file=sys.stderr)


def passed_over(agreements: Sequence[Agreement], verbose: bool) -> None:
    """Print the operations that the other counters report they skipped, if `verbose`."""
    for agreement in agreements if verbose else ():
        skipped = ", ".join(agreement.unsupported) or "no operation"
        print(sentence(f"{agreement.cell}: {agreement.engine} reports that it skipped {skipped}"), file=sys.stderr)
