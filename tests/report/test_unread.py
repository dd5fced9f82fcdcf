"""Parameters that no forward reads, in every place that tells of a network; and bytes by the dtypes that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from profiler import check, compare, profile
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.sheets.sheet import results_sheet, totals_text
from profiler.saved.results import read
from profiler.study.show import show


class Net(nn.Module):
    """3·3·3·8 + 8 parameters that are read; 100·100 + 100 of a layer that never runs, and 10 of its own."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(100, 100)
        self.extra = nn.Parameter(torch.zeros(10))
        self.to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.conv(x.to(self.conv.weight.dtype))
        return output


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.conv(x)
        return output


class Mixed(nn.Module):
    """A convolution in float32 and a layer in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(6, 6).bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.fc(self.conv(x).bfloat16())
        return output


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, dtype=torch.complex64)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.conv(x.to(torch.complex64))
        return output


READ, UNREAD = 3 * 3 * 3 * 8 + 8, 100 * 100 + 100 + 10
SIDE = (3, 8, 8)


def test_what_is_read_and_what_is_not_are_all() -> None:
    found = profile(Net(), input=SIDE)
    assert (found.params, found.unread) == (READ, UNREAD)
    assert found.params + found.unread == found.module_params == sum(p.numel() for p in Net().parameters())
    assert set(found.unread_at) == {"fc", "extra"}


def test_the_head_says_it_only_where_there_are_any() -> None:
    (line,) = [line for line in totals_text(profile(Net(), input=SIDE), "raw") if line.startswith("unread")]
    assert line.startswith(
        f"unread       {UNREAD:,}   not used by the forward pass, of the module's {READ + UNREAD:,} params: "
    )
    assert "fc" in line
    assert not any("unread" in line for line in totals_text(profile(Whole(), input=SIDE), "raw"))


def test_a_comparison_says_it_only_where_there_are_any() -> None:
    sheet = results_sheet(compare(Net(), Whole(), input=SIDE, engine="closed"))
    assert [head.text for head in sheet.columns][1:5] == ["params", "×", "unread", "MACs"]
    assert [row[3] for row in sheet.rows] == [f"{UNREAD:,}", "0"]
    (note,) = [note for note in sheet.notes if "not used" in note]
    assert note.startswith(f"Net: {UNREAD:,} of its {READ + UNREAD:,} parameters are not used by the forward pass: ")
    plain = results_sheet(compare(Whole(), input=SIDE, engine="closed"))
    assert "unread" not in [head.text for head in plain.columns]
    assert not plain.notes


def test_records_and_documents_hold_it(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    found = show(Net(), input=SIDE)
    file.write_text(str(written(registry.answer(found), "json")))
    (record,) = json.loads(file.read_text())["records"]
    assert (record["unread"], record["parameter_bytes"]) == (UNREAD, {"float32": 4 * READ})
    again = read(file)
    assert again.profile == found.profile  # type: ignore[union-attr]
    assert str(written(registry.answer(again), "table")) == str(written(registry.answer(found), "table"))
    csv = str(written(registry.answer(compare(Net(), input=SIDE, engine="closed")), "csv"))
    head, line = csv.splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["unread"] == str(UNREAD)


def test_a_page_says_it() -> None:
    page = str(written(registry.answer(show(Net(), input=SIDE)), "html"))
    assert f"<dt>unread</dt><dd><strong>{UNREAD:,}</strong>" in page
    assert "<dt>unread</dt>" not in str(written(registry.answer(show(Whole(), input=SIDE)), "html"))


@pytest.mark.parametrize(("most", "verdict"), [(0, "over"), (UNREAD - 1, "over"), (UNREAD, "within"), ("11K", "within")])
def test_a_gate(most: int | str, verdict: str) -> None:
    (line,) = check(Net(), input=SIDE, unread=most).lines
    assert (line.value, line.verdict) == (UNREAD, verdict)


def test_a_gate_of_what_reads_all() -> None:
    assert check("lenet5", unread=0).passed


def test_a_gate_in_the_projects_own_file(tmp_path: Path) -> None:
    from profiler.config import Config

    (tmp_path / "pyproject.toml").write_text('[tool.profiler.budgets."lenet5"]\nunread = 0\n')
    config = Config.nearest(tmp_path)
    (line,) = check(config=config).lines
    assert (line.limit.quantity, line.limit.most, line.value, line.verdict) == ("unread", 0, 0, "within")


BYTES = [
    (Net(), {"float32": 4 * READ}, "weights (fp32)", "896 B in fp32"),
    (Net(torch.float16), {"float16": 2 * READ}, "weights (float16)", "448 B in float16"),
    (Net(torch.bfloat16), {"bfloat16": 2 * READ}, "weights (bfloat16)", "448 B in bfloat16"),
    (Net(torch.float64), {"float64": 8 * READ}, "weights (float64)", "1.8 KiB in float64"),
    (Complex(), {"complex64": 8 * (3 * 3 * 3 * 4 + 4)}, "weights (complex64)", "896 B in complex64"),
    (Mixed(), {"float32": 4 * READ, "bfloat16": 2 * 42}, "weight bytes", "980 B: 896 B in fp32, 84 B in bfloat16"),
]


@pytest.mark.parametrize(("module", "by_dtype", "heading", "words"), BYTES, ids=[case[2] for case in BYTES])
def test_bytes_by_the_dtypes_that_are_there(module: nn.Module, by_dtype: dict[str, int], heading: str, words: str) -> None:
    found = profile(module, input=SIDE)
    assert dict(found.parameter_bytes) == by_dtype
    assert found.weight_bytes == found.to_dict()["weight_bytes"] == sum(by_dtype.values())
    assert words in totals_text(found, "raw")[0]
    sheet = results_sheet(compare(module, input=SIDE, engine="closed"))
    assert heading in [head.text for head in sheet.columns]
    page = str(written(registry.answer(show(module, input=SIDE)), "html"))
    assert f"<dt>{heading}</dt>" in page


def test_dtypes_that_differ_stand_beside_their_bytes() -> None:
    sheet = results_sheet(compare(Net(), Net(torch.float16), Mixed(), input=SIDE, engine="closed"))
    at = [head.text for head in sheet.columns].index("weight bytes")
    assert sheet.columns[at + 1].text == "weights in"
    assert [row[at : at + 2] for row in sheet.rows] == [["896 B", "fp32"], ["448 B", "float16"], ["980 B", "mixed"]]


def test_a_closed_form_is_of_float32() -> None:
    found = profile("lenet5")
    assert found.weight_bytes == 4 * found.params
    assert registry.answer(compare("lenet5", engine="closed"), View()).records[0]["parameter_bytes"] == {
        "float32": 4 * found.params
    }
