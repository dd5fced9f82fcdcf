"""Parquet: typed columns that pandas, Polars and DuckDB read, of every command whose answer has records."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from profiler import compare, formula, listing, show, sweep, sweep_to, verify, write
from profiler.errors import ProfilerError
from profiler.records.blocks import Block, Numbers
from profiler.report.writers.parquet import Writer, kind_of, parquet_bytes

ABOUT: dict[str, Any] = {"schema": 1, "command": "sweep", "environment": {}}


def test_types_and_metadata(tmp_path: Path) -> None:
    found = compare("mobilenet_v1@separable=false", "lenet5", engine="closed")
    write(found, tmp_path / "run.parquet")
    table = parquet.read_table(tmp_path / "run.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["macs"], types["alpha"], types["top1"], types["model"], types["options"]) == (
        "int64", "double", "double", "string", "string",
    )  # fmt: skip
    rows = table.to_pylist()
    assert list(rows[0]) == found.columns
    for row, record in zip(rows, found, strict=True):
        for name in ("options", "parameter_bytes"):
            assert json.loads(row.pop(name)) == record[name]
        assert row == {name: value for name, value in record.items() if name in row}
    about = json.loads(table.schema.metadata[b"profiler"])
    assert (about["schema"], about["command"]) == (1, "compare")
    assert about["environment"]["profiler"]


@pytest.mark.parametrize(
    "made",
    [
        lambda: listing("resnet*"),
        lambda: show("lenet5"),
        lambda: formula("mobilenet_v2"),
        lambda: sweep("vgg11", alpha="0.5,1", engine="closed"),
        lambda: verify("vgg11", engine="closed"),
    ],
    ids=["list", "show", "formula", "sweep", "verify"],
)
def test_the_records_of_every_command(made: Any, tmp_path: Path) -> None:
    found = made()
    for suffix in ("parquet", "jsonl"):
        write(found, tmp_path / f"run.{suffix}")
    records = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = parquet.read_table(tmp_path / "run.parquet").to_pylist()
    assert [list(row) for row in rows] == [list(record) for record in records]
    for row, record in zip(rows, records, strict=True):
        for name, value in record.items():
            told = isinstance(row[name], str) and not isinstance(value, str) and value is not None
            assert (json.loads(row[name]) if told else row[name]) == value, name


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "bool"),
        ([1, None, -(2**63) + 1], "int64"),
        ([2**63 - 1], "int64"),
        ([2**63], "decimal"),
        ([10**38 - 1, 1], "decimal"),
        ([10**38], "text"),
        ([1, 0.5], "float"),
        ([1, "1/3"], "text"),
        ([{"a": 1}], "text"),
        ([[3, 224, 224]], "text"),
        ([None], "text"),
        ([], "text"),
    ],
)
def test_what_columns_hold(values: list[Any], kind: str) -> None:
    assert kind_of("a column of nobody", values) == kind
    made = parquet.read_table(_file(parquet_bytes([{"it": value} for value in values], ["it"], ABOUT)))["it"].to_pylist()
    if kind != "text":
        assert made == values
    assert (None in made) == (None in values)


def test_a_column_is_as_declared_where_all_is_unknown() -> None:
    assert [kind_of(name, [None]) for name in ("macs", "top1", "model", "compile")] == ["int64", "float", "text", "bool"]
    assert kind_of("alpha", [1, 2]) == "float"


def test_text_that_utf8_has_not_is_escaped() -> None:
    made = parquet.read_table(_file(parquet_bytes([{"it": "a\ud800"}], ["it"], ABOUT)))
    assert made["it"].to_pylist() == ["a\\ud800"]


def _file(content: bytes) -> Any:
    import pyarrow as pa

    return pa.BufferReader(content)


def test_counts_beyond_64_bits_are_decimals_for_every_reader(tmp_path: Path) -> None:
    import duckdb
    import polars as pl

    at: dict[str, Any] = {"alpha": "32,64", "resolution": "1048575..1048576:1", "batch": "1..3000:1", "engine": "closed"}
    file = tmp_path / "run.parquet"
    assert sweep_to(file, "vgg16", **at) == 12_000
    (last,) = sweep("vgg16", alpha=64, resolution=1048576, batch=3000, engine="closed")
    assert last["macs"] > 2**63
    pd: Any = import_module("pandas")  # which has no types
    assert pd.read_parquet(file)["macs"].iloc[-1] == Decimal(last["macs"])
    assert pl.read_parquet(file)["macs"][-1] == Decimal(last["macs"])
    assert duckdb.read_parquet(str(file)).max("macs").fetchall() == [(Decimal(last["macs"]),)]
    assert str(pd.read_parquet(file)["batch"].dtype) == "int64"


def test_a_number_that_its_column_is_too_narrow_for_is_refused(tmp_path: Path) -> None:
    import numpy as np

    with Writer(str(tmp_path / "run.parquet"), {"macs": "int64"}, ABOUT) as writer:
        with pytest.raises(ProfilerError, match="column macs holds a number beyond int64 in Parquet; write it as csv or jsonl"):
            writer.put(Block(0, 1, {"macs": Numbers(np.array([2**64], dtype=object))}))
        writer.put(Block(0, 2, {"macs": Numbers(np.array([1, 2**62], dtype=object))}))
    assert parquet.read_table(tmp_path / "run.parquet")["macs"].to_pylist() == [1, 2**62]
