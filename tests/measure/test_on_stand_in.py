"""Whole commands on the stand-in GPU, with real workers: the device's own time, joules, clocks, and what is said of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tests.measure.stand_in", *words, "--threads", "1"]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)


def test_a_benchmark_with_energy(tmp_path: Path) -> None:
    ran = run(tmp_path, "bench", "lenet5", "--batch", "1,8", "--device", "cuda", "--energy", "--time", "3s", "-o", "run.json")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads((tmp_path / "run.json").read_text())
    assert [record["device"] for record in found["records"]] == ["cuda", "cuda"]
    for record in found["records"]:
        assert record["latency_s"] > 0
        assert record["device_s"] >= 1e-3  # a replay of the stand-in's takes so long
        assert record["no_energy"] is None
        assert 0 < record["joules_low"] <= record["joules_per_image"] <= record["joules_high"]
    (facts,) = found["environment"]["machine"]["workers"]
    assert (facts["gpu"], facts["driver"]) == ("Stand-in 100", "580.1")
    notes = "\n".join(found["notes"])
    assert "SM clock 1.98 to 1.98 GHz." in notes
    assert "Energy is that of the whole GPU from its own counter, idle power included: the median of 6 blocks" in notes
    assert "energy/image" in ran.stdout
    kept = [json.loads(line) for line in (tmp_path / "run.samples.jsonl").read_text().splitlines()]
    assert [len(line["blocks"]) for line in kept if line["what"] == "energy"][-1] == 6


def test_layers_by_events(tmp_path: Path) -> None:
    ran = run(tmp_path, "bench", "lenet5", "--layers", "--device", "cuda", "--time", "2s", "-f", "json")
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert len(rows) == 12
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)


def test_the_cpu_has_no_joules_and_says_so_once(tmp_path: Path) -> None:
    ran = run(tmp_path, "bench", "lenet5", "--batch", "1,2", "--device", "cpu", "--energy", "--time", "2s", "-f", "json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    sentence = "Energy of 2 of 2 cells is unknown: cpu has no energy counter; only NVIDIA GPUs have one that can be read."
    assert [note for note in found["notes"] if "nergy" in note] == [sentence]
    assert [record["joules_per_image"] for record in found["records"]] == [None, None]


def test_a_selftest_is_of_one_device(tmp_path: Path) -> None:
    ran = run(tmp_path, "selftest", "--device", "cpu,cuda")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--device cpu,cuda is a range; this command takes one value" in ran.stderr
