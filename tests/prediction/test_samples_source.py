"""Samples of earlier runs as what a prediction is fitted to: layers or whole networks, of the zoo, undamaged."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler.errors import ProfilerError, Unavailable
from profiler.measure.plan import Budget, Setting, Spec
from profiler.measure.protocol import Scheduler
from profiler.measure.samples import PROTOCOL, Samples
from profiler.measure.visits import Visit
from profiler.measure.workloads import Spin
from profiler.records.place import Place
from profiler.study.leaf_rows import leaf_rows
from profiler.study.measuring import specs_of
from profiler.study.models import grid_over
from profiler.study.predict_sources import source
from tests.measure.test_protocol import Device
from tests.prediction.simulated import SLOW, TABLE

GRID = [f"mobilenet_v1@alpha={alpha},resolution={side}" for alpha in (0.25, 0.5, 1.0) for side in (128, 224)]


HERE = Setting()


class Leaves(Device):
    """A device that says of each cell what its leaves take."""

    def __init__(self, layers: Sequence[dict[str, float]]) -> None:
        super().__init__([sum(each.values()) for each in layers])
        self.layers = layers

    def visit_layers(self, number: int, samples: int) -> Visit:
        found = super().visit_layers(number, samples)
        found.layers = dict(self.layers[number])
        return found


def samples(path: Path, models: Sequence[str], layers: bool = True, setting: Setting = HERE, command: str = "bench") -> str:
    """The samples of a run of these networks on the simulated device."""
    cells = grid_over(models, Place(None)).cells
    device = Leaves([{row.path: SLOW.seconds_of(row) for row in leaf_rows(cell)} for cell in cells])
    specs = specs_of(cells, [setting])
    clocked = frozenset(range(len(specs))) if layers else frozenset()
    with Samples(path, specs, command) as kept:
        Scheduler(specs, device, Budget(20.0), lambda: device.now, random.Random(0), kept, layers=clocked).measure()
    return str(path)


def test_layers_of_samples_predict_the_rest_of_a_grid(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", GRID)
    found = profiler.predict("mobilenet_v1", source=path, alpha=[0.25, 0.5, 0.75, 1.0], resolution=[128, 192, 224])
    for record in found:
        exact = SLOW.latency_of("mobilenet_v1", alpha=record["alpha"], resolution=record["resolution"])
        assert record["predicted_s"] == pytest.approx(exact, rel=5e-3)  # the device goes by elements, the model by bytes
        assert record["predicted_from"] == f"6 cells of {path}"
        assert (record["device"], record["threads"], record["dtype"]) == ("cpu", 1, "fp32")


def test_they_hold_what_the_saved_run_holds(tmp_path: Path) -> None:
    """The layers of a file of samples, as their device has them."""
    (known,) = source(samples(tmp_path / "run.samples.jsonl", ["mobilenet_v1@alpha=0.5"])).timed
    rows = [row for row in profiler.profile("mobilenet_v1", alpha=0.5).rows if row.macs or row.moved]
    assert [layer.work.macs for layer in known.measured.layers] == [row.macs for row in rows]
    assert [layer.seconds for layer in known.measured.layers] == pytest.approx([SLOW.seconds_of(row) for row in rows], rel=1e-6)
    assert known.measured.family == "MobileNets (1704.04861)"
    assert known.batch == 1


def test_whole_networks_of_samples_are_as_good_as_a_table(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", TABLE, layers=False)
    (record,) = profiler.predict("resnet101", source=path, force=True)
    exact = SLOW.latency_of("resnet101")
    assert record["predicted_low_s"] <= exact <= record["predicted_high_s"]
    few = samples(tmp_path / "few.samples.jsonl", TABLE[:4], layers=False)
    with pytest.raises(ProfilerError, match="holds 4 measured networks, and without their layers a prediction needs 20"):
        profiler.predict("resnet101", source=few)


def test_settings_of_samples_are_chosen_from(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", GRID, setting=Setting(threads=2, dtype="bf16"))
    with pytest.raises(ProfilerError, match="holds nothing that was measured with dtype fp32"):
        profiler.predict("mobilenet_v1", source=path, dtype="fp32")
    assert profiler.predict("mobilenet_v1", source=path, threads=2)[0]["dtype"] == "bf16"


def edited(path: str, change: Any) -> None:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    Path(path).write_text("\n".join(json.dumps(line) for line in change(lines)) + "\n")


def test_a_run_that_was_interrupted_early_says_so(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", GRID)
    edited(path, lambda lines: [line for line in lines if line["what"] != "round" or line["round"] <= 9])
    with pytest.raises(ProfilerError, match=r"has a usable latency \(9 of 10 rounds were measured\)"):
        profiler.predict("mobilenet_v1", source=path)


def test_cells_that_a_resumed_run_added_are_in_no_head(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", GRID)
    edited(path, lambda lines: [lines[0] | {"cells": lines[0]["cells"][:1]}, *lines[1:]])
    assert len(source(path).timed) == 6


def renamed(lines: list[Any], **changes: Any) -> list[Any]:
    """The same run, of cells whose keys say something else."""
    text = json.dumps(lines)
    for key in lines[0]["cells"]:
        text = text.replace(json.dumps(key), json.dumps(json.dumps(json.loads(key) | changes)))
    return list(json.loads(text))


def test_a_network_that_counts_otherwise_today_is_left_out(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", [*GRID, "lenet5"])
    first = samples(tmp_path / "one.samples.jsonl", ["lenet5"])
    edited(first, lambda lines: renamed(lines, counts=[1] * len(json.loads(lines[0]["cells"][0])["counts"])))
    assert source(path).changed == ()
    assert source(first).changed == ("lenet5",)
    assert source(first).timed == []


def test_samples_never_name_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.chdir(tmp_path)
    path = samples(tmp_path / "run.samples.jsonl", ["lenet5"])
    edited(path, lambda lines: renamed(lines, model="evil.py:Net"))
    found = source(path)
    assert found.left_out == ("evil.py:Net",)
    assert found.timed == []


def test_a_selftest_slows_its_networks(tmp_path: Path) -> None:
    path = samples(tmp_path / "run.samples.jsonl", ["lenet5"], command="selftest")
    with pytest.raises(
        ProfilerError, match="they are of a selftest, which slows its networks on purpose; give those of bench, sweep or fit"
    ):
        profiler.predict("lenet5", source=path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not begin as a .samples.jsonl file does"),
        ("model,alpha\n", "line 1: this is not JSON; name a .samples.jsonl file"),
        ('{"what": "run", "protocol": 1, "command": "bench", "cells": []}\n', f"it was measured with protocol 1, and this version uses {PROTOCOL}; name the file of"),
        ('{"what": "run", "protocol": NOW, "command": "bench", "cells": 3}\n', "line 1: damaged"),
        ('{"what": "run", "protocol": NOW, "command": "bench", "cells": []}\n', "has a usable latency"),
        ('{"what": "run", "protocol": NOW, "command": "bench", "cells": []}\n{"what": "ended", "cell": 3}\n', "line 2: damaged"),
    ],
)  # fmt: skip
def test_files_that_are_none(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "run.samples.jsonl").write_text(text.replace("NOW", str(PROTOCOL)))
    with pytest.raises(ProfilerError) as fault:
        profiler.predict("lenet5", source=str(tmp_path / "run.samples.jsonl"))
    assert words in str(fault.value)


def test_cells_of_no_network(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    spec = Spec(Spin(1e-3), 1, Setting(), {"cell": 1})
    device = Device([1e-3])
    with Samples(path, [spec], "bench") as kept:
        Scheduler([spec], device, Budget(4.0), lambda: device.now, random.Random(0), kept).measure()
    with pytest.raises(ProfilerError, match="a cell does not describe a network"):
        profiler.predict("lenet5", source=str(path))
    with pytest.raises(Unavailable, match="there is no file"):
        profiler.predict("lenet5", source=str(tmp_path / "none.samples.jsonl"))
