"""A counted and a measured column are one line each: those of CONTRIBUTING.md are added, and stand wherever columns do."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from profiler.records.columns import COLUMNS, Column, Unit
from profiler.records.results import Results
from profiler.report.page.columns import columns as on_a_page
from profiler.report.sheets.columns import of as in_a_table
from tests.extending.tree import Tree

VGG11_BIAS = 64 + 128 + 2 * 256 + 4 * 512 + 2 * 4096 + 1000
LENET5_BIAS = 6 + 16 + 120 + 84 + 10


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("column"), "A column")


def columns_of(page: Path) -> dict[str, Any]:
    """The columns of a page's records."""
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert data is not None
    return {column["name"]: column for column in json.loads(data.group(1))["records"]}


def test_it_is_one_file(tree: Tree) -> None:
    assert tree.touched == ("profiler/records/columns.py",)
    tree.check_floors()


def test_a_counted_one(tree: Tree) -> None:
    outputs = [word for form in ("csv", "json", "jsonl", "html") for word in ("-o", f"run.{form}")]
    shown = tree.run("compare", "lenet5", "vgg11", "--engine", "closed", "--columns", "model,bias", "--sort", "-bias", *outputs)
    assert [line.split() for line in shown.splitlines() if line[:1] in "mvl"] == [
        ["model", "bias"],
        ["vgg11", f"{VGG11_BIAS:,}"],
        ["lenet5", str(LENET5_BIAS)],
    ]
    with (tree.root / "run.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [
            {"model": "vgg11", "bias": str(VGG11_BIAS)},
            {"model": "lenet5", "bias": str(LENET5_BIAS)},
        ]
    document = json.loads((tree.root / "run.json").read_text(encoding="utf-8"))
    assert [record["bias"] for record in document["records"]] == [VGG11_BIAS, LENET5_BIAS]
    assert json.loads((tree.root / "run.jsonl").read_text(encoding="utf-8").splitlines()[1])["bias"] == LENET5_BIAS
    column = columns_of(tree.root / "run.html")["bias"]
    assert (column["label"], column["sort"], column["values"]) == ("bias", "int", [VGG11_BIAS, LENET5_BIAS])


def test_a_saved_run_is_read_back_and_one_of_before_it_too(tree: Tree) -> None:
    tree.run("compare", "lenet5", "vgg11", "--engine", "closed", "-q", "-o", "saved.json")
    again = tree.run("report", "saved.json", "--sort", "bias", "-f", "csv")
    assert [row["bias"] for row in csv.DictReader(again.splitlines())] == [str(LENET5_BIAS), str(VGG11_BIAS)]
    document = json.loads((tree.root / "saved.json").read_text(encoding="utf-8"))
    for record in document["records"]:
        del record["bias"]
    (tree.root / "before.json").write_text(json.dumps(document), encoding="utf-8")
    shown = tree.run("report", "before.json", "--columns", "model,bias", "-o", "again.json")
    assert [line.split() for line in shown.splitlines() if line[:1] in "vl"] == [["lenet5", "–"], ["vgg11", "–"]]
    again = json.loads((tree.root / "again.json").read_text(encoding="utf-8"))["records"]
    assert [record["bias"] for record in again] == [None, None]
    tree.run("report", "again.json", "-q")


def test_a_measured_one(tree: Tree) -> None:
    measured = ("bench", "lenet5", "--device", "cpu", "--threads", "1", "--time", "1s")
    found = tree.run(*measured, "--columns", "model,samples_per_round", "-o", "bench.json", "-o", "bench.html", "-f", "json")
    (record,) = json.loads(found)["records"]
    assert record["samples_per_round"] == record["samples"] / record["rounds"]
    assert columns_of(tree.root / "bench.html")["samples_per_round"]["label"] == "samples per round"
    shown = tree.run("report", "bench.json", "--columns", "model,samples_per_round")
    lines = [line.split() for line in shown.splitlines()]
    model, value = lines[lines.index(["model", "samples", "per", "round"]) + 2]
    assert model == "lenet5"
    assert float(value.replace(",", "")) == pytest.approx(record["samples_per_round"], rel=0.01)


def test_completion_offers_both(tree: Tree) -> None:
    assert tree.offered("profiler compare --columns model,bia") == ["model,bias"]
    assert tree.offered("profiler bench --sort samples_") == ["samples_per_round"]


UNITS: dict[Unit, tuple[Any, str, str]] = {
    "": ("words", "words", "text"),
    "count": (1200, "1,200", "int"),
    "macs": (1200, "1,200", "int"),
    "seconds": (0.0125, "12.5 ms", "s"),
    "bytes": (2048, "2.0 KiB", "bytes"),
    "accuracy": (71.25, "71.2", "float"),
    "rate": (31.5, "31.5", "float"),
    "ratio": (1.925, "1.93×", "float"),
    "share": (0.9234, "92.3 %", "float"),
    "joules": (0.0125, "12.5 mJ", "float"),
    "difference": (1.25e-6, "1e-06", "float"),
}
"""{unit: (a value, what a table says, how a page writes it)}."""


@pytest.mark.parametrize("unit", get_args(Unit))
def test_its_unit_alone_says_how_it_is_shown(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMNS, "added", Column("added", type(UNITS[unit][0]), unit=unit))
    value, text, sort = UNITS[unit]
    _, cell = in_a_table("added", Results([], "sweep"))
    assert cell({"added": value}, {}, "raw") == text
    assert [cell(record, {}, "flops") for record in ({"added": None}, {})] == ["–", "–"]
    (column,) = on_a_page([{"added": value}, {"added": None}], ["added"])
    assert column["sort"] == sort
