"""What was not calibrated is not predicted: each reason has its sentence, and --force prints it beside the figure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler.errors import ProfilerError
from profiler.measure import host
from profiler.records.measured import Measured
from tests.prediction.simulated import SLOW, TABLE
from tests.prediction.test_predict import ANCHORS, clocked


def saved(folder: Path, change: Callable[[Measured], Any] = lambda found: None) -> str:
    """`bench mobilenet_v1 --layers -o run.json` of the simulated device, changed."""
    found = clocked(*ANCHORS)
    change(found)
    profiler.write(found, folder / "run.json")
    return str(folder / "run.json")


def refused(words: str, source: str, model: Any = "mobilenet_v1", **asked: Any) -> None:
    """It is not predicted, for a reason with these words; by force it is, with the reason beside it."""
    (record,) = found = profiler.predict(model, source=source, **asked)
    assert record["predicted_s"] is record["predicted_from"] is None
    (note,) = [str(note) for note in found.notes if "not predicted" in str(note)]
    assert re.search(words, note), note
    assert note.endswith(".")
    assert ". " not in note, "one sentence"
    (forced,) = found = profiler.predict(model, source=source, force=True, **asked)
    assert forced["predicted_s"] > 0
    assert re.search(words, forced["predicted_from"])
    assert any("predicted anyway (--force)" in str(note) and re.search(words, str(note)) for note in found.notes)


def test_a_kind_that_was_not_measured(tmp_path: Path) -> None:
    refused("grouped and norm local_response_norm and pool max_pool were not measured", saved(tmp_path), "alexnet")


def test_an_activation_that_was_not_measured(tmp_path: Path) -> None:
    """MobileNetV2 has ReLU6 where MobileNet has ReLU."""
    refused("activation relu6 and elementwise add were not measured", saved(tmp_path), "mobilenet_v2")


def test_a_size_outside_of_what_was_measured(tmp_path: Path) -> None:
    source = saved(tmp_path)
    refused(r"MACs are outside what was measured \(.*\) by more than 1.5×", source, resolution=320)
    refused(r"are outside what was measured \(.*\) by more than 1.5×", source, alpha=0.25, resolution=64)
    near = profiler.predict("mobilenet_v1", source=source, resolution=256)
    assert near[0]["predicted_s"] is not None, "256² / 224² is 1.3 times as much"


def test_a_batch_that_was_not_measured(tmp_path: Path) -> None:
    refused(r"batch 2 was not measured \(batch 1 was\)", saved(tmp_path), batch=2)


def test_a_family_of_which_nothing_was_measured(tmp_path: Path) -> None:
    source = saved(tmp_path)
    words = r"MobileNetV2.* was not measured, and .* takes 3 families \(MobileNets \(1704.04861\) measured\)"
    refused(words, source, "mobilenet_v2")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"dtype": "bf16"}, r"dtype bf16 was not measured \(fp32 was\)"),
        ({"memory_format": "channels_last"}, r"memory format channels_last was not measured \(contiguous was\)"),
        ({"threads": 4}, r"threads 4 was not measured \(1 was\)"),
        ({"device": "cuda"}, r"device cuda was not measured \(cpu was\)"),
    ],
)
def test_a_setting_that_was_not_measured(asked: dict[str, Any], words: str, tmp_path: Path) -> None:
    """Without --force there is nothing to show: the file holds no cell of that setting."""
    source = saved(tmp_path)
    (name,) = asked
    with pytest.raises(ProfilerError, match=f"holds nothing that was measured with {name.replace('_', ' ')}"):
        profiler.predict("mobilenet_v1", source=source, **asked)
    (record,) = found = profiler.predict("mobilenet_v1", source=source, force=True, **asked)
    assert record["predicted_s"] > 0
    assert record[name] == asked[name]
    assert re.search(words, record["predicted_from"])
    assert any("predicted anyway (--force)" in str(note) for note in found.notes)


def test_a_setting_of_which_each_part_was_measured(tmp_path: Path) -> None:
    """One thread in fp32, two in bf16: two in fp32 were not measured."""
    lines = [
        Path(SLOW.table(tmp_path / "one.csv", TABLE, threads=threads, dtype=dtype)).read_text().splitlines()
        for threads, dtype in (("1", "fp32"), ("2", "bf16"))
    ]
    (tmp_path / "both.csv").write_text("\n".join([*lines[0], *lines[1][1:]]) + "\n")
    with pytest.raises(ProfilerError, match="holds nothing that was measured with threads 2, dtype fp32"):
        profiler.predict("resnet18", source=str(tmp_path / "both.csv"), threads=2, dtype="fp32")


def test_a_compiled_network_predicts_no_other(tmp_path: Path) -> None:
    """Runtimes have no option here: a file of two of them says so."""
    lines = [
        Path(SLOW.table(tmp_path / "one.csv", TABLE, compile=compiled)).read_text().splitlines()
        for compiled in ("false", "true")
    ]
    (tmp_path / "both.csv").write_text("\n".join([*lines[0], *lines[1][1:]]) + "\n")
    with pytest.raises(ProfilerError, match=r"was measured in 2 settings; choose one by --runtime$"):
        profiler.predict("resnet18", source=str(tmp_path / "both.csv"))


def test_another_machine(tmp_path: Path) -> None:
    def elsewhere(found: Measured) -> None:
        found.results.machine = {**host.machine(), "cpu": "Abacus 3000"}

    refused(r"measured on another machine \(Abacus 3000; here ", saved(tmp_path, elsewhere))


def test_cells_fewer_than_an_interval_takes(tmp_path: Path) -> None:
    profiler.write(clocked(*ANCHORS[:2]), tmp_path / "run.json")
    with pytest.raises(ProfilerError, match="holds too few networks: 2 measured; an interval needs 3; measure more"):
        profiler.predict("mobilenet_v1", source=str(tmp_path / "run.json"))


def test_whole_networks_too_few(tmp_path: Path) -> None:
    table = SLOW.table(tmp_path / "table.csv", TABLE[:19])
    with pytest.raises(ProfilerError, match="holds 19 measured networks, and without their layers a prediction takes 20"):
        profiler.predict("mobilenet_v1", source=table)
