"""The types of result, each with what makes its answer: one table, from which commands, notebooks and saved runs are served.

A new type of result is a file here with `answer(found, view)` and a line in `TYPES`; one that is only ever a part of another
has `sheets(found)` instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

from profiler.errors import ProfilerError
from profiler.records.agreement import Agreement
from profiler.records.compressed import Compressed
from profiler.records.generation import Generation
from profiler.records.inspected import Inspected
from profiler.records.listing import Listing
from profiler.records.measured import Measured
from profiler.records.polynomials import Formulas, Polynomials
from profiler.records.profile import Profile
from profiler.records.published import Verified
from profiler.records.results import Results
from profiler.records.sharding import TrainingMemory
from profiler.records.shown import Shown, WhatIf
from profiler.records.stage_fit import StageFit
from profiler.records.timing import Certificate, Layers, Timing
from profiler.records.traced import Traced
from profiler.records.training import Memory, TrainingCost
from profiler.records.verdicts import Checked, Diffed
from profiler.report import forms
from profiler.report.answer import Answer, View
from profiler.report.sheets.sheet import Sheet
from profiler.saved.read import Saved


class ResultType(NamedTuple):
    """How results of one type are shown."""

    module: str
    """The file in this folder."""
    forms: Callable[[Any], tuple[str, ...]] = lambda _: ()
    """The forms other than tables that it can be written in."""
    answer: str = "answer"
    """The function that makes its answer; empty where it has tables alone."""
    sheets: str = ""
    """The function that makes its tables, where they are not those of its answer."""


TYPES: dict[type, ResultType] = {
    Results: ResultType("results", lambda found: forms.COMPARED if found.profiles else forms.RESULTS),
    Shown: ResultType("show", lambda _: forms.NETWORK),
    Measured: ResultType("layer_times", lambda _: forms.CLOCKED),
    Listing: ResultType("listing"),
    StageFit: ResultType("stage_fit"),
    Formulas: ResultType("formula"),
    Inspected: ResultType("inspect", lambda _: forms.INSPECTED),
    Compressed: ResultType("compressed", lambda _: ("html",)),
    Verified: ResultType("verify"),
    Checked: ResultType("budgets"),
    Diffed: ResultType("diff"),
    Certificate: ResultType("certificate"),
    Saved: ResultType("records"),
    Profile: ResultType("parts", answer="", sheets="profile"),
    Timing: ResultType("parts", answer="", sheets="timing"),
    Agreement: ResultType("parts", answer="", sheets="agreement"),
    WhatIf: ResultType("parts", answer="", sheets="what_if"),
    Traced: ResultType("parts", answer="", sheets="traced"),
    TrainingCost: ResultType("parts", answer="", sheets="training"),
    Memory: ResultType("parts", answer="", sheets="memory"),
    TrainingMemory: ResultType("parts", answer="", sheets="sharding"),
    Generation: ResultType("parts", answer="", sheets="generation"),
    Polynomials: ResultType("parts", answer="", sheets="polynomials"),
    Layers: ResultType("layer_times", answer="", sheets="sheets_of"),
}


def type_of(found: object) -> ResultType:
    """How a result is shown. Raises ProfilerError for anything but a result."""
    for kind in type(found).__mro__:
        if kind in TYPES:
            return TYPES[kind]
    raise ProfilerError(f"{type(found).__name__} has no tables; give a result of compare, sweep, show or bench")


def answer(found: object, view: View | None = None) -> Answer:
    """The answer of a result, in the user's view of it. Raises ProfilerError, UnknownName for what the view asks amiss."""
    known = type_of(found)
    if view is not None and view.depth is not None and view.depth < 0:
        raise ProfilerError(f"depth must be 0 (every layer) or more, not {view.depth}")
    if view is not None and view.top is not None and view.top < 1:
        raise ProfilerError(f"top must be 1 or more, not {view.top}")
    if not known.answer:
        raise ProfilerError(
            f"a {type(found).__name__} is part of a result, and not written by itself; give a result of show, compare or bench"
        )
    made: Answer = _function(known, known.answer)(found, view or View())
    asked = {} if view is None else {name: getattr(view, name) for name in ("caption", "label") if getattr(view, name)}
    return replace(made, **asked) if asked else made


def sheets(found: object) -> list[Sheet]:
    """The tables of a result, or of a part of one. Raises ProfilerError for anything but a result."""
    known = type_of(found)
    if not known.sheets:
        return answer(found, View(summary=False)).sheets()
    made: list[Sheet] = _function(known, known.sheets)(found)
    return made


def _function(known: ResultType, name: str) -> Any:
    return getattr(import_module(f"profiler.report.answers.{known.module}"), name)
