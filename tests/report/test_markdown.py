"""Markdown that renders as it is: parsed as GitHub parses it, its cells are the sheet's."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from profiler import compare, sweep
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet, results_sheet
from profiler.report.writers.latex import latex_text
from profiler.report.writers.markdown import markdown_text
from profiler.report.writers.papers import laid
from profiler.study.formula import formula
from profiler.study.show import show

NAMES = [
    "a|b", "`code`", "<script>alert(1)</script>", "*bold* _it_ __init__ snake_case", "[link](http://x)", "~~gone~~", "\\| \\",
    "&lt; & &amp;", "$x$", "# heading", "- item", "1. item", "+ item", "===", "mobilenet_v1", "![i](x)", "x" * 10_000, "🦙 שלום", "!",
]  # fmt: skip


def plain(token: Token) -> str:
    """What a reader sees of an inline token."""
    assert token.children is not None
    bad = {child.type for child in token.children} - {
        "text",
        "text_special",
        "code_inline",
        "strong_open",
        "strong_close",
        "softbreak",
    }
    assert not bad, bad
    return "".join(child.content for child in token.children)


def parsed(text: str) -> tuple[list[list[list[str]]], list[str]]:
    """(tables, each of rows of cells; the paragraphs besides)."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    tables: list[list[list[str]]] = []
    paragraphs, inside = [], False
    for token in tokens:
        if token.type == "table_open":
            tables.append([])
        inside = (inside or token.type == "table_open") and token.type != "table_close"
        if token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline" and inside:
            tables[-1][-1].append(plain(token))
        elif token.type == "inline":
            paragraphs.append(plain(token))
    return tables, paragraphs


def expected(sheet: Sheet) -> list[list[str]]:
    made = laid(sheet)
    heads = [
        f"{head} ({unit})".replace(") (", ", ") if unit else head for head, unit in zip(made.headings, made.units, strict=True)
    ]
    return [[" ".join(cell.split()) for cell in row] for row in [heads, *made.rows]]


@pytest.mark.parametrize("unit", ["raw", "auto", "M", "flops"])
def test_cells_are_the_sheets(unit: str) -> None:
    for found in (compare("mobilenet_v1", "vgg16", engine="closed"), sweep(engine="closed")):
        sheet = results_sheet(found, unit)  # type: ignore[arg-type]
        tables, _ = parsed(markdown_text([sheet]))
        assert tables == [expected(sheet)]


def test_a_network_and_its_head() -> None:
    sheets = registry.answer(show("vgg16"), View(unit="auto")).sheets()
    tables, paragraphs = parsed(markdown_text(sheets))
    assert tables == [expected(sheet) for sheet in sheets]
    assert paragraphs[0] == "vgg16, 3×224×224"
    assert paragraphs[-1].startswith("MACs: multiply-adds of convolution, linear and matrix products. arch-")


def test_hostile_names_are_text() -> None:
    sheet = Sheet([Heading("a|b*", right=False), Heading("n")], [[name, "1"] for name in NAMES], NAMES[2], list(NAMES))
    tables, paragraphs = parsed(markdown_text([sheet]))
    assert tables == [expected(sheet)]
    assert paragraphs[:-1] == [NAMES[2], *NAMES]


def test_lines_in_names_and_notes_are_one_line() -> None:
    sheet = Sheet([Heading("name", right=False)], [["two\nlines | here\r\nand"]], notes=["note\n\n# of two"])
    tables, paragraphs = parsed(markdown_text([sheet]))
    assert tables == [[["name"], ["two lines | here and"]]]
    assert paragraphs[0] == "note # of two"


def test_the_best_is_bold() -> None:
    lines = markdown_text([results_sheet(compare("mobilenet_v1", "vgg16", engine="closed"), "auto")]).splitlines()
    assert lines[0] == "| model | params (M) | × | MACs (G) | × | activations (M) | weights (fp32, MiB) |"
    assert lines[2] == "| mobilenet_v1 | **4.23** | 1.00× | **0.569** | 1.00× | 5.04 | **16.1** |"


def test_polynomials_are_mathematics() -> None:
    text = markdown_text(registry.answer(formula("lenet5")).sheets())
    assert re.search(r"\| params\(α, K\) \| \$`1\\,920\\,\\alpha\^\{2\}", text)


def test_the_title_of_layers_on_the_clock_says_where_the_cells_end_and_the_network_begins() -> None:
    made = [
        Sheet(
            [Heading("kind", right=False)], [["conv"]], "CPU, fp32; 30 s for all cells\n\nlenet5: 4.20 ms A, by kind of layer"
        )
    ]
    said = "CPU, fp32; 30 s for all cells; lenet5: 4.20 ms A, by kind of layer"
    assert f"**{said}**\n" in markdown_text(made)
    assert rf"\caption{{{said}}}" in latex_text(made)
