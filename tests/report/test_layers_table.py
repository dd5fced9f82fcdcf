"""The table of one network's layers: columns and an order that were asked for, a module that is called more than once."""

from __future__ import annotations

import csv
import io
import json

import pytest
from torch import Tensor, nn

from profiler import profile
from profiler.errors import UnknownName
from profiler.report.answer import Answer, View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.sheets.layers import ROW_COLUMNS, layers_sheet
from profiler.report.sheets.sheet import Sheet
from profiler.study.before_after import compared, of_profile
from profiler.study.show import show


class Repeated(nn.Module):
    """One layer three times, another twice."""

    def __init__(self, times: int = 3) -> None:
        super().__init__()
        self.first, self.second, self.times = nn.Linear(10, 10), nn.Linear(10, 10), times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.first(x)
        for _ in range(2):
            x = self.second(x)
        return x


class Blocks(nn.Module):
    """Three equal blocks, run twice."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(2):
            for block in self.b:
                x = block(x)
        return x


class Head(nn.Module):
    """One head on two sides of image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.conv(x).sum() + self.conv(x[..., ::2, ::2]).sum()
        return output


def answer(model: object, view: View, **asked: object) -> Answer:
    return registry.answer(show(model, **asked), view)  # type: ignore[arg-type]


def layers(made: Answer) -> Sheet:
    return next(sheet for sheet in made.sheets() if sheet.title.startswith("by layer"))


def test_columns_are_those_that_were_asked_for() -> None:
    sheet = layers(answer("resnet50", View(columns=("path", "macs", "params"), depth=1, unit="M")))
    assert [head.text for head in sheet.columns] == ["layer", "MACs", "params"]
    assert [row[0] for row in sheet.rows] == ["stem", "body", "head"]
    assert sheet.rows[0][1] == f"{7 * 7 * 3 * 64 * 112 * 112 / 1e6:.2f} M"


def test_depth_folding_and_sections_hold() -> None:
    made = answer("mobilenet_v1", View(columns=("path", "output", "macs"), unit="flops"), training=True)
    titles = [sheet.title for sheet in made.sheets()]
    assert titles == ["by kind", "by layer, to a depth of 2, equal ones summed", "FLOPs of one training step"]
    sheet = layers(made)
    row = next(row for row in sheet.rows if row[0] == "body.6…10 ×5")
    assert row[1:] == ["512×14×14", f"{2 * 5 * (9 * 512 + 512 * 512) * 14 * 14:,}"]
    assert sheet.columns[2].text == "FLOPs"
    assert made.sheets()[0].lead[0] == "mobilenet_v1, 3×224×224"
    assert len(layers(answer("mobilenet_v1", View(columns=("path",), fold=False))).rows) == len(sheet.rows) + 4


def test_what_a_group_does_not_agree_in_is_empty() -> None:
    rows = {
        row[0]: row[1:] for row in layers(answer("lenet5", View(columns=("path", "kind", "op", "side", "moved"), depth=1))).rows
    }
    assert rows["body"][:3] == ["", "", "false"]
    one = {row[0]: row[1:] for row in layers(answer("lenet5", View(columns=("path", "kind", "bias", "moved"), depth=2))).rows}
    assert one["head.flatten"] == ["reshape", "0", "0 B"]
    assert one["body.c1"] == ["conv", "6", "22.0 KiB"]


def test_an_order_is_of_the_lines() -> None:
    sheet = layers(answer("lenet5", View(sort="-macs", depth=2)))
    macs = [int(row[3].replace(",", "")) for row in sheet.rows]
    assert macs == sorted(macs, reverse=True)
    top = layers(answer("lenet5", View(sort="params", top=3)))
    assert [row[0] for row in top.rows] == ["body.c1", "body.c3", "head.c5"]


def test_records_are_every_layer_in_these_columns() -> None:
    made = answer("lenet5", View(columns=("path", "macs"), sort="-macs", depth=1))
    rows = list(csv.DictReader(io.StringIO(str(written(made, "csv")))))
    assert list(rows[0]) == ["path", "macs"]
    assert (len(rows), rows[0]) == (12, {"path": "body.c3", "macs": "240000"})
    record = [*json.loads(str(written(made, "json")))["rows"][0]]
    own = [*profile("lenet5").rows[0].to_dict(), "convention", "total"]
    assert record == [*own, "kernel", "stride", "dilation", "groups", "jump", "receptive_field", "window_field"]


def test_formulas_stand_beside_columns() -> None:
    titles = [sheet.title for sheet in answer("lenet5", View(columns=("path", "macs"), formulas=True)).sheets()]
    assert titles[:3] == ["by kind", "closed form of each layer", "by layer, to a depth of 2"]


def test_columns_of_a_rewriting_are_its_own() -> None:
    made = answer("mobilenet_v1", View(columns=("path", "macs", "macs_after")), what_if="separable")
    (sheet,) = made.sheets()
    assert [head.text for head in sheet.columns] == ["path", "MACs", "MACs after"]
    assert sheet.rows[0] == ["stem.conv", f"{9 * 3 * 32 * 112**2:,}", f"{(9 * 3 + 3 * 32) * 112**2:,}"]


@pytest.mark.parametrize("what_if", [None, "separable"])
def test_a_column_that_is_none(what_if: str | None) -> None:
    with pytest.raises(UnknownName, match="unknown column 'nope'"):
        answer("lenet5", View(columns=("nope",)), what_if=what_if)


def test_every_column_has_a_cell() -> None:
    sheet = layers_sheet(profile("lenet5"), columns=[name for name in ROW_COLUMNS if name not in ("convention", "total")])
    assert len(sheet.rows[0]) == len(ROW_COLUMNS) - 2


def test_each_call_of_a_layer_is_a_line() -> None:
    found = profile(Repeated(), input=(10,))
    rows = layers_sheet(found, 0).rows
    assert [row[0] for row in rows] == ["first", "first", "first", "second", "second"]
    assert [row[2] for row in rows] == ["110", "0", "0", "110", "0"]  # 10·10 + 10, at the first call
    assert [row[3] for row in rows] == ["100"] * 5
    assert [(group.name, group.layers, group.macs) for group in found.by_depth(0)] == [
        *[("first", 1, 100)] * 3,
        *[("second", 1, 100)] * 2,
    ]
    assert [row[:4] for row in layers_sheet(found, 1).rows] == [["first", "10", "110", "300"], ["second", "10", "110", "200"]]


def test_equal_blocks_that_run_twice_fold_twice() -> None:
    found = profile(Blocks(), input=(8,))
    rows = [(row[0], row[2], row[3]) for row in layers_sheet(found, 0).rows]
    assert rows == [
        ("b.0…2.0 ×3", f"{3 * (8 * 8 + 8)}", f"{3 * 64}"),
        ("b.0…2.1 ×3", "0", "0"),
        ("b.0…2.0 ×3", "0", f"{3 * 64}"),  # its parameters are those of the first run
        ("b.0…2.1 ×3", "0", "0"),
    ]


def test_one_head_on_two_sides() -> None:
    sheet = layers_sheet(profile(Head(), input=(3, 16, 16)), 0, columns=("path", "inputs", "macs", "params"))
    assert [row for row in sheet.rows if row[0] == "conv"] == [
        ["conv", "3×16×16", f"{27 * 4 * 14 * 14:,}", "112"],
        ["conv", "3×8×8", f"{27 * 4 * 6 * 6:,}", "0"],
    ]


def test_a_call_more_is_a_layer_more() -> None:

    before, after = (of_profile(profile(Repeated(times), input=(10,))) for times in (3, 4))
    pairs = compared(before, 0, after, 0).layers or ()
    assert [pair.word for pair in pairs].count("added") == 1
    assert [pair.word for pair in pairs].count("unchanged") == 5
