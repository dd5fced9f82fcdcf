"""What commands say on stderr beside their answer: what was not counted, and with -v what stands behind the answer."""

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
    """What a trace did not count, and if `verbose` how it was come by; gives back the number of operations not counted."""
    if found is None:
        return 0
    from profiler.report.sheets.details import tracing_lines, uncounted

    for line in [*uncounted(name, found), *(tracing_lines(name, found) if verbose else [])]:
        print(sentence(line), file=sys.stderr)
    return found.coverage.uncounted


def notes(found: Results, verbose: bool) -> None:
    """What is to be said of records that were written where no table says it, if `verbose`."""
    from profiler.report.words import said

    for note in found.notes if verbose else ():
        print(sentence(said(note)), file=sys.stderr)


def passed_over(agreements: Sequence[Agreement], verbose: bool) -> None:
    """What the witnesses say that they did not count, if `verbose`."""
    for agreement in agreements if verbose else ():
        passed = ", ".join(agreement.unsupported) or "nothing"
        print(sentence(f"{agreement.cell}: {agreement.engine} says that it passed over {passed}"), file=sys.stderr)
