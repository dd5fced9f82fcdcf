"""Progress: what a bar says while latencies are measured, in a terminal and in a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from profiler import compare
from profiler.records.columns import MEASURED_COLUMNS, WAITING, Record
from profiler.records.events import Recounted, Started, Timed
from profiler.records.results import Results
from profiler.report.terminal import progress as watch
from tests.test_cli import on_a_terminal

LENET = {"latency_s": 0.0005, "latency_low_s": 0.00049, "latency_high_s": 0.00051, "grade": "B"}
VGG = {"latency_s": 0.05, "latency_low_s": 0.045, "latency_high_s": 0.055, "grade": "C"}


def measuring(**found: dict[str, Any]) -> Results:
    """lenet5 and vgg16, on the clock, with what was `found` of them."""
    results = compare("lenet5", "vgg16", engine="closed")
    waiting = dict.fromkeys(MEASURED_COLUMNS, WAITING)
    return results.replace([{**record, **waiting, **found.get(record["model"], {})} for record in results], measured=True)


def timed(found: dict[str, dict[str, Any]], stage: str = "", spent_s: float = 12.0) -> Timed:
    """The same after so many seconds of 30."""
    return Timed(measuring(**found), spent_s, 30.0, stage)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "measuring"),
        ({"lenet5": LENET}, "lenet5 500 µs ±2.0 % B"),
        ({"lenet5": LENET, "vgg16": VGG}, "vgg16 50.0 ms ±10.0 % C"),
        ({"vgg16": {**VGG, "latency_s": None}}, "measuring"),
    ],
    ids=["nothing yet", "one", "the least certain of two", "one that failed"],
)
def test_a_bar_says_the_estimate_so_far(found: dict[str, dict[str, Any]], said: str) -> None:
    assert watch.done_of(timed(found)) == (12.0, 30.0, said)


def test_before_the_rounds_it_says_what_is_being_done() -> None:
    event = timed({"lenet5": LENET}, "warming up 1 of 2", 0.0)
    assert watch.done_of(event) == (0.0, 30.0, "warming up 1 of 2")


def test_witnesses_come_first() -> None:
    counts: tuple[Record, Record] = ({"fvcore_macs": 1, "fvcore_total": 1}, {"fvcore_macs": WAITING, "fvcore_total": WAITING})
    records = [{**record, **count} for record, count in zip(measuring(), counts, strict=True)]
    results = measuring().replace(records, engines=("fvcore",))
    assert watch.done_of(Recounted(results, 0)) == (1, 2, "recounting the built networks")
    assert watch.done_of(Started(results)) == (1, 2, "recounting the built networks")


def test_the_bar_of_a_terminal_holds_the_estimate() -> None:
    said = on_a_terminal(["bench", "lenet5", "--threads", "1", "--time", "3s", "-q"], module="tests.measure.paced")
    assert "lenet5 " in said
    assert " ±" in said


class Notebook(ModuleType):
    """IPython's display, as a kernel has it."""

    def __init__(self) -> None:
        super().__init__("IPython.display")
        self.shown: list[str] = []

    def HTML(self, text: str) -> str:  # noqa: N802  # IPython's own name
        return text

    def display(self, text: str, display_id: bool) -> Any:
        self.shown.append(text)
        return SimpleNamespace(update=self.shown.append)


def test_in_a_notebook_the_bar_is_replaced_in_place_and_gone_when_done(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, ipython = Notebook(), ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    event = timed({"lenet5": LENET})
    event.results[0]["model"] = "<script>"
    with watch.bar() as seen:
        seen(event)
        seen(event)
    line = '<progress value="12" max="30"></progress> &lt;script&gt; 500 µs ±2.0 % B'
    assert notebook.shown == [line, line, ""]


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", Notebook())
    with watch.bar() as seen:
        assert seen is watch._unwatched


def test_a_real_kernel_shows_the_bar_and_the_table() -> None:
    pytest.importorskip("nbformat", reason="nbclient and ipykernel run a notebook")
    pytest.importorskip("ipykernel")
    # in a process of its own: what a kernel's client warns of is not ours
    code = (
        "import nbformat, json\n"
        "from nbclient import NotebookClient\n"
        "cell = nbformat.v4.new_code_cell('from profiler import compare\\ncompare(\"lenet5\", progress=True)')\n"
        "book = nbformat.v4.new_notebook(cells=[cell])\n"
        "NotebookClient(book, timeout=500, kernel_name='python3').execute()\n"
        "print(json.dumps([[each.output_type, each.data.get('text/html')] for each in cell.outputs]))\n"
    )
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == 0, ran.stderr
    (bar, gone), (result, table) = json.loads(ran.stdout)
    assert (bar, gone, result) == ("display_data", "", "execute_result")
    assert "416,520" in table
