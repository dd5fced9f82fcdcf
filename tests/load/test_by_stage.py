"""`stages=`: a network of the zoo with a multiplier for each stage, wherever a network is named."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler.errors import ProfilerError
from profiler.load.load import load
from profiler.network.registry import find
from profiler.network.widen import widen
from profiler.records.place import Place

ROOT = Path(__file__).resolve().parents[2]
STAGES = "0.5:0.75:1:1:1"


def test_the_widths_are_those_of_table_1_scaled() -> None:
    """MobileNets' Table 1 with 32, 64 | 128, 128 | … times 0.5 | 0.75 | 1: the products of the paper's formula, by hand."""
    stem, body = 16, [32, 96, 96, 256, 256, *[512] * 6, 1024, 1024]
    sides = [112, 56, 56, 28, 28, *[14] * 6, 7, 7]
    macs, m = 9 * 3 * stem * 112**2, stem
    for n, side in zip(body, sides, strict=True):
        macs += (9 * m + m * n) * side**2
        m = n
    assert profiler.profile("mobilenet_v1", stages=STAGES).macs == macs + 1024 * 1000


@pytest.mark.parametrize(
    "given", [STAGES, "0.50:0.75:1.0:1:1", [0.5, "0.75", 1, 1, Fraction(1)], ("1/2", "3/4", "1", "2/2", 1)]
)
def test_multipliers_are_texts_numbers_and_fractions(given: Any) -> None:
    found = load("mobilenet_v1", options={"stages": given})
    assert dict(found.options) == {"stages": STAGES}
    assert found.value == load(f"mobilenet_v1@stages={STAGES}").value  # type: ignore[union-attr]


def test_the_record_names_the_network() -> None:
    (record,) = profiler.compare(f"mobilenet_v1@stages={STAGES},multiple_of=16", engine="closed")
    assert record["options"] == {"stages": STAGES, "multiple_of": 16}
    place = Place.of(record)
    assert load(place.model, options=place.options).value == load("mobilenet_v1", options=place.options).value  # type: ignore[union-attr]
    assert profiler.profile(record["model"], **record["options"]).macs == record["macs"]


def test_multipliers_of_one_are_the_network_itself() -> None:
    found = load("mobilenet_v1@stages=1:1:1:1:1,multiple_of=16")
    assert (dict(found.options), found.value) == ({}, find("mobilenet_v1").make())  # type: ignore[union-attr]


def test_no_multipliers_are_none() -> None:
    assert load("mobilenet_v1", options={"stages": None}).value == find("mobilenet_v1").make()  # type: ignore[union-attr]


def test_a_network_of_other_widths_has_no_published_accuracy() -> None:
    plain, scaled = profiler.compare("mobilenet_v1", f"mobilenet_v1@stages={STAGES}", engine="closed")
    assert plain["top1"] is not None
    assert scaled["top1"] is None


def test_the_option_goes_beside_the_architectures_own_and_any_side() -> None:
    small = profiler.profile(f"mobilenet_v1@stages={STAGES},classes=10", resolution=128)
    assert small.options == {"classes": 10, "stages": STAGES}
    assert small.resolution == 128
    large = profiler.profile(f"mobilenet_v1@stages={STAGES}")
    assert large.params - small.params == 990 * 1025


@pytest.mark.parametrize(
    ("name", "stages"), [("resnet18", "0.5:1:0.75:1"), ("shufflenet_v1", "1:0.5:1:1.5"), ("lenet5", "2:1/3:0.5")]
)
def test_the_built_module_is_recounted_by_torch(name: str, stages: str) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    ours = profiler.profile(name, stages=stages)
    module = profiler.build(name, stages=stages, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *ours.inputs[0], device="meta"))
    assert sum(p.numel() for p in module.parameters()) == ours.params
    assert counter.get_total_flops() == 2 * ours.macs


def test_it_is_one_network_to_every_witness() -> None:
    found = profiler.compare(f"mobilenet_v2@stages={STAGES}", engine="fvcore,thop,torch")
    (record,) = found
    assert record["fvcore_macs"] == record["thop_macs"] == record["torch_macs"] == record["macs"]


REFUSED = {
    "mobilenet_v1@stages=0.5:0.75": "mobilenet_v1 has 5 stages (112, 56, 28, 14, 7), and stages gives 2 multipliers; give one "
    "each, as stages=1:1:1:1:1",
    "vit_b_16@stages=1:1": "vit_b_16 has one stage (197), and stages gives 2 multipliers; give one each, as stages=1",
    "mobilenet_v1@stages=1:0:1:1:1": "mobilenet_v1: the multiplier of stage 56 must be above 0 and at most 64, not 0",
    "mobilenet_v1@stages=1:1/0:1:1:1": "mobilenet_v1: the multiplier of stage 56 '1/0' divides by 0; write it as 0.5 or 1/3",
    "mobilenet_v1@stages=1:-1:1:1:1": "mobilenet_v1: the multiplier of stage 56 must be above 0 and at most 64, not -1",
    "mobilenet_v1@stages=1:1:1:1:65": "mobilenet_v1: the multiplier of stage 7 must be above 0 and at most 64, not 65",
    "mobilenet_v1@stages=1:1:1:wide:1": "mobilenet_v1: the multiplier of stage 14 'wide' is not a number; write it as 0.5 or 1/3",
    "mobilenet_v1@multiple_of=8": "mobilenet_v1: multiple_of rounds the widths of stages; give stages too, e.g. stages=0.5:0.75:1",
    "mobilenet_v1@stages=1:1:1:1:2,multiple_of=0": "multiple_of must be a whole number from 1 to 1048576, not 0",
    "mobilenet_v1@stages=1:1:1:1:2,multiple_of=8192": "multiple_of must be from 1 to 4096, not 8192",
    "mobilenet_v1@stages=1:1:1:1:2,alpha=0.5": "mobilenet_v1: alpha 0.5 and stages both scale its widths; give one of them",
}  # fmt: skip


@pytest.mark.parametrize(("model", "message"), REFUSED.items())
def test_what_is_no_multiplier_for_each_stage_is_refused(model: str, message: str) -> None:
    with pytest.raises(ProfilerError) as fault:
        load(model)
    assert str(fault.value) == message


def test_a_combination_that_cannot_be_built_is_refused_with_the_layer() -> None:
    with pytest.raises(ProfilerError, match=r"body.1.0.sum.shortcut.pad: cannot pad 32 channels to 16"):
        profiler.profile("resnet20_cifar", stages="2:0.5:1")


def test_formula_has_no_alpha_where_stages_are_scaled() -> None:
    (found,) = profiler.formula("mobilenet_v1", options={"stages": STAGES})
    assert found.domain.alpha_step is None
    assert not found.rounded
    assert found.at("macs", 1, 7) == profiler.profile("mobilenet_v1", stages=STAGES).macs


def test_the_command_line_and_a_saved_run(tmp_path: Path) -> None:
    words = ["compare", f"mobilenet_v1@stages={STAGES}", "mobilenet_v1", "--engine", "closed", "-o", "run.json"]
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"mobilenet_v1@stages={STAGES}" in ran.stdout
    saved = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["records"]
    assert [record["options"] for record in saved] == [{"stages": STAGES}, {}]
    again: Any = profiler.read(tmp_path / "run.json")
    assert [record["macs"] for record in again] == [record["macs"] for record in saved]


def test_the_generic_alpha_is_as_it_was() -> None:
    network = find("resnet18").make()
    assert widen(network, Fraction(1, 2)) == load("resnet18", alpha=0.5).value  # type: ignore[union-attr]
