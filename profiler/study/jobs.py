"""How many processes count, and which: `--jobs N`. No torch."""

from __future__ import annotations

import sys

from profiler.errors import ProfilerError, quoted
from profiler.study.in_order import Counting, Here, Jobs, Where

MOST_JOBS = 1024


def workers(counting: Counting) -> Where:
    """Where so many tasks at once are done, or where a fleet does them.

    Here, too, where formulas were registered that this process alone knows. Raises ProfilerError for what is no number of
    processes, and for both.
    """
    jobs, fleet = counting
    if fleet is not None and jobs is not None:
        raise ProfilerError("--jobs counts in processes of this machine, and --fleet on others; give one of the two")
    if fleet is not None and not _knows_formulas():
        from profiler.study.counting_on_fleet import OnFleet

        return OnFleet(fleet)
    number = jobs_of(jobs)
    if number == 1 or _knows_formulas():
        return Here()
    from profiler.study.processes import Processes

    return Processes(number)


def _knows_formulas() -> bool:
    if "profiler.tracing.tables.registered" not in sys.modules:
        return False
    from profiler.tracing.tables.registered import any_registered

    return any_registered()


def jobs_of(given: Jobs) -> int:
    """`auto` and None as numbers. Raises ProfilerError."""
    if given is None:
        return 1
    text = quoted(given).strip()
    if text.lower() == "auto":
        from profiler.measure.host import default_threads

        return default_threads()
    if isinstance(given, bool) or not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise ProfilerError(
            f"--jobs must be a whole number from 1 to {MOST_JOBS:,}, or auto for one process per core, not {text}"
        )
    return int(text)
