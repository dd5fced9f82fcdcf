"""Rows of one network at several inputs, options or sides: no two of a table, a plot or a page look alike."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from profiler import check, compare, diff, sweep
from profiler.records.results import Results
from profiler.report import names
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.sheets.columns import narrow_columns
from profiler.report.sheets.sheet import results_sheet
from profiler.report.terminal.plot import plot

NET = '''
from torch import nn

class Net(nn.Module):
    """Of one width or another, on images or sequences of any length."""
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
    def forward(self, x):
        return self.conv(x)

def tokens():
    return nn.Linear(8, 8)
'''


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.py"
    path.write_text(NET)
    return str(path)


def cases(net: str) -> dict[str, Results]:
    return {
        "options in a sweep": sweep(
            "mobilenet_v1", "mobilenet_v1@separable=false", alpha="0.5,1", resolution="128,224", engine="closed"
        ),
        "options of a module": sweep(f"{net}:Net@width=2", f"{net}:Net", input="3x32x32", resolution="32,64", engine="closed"),
        "lengths": compare(*(f"{net}:tokens@input={n}x8" for n in (16, 32, 64)), engine="closed"),
        "sides that differ": compare(
            "mobilenet_v2@input=3x224x160", "mobilenet_v2@input=3x224x192", "mobilenet_v2@input=3x224x224", engine="closed"
        ),
        "bands at one side": compare("cnn_3d_li@input=1x103x5x5", "cnn_3d_li@input=1x200x5x5", engine="closed"),
        "batches": sweep("lenet5", alpha="1", batch=[1, 8], engine="closed"),
        "all at once": compare(
            "lenet5", "lenet5@classes=20", "lenet5@alpha=0.5", "lenet5@input=1x32x28", "lenet5@input=1x28x32", engine="closed"
        ),
    }


CASES = (
    "bands at one side",
    "options in a sweep",
    "options of a module",
    "lengths",
    "sides that differ",
    "batches",
    "all at once",
)


@pytest.mark.parametrize("case", CASES)
def test_no_two_rows_look_alike(case: str, net: str) -> None:
    found = cases(net)[case]
    made = results_sheet(found)
    shown = names.telling(found, ["model"])
    at = [i for i, head in enumerate(made.columns) if head.text in ("model", "options", "α", "side", "input", "batch")]
    rows = Counter(tuple(row[i] for i in at) for row in made.rows)
    assert max(rows.values()) == 1, rows
    assert len(shown) >= 1
    assert len(set(names.of_records(found))) == len(found)


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_nor_in_the_forms_of_a_paper(form: str, net: str) -> None:
    text = written(registry.answer(cases(net)["lengths"]), form)
    assert all(f"{n}x8" in str(text) for n in (16, 32, 64))


def test_columns_are_added_only_where_they_tell() -> None:
    heads = [head.text for head in results_sheet(compare("lenet5", "vgg16", engine="closed")).columns]
    assert "input" not in heads
    one = sweep("mobilenet_v1", alpha="0.5,1", engine="closed")
    assert [head.text for head in results_sheet(one).columns][:2] == ["α", "side"]


def test_heat_tables_and_families_are_of_one_set_of_options(net: str) -> None:
    page = io.StringIO()
    Console(file=page, width=100).print(plot(cases(net)["options in a sweep"]))
    assert "mobilenet_v1, batch 1" in page.getvalue()
    assert "mobilenet_v1@separable=false, batch 1" in page.getvalue()
    assert "● mobilenet_v1  ▲ mobilenet_v1@separable=false" in page.getvalue()


def test_families_are_of_one_batch_and_fronts_too(net: str) -> None:
    page = io.StringIO()
    found = sweep("mobilenet_v1", alpha="0.5,0.75,1", batch=[1, 8], engine="closed")
    Console(file=page, width=100).print(plot(found))
    assert "● mobilenet_v1, batch 1  ▲ mobilenet_v1, batch 8" in page.getvalue()
    assert "Pareto" not in page.getvalue()  # multiply-adds of eight are no trade-off against those of one
    page = io.StringIO()
    Console(file=page, width=100).print(plot(sweep("mobilenet_v1", alpha="0.5,0.75,1", engine="closed")))
    assert "Pareto" in page.getvalue()


def test_a_front_of_latencies_is_of_one_batch() -> None:
    from profiler.records.notes import ParetoMarked
    from profiler.study.notes import ranked

    found = sweep("mobilenet_v1", alpha="0.5,0.75,1", batch=[1, 8], engine="closed")
    timed = [
        {**record, "latency_s": seconds, "latency_low_s": seconds, "latency_high_s": seconds}
        for record, seconds in zip(found, (1.0, 8.0, 2.0, 7.0, 3.0, 9.0), strict=True)
    ]
    made = ranked(found.replace(timed))
    assert [record["pareto"] for record in made] == [True, False, True, True, True, True]
    assert ParetoMarked("top1", per_batch=True) in made.notes
    assert "*: Pareto-optimal; no other cell of its batch has a higher published top-1 at a lower latency." in map(
        str, made.notes
    )


def test_notes_on_one_module_name_the_point_where_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "wide.py"
    path.write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, spare=2):\n        super().__init__()\n"
        "        self.conv, self.spare = nn.Conv2d(3, 4, 3), nn.Linear(spare, 1)\n"
        "    def forward(self, x):\n        return self.conv(x)\n"
    )
    found = compare(f"{path}:Net@spare=2", f"{path}:Net@spare=5", input="3x8x8", engine="closed")
    assert [str(note) for note in found.notes] == [
        f"{path}:Net (spare=2, 8): 3 of its 115 parameters are not used by the forward pass: spare.",
        f"{path}:Net (spare=5, 8): 6 of its 118 parameters are not used by the forward pass: spare.",
    ]
    same = compare(f"{path}:Net@input=3x8x8", f"{path}:Net@input=3x9x9", engine="closed")
    assert [str(note) for note in same.notes] == [
        f"{path}:Net: 3 of its 115 parameters are not used by the forward pass: spare."
    ]


def test_witnesses_of_a_verification_are_told_apart() -> None:
    from profiler.records.agreement import Agreement
    from profiler.records.published import Verified

    made = [Agreement("net.py:Net", "torch", 1, 2, place={"options": {"width": w}, "input": "3x8x8"}) for w in (4, 8)]
    sheets = registry.answer(Verified((), (), tuple(made), {}), View(summary=False)).sheets()
    (rows,) = [sheet.rows for sheet in sheets if "counter" in [head.text for head in sheet.columns]]
    assert [row[0] for row in rows] == ["net.py:Net (width=4, 3x8x8)", "net.py:Net (width=8, 3x8x8)"]


def test_bars_by_input(net: str) -> None:
    page = io.StringIO()
    Console(file=page, width=200).print(plot(cases(net)["lengths"]))
    assert all(f"{n}x8 " in page.getvalue() for n in (16, 32, 64))


def test_flame_graphs_and_pages_by_input(net: str) -> None:
    import json

    found = cases(net)["lengths"]
    made = json.loads(str(written(registry.answer(found), "speedscope")))
    told = [each["name"] for each in made["profiles"]]
    assert len(set(told)) == len(told) == 3 * 3  # MACs, params and activations of each
    assert len(set(names.of_profiles(found.profiles))) == 3


def test_what_was_measured_narrowly(net: str) -> None:
    timed: dict[str, Any] = {"latency_s": 1.0, "latency_low_s": 0.9, "latency_high_s": 1.1, "grade": "A", "ratio": None}
    found = cases(net)["lengths"]
    measured = found.replace([{**record, **timed} for record in found], measured=True)
    assert "input" in narrow_columns(measured)


def test_a_gate_says_which_input(net: str) -> None:
    found = check(*(f"{net}:tokens@input={n}x8" for n in (16, 64)), macs=2000)
    assert [line.model for line in found.lines] == [f"{net}:tokens (16x8)", f"{net}:tokens (64x8)"]
    assert [line.verdict for line in found.lines] == ["within", "over"]
    assert "(64x8)" in str(found)


def test_a_difference_says_which_inputs(net: str) -> None:
    (cell,) = diff(f"{net}:tokens@input=16x8", f"{net}:tokens@input=48x8").cells
    assert cell.name == f"{net}:tokens (16x8) → {net}:tokens (48x8)"
    assert registry.answer(diff("lenet5", "lenet5@alpha=0.5"), View()).sheets()[0].title == "lenet5 (28) → lenet5 (α 0.5, 28)"
