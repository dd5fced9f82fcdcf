"""Random results come back from a file as they were: the same document in JSON, the same records in CSV, exact to the last digit."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from profiler import compare, profile, sweep
from profiler.__main__ import load_cli
from profiler.saved.decode import decode
from profiler.saved.row_parts import RowPart, ShownRow
from tests.strategies import Case, networks

APP = load_cli().app
LATENCIES = ("latency_s", "latency_low_s", "latency_high_s")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("runs") / "run.json"


def reported(file: Any, document: dict[str, Any], form: str) -> str:
    """What `report FILE -f FORM` prints of a document."""
    file.write_text(json.dumps(document), encoding="utf-8")
    answer = CliRunner().invoke(APP, ["report", str(file), "-f", form], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return str(answer.stdout)


def come_back(file: Any, document: dict[str, Any]) -> None:
    """JSON, JSON lines and CSV of a comparison or sweep hold the records that went in."""
    document = json.loads(json.dumps(document))
    assert json.loads(reported(file, document, "json")) == document
    assert [json.loads(line) for line in reported(file, document, "jsonl").splitlines()] == document["records"]
    rows = list(csv.DictReader(io.StringIO(reported(file, document, "csv"))))
    assert len(rows) == len(document["records"])
    for row, record in zip(rows, document["records"], strict=True):
        assert list(row) == list(record)
        for key, value in record.items():
            assert read(row[key], value) == value, key


def read(cell: str, like: Any) -> Any:
    """A cell of a CSV as the type of what was written; an empty one is unknown."""
    if like is None:
        return cell or None
    if isinstance(like, dict):  # options, as classes=7
        return {name: json.loads(value) for name, _, value in (pair.partition("=") for pair in cell.split(",") if pair)}
    return cell if isinstance(like, str) else json.loads(cell)


small = st.sampled_from(["lenet5", "mobilenet_v1", "squeezenet1_1", "resnet20_cifar", "mobilenet_v2"])
alphas = st.integers(1, 40).map(lambda n: n / 20)


@settings(max_examples=15)
@given(st.lists(st.tuples(small, alphas), min_size=1, max_size=4), st.integers(1, 64))
def test_a_comparison_comes_back(file: Any, models: list[tuple[str, float]], batch: int) -> None:
    names = [f"{name}@alpha={alpha}" if name != "lenet5" else f"lenet5@classes={int(alpha * 20)}" for name, alpha in models]
    come_back(file, compare(*names, batch=batch, engine="closed").to_dict())


@settings(max_examples=10)
@given(
    st.lists(alphas, min_size=1, max_size=3, unique=True), st.lists(st.integers(32, 300), min_size=1, max_size=3, unique=True)
)
def test_a_sweep_comes_back(file: Any, alpha: list[float], sides: list[int]) -> None:
    found = sweep("mobilenet_v1", alpha=",".join(map(str, alpha)), resolution=",".join(map(str, sides)), engine="closed")
    come_back(file, found.to_dict())


@settings(max_examples=10)
@given(networks(), st.integers(1, 64))
def test_a_comparison_of_a_random_network_comes_back(file: Any, case: Case, batch: int) -> None:
    come_back(file, compare(case.network, input=case.input, batch=batch, engine="closed").to_dict())


@settings(max_examples=20)
@given(st.lists(st.one_of(st.none(), st.floats(1e-9, 1e4)), min_size=2, max_size=2), st.floats(0.5, 1.0), st.floats(1.0, 2.0))
def test_latencies_come_back_to_the_last_digit(file: Any, latencies: list[float | None], low: float, high: float) -> None:
    document = compare("lenet5", "lenet5@classes=7", engine="closed").to_dict()
    for record, latency in zip(document["records"], latencies, strict=True):
        ends = [None if latency is None else latency * factor for factor in (1.0, low, high)]
        record.update(zip(LATENCIES, ends, strict=True), grade=None if latency is None else "A")
    document = json.loads(json.dumps(document))
    again = json.loads(reported(file, document, "json"))["records"]
    rows = list(csv.DictReader(io.StringIO(reported(file, document, "csv"))))
    for name in LATENCIES:
        expected = [record[name] for record in document["records"]]
        assert [record[name] for record in again] == expected
        assert [float(row[name]) if row[name] else None for row in rows] == expected


@given(networks(), st.integers(1, 9))
def test_a_row_comes_back_from_its_dict(case: Case, batch: int) -> None:
    for row in profile(case.network, input=case.input, batch=batch).rows:
        assert decode(json.loads(json.dumps(row.to_dict())), RowPart).row == row


@settings(max_examples=10)
@given(small, st.integers(1, 64))
def test_one_network_in_full_comes_back(file: Any, name: str, batch: int) -> None:
    answer = CliRunner().invoke(APP, ["show", name, "--batch", str(batch), "-f", "json"], catch_exceptions=False)
    document = json.loads(answer.stdout)
    assert [part.row for part in decode(document["rows"], list[ShownRow])] == list(profile(name, batch=batch).rows)
    assert json.loads(reported(file, document, "json")) == document
