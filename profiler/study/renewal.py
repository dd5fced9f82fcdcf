"""A baseline made anew: the counts of now in the place of those of then, and what is different."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from profiler.errors import ProfilerError
from profiler.records.baseline_notes import BaselineKept, BaselineWritten
from profiler.records.columns import latency
from profiler.records.notes import Note
from profiler.records.place import Place
from profiler.records.verdicts import COUNTS, Line
from profiler.report import files
from profiler.report.answers import registry
from profiler.report.files import File
from profiler.report.writers.plain import json_text
from profiler.saved.read import Saved
from profiler.study.before_after import Side
from profiler.study.budgets import Budgeted
from profiler.study.cells import counted


def file_of(baseline: str | Saved | None) -> File:
    """The file that is to be rewritten, checked before any work. Raises ProfilerError where there is none."""
    if not isinstance(baseline, str) or baseline == "-":
        raise ProfilerError("--update rewrites the file of --baseline; name one, as --baseline base.json --update")
    file = files.file_at(Path(baseline))
    files.check_suffix(file, "--baseline", ".json", "saved runs")
    return file


def check_renewable(base: Side, found: Sequence[Budgeted]) -> None:
    """Refuse, before any work, to lose what the file holds besides. Raises ProfilerError."""
    if any(latency(record) is not None for record in base.records):
        raise ProfilerError(
            f"baseline '{base.name}' holds latencies, which --update does not measure; use `profiler bench -o FILE`"
        )
    named = {each.cell.place.key for each in found}
    lost = [str(Place.of(record)) for record in base.records if Place.of(record).key not in named]
    if lost:
        some = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        raise ProfilerError(f"baseline '{base.name}' also holds {some}, which would be lost; name all of its networks")


def renewed(
    file: File, base: Side | None, found: Sequence[Budgeted], lines: Sequence[Line], peaks: Sequence[int | None], passed: bool
) -> Note:
    """Rewrite the file, unless a budget is not kept; gives back what is to be said of it. Raises ProfilerError."""
    if not passed:
        return BaselineKept(file.name)
    cells = [each.cell for each in found]
    results = counted(cells, "compare").replace(profiles=[cell.network.profile(cell.batch) for cell in cells])
    if any(peak is not None for peak in peaks):
        pairs = zip(results, peaks, strict=True)
        results = results.replace([{**record, "memory_bytes": peak} for record, peak in pairs])
    files.write(file, json_text(registry.answer(results).document()))
    if base is None:
        made = [(str(Place.of(record)), name, 0, int(record[name])) for record in results for name in COUNTS]
        return BaselineWritten(file.name, tuple(made), True)
    changes = tuple(
        (line.model, line.limit.quantity, int(line.before), int(line.value))
        for line in lines
        if line.before is not None and line.value is not None and line.value != line.before
    )
    return BaselineWritten(file.name, changes)
