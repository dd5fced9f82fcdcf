"""The library's `write`: a result into a file, or to stdout, in any form that `-o` and `--format` know."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from os import PathLike
from pathlib import Path
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError, UnknownName
from profiler.report import files, units
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import WRITERS, check_installed, form_in, form_named, form_of, written
from profiler.report.output import Destinations
from profiler.report.writers import papers


@checked
def write(
    found: object,
    file: str | PathLike[str],
    format: str | None = None,
    *,
    unit: str | None = None,
    columns: Sequence[str] = (),
    sort: str | None = None,
    depth: int | None = None,
    top: int | None = None,
    formulas: bool = False,
    no_fold: bool = False,
    caption: str | None = None,
    label: str | None = None,
    receptive_field: bool = False,
) -> None:
    """Write a result of a study, or of `read`, as `-o` does: whole, or not at all. `"-"` is stdout.

    The suffix says the form, or `format` its name (`table` on stdout): `table` `.txt`, `csv`, `json`, `jsonl`, `markdown`
    `.md`, `latex` `.tex` of every result; `html` of compare, sweep, bench, layers and show; `speedscope` of compare, layers and
    show; `trace` of layers; `mermaid` `.mmd`, `dot` and `svg` of show; of compare, sweep, bench, fit and predict figures of the
    trade-off, as `pdf`, `png`, `svg` and `pgfplots` `.pgf`. `.json` holds everything, and is what `read` reads. The other
    keywords are the options of `profiler report`.
    Raises ProfilerError for a suffix that no form has, a result that has no such form, or a place that cannot be written;
    UnknownName for a format, a unit or a column; Unavailable where a form needs what is not installed.
    """
    path = None if file == "-" else Path(file)
    where = f"output '{file}'"
    form = _form_for(found, form_named(format or "table") if path is None or format is not None else form_of(path), where)
    to = () if path is None else ((files.file_at(path), form),)
    view = _view(
        unit=unit, columns=columns, sort=sort, depth=depth, top=top, formulas=formulas, no_fold=no_fold, caption=caption,
        label=label, receptive_field=receptive_field,
    )  # fmt: skip
    destinations = Destinations(form, to, quiet=path is not None)
    destinations.put(registry.answer(found, view))
    destinations.check()


def written_as(found: object, form: str, **view: Any) -> str:
    """A result as text in a form; `view` as `write` takes it. Raises as `write` does, UnknownName for another keyword."""
    unknown = [name for name in view if name not in _VIEW]
    if unknown:
        raise UnknownName("keyword", unknown[0], _VIEW)
    made = written(registry.answer(found, _view(**view)), _form_for(found, form, f"format '{form}'"))
    assert isinstance(made, str)
    return made


def _form_for(found: object, form: str, where: str) -> str:
    """The form, of a result that has it. Raises ProfilerError, Unavailable."""
    besides = registry.type_of(found).forms(found)
    form = form_in(form, besides)
    if form in WRITERS and form not in besides:
        raise ProfilerError(f"{where}: a {type(found).__name__} is not written as {form}; results of {WRITERS[form]} are")
    check_installed(form, where)
    return form


def _view(
    unit: str | None = None,
    columns: Sequence[str] = (),
    sort: str | None = None,
    depth: int | None = None,
    top: int | None = None,
    formulas: bool = False,
    no_fold: bool = False,
    caption: str | None = None,
    label: str | None = None,
    receptive_field: bool = False,
) -> View:
    return View(
        None if unit is None else units.unit(unit), columns, sort, depth, top, formulas, not no_fold, summary=False,
        caption=caption or "", label=papers.checked_label(label), receptive_field=receptive_field,
    )  # fmt: skip


_VIEW = tuple(signature(_view).parameters)
