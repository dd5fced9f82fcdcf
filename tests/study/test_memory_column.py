"""Peak memory and dtypes as columns of a comparison and a sweep: bytes by hand, and those that `memory` says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

from profiler import ProfilerError, build, check, compare, memory, read, sweep, write
from profiler.records.results import Results
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.sheets.sheet import results_sheet
from tests.test_cli import run


def test_a_layer_by_hand() -> None:
    (record,) = compare(nn.Linear(8, 4), input="8", engine="closed", memory=True)
    # its weights and bias, what it is given and what it gives, four bytes each
    assert record["memory_bytes"] == 4 * (8 * 4 + 4) + 4 * 8 + 4 * 4


def test_it_is_what_memory_says() -> None:
    found = sweep("lenet5", alpha="0.5,1", batch="1,4", engine="closed", memory=True)
    for record in found:
        module = build("lenet5", alpha=record["alpha"], device="meta")
        image = torch.empty(record["batch"], 1, 28, 28, device="meta")
        assert record["memory_bytes"] == memory(module, image).peak
    heads = [head.text for head in results_sheet(found).columns]
    assert "memory" in heads
    assert "memory: peak of one forward pass" in "".join(results_sheet(found).notes)


def test_nobody_who_does_not_ask_has_it() -> None:
    found = compare("lenet5", engine="closed")
    assert "memory_bytes" not in found.columns
    with pytest.raises(ProfilerError, match="column memory_bytes was not computed; add --memory"):
        results_sheet(found, chosen=["memory_bytes"])


def test_a_saved_run_keeps_it_and_is_a_baseline_of_memory(tmp_path: Path) -> None:
    found = compare("lenet5", engine="closed", memory=True)
    write(found, tmp_path / "base.json")
    again = read(tmp_path / "base.json")
    assert isinstance(again, Results)
    assert [record["memory_bytes"] for record in again] == [record["memory_bytes"] for record in found]
    lines = check("lenet5", baseline=str(tmp_path / "base.json")).lines
    assert [(line.value, line.before) for line in lines if line.limit.quantity == "memory"] == [
        (found[0]["memory_bytes"], found[0]["memory_bytes"])
    ]


def test_on_the_command_line() -> None:
    ran = run("compare", "lenet5", "--engine", "closed", "--memory", "--columns", "model,memory_bytes", "-f", "csv")
    assert ran.stdout.splitlines()[0] == "model,memory_bytes"
    assert int(ran.stdout.splitlines()[1].split(",")[1]) > 4 * 61_706


def test_one_dtype_is_in_the_heading_and_no_column() -> None:
    found = compare(nn.Linear(8, 4), nn.Linear(8, 6), input="8", engine="closed")
    assert [record["weight_dtype"] for record in found] == ["float32", "float32"]
    assert [head.text for head in results_sheet(found).columns][-1] == "weights (fp32)"


def test_the_bytes_of_two_dtypes_stand_beside_them(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Ids(nn.Module):\n"
        "    def __init__(self, half=False):\n        super().__init__()\n"
        "        self.table = nn.Embedding(10, 4, dtype=torch.bfloat16 if half else torch.float32)\n"
        "    def forward(self, ids):\n        return self.table(ids)\n"
    )
    name = f"{tmp_path / 'nets.py'}:Ids"
    found = compare(f"whole={name}", f"half={name}@half=true", input="ids=6:int64", engine="closed")
    assert [(record["weight_dtype"], record["weight_bytes"]) for record in found] == [
        ("float32", 10 * 4 * 4),
        ("bfloat16", 10 * 4 * 2),
    ]
    page = io.StringIO()
    Console(file=page, width=200).print(registry.answer(found, View()).drawn)
    lines = page.getvalue().splitlines()
    head = next(line for line in lines if line.startswith("model"))
    assert "weight bytes  weights in" in head
    assert "fp32" in next(line for line in lines if line.startswith("whole"))
    assert "bfloat16" in next(line for line in lines if line.startswith("half"))
