"""Sweeps of any number of cells: what is written equals the walk of each cell, and what `sweep` and `write` make of fewer."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler import grid, profile, sweep, sweep_to, write
from profiler.count import closed
from profiler.count.conventions import CONVENTIONS, PAPER
from profiler.errors import ProfilerError, ShapeError
from profiler.load.load import load
from profiler.network.combinators import Branches, Chain
from profiler.network.layers import AdaptiveAvgPool, Concatenate, Conv, Flatten, Layer, Linear
from profiler.network.widen import widen
from profiler.network.widths import fixed
from profiler.records.blocks import Block
from profiler.records.events import Event, Streamed
from profiler.records.place import Place
from profiler.records.profile import Totals
from profiler.study import large
from profiler.study.cells import record_of
from profiler.study.large import Sweep
from profiler.study.tiles import Tile

F = Fraction
MODELS = (
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "vgg11", "alexnet", "vit_b_16", "unet", "googlenet", "squeezenet1_0",
    "densenet40_k12_cifar", "shufflenet_v1", "inception_v3", "efficientnet_b0", "resnet18", "hybridsn", "ssrn", "c1_deepsup",
)  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen cells are too many for a table already, and make several blocks."""
    monkeypatch.setattr(grid, "MOST_POINTS", 12)
    monkeypatch.setattr("profiler.study.rectangles.MOST_RECORDS", 7)


# Counts


def test_a_thousand_cells_of_a_file_equal_the_walk(tmp_path: Path) -> None:
    count = sweep_to(tmp_path / "run.csv", "mobilenet_v1", alpha="0.01..1.4:0.01", resolution="32..231:1", engine="closed")
    rows = list(csv.DictReader((tmp_path / "run.csv").read_text(encoding="utf-8").splitlines()))
    assert count == len(rows) == 140 * 200
    for i in random.Random(1).sample(range(count), 1000):
        at, row = profile("mobilenet_v1", alpha=F(i // 200 + 1, 100), resolution=32 + i % 200), rows[i]
        found = [int(row[name]) for name in ("params", "weights", "buffers", "macs", "elementwise", "activations", "moved")]
        assert found == [at.params, at.weights, at.buffers, at.macs, at.elementwise, at.activations, at.moved]
        assert (float(row["alpha"]), int(row["resolution"]), row["input"]) == (
            float(at.alpha or 0),
            at.resolution,
            row["input"],
        )


@pytest.mark.parametrize("name", MODELS)
def test_tables_equal_the_walk(name: str) -> None:
    architecture = load(name).architecture
    assert architecture is not None
    network = load(name)
    side = network.resolution or network.inputs[0][-1]
    alphas = [F(n, 16) for n in (1, 4, 5, 7, 8, 13, 16, 17, 24)]
    inputs = [network.at(side + n * 16).inputs for n in (0, 1, 2, 3, 5, 7)]
    tile = Tile(inputs, PAPER)
    for alpha in alphas:
        tile.add(architecture.make(alpha))
    tile.close(lambda i: architecture.make(alphas[i]))
    assert not tile.walks(range(len(alphas)))
    _check(tile, [architecture.make(alpha) for alpha in alphas])


def _check(tile: Tile, values: list[Layer]) -> None:
    """The counts of every pair are those of its walk."""
    found = tile.counts(range(len(values)), slice(0, len(tile.inputs)))
    for i, value in enumerate(values):
        for j, given in enumerate(tile.inputs):
            at = {name: int(counts[i, j]) for name, counts in found.items()}
            moved = at.pop("moved_each"), at.pop("moved_once")
            assert at.pop("total") == 0
            assert Totals(**at, moved=sum(moved)) == closed.totals(value, given)
            assert closed.totals(value, given, batch=5).moved == 5 * moved[0] + moved[1]


def test_what_is_no_product_of_widths_and_sizes_is_walked() -> None:
    pooled = Chain(AdaptiveAvgPool(1), Flatten(), Linear(fixed(5)))
    # 8α·side² features, and five that follow neither
    value = Chain(Conv(8, 3, padding=1), Branches(Flatten(), pooled, join=Concatenate()), Linear(fixed(10)))
    alphas = [F(1, 2), F(1), F(3, 2)]
    tile = Tile([((3, side, side),) for side in (8, 9, 10, 12)], PAPER)
    for alpha in alphas:
        tile.add(widen(value, alpha))
    tile.close(lambda i: widen(value, alphas[i]))
    assert tile.walks(range(3))
    _check(tile, [widen(value, alpha) for alpha in alphas])
    assert int(tile.counts(range(1, 2), slice(3, 4))["weights"][0, 0]) == 27 * 8 + 8 * 5 + (8 * 12 * 12 + 5) * 10


@pytest.mark.parametrize(("name", "causal"), [("gpt2", True), ("bert_base", False)])
def test_what_a_causal_kernel_may_skip_is_counted_in_each_cell(name: str, causal: bool) -> None:
    """`useful_macs` is of rows, which tables do not have: networks with causal attention are walked cell by cell."""
    study = Sweep([name], Place(None, {}, [0.5, 1], None, None, [1, 3], None, {"input": "2..41"}))
    records = [block.record(i) for block in study.blocks() for i in range(block.size)]
    assert len(records) == 2 * 40 * 2
    assert study.walked == (len(records) if causal else 0)
    assert records == [record_of(study.cell(i)) for i in range(len(records))]
    assert all((record["useful_macs"] < record["macs"]) is causal for record in records)


def test_counts_beyond_64_bits_are_exact() -> None:
    sides = "1048575..1048576:1"
    study = Sweep(["vgg16"], Place(None, {}, "64", sides, None, "1048574..1048576:1"))
    (block,) = study.blocks()
    most = load("vgg16", alpha=64, resolution=1 << 20).totals(1 << 20)
    assert most.macs > 1 << 63
    record = block.record(block.size - 1)
    assert (record["macs"], record["params"], record["moved"]) == (most.macs, most.params, most.moved)
    # the classifier alone: M = 512·64 channels, 7² positions, N = 4096·64
    assert record["weights"] > 512 * 64 * 49 * 4096 * 64


@pytest.mark.parametrize("convention", [each for each in CONVENTIONS if each != "onnx-tool"])  # of ONNX files alone
def test_conventions(convention: str) -> None:
    study = Sweep(["mobilenet_v2", "vit_b_16"], Place(None, {}, "0.25..1.0", "224..288", None, "1,3"), CONVENTIONS[convention])
    for block in study.blocks():
        for i in range(block.size):
            cell = study.cell(block.start + i)
            rows = cell.network.profile(cell.batch).rows
            assert block.record(i)["total"] == CONVENTIONS[convention].total(rows)


# What is written


CASES: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("mobilenet_v1",), {"alpha": "0.25..1.0", "resolution": "128..224", "engine": "closed"}),
    (("mobilenet_v2", "vgg11"), {"alpha": "0.5,1", "rho": "4/7,5/7,1", "batch": "1,3", "engine": "closed"}),
    (
        ("mobilenet_v1",),
        {
            "alpha": "0.5,1",
            "resolution": "160,224",
            "over": {"shallow": "true,false", "classes": "10,1000"},
            "engine": "closed",
        },
    ),
    (("lenet5",), {"alpha": "0.5..1.5:0.125", "resolution": "28..40:4", "convention": "fvcore"}),
    (("ssrn",), {"over": {"classes": "9..13", "input": ["1x200x7x7", "1x103x7x7"]}, "alpha": "0.5,1", "engine": "closed"}),
]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("models", "at"), CASES, ids=lambda case: "-".join(case) if isinstance(case, tuple) else "")
@pytest.mark.usefixtures("small")
def test_a_stream_is_what_is_written_of_fewer(
    form: str, models: tuple[str, ...], at: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sweep_to(tmp_path / f"stream.{form}", *models, **at) > 12
    monkeypatch.setattr(grid, "MOST_POINTS", 10_000)
    found = sweep(*models, **at)
    write(found, tmp_path / f"whole.{form}")
    if form != "parquet":
        assert (tmp_path / f"stream.{form}").read_bytes() == (tmp_path / f"whole.{form}").read_bytes()
        return
    from pyarrow import parquet

    streamed, whole = (parquet.read_table(tmp_path / f"{name}.parquet") for name in ("stream", "whole"))
    assert streamed.schema.equals(whole.schema)
    assert streamed.equals(whole)
    assert streamed.num_rows == len(found)


@pytest.mark.usefixtures("small")
def test_references_stream_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    at: dict[str, Any] = {"input": "3x16x16", "alpha": "0.5,1", "resolution": "16..40:4", "over": {"classes": "2,3"}}
    assert sweep_to("stream.csv", "net.py:Net", engine="closed", **at) == 28
    monkeypatch.setattr(grid, "MOST_POINTS", 10_000)
    write(sweep("net.py:Net", engine="closed", **at), "whole.csv")
    assert Path("stream.csv").read_bytes() == Path("whole.csv").read_bytes()


NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width_mult=1.0, classes=10):
        super().__init__()
        a, b = int(16 * width_mult), int(32 * width_mult)
        self.body = nn.Sequential(nn.Conv2d(3, a, 3, 2, 1, bias=False), nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, 3, 2, 1))
        self.head = nn.Linear(b, classes)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
"""


@pytest.mark.usefixtures("small")
def test_columns_and_ratios(tmp_path: Path) -> None:
    names = ["alpha", "macs_ratio", "macs"]
    sweep_to(tmp_path / "run.jsonl", "vgg11", alpha="0.25..1.0", resolution="64..224", columns=names, engine="closed")
    records = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [list(record) for record in records] == [names] * len(records)
    assert [record["macs_ratio"] for record in records] == [record["macs"] / records[0]["macs"] for record in records]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_interrupted_stream_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"old.{suffix}").write_text("as it was")

    def hand(event: Event) -> None:
        if isinstance(event, Streamed):
            raise KeyboardInterrupt

    for name in ("old", "new"):
        with pytest.raises(KeyboardInterrupt):
            sweep_to(
                tmp_path / f"{name}.{suffix}", "vgg11", alpha="0.25..1.0", resolution="64..224", engine="closed", watch=hand
            )
    assert [path.name for path in tmp_path.iterdir()] == [f"old.{suffix}"]
    assert (tmp_path / f"old.{suffix}").read_text() == "as it was"


@pytest.mark.usefixtures("small")
def test_a_network_that_does_not_fit_is_refused_in_its_own_words(tmp_path: Path) -> None:
    at: dict[str, Any] = {"alpha": "0.5,1", "resolution": "16..96:8"}
    with pytest.raises(ShapeError) as one:
        load("vgg11", alpha="0.5", resolution=16).totals()
    with pytest.raises(ShapeError) as many:
        sweep_to(tmp_path / "run.csv", "vgg11", engine="closed", **at)
    assert str(many.value) == str(one.value)
    assert "needs inputs of at least 32" in str(many.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cell_that_differs_from_its_walk_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Tile.counts

    def wrong(tile: Tile, *given: Any) -> Any:
        return {name: counts + (name == "macs") for name, counts in made(tile, *given).items()}

    monkeypatch.setattr(Tile, "counts", wrong)
    with pytest.raises(AssertionError, match=r"a cell of a sweep is not what the walk counts: .* macs .* in place of"):
        list(Sweep(["vgg11"], Place(None, {}, "0.5,1", "32..96", None)).blocks())


# What is refused, and what is said


REFUSED = [
    (
        "-o run.json",
        "output 'run.json': json holds at most 12 records, and there are 24; csv, jsonl and parquet hold any number",
    ),
    ("-f markdown", "format 'markdown' holds at most 12 records, and there are 24; csv, jsonl and parquet hold any number"),
    (
        "",
        "the sweep makes 24 cells, and a table shows at most 12; write them to a file, e.g. --csv FILE.csv or -o FILE.parquet, or use larger steps",
    ),
    ("--csv run.csv --plot", "--plot draws at most 12 records, and there are 24; use larger steps"),
    ("--csv run.csv --sort macs", "--sort orders at most 12 records; sort the file that is written"),
    ("--csv run.csv --bench", "--bench measures at most 12 cells, and this sweep has more; use larger steps"),
]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None) -> Callable[[str], int]:
    from profiler.__main__ import load_cli

    monkeypatch.chdir(tmp_path)

    def run(words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["profiler", *words.split()])
        with pytest.raises(SystemExit) as end:
            load_cli().main()
        return int(end.value.code or 0)

    return run


SWEEP = "sweep vgg11 --alpha 0.25..1.0 --resolution 64..224 --engine closed"


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_does_not_stream_is_refused_before_any_work(
    words: str, said: str, command: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(f"{SWEEP} {words}") == 2
    assert capsys.readouterr() == ("", f"error: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_the_table_says_what_is_not_shown(
    command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("profiler.study.streamed.SHOWN", 5)
    assert command(f"{SWEEP} --csv run.csv -o run.parquet") == 0
    title, _, _, *rows = capsys.readouterr().out.splitlines()
    assert title.startswith("vgg11: α 0.25, 0.5, 0.75, 1; resolution 64, 96, 128, 160, 192, 224")
    assert [row.split()[:2] for row in rows[:5]] == [["0.25", side] for side in ("64", "96", "128", "160", "192")]
    assert rows[5:] == [
        "", "24 of 24 cells were counted again layer by layer, with the same result.",
        "19 more rows are not shown; run.parquet and run.csv have all.",
    ]  # fmt: skip
    assert len(Path("run.csv").read_text().splitlines()) == 25


def test_where_no_table_says_it_verbose_does(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(f"{SWEEP} -f csv -v") == 0
    out, err = capsys.readouterr()
    assert out.startswith("model,options,alpha,")
    assert "24 of 24 cells were counted again layer by layer, with the same result." in err


@pytest.mark.usefixtures("small")
def test_a_library_sweep_of_too_many_names_the_way_out() -> None:
    with pytest.raises(
        ProfilerError, match="makes 24 cells, more than 12; use larger steps, or write them to a file with sweep_to"
    ):
        sweep("vgg11", alpha="0.25..1.0", resolution="64..224")


def test_more_than_a_hundred_million_cells_are_refused() -> None:
    with pytest.raises(ProfilerError, match="the sweep makes 2,000,000,000 cells, more than 100,000,000; use larger steps"):
        sweep_to("run.csv", "vgg11", alpha="0.0001..1:0.0001", resolution="1..10000:1", batch="1..20:1")


def test_a_reader_that_leaves_ends_the_sweep() -> None:
    words = "sweep vgg11 --alpha 0.001..1:0.001 --resolution 32..1031:1 --engine closed -f csv"
    root = Path(profiler.__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-m", "profiler", *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline().startswith(b"model,options,alpha,")
        run.stdout.close()
        assert run.wait(timeout=120) == 0
        assert run.stderr.read() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_users_hand_leaves_nothing(tmp_path: Path) -> None:
    words = "sweep vgg11 --alpha 0.001..10:0.001 --resolution 32..4031:1 --engine closed -q --csv run.csv"
    environment = {**os.environ, "PYTHONPATH": str(Path(profiler.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-m", "profiler", *words.split()], stderr=subprocess.PIPE, cwd=tmp_path, env=environment, text=True
    ) as run:
        while not any(path.stat().st_size for path in tmp_path.iterdir()):
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=120) == 130
        assert run.stderr is not None
        assert run.stderr.read() == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_blocks_are_in_the_order_of_cells() -> None:
    study = Sweep(["mobilenet_v1", "vgg11"], Place(None, {}, "0.5,1", "64..128", None, "1,2", over={"classes": "10,20"}))
    records = [record for block in study.blocks() for record in block.records()]
    assert len(records) == study.size == 2 * prod((2, 2, 3, 2))
    for i, record in enumerate(records):
        place = study.cell(i).place
        assert {name: record[name] for name in place.columns} == place.columns
    assert study.corners[:3] == [0, 1, 4]
    assert isinstance(next(study.blocks()), Block)
    assert large.MOST_CELLS == 10**8
