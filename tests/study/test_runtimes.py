"""Deployed runtimes in the studies, by real workers on a clock of the test's own: columns, reasons, notes, files that are left."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import ProfilerError
from profiler.records.place import Place
from profiler.study.bench import bench
from profiler.study.bench_options import BenchOptions
from profiler.study.check import check
from profiler.study.compare import compare
from profiler.study.exporting import exported
from profiler.study.layers import layers
from tests.measure.paced import install

TINY = "lenet5"
ON_CPU = ("onnxruntime", "openvino")
RUNTIMES = ("eager", *ON_CPU)
UNEXPORTABLE = """
import numpy as np
import torch
from torch import nn

class Net(nn.Linear):
    def __init__(self):
        super().__init__(4, 3)

    def forward(self, x):
        return super().forward(torch.from_numpy(np.sort(x.detach().numpy())))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(monkeypatch.setattr)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "profiler" / "exports"


def quick(**given: Any) -> BenchOptions:
    return BenchOptions(device="cpu", threads=1, time="3s", **given)


def test_runtimes_side_by_side(cache: Path, tmp_path: Path) -> None:
    found = bench(TINY, bench=quick(runtime=RUNTIMES))
    assert [record["runtime"] for record in found] == list(RUNTIMES)
    assert [record["compile"] for record in found] == [False] * len(RUNTIMES)
    eager, *deployed = found
    assert [eager[name] for name in ("export_s", "load_s", "artifact_bytes", "nodes", "output_difference")] == [None] * 5
    for record in deployed:
        assert record["latency_s"] is not None
        assert record["verdict"] in ("faster", "slower", "same", "unclear")
        assert 0 < record["output_difference"] < 1e-4
        assert record["artifact_bytes"] > 4 * record["params"]
        assert record["nodes"] > 3
        assert record["load_s"] > 0
    # the first of them exported the file, the others took it
    assert [record["export_s"] is None for record in deployed] == [False] + [True] * (len(deployed) - 1)
    assert len(list(cache.iterdir())) == 1
    assert found.machine is not None
    said = [str(note) for note in found.notes]
    for name in ON_CPU:
        assert any(note.startswith(f"{name} ") and " on CPU" in note for note in said)
    assert not list(tmp_path.rglob("exports-*"))  # the run's own folder is gone


def test_without_the_cache_nothing_is_left(cache: Path, tmp_path: Path) -> None:
    (record,) = bench(TINY, bench=quick(runtime="onnxruntime", no_cache=True))
    assert record["export_s"] is not None
    assert not cache.exists()
    assert not list(tmp_path.rglob("*.onnx"))


def test_what_cannot_be_exported_is_the_reason_of_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(UNEXPORTABLE)
    monkeypatch.chdir(tmp_path)
    found = bench("net.py:Net", input="4", bench=quick(runtime="eager,onnxruntime"))
    assert [record["latency_s"] is None for record in found] == [False, True]
    assert found[1]["reason"].startswith("torch cannot export it to ONNX: ")
    assert any("runtime onnxruntime): no latency: torch cannot export" in str(note) for note in found.notes)


def test_layers_of_a_deployed_network_partition_its_run() -> None:
    measured = layers(TINY, bench=quick(runtime="onnxruntime"))
    (found,) = measured.layers
    assert found.timing.runtime == "onnxruntime"
    assert sum(row.share for row in found.rows) == pytest.approx(1.0)
    assert sum(row.row.macs for row in found.rows) == measured.results[0]["macs"]
    assert found.unmapped == pytest.approx(sum(row.share for row in found.rows if row.row.kind == "no layer"))
    assert all(row.moved == 0 for row in found.rows if row.row.kind == "no layer")
    assert found.roofs.calls == {"other": 0.0}
    with pytest.raises(ProfilerError, match="has no int8 kernels"):
        layers(TINY, bench=quick(runtime="onnxruntime", dtype="int8"))


def test_comparisons_and_budgets_take_one_runtime() -> None:
    found = compare(TINY, engine="closed", bench=quick(runtime="onnxruntime"))
    assert (found[0]["runtime"], found[0]["latency_s"] is not None) == ("onnxruntime", True)
    checked = check(TINY, latency="10s", bench=quick(runtime="onnxruntime"))
    assert (checked.passed, checked.lines[0].at["runtime"]) == (True, "onnxruntime")
    with pytest.raises(ProfilerError, match="only `profiler bench` measures several settings"):
        compare(TINY, engine="closed", bench=quick(runtime="eager,onnxruntime"))


@pytest.mark.parametrize("runtimes", [("onnxruntime",), pytest.param(ON_CPU, marks=pytest.mark.full)], ids=" ".join)
def test_a_file_beside_a_network_that_is_exported(runtimes: tuple[str, ...], cache: Path, tmp_path: Path) -> None:
    """Both in every round; what differs is said: nothing was exported of the file, and its outputs are held against nothing."""
    (tmp_path / "own.onnx").write_bytes(exported(Place(TINY, {}, None, None, None, 1)))
    own_file = str(tmp_path / "own.onnx")
    found = bench(own_file, TINY, bench=quick(runtime=runtimes))
    assert [record["runtime"] for record in found] == [*runtimes] * 2
    own, network = found[: len(runtimes)], found[len(runtimes) :]
    for mine, theirs in zip(own, network, strict=True):
        assert mine["latency_s"] is not None
        assert (mine["macs"], mine["params"]) == (theirs["macs"], theirs["params"])
        assert (mine["export_s"], mine["output_difference"]) == (None, None)
        assert mine["artifact_bytes"] == (tmp_path / "own.onnx").stat().st_size
        assert theirs["output_difference"] is not None
    said = [str(note) for note in found.notes]
    assert any("own.onnx: measured on random inputs; its outputs are compared with nothing" in note for note in said)


def test_layers_of_a_file(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(exported(Place(TINY, {}, None, None, None, 1)))
    measured = layers(str(tmp_path / "own.onnx"), bench=quick(runtime="onnxruntime"))
    (found,) = measured.layers
    assert sum(row.share for row in found.rows) == pytest.approx(1.0)
    assert sum(row.row.macs for row in found.rows) == measured.results[0]["macs"]
    assert found.unmapped < 1.0


def test_int8_is_said(cache: Path) -> None:
    found = bench(TINY, bench=quick(runtime="onnxruntime", dtype="int8"))
    said = [str(note) for note in found.notes]
    assert any(note.startswith("One cell is in int8 by ONNX Runtime's static quantisation on random inputs") for note in said)


def test_torch_runs_no_file(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(exported(Place(TINY, {}, None, None, None, 1)))
    for study in (bench, compare):
        with pytest.raises(ProfilerError, match="is an ONNX file, which torch does not run; give --runtime onnxruntime"):
            study(str(tmp_path / "own.onnx"), TINY, bench=quick(runtime="eager"))
