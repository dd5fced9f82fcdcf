"""Two runs or two networks, aligned: records by network and point, layers by structure; what holds nothing is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from profiler import ProfilerError, compare, diff, sweep
from profiler.errors import InputNeeded, Unavailable, UnknownName
from profiler.records.measured import Measured
from profiler.records.notes import Unlike
from profiler.report.answer import View
from profiler.report.answers import layer_changes, registry
from profiler.report.forms import written
from tests.report.clocked import measured
from tests.test_cli import on_a_terminal, run

SMALL = "mobilenet_v1@alpha=0.25,resolution=32"


def saved(path: Path, results: Any, **edits: Any) -> str:
    document = results.to_dict()
    document["records"][0].update(edits)
    path.write_text(json.dumps(document))
    return str(path)


def test_two_networks() -> None:
    found = diff("resnet18", "resnet18@classes=10")
    (cell,) = found.cells
    assert cell.layers is not None
    (pair,) = [pair for pair in cell.layers if pair.word != "unchanged"]
    assert (pair.path, pair.word, pair.sizes("macs")) == ("head.classifier", "changed", (512 * 1000, 512 * 10))
    assert pair.sizes("params") == (512 * 1000 + 1000, 512 * 10 + 10)
    assert cell.name == "resnet18 (224) → resnet18 (classes=10, 224)"
    assert not found.same
    assert diff("resnet18", "resnet18").same


def test_flags_are_of_both_and_own_options_win() -> None:
    (cell,) = diff("mobilenet_v1", "mobilenet_v1@alpha=1", alpha=0.5, resolution=128).cells
    assert cell.name == "mobilenet_v1 (α 0.5, 128) → mobilenet_v1 (128)"


def test_runs_are_aligned_by_network_and_point(tmp_path: Path) -> None:
    old = saved(tmp_path / "a.json", compare("lenet5", SMALL, "alexnet", engine="closed"))
    new = saved(tmp_path / "b.json", compare(SMALL, "alexnet@classes=10", "lenet5", engine="closed"))
    found = diff(old, new)
    assert [(cell.name, cell.before is None, cell.after is None, cell.same) for cell in found.cells] == [
        ("mobilenet_v1 (α 0.25, 32)", False, False, True),
        ("alexnet (classes=10, 227)", True, False, False),
        ("lenet5 (28)", False, False, True),
        ("alexnet (227)", False, True, False),
    ]
    table = written(registry.answer(found), "table")
    assert "2 of 4 are equal in every count; the others are above." in table
    records = list(csv.DictReader(io.StringIO(str(written(registry.answer(found), "csv")))))
    assert [(row["model"], row["change"], row["macs_before"] == "", row["macs_after"] == "") for row in records] == [
        ("mobilenet_v1 (α 0.25, 32)", "unchanged", False, False),
        ("alexnet (classes=10, 227)", "added", True, False),
        ("lenet5 (28)", "unchanged", False, False),
        ("alexnet (227)", "removed", False, True),
    ]


def test_the_same_network_twice_is_paired_twice(tmp_path: Path) -> None:
    old = saved(tmp_path / "a.json", compare("lenet5", "lenet5", engine="closed"))
    found = diff(old, old)
    assert [cell.same for cell in found.cells] == [True, True]


def test_a_run_and_a_network(tmp_path: Path) -> None:
    old = saved(tmp_path / "a.json", compare("lenet5", engine="closed"))
    assert diff(old, "lenet5").same
    (cell,) = diff(old, "lenet5", batch=2).cells
    assert cell.name == "lenet5 (28) → lenet5 (28, batch 2)"


def test_a_reference_is_given_the_input_of_the_run_beside_it(tmp_path: Path) -> None:
    linear = "torch.nn:Linear@in_features=4,out_features=2"
    old = saved(tmp_path / "a.json", compare(linear, input=["3x4"], engine="closed"))
    assert diff(old, linear).same
    assert diff(linear, old).same
    with pytest.raises(InputNeeded, match=r"cannot infer the input of torch\.nn:Linear"):
        diff(linear, linear)


def test_a_sweep_holds_no_layers(tmp_path: Path) -> None:
    old = saved(tmp_path / "a.json", sweep("mobilenet_v1", alpha="0.25,0.5", resolution=32, engine="closed"))
    new = saved(tmp_path / "b.json", sweep("mobilenet_v1", alpha="0.25,0.5", resolution=32, engine="closed"), macs=1)
    found = diff(old, new)
    assert [(cell.layers, cell.same) for cell in found.cells] == [(None, False), (None, True)]
    assert "a.json holds no layers" in str(found.notes[0])


CLOCK = {
    "device": "cpu", "threads": 1, "dtype": "fp32", "memory_format": "contiguous", "compile": False, "mode": "infer",
}  # fmt: skip


def timed(low: float, high: float, **more: Any) -> dict[str, Any]:
    return {**CLOCK, "latency_s": (low + high) / 2, "latency_low_s": low, "latency_high_s": high, "grade": "A", **more}


@pytest.mark.parametrize(
    ("old", "new", "clock", "unlike"),
    [
        (timed(1.0, 1.1), timed(1.25, 1.3), "slower", None),
        (timed(1.0, 1.1), timed(0.8, 0.9), "faster", None),
        (timed(1.0, 1.1), timed(1.11, 1.2), "unclear", None),  # they do not touch, but runs are 10 % apart
        (
            timed(1.0, 1.1),
            timed(9.0, 9.9, grade="D", reason="±5.0 %; disturbed: other processes busy in 90 % of rounds"),
            "unclear",
            None,
        ),
        (timed(1.0, 1.1), timed(1.05, 1.2), "unclear", None),
        (timed(1.0, 1.1), timed(2.0, 2.1, threads=2), None, Unlike("threads", 1, 2)),
        (timed(1.0, 1.1), {}, None, None),
    ],
)
def test_latencies(old: dict[str, Any], new: dict[str, Any], clock: str | None, unlike: Unlike | None, tmp_path: Path) -> None:
    results = compare("lenet5", engine="closed")
    document = results.to_dict()
    paths = []
    for name, edits in (("a", old), ("b", new)):
        document["records"][0] = {**results[0], **edits}
        document["environment"]["machine"] = {"cpu": "one"}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        paths.append(str(tmp_path / f"{name}.json"))
    (cell,) = diff(*paths).cells
    assert (cell.clock, cell.unlike) == (clock, unlike)


def test_two_machines_are_said(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "other"):
        document = compare("lenet5", engine="closed").to_dict()
        document["records"][0].update(timed(1.0, 1.1))
        document["environment"]["machine"] = {"cpu": name}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        paths.append(str(tmp_path / f"{name}.json"))
    found = diff(*paths)
    assert tuple(map(str, found.notes)) == ("Latencies are not compared: measured on two machines (cpu one and other).",)
    assert "not compared" in written(registry.answer(found), "table")
    assert found.same


def test_layers_on_the_clock_are_of_the_network_that_was_measured(tmp_path: Path) -> None:
    found = measured("lenet5", "squeezenet1_0")
    found.results[1].update({"latency_s": None, "latency_low_s": None, "latency_high_s": None, "grade": None})
    found.results.insert(0, found.results.pop())
    for record in found.results[1:]:
        record.update({"latency_s": 0.1, "latency_low_s": 0.1, "latency_high_s": 0.1, "grade": "A"})
    run = tmp_path / "run.json"
    kept = registry.answer(Measured(found.results, found.layers[:1]), View(top=1000))
    run.write_text(json.dumps(kept.document()))
    first, second = diff(str(run), str(run)).cells
    assert (first.layers, len(second.layers or ())) == (None, len(found.layers[0].rows))


def test_what_is_told_of_a_layer() -> None:
    from torch import nn

    before = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 1))
    after = nn.Sequential(nn.Conv2d(3, 4, 3, stride=1, bias=False), nn.SiLU(), nn.Conv2d(4, 8, 1))
    (cell,) = diff(before, after, input=(3, 9, 9)).cells
    assert cell.layers is not None
    assert [layer_changes.what(pair) for pair in cell.layers] == [
        "stride 2x2 → 1x1, bias true → false",
        "relu → silu",
        "output 4x4x4 → 8x7x7",
    ]


def test_renamed_layers_are_folded() -> None:
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    found = diff(nn.ModuleDict({"a": net})["a"], nn.Sequential(nn.Sequential(net)), input=(3, 8, 8))
    table = written(registry.answer(found), "table")
    assert "Layers: 3 renamed." in table
    records = registry.answer(found).document()["rows"]
    assert [(row["was"], row["path"]) for row in records] == [("0", "0.0.0"), ("1", "0.0.1"), ("2", "0.0.2")]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("list.json", "list.json"), 2, "error: 'list.json': a run of `list` holds no networks to compare; save one of show, compare, sweep or bench\n"),
        (("nowhere.json", "lenet5"), 3, "error: there is no file 'nowhere.json'; save one with -o run.json\n"),
        (("lenet5", "lenet6"), 2, "error: unknown network 'lenet6'; did you mean lenet5"),
        (("-", "-"), 2, "error: only one of the two can be read from stdin"),
        (("lenet5", "lenet5", "--top", "0"), 2, "error: top must be 1 or more, not 0\n"),
        (("lenet5", "lenet5", "--alpha", "0.25..1"), 2, "error: --alpha 0.25..1 is a range"),
        (("lenet5", "lenet5", "-o", "x.html"), 2, "error: output 'x.html': this command cannot write html"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, words: tuple[str, ...], code: int, message: str) -> None:
    assert run("list", "lenet", "-q", "-o", "list.json", cwd=tmp_path).returncode == 0
    ran = run("diff", *words, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith(message)
    assert ran.stderr.count("\n") == 1


def test_kinds_of_refusal() -> None:
    with pytest.raises(UnknownName):
        diff("lenet5", "lenet6")
    with pytest.raises(Unavailable):
        diff("lenet5", "nowhere.json")
    with pytest.raises(ProfilerError, match="pipe"):
        diff("-", "-")


def test_the_exit_code_is_0_unless_asked(tmp_path: Path) -> None:
    assert run("diff", "lenet5", "lenet5@classes=3").returncode == 0
    ran = run("diff", "lenet5", "lenet5@classes=3", "--exit-code", "-q")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "")
    assert run("diff", "lenet5", "lenet5", "--exit-code", "-q").returncode == 0


def test_forms(tmp_path: Path) -> None:
    ran = run("diff", "lenet5", "lenet5@classes=3", "-f", "json", "-o", "d.md", "--csv", "d.csv", cwd=tmp_path)
    document = json.loads(ran.stdout)
    assert (document["command"], document["before"], document["after"]) == ("diff", "lenet5 (28)", "lenet5 (classes=3, 28)")
    (row,) = [row for row in document["rows"] if row["macs_before"] != row["macs_after"]]
    assert (row["change"], row["macs_before"], row["macs_after"]) == ("changed", 84 * 10, 84 * 3)
    assert "| MACs | 416,520 | 415,932 | -588 |" in (tmp_path / "d.md").read_text()
    assert (tmp_path / "d.csv").read_text().startswith("model,path,change,was,what,params_before,params_after,")


def test_legible_at_80_columns() -> None:
    seen = on_a_terminal(["diff", "mobilenet_v1", "mobilenet_v1@alpha=0.5"], NO_COLOR="1")
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in seen.splitlines()]
    assert max(map(len, lines)) <= 80
    assert "body.10.pointwise.conv  channels 512 → 256   params        262 K  65.5 K" in [line.rstrip() for line in lines]
