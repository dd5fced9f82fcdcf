"""Axes over any option: of networks of the zoo, of a user's factory, of inputs; α that reaches a factory's own argument."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

import profiler
from profiler import grid
from profiler.errors import ProfilerError, UnknownName
from profiler.report.answer import View
from profiler.report.answers import registry

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width: int = 16, depth: int = 2, norm: str = "batch", bias: bool = True, width_mult: float = 1.0):
        super().__init__()
        n = int(width * width_mult)
        parts = [nn.Conv2d(3, n, 3, padding=1, bias=bias)]
        for _ in range(depth):
            parts += [nn.Conv2d(n, n, 3, padding=1, bias=bias), nn.BatchNorm2d(n) if norm == "batch" else nn.GroupNorm(4, n)]
        self.body = nn.Sequential(*parts)

    def forward(self, x):
        return self.body(x)


def plain(channels=8):
    return nn.Conv2d(3, channels, 1)


def multiplied(multiplier=1):
    return nn.Conv2d(3, int(8 * multiplier), 1, bias=False)
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return "net.py:Net"


def test_every_value_of_an_option_is_a_cell_with_a_column_of_its_own() -> None:
    found = profiler.sweep("shufflenet_v1", over={"groups": "1,2,4,8"}, engine="closed")
    assert [record["groups"] for record in found] == [1, 2, 4, 8]
    assert [record["macs"] for record in found] == [profiler.profile("shufflenet_v1", groups=g).macs for g in (1, 2, 4, 8)]
    assert found.columns[-1] == "groups"


def test_the_default_value_of_an_option_is_told_too() -> None:
    found = profiler.sweep("mobilenet_v1", over={"separable": [True, False]}, alpha=[0.5, 1], engine="closed")
    assert [(record["separable"], record["alpha"]) for record in found] == [(True, 0.5), (True, 1), (False, 0.5), (False, 1)]
    # Table 1's first layer, then the body of full convolutions in Table 4's network
    assert found[-1]["macs"] == profiler.profile("mobilenet_v1", separable=False).macs
    assert [record["options"] for record in found] == [{}, {}, {"separable": False}, {"separable": False}]


def test_arguments_of_a_factory_take_their_own_types(net: str) -> None:
    over = {"width": "8..16:8", "depth": "1..3", "norm": "batch,group", "bias": "true,false"}
    found = profiler.sweep(net, over=over, input=(3, 8, 8), engine="closed")
    assert len(found) == 2 * 3 * 2 * 2
    assert {type(record[name]) for name, kind in (("width", int), ("norm", str), ("bias", bool)) for record in found} == {
        int,
        str,
        bool,
    }
    for record in found:
        n, depth, bias = record["width"], record["depth"], record["bias"]
        assert record["macs"] == 64 * (27 * n + depth * 9 * n * n)
        assert record["params"] == 27 * n + depth * 9 * n * n + (1 + depth) * n * bias + depth * 2 * n


def test_values_of_the_library_stand_as_they_are(net: str) -> None:
    found = profiler.compare(net, over={"width": range(8, 25, 8), "norm": ["group"]}, input=(3, 8, 8), engine="closed")
    assert [(record["width"], record["norm"]) for record in found] == [(8, "group"), (16, "group"), (24, "group")]


def test_alpha_reaches_the_argument_of_a_factory_and_says_so(net: str) -> None:
    found = profiler.sweep(net, alpha="0.5..1.0", input=(3, 8, 8), engine="closed")
    assert [record["alpha"] for record in found] == [0.5, 0.75, 1.0]
    assert [record["params"] for record in found] == [
        profiler.profile(net, width_mult=alpha, input=(3, 8, 8)).params for alpha in (0.5, 0.75, 1.0)
    ]
    assert all("width_mult" not in record["options"] for record in found)
    assert "α sets width_mult of net.py:Net." in [str(note) for note in found.notes]


def test_alpha_keeps_the_type_of_the_argument(net: str) -> None:
    found = profiler.sweep("net.py:multiplied", alpha=[1, 2, 0.5], input=(3, 4, 4), engine="closed")
    assert [record["params"] for record in found] == [3 * 8, 3 * 16, 3 * 4]


def test_without_an_argument_for_it_alpha_is_refused(net: str) -> None:
    with pytest.raises(ProfilerError, match=r"net\.py:plain has no width multiplier: its factory takes no alpha, width_mult"):
        profiler.sweep("net.py:plain", alpha=[0.5, 1], input=(3, 4, 4), engine="closed")
    with pytest.raises(ProfilerError, match="alpha sets width_mult, which is also given"):
        profiler.profile(f"{net}@width_mult=0.5", alpha=0.5, input=(3, 4, 4))


def test_inputs_and_batches_are_axes(net: str) -> None:
    found = profiler.sweep(net, over={"input": "3x8x8,3x16x8"}, engine="closed")
    assert [record["input"] for record in found] == ["3x8x8", "3x16x8"]
    assert found[1]["macs"] == 2 * found[0]["macs"]
    for study in (profiler.sweep, profiler.compare):
        assert list(study(net, input="3x8x8,3x16x8", engine="closed")) == list(found)
        assert list(study(net, input=["3x8x8,3x16x8"], engine="closed")) == list(found)
    texts = profiler.sweep("gpt2", input="64..192:64", engine="closed")
    assert [record["macs"] for record in texts] == [profiler.profile("gpt2", input=str(n)).macs for n in (64, 128, 192)]
    with pytest.raises(ProfilerError, match="input is given twice"):
        profiler.sweep(net, input="3x8x8,3x16x8", over={"input": "3x8x8"})
    batches = profiler.sweep(net, batch="1,4", input=(3, 8, 8), engine="closed")
    assert [record["macs"] for record in batches] == [found[0]["macs"], 4 * found[0]["macs"]]
    assert [r["alpha"] for r in profiler.sweep("mobilenet_v1", over={"alpha": "0.5,1"}, engine="closed")] == [0.5, 1]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("1,2,4,8", ["1", "2", "4", "8"]),
        ("16..64:16", ["16", "32", "48", "64"]),
        ("2..4", ["2", "3", "4"]),
        ("0.25..1.0", ["0.25", "0.5", "0.75", "1"]),
        ("0.1..0.3:0.1", ["0.1", "0.2", "0.3"]),
        ("relu,gelu", ["relu", "gelu"]),
        ("../weights,b", ["../weights", "b"]),
        ("[1,2],[3,4]", ["[1,2]", "[3,4]"]),
        ("true,false,true", ["true", "false"]),
        ("1..3,8", ["1", "2", "3", "8"]),
    ],
)
def test_values_as_text(given: str, values: list[str]) -> None:
    assert grid.values(given, "key") == values


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"groups": "8..1"}, "runs backwards"),
        ({"groups": "1..4:2"}, "is not on the step of 2"),
        ({"groups": []}, "has no values"),
        ({"groups": "3,5"}, "groups must be 1, 2, 3, 4 or 8, not 5"),
        ({"alpha": "0.5,1"}, "alpha is given twice"),
        ({"classes": "10,20"}, "option classes is given twice"),
    ],
)
def test_what_cannot_be_run_over_is_refused(over: dict[str, object], words: str) -> None:
    with pytest.raises(ProfilerError, match=words):
        profiler.sweep("shufflenet_v1", over=over, alpha=1, options={"classes": 10}, engine="closed")


def test_an_unknown_option_names_the_nearest(net: str) -> None:
    with pytest.raises(UnknownName, match=r"unknown option of net\.py:Net 'widht'; did you mean width\?"):
        profiler.sweep(net, over={"widht": "8,16"}, input=(3, 8, 8), engine="closed")
    with pytest.raises(ProfilerError, match="sets the width that is run over"):
        profiler.sweep(f"{net}@width=8", over={"width": "8,16"}, input=(3, 8, 8), engine="closed")


def test_an_option_called_as_a_column_has_another_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\ndef net(params=3):\n    return nn.Linear(4, params, bias=False)\n"
    )
    monkeypatch.chdir(tmp_path)
    found = profiler.sweep("net.py:net", over={"params": "2,3"}, input=(4,), engine="closed")
    assert [(record["option_params"], record["params"]) for record in found] == [(2, 8), (3, 12)]


def test_every_form_holds_the_axes_and_reads_them_back(net: str, tmp_path: Path) -> None:
    found = profiler.sweep(net, over={"width": "8,16", "norm": "batch,group"}, input=(3, 8, 8), engine="closed")
    for name in ("x.csv", "x.json", "x.md", "x.tex", "x.html"):
        profiler.write(found, tmp_path / name)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    assert [(row["width"], row["norm"]) for row in rows] == [("8", "batch"), ("8", "group"), ("16", "batch"), ("16", "group")]
    again = profiler.read(tmp_path / "x.json")
    assert isinstance(again, type(found))
    assert again == found
    assert again.over == ("width", "norm")
    heads = [head.text for head in registry.answer(again, View()).sheets()[0].columns]
    assert heads == ["width", "norm", "params", "MACs", "activations"]
    assert "| width | norm" in (tmp_path / "x.md").read_text()


def test_a_large_sweep_is_recounted_at_the_corners_of_all_axes(net: str) -> None:
    found = profiler.sweep(net, over={"width": "8..24:8", "depth": "1..3"}, alpha=[0.5, 1], input=(3, 8, 8))
    asked = [(r["width"], r["depth"], r["alpha"]) for r in found if r["fvcore_macs"] is not None]
    assert asked == [(w, d, a) for w in (8, 24) for d in (1, 3) for a in (0.5, 1)]
    assert all(r["fvcore_macs"] == r["macs"] for r in found if r["fvcore_macs"] is not None)
