"""Options that a study runs over, named and valued by anybody: counted or refused in a sentence, and harmless in every form."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler.errors import ProfilerError
from tests.hostile.inside import ended, refused
from tests.hostile.test_data import CONTROL

NET = """
from torch import nn


class Net(nn.Linear):
    def __init__(self, width=None, name="x", shift=-1, **others):
        super().__init__(4, 4)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    return tmp_path


class Unspeakable:
    """It has no text, no hash, and no equal."""

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise ValueError


ODD: list[tuple[Any, list[Any]]] = [
    (float("nan"), ["nan"]),
    ([float("inf"), 1.0], ["inf", 1.0]),
    ([10**5000, 1], ["int of thousands of digits", 1]),
    ([10**50], [str(10**50)]),
    ([Unspeakable(), Unspeakable()], ["Unspeakable"]),
    ([{"a": Unspeakable()}], [{"a": "Unspeakable"}]),
    ([{"a": 1}, {"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
    ([[1], [1], [2]], [[1], [2]]),
    ([True, 1, 1.0, "one"], [True, 1, 1.0, "one"]),
    ([len, int], ["len", "int"]),
    (range(2), [0, 1]),
    ((b"ab"), ["b'ab'"]),
]


@pytest.mark.parametrize(("given", "told"), ODD, ids=[str(i) for i in range(len(ODD))])
def test_any_value_of_an_option_is_a_record_of_every_form(given: Any, told: list[Any]) -> None:
    """A parameter of no type takes anything; what JSON and a record cannot hold is a text there."""
    for found in (
        profiler.sweep("net.py:Net", over={"width": given}, input=(4,), engine="closed"),
        profiler.fit("net.py:Net", over={"width": given}, input=(4,), max_macs="1K"),
    ):
        assert [record["width"] for record in found] == told
        assert [type(record["width"]) for record in found] == list(map(type, told))
        assert {record["macs"] for record in found} == {4 * 4}
        for name in ("x.csv", "x.jsonl", "x.md", "x.tex", "x.html", "x.txt", "x.json"):
            profiler.write(found, name)
        again = profiler.read("x.json")
        assert isinstance(again, list)
        assert len(again) == len(told)


MANY = [
    ({"width": range(10**12)}, "--over width has 1,000,000,000,000 values, more than 10,000; give fewer"),
    ({"width": range(10**30)}, "more than 10,000; give fewer"),
    ({"width": list(range(10_001))}, "--over width has 10,001 values, more than 10,000"),
    ({"alpha": range(10**12)}, "alpha has 1,000,000,000,000 values, more than 10,000"),
    ({"resolution": range(10**12)}, "resolution has 1,000,000,000,000 values"),
    ({"batch": range(10**12)}, "batch has 1,000,000,000,000 values"),
    ({"width": "1..1e9"}, "width '1..1e9' makes more than 10,000 points; use a larger step"),
    ({"width": "1..inf"}, "width 'inf' is not finite"),
    ({"width": "1..1000", "shift": "1..1000"}, "1,000,000 cells"),
]


@pytest.mark.parametrize(("over", "words"), MANY, ids=[words for _, words in MANY])
@pytest.mark.parametrize("study", ["sweep", "fit"])
def test_too_many_points_are_refused_before_any_is_made(study: str, over: dict[str, Any], words: str) -> None:
    run = profiler.sweep if study == "sweep" else profiler.fit
    kind: dict[str, Any] = {"engine": "closed"} if study == "sweep" else {"max_macs": "1K"}
    with pytest.raises(ProfilerError) as fault:
        run("net.py:Net", over=over, input=(4,), **kind)
    assert words in str(fault.value)


@pytest.mark.parametrize("key", [1, None, b"width", ("width",)])
def test_an_option_is_named_by_a_text(key: Any) -> None:
    for call in (profiler.sweep, profiler.compare):
        with pytest.raises(ProfilerError, match="give a dict with texts as keys"):
            call("lenet5", over={key: [1]}, engine="closed")
        with pytest.raises(ProfilerError, match="give a dict with texts as keys"):
            call("lenet5", options={key: 1}, engine="closed")


NAMES = [
    "\x1b[2J",
    "[bold]",
    "</script><script>alert(1)</script>",
    "__proto__",
    "constructor",
    "@SUM(1)",
    "a b",
    "n_s",
    "fits",
    "α",
    "\u202ea",
]
WORDS = [
    "a\x1b[2Jb\x07",
    "\r::error::forged",
    "=cmd|'/C calc'!A0",
    "@SUM(1)",
    "[/x]",
    "<script>alert(1)</script>",
    "\u202eabc",
    "\x9b31m",
]
FILES = ("-q", "-o", "x.json", "-o", "x.csv", "-o", "x.html")


@pytest.mark.parametrize(("key", "value"), [*((name, "other") for name in NAMES), *(("name", word) for word in WORDS)])
def test_no_option_commands_a_reader(key: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its name nor its value: no control sign on a terminal, no formula in a CSV, no markup in a page."""
    monkeypatch.setenv("NO_COLOR", "1")
    words = ["net.py:Net", "--input", "4", "--over", f"{key}=plain,{value}", *FILES]
    for command in (["sweep", *words, "--engine", "closed"], ["fit", *words, "--max-macs", "1K"]):
        assert ended(monkeypatch, *command) == (0, "", "")
        with Path("x.csv").open(encoding="utf-8", newline="") as file:
            for line in csv.reader(file):
                assert not [cell for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
        assert "<script>alert" not in Path("x.html").read_text(encoding="utf-8")
        column = f"option_{key}" if key == "fits" else key
        assert [record[column] for record in json.loads(Path("x.json").read_text())["records"]] == ["plain", value.strip()]
        for form in ("table", "csv", "markdown", "latex", "jsonl"):
            found = ended(monkeypatch, "report", "x.json", "-f", form, terminal=True)
            assert (found.code, found.err) == (0, "")
            assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", found.out))  # rich's own styles


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("x", "--over 'x' is not key=range; write it as --over width=16..64:16"),
        ("=1", "is not key=range"),
        ("nonesuch=1,2", "unknown option of lenet5 'nonesuch'"),
        ("__class__=1,2", "unknown option of lenet5 '__class__'"),
        ("classes=nan", "classes must be a whole number from 1 to 1000000000, not nan"),
        ("classes=a\x1b[2Jb", "classes must be a whole number from 1 to 1000000000, not a\ufffd[2Jb"),
        (f"classes=1..{'9' * 5000}", "is too large or too small"),
        ("classes=1..1e9", "makes more than 10,000 points"),
        ("classes=1..2:0", "has a step of 0"),
        ("input=x", "input 'x' is not a shape"),
    ],
)
@pytest.mark.parametrize("command", ["sweep lenet5 --engine closed", "fit lenet5 --max-macs 1M"])
def test_what_is_no_axis_is_one_sentence(command: str, given: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(ended(monkeypatch, *command.split(), "--over", given), words)


def test_values_of_several_kinds_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = profiler.sweep("net.py:Net", over={"width": ["b", 2, 1.5, "a"]}, input=(4,), engine="closed")
    profiler.write(found, "x.json")
    for sort, expected in (("width", ["1.5", "2", "a", "b"]), ("-width", ["b", "a", "2", "1.5"])):
        out = ended(monkeypatch, "report", "x.json", "--sort", sort, "-f", "csv").out
        assert [row["width"] for row in csv.DictReader(io.StringIO(out))] == expected
