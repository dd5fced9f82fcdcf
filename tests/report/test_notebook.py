"""What notebooks show: every result is tables of HTML, and text stays text."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import pytest
from msgspec import structs
from rich.console import Console

from profiler import check, compare, diff, memory, profile, sweep, trace, trace_training
from profiler.errors import ProfilerError
from profiler.records.shown import Shown
from profiler.records.timing import Certificate
from profiler.report.answers import notebook
from profiler.study.formula import formula
from profiler.study.show import show
from profiler.study.verify import verify
from tests.report.clocked import measured

HOSTILE = '<script>alert("1")</script>&amp; 🦆 שלום | `x`'


class Page(HTMLParser):
    """Cells and paragraphs of a fragment; fails where tags are not closed as they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        if tag in ("td", "th", "p", "caption"):
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] in ("td", "th", "p", "caption"):
            self.texts[-1] += data


def module() -> Any:
    from torch import nn

    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 10))


def given() -> tuple[Any, ...]:
    import torch

    return (torch.empty(2, 3, 8, 8, device="meta"),)


def shown(**asked: Any) -> Shown:
    return show("lenet5", **asked)


CERTIFICATE = Certificate(
    "2026-01-02", {"cpu": "a processor", "affinity": 2},
    ({"check": "known lengths", "value": 0.004, "aim": 0.01, "passed": True, "detail": "of 5 lengths"},),
)  # fmt: skip
RESULTS: list[tuple[str, Callable[[], Any], str]] = [
    ("a comparison", lambda: compare("lenet5", "vgg16", engine="closed"), "15,470,264,320"),
    ("a sweep", lambda: sweep("mobilenet_v1", engine="closed"), "568,740,352"),
    ("a profile", lambda: profile("mobilenet_v1"), "568,740,352"),
    ("an agreement", lambda: compare("lenet5").agreements[0], "It agrees on every layer."),
    ("a trace", lambda: trace(module(), given()), "random generators and torch are unchanged"),
    ("a training step", lambda: trace_training(module(), given()), "MACs of one training step"),
    ("memory", lambda: memory(module(), given(), training=True), "peak"),
    ("what show holds", lambda: shown(memory=True, training=True), "416,520"),
    ("a rewriting", lambda: shown(what_if="folded").whatif, "the network"),
    ("a footprint", lambda: shown(memory=True).memory[0], "params, float32"),
    ("polynomials", lambda: formula("lenet5")[0], "polynomial"),
    ("what verify found", lambda: verify("lenet5", engine="closed"), "lenet5"),
    ("layers on the clock", lambda: measured("lenet5").layers[0], "by kind"),
    ("networks on the clock", lambda: measured("lenet5", "mobilenet_v1"), "by layer"),
    ("a timing", lambda: measured("lenet5").layers[0].timing, "4.20 ms ±1.0 % A"),
    ("what check found", lambda: check("lenet5", macs="1M"), "lenet5"),
    ("a difference", lambda: diff("lenet5", "lenet5@classes=5"), "classes=5"),
    ("a certificate", lambda: CERTIFICATE, "known lengths"),
]


@pytest.mark.parametrize(("make", "said"), [each[1:] for each in RESULTS], ids=[each[0] for each in RESULTS])
def test_every_result_is_tables_in_a_notebook_and_in_a_terminal(make: Callable[[], Any], said: str) -> None:
    result = make()
    page = Page(result._repr_html_())
    assert "table" in page.tags
    assert "pre" not in page.tags
    assert any(said in text for text in page.texts), page.texts
    console = Console(file=StringIO(), width=120, color_system=None)
    console.print(result)
    assert said in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_timing_that_is_none_says_why() -> None:
    timing = structs.replace(
        measured("lenet5").layers[0].timing, latency_s=None, reason="30s holds 2 of 9 rounds; --time 60s would do"
    )
    page = Page(timing._repr_html_())
    assert "30s holds 2 of 9 rounds; --time 60s would do" in page.texts
    assert "latency" not in page.texts


def test_a_hostile_name_and_note_are_text() -> None:
    results = compare("lenet5", engine="closed")
    results[0]["model"] = HOSTILE
    results.title, results.notes, results.warnings = HOSTILE, [HOSTILE], [HOSTILE]
    page = Page(results._repr_html_())
    assert page.texts.count(HOSTILE) == 4
    assert page.tags == {"div", "style", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    made = structs.replace(profile("lenet5"), model=HOSTILE)
    assert f"{HOSTILE}, 1×28×28" in Page(made._repr_html_()).texts


def test_a_table_of_thousands_of_rows_is_cut_and_says_so() -> None:
    results = sweep("lenet5", alpha="0.1..2:0.005", engine="closed")
    html = results._repr_html_()
    assert html.count("<tr>") == 1 + notebook.MOST_ROWS
    assert f"The first 200 of {len(results)} rows; the result itself holds all." in Page(html).texts


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(ProfilerError, match="int has no tables"):
        notebook.html(3)
