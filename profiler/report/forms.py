"""The forms that an answer can be written in: their names, their suffixes, and who makes them.

A new form is its writer in writers/, and its entry in FORMS here with the function that imports the writer.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, NamedTuple

from profiler.errors import ProfilerError, Unavailable, UnknownName

if TYPE_CHECKING:
    from profiler.report.answer import Answer


class Form(NamedTuple):
    """One way to write an answer."""

    name: str
    suffixes: tuple[str, ...]
    make: Callable[[Answer], str | bytes]
    binary: bool = False
    """True where it is made of bytes, which no terminal can show."""
    needs: tuple[str, ...] = ()
    """Packages without which it cannot be made."""
    extra: str = ""
    """The extra that brings them."""
    program: str = ""
    """A program without which it cannot be made."""


def _csv(answer: Answer) -> str:
    from profiler.report.writers import plain

    return plain.csv_text(answer.records, answer.columns)


def _json(answer: Answer) -> str:
    from profiler.report.writers import plain

    return plain.json_text(answer.document())


def _jsonl(answer: Answer) -> str:
    from profiler.report.writers import plain

    return plain.jsonl_text(answer.records, answer.columns)


def _parquet(answer: Answer) -> bytes:
    from profiler.report.writers.parquet import parquet_bytes

    return parquet_bytes(answer.records, answer.columns, answer.document())


def _markdown(answer: Answer) -> str:
    from profiler.report.writers.markdown import markdown_text

    return markdown_text(answer.sheets(), answer.caption)


def _table(answer: Answer) -> str:
    return answer.page_of_text()


def _latex(answer: Answer) -> str:
    from profiler.report.writers.latex import latex_text

    return latex_text((answer.of_paper or answer.sheets)(), answer.caption)


def _html(answer: Answer) -> str:
    from profiler.report.page import page

    return page(answer)


def _speedscope(answer: Answer) -> str:
    from profiler.report.writers.flame import speedscope

    return speedscope(answer.subject)


def _trace(answer: Answer) -> str:
    from profiler.report.writers.trace import chrome_trace

    return chrome_trace(answer.subject)


def _mermaid(answer: Answer) -> str:
    from profiler.report.writers.drawing import mermaid

    return mermaid(answer.subject, answer.depth)


def _dot(answer: Answer) -> str:
    from profiler.report.writers.drawing import dot

    return dot(answer.subject, answer.depth)


def _svg(answer: Answer) -> str:
    from profiler.report.writers.drawing import svg

    return svg(answer.subject, answer.depth)


def _safetensors(answer: Answer) -> bytes:
    from profiler.report.writers.weights import safetensors

    return safetensors(answer.subject)


FORMS = {
    form.name: form
    for form in (
        Form("table", (".txt",), _table),
        Form("csv", (".csv",), _csv),
        Form("json", (".json",), _json),
        Form("jsonl", (".jsonl",), _jsonl),
        Form("parquet", (".parquet",), _parquet, binary=True, needs=("pyarrow",), extra="parquet"),
        Form("markdown", (".md",), _markdown),
        Form("latex", (".tex",), _latex),
        Form("html", (".html", ".htm"), _html, needs=("plotly", "jinja2"), extra="report"),
        Form("speedscope", (".speedscope.json",), _speedscope),
        Form("trace", (".trace.json",), _trace),
        Form("mermaid", (".mmd",), _mermaid),
        Form("dot", (".dot", ".gv"), _dot),
        Form("svg", (".svg",), _svg, program="dot"),
        Form("safetensors", (".safetensors",), _safetensors, binary=True),
    )
}
STREAMED = ("csv", "jsonl", "parquet")
"""The forms that hold any number of records: they are written part by part."""
RESULTS, COMPARED = ("html",), ("html", "speedscope")
NETWORK, CLOCKED = ("html", "speedscope", "mermaid", "dot", "svg"), ("html", "speedscope", "trace")
INSPECTED = ("html", "safetensors")
"""What not every answer can be written as: of cells, of networks side by side, of one, of layers on the clock, of weights."""
DRAWINGS = ("mermaid", "dot", "svg", "json")
"""The forms that ask for the wires between the layers: drawings, and what drawings are made from later."""
WRITERS = {
    "html": "compare, sweep, bench, fit without --per-stage, predict, inspect and show",
    "speedscope": "show, compare and bench --layers",
    "trace": "bench --layers",
    "mermaid": "show",
    "dot": "show",
    "svg": "show",
    "safetensors": "inspect --model",
}
"""The commands that write them; every command writes the forms that are not here."""


def written(answer: Answer, form: str) -> str | bytes:
    """`answer` in the form called `form`, for a file or a pipe."""
    return FORMS[form].make(answer)


def form_of(path: Path) -> str:
    """The form that a file's suffix asks for, the longest first. Raises ProfilerError where it asks for none."""
    name = path.name.lower()
    asked = [(len(suffix), form.name) for form in FORMS.values() for suffix in form.suffixes if name.endswith(suffix)]
    if not asked:
        known = " ".join(form.suffixes[0] for form in FORMS.values())
        raise ProfilerError(f"output '{path}': unknown suffix '{path.suffix}'; use {known}")
    return max(asked)[1]


def form_named(name: str) -> str:
    """The form called `name`, or whose files end in it, as md and tex do. Raises UnknownName."""
    if name in FORMS:
        return name
    suffixed = [form.name for form in FORMS.values() if f".{name}" in form.suffixes]
    if not suffixed:
        raise UnknownName("format", name, FORMS)
    return suffixed[0]


def check_form(name: str, besides: tuple[str, ...], where: str) -> None:
    """Refuse, before any work is done, a form that the command cannot write, or cannot write here.

    Raises ProfilerError, Unavailable.
    """
    if name in WRITERS and name not in besides:
        raise ProfilerError(f"{where}: this command cannot write {name}; {WRITERS[name]} can")
    check_installed(name, where)


def check_installed(name: str, where: str) -> None:
    """Refuse a form that needs a package or a program which is not here. Raises Unavailable."""
    form = FORMS[name]
    if form.program and which(form.program) is None:
        raise Unavailable(
            f"{where}: {name} needs the program '{form.program}' of Graphviz, not installed; install graphviz, "
            "or write .mmd or .dot"
        )
    if missing := [package for package in form.needs if find_spec(package) is None]:
        raise Unavailable(
            f"{where}: {name} needs {' and '.join(missing)}, not installed; pip install 'arch-profiler[{form.extra}]'"
        )
