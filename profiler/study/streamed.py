"""A sweep of any number of cells, written as it is counted: CSV, JSONL or Parquet. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Any

from profiler import grid
from profiler.checked import checked
from profiler.count import conventions
from profiler.errors import ProfilerError
from profiler.records.blocks import Block, Coded, same
from profiler.records.columns import Record, of_engine, option_column
from profiler.records.environment import document
from profiler.records.events import Event, Streamed
from profiler.records.notes import AskedAtCorners, CellsRecounted, Note, RowsLeftOut, Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.report import files
from profiler.report.answer import View
from profiler.report.answers.results import check_view
from profiler.report.forms import check_installed, form_named, form_of
from profiler.report.output import Destinations
from profiler.report.sheets.columns import RATIOS
from profiler.report.sheets.sheet import results_sheet
from profiler.report.streaming import Streams, check_streamed
from profiler.report.writers.parquet import Kind, kind_of, whole
from profiler.study.axes import width_notes
from profiler.study.cells import (
    DEFAULT_ENGINES,
    Interrupted,
    Numbers,
    Watch,
    counted,
    ending,
    engines_named,
    finished,
    insisted,
)  # fmt: skip
from profiler.study.in_order import HERE, Counting, Jobs, Where
from profiler.study.jobs import workers
from profiler.study.large import Sweep
from profiler.study.models import Given, most_matched
from profiler.study.published import accuracy_notes
from profiler.study.recounting import recounted
from profiler.study.sweep import with_an_axis

SHOWN = 200
"""Records that a table shows of them."""
ROOM = 8
"""Bits by which a count may exceed those at the corners of a sweep before a column of int64 is too narrow."""


@checked
def sweep_to(
    file: str | PathLike[str],
    *models: Given,
    format: str | None = None,
    columns: Sequence[str] = (),
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    engine: str | Iterable[str] = DEFAULT_ENGINES,
    convention: str = "paper",
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    jobs: Jobs = None,
    fleet: str | PathLike[str] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> int:
    """Write a sweep of any number of cells, up to 10⁸, as it is counted; the number of its records.

    The file is CSV, JSONL or Parquet, by its suffix or `format`, and holds the records of `sweep` in their order; it is written
    whole, or not at all. `columns` are those that it has, all unless they are given; the other arguments are as in `sweep`.
    Raises as `sweep` and `write` do.
    """
    path, counting = Path(file), Counting(jobs, fleet)
    form = form_of(path) if format is None else form_named(format)
    check_installed(form, f"output '{file}'")
    destinations = Destinations(form, ((files.file_at(path), form),), quiet=True)
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    with closing(streaming(models, at, engine, convention, destinations, View(columns=columns), counting)) as events:
        finished(events, watch, progress)
    return Sweep(*with_an_axis(models, at, most_matched(counting.asked))).size


def streaming(
    models: Sequence[Given],
    at: Place,
    engine: str | Iterable[str],
    convention: str,
    destinations: Destinations,
    view: View,
    counting: Counting = HERE,
) -> Generator[Event, None, None]:
    """The events of a sweep that is written as it is counted; the last has the Results that a table of it shows.

    Closed before its end, it leaves no file. Raises as `sweep_to` does.
    """
    check_view(view, at.over)
    if view.sort is not None:
        raise ProfilerError(f"--sort orders at most {grid.MOST_POINTS:,} records; sort the file that is written")
    where = workers(counting)
    study = Sweep(*with_an_axis(models, at, most_matched(counting.asked)), conventions.find(convention))
    check_streamed(destinations, study.size, grid.MOST_POINTS)
    return ending(_streamed(study, engines_named(engine), insisted(engine), destinations, view, where))


def _streamed(
    study: Sweep, engines: Sequence[str], insists: bool, destinations: Destinations, view: View, where: Where
) -> Generator[Event, None, Results]:
    with where:
        corners = study.corners
        cells = [study.cell(i) for i in corners]
        notes: list[Note] = width_notes(cells)
        if len(engines) > 1:
            notes.append(AskedAtCorners(tuple(engines[1:]), len(corners), study.size))
        over = tuple(map(option_column, study.over))
        asked = range(len(cells)) if len(engines) > 1 else ()
        head = counted(cells, "sweep", _title(study), engines, study.rule.name, asked, notes, over)
        try:
            head = yield from recounted(head, cells, engines, asked, insists, where)
        except Interrupted:
            raise KeyboardInterrupt from None
        results_sheet(head, chosen=view.columns)  # refuses columns of what was not asked
        names = [name for engine in engines[1:] for name in of_engine(engine)]
        said = {i: {name: record[name] for name in names} for i, record in zip(corners, head, strict=True)}
        first: list[Record] = []
        columns = list(view.columns) or head.columns
        with Streams(destinations, columns, _kinds(study, head, columns), document("sweep", [])) as streams:
            for block in study.blocks(where):
                block = _with(block, names, said, columns, head[0])
                first += block.records(SHOWN - len(first))
                streams.put(block)
                if streams.unread:
                    break
                yield Streamed(block.start + block.size, study.size)
        notes = [*head.notes, *accuracy_notes(study.assembly.rated.values())]
        if study.recounted:
            notes.append(CellsRecounted(study.recounted, study.size, study.walked))
        if study.size > len(first):
            notes.append(RowsLeftOut(study.size - len(first), tuple(file.name for file, _ in destinations.files)))
        return head.replace(first, notes=notes, base=first[0])


def _title(study: Sweep) -> Title:
    """The networks and the points used."""
    each, axes = study.size // len(study.models), study.axes
    firsts = [study.cell(i * each).network for i in range(len(study.models))]
    step = len(axes.batches)
    sizes = [study.cell(i * step).network.resolution for i in range(len(axes.rhos))] if axes.sides == [None] else axes.sides
    alphas = [firsts[0].alpha if alpha is None else alpha for alpha in axes.alphas]
    return Title(
        models=tuple(dict.fromkeys(study.cell(i * each).title for i in range(len(study.models)))),
        alphas=tuple(dict.fromkeys(alpha for alpha in alphas if alpha is not None)),
        sides=tuple(dict.fromkeys(side for side in sizes if side)),
        batches=tuple(axes.batches) if axes.batches != [1] else (),
        over=tuple((option_column(key), tuple(_values(study, key))) for key in study.over),
    )


def _values(study: Sweep, key: str) -> list[Any]:
    """The values of an option that a sweep runs over, with their types."""
    sizes = study.axes.sizes
    keys = list(study.axes.options)
    step = 1
    for n in sizes[keys.index(key) + 1 :]:
        step *= n
    return [study.cell(i * step).over[option_column(key)] for i in range(len(study.axes.options[key]))]


def _kinds(study: Sweep, head: Results, columns: Sequence[str]) -> dict[str, Kind]:
    """What the columns of a Parquet hold, told from the corners of the sweep before the first record is written."""
    values = {option_column(key): _values(study, key) for key in study.over}
    found: dict[str, Kind] = {}
    for name in columns:
        known = values.get(name) or [record.get(name) for record in head]
        kind = "float" if name in RATIOS else kind_of(name, known)
        found[name] = whole(max(abs(n) for n in known if n is not None) << ROOM) if kind == "int64" and any(known) else kind
    return found


def _with(block: Block, engines: Sequence[str], said: Mapping[int, Record], columns: Sequence[str], base: Record) -> Block:
    """The block with the columns of engines, unknown but where they were asked, and with the ratios that are wanted."""
    import numpy as np

    more: dict[str, Any] = {}
    at = [i for i in said if block.start <= i < block.start + block.size]
    for name in engines:
        more[name] = same(None, block.size)
        if at:
            positions = np.zeros(block.size, np.intp)
            positions[[i - block.start for i in at]] = np.arange(1, len(at) + 1)
            more[name] = Coded([None, *(said[i][name] for i in at)], positions)
    for name in set(columns) & set(RATIOS):
        key = name.removesuffix("_ratio")
        column = block.columns[key]
        ratios = [column.item(i) / base[key] if base[key] else None for i in range(block.size)]
        more[name] = Coded(ratios, np.arange(block.size))
    return block._replace(columns={**block.columns, **more})
