"""Every combination of the stages' widths: held to brute force by the walk, to the built module, and to its limits."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from functools import cache, partial
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import profiler
from profiler.count.held import peak
from profiler.errors import ProfilerError, ShapeError, UnknownName
from profiler.load.load import load
from profiler.network.registry import find
from profiler.records.limits import QUANTITIES, Bound
from profiler.records.place import Place
from profiler.records.profile import Profile
from profiler.records.stage_fit import COUNTS, StageFit
from profiler.report import units
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.answers import stage_fit as answers
from profiler.study import combinations
from profiler.study.cells import finished
from profiler.study.costs import costs
from profiler.study.fit_stages import fitting_stages

MULTIPLIERS = ("0.25", "0.5", "1", "1.5")
SMALL = ("mobilenet_v1", "mobilenet_v2", "resnet20_cifar", "densenet_bc100_k12_cifar", "shufflenet_v1", "unet", "hsi_cnn_luo")
"""Chains, ties, shortcuts that cannot narrow, widths that are rounded from several stages, sums, skips, a bilinear axis."""
Index = tuple[int, ...]
ROOT = Path(__file__).resolve().parents[2]


def ranges(name: str) -> list[str]:
    """For each stage of a network some multipliers, so that all combinations are few."""
    stages = len(costs(name).names)
    many = MULTIPLIERS if stages < 5 else MULTIPLIERS[:3]
    return [",".join(many if stages < 9 or i % 3 == 0 else MULTIPLIERS[1:2]) for i in range(stages)]


LIMITED = [(quantity, count) for quantity, count in QUANTITIES.items() if count in COUNTS]


@cache
def brute(name: str) -> dict[Index, dict[str, int] | None]:
    """The counts of every combination by `profile`, None of those that cannot be built."""
    made: dict[Index, dict[str, int] | None] = {}
    choices = [text.split(",") for text in ranges(name)]
    for index in product(*(range(len(texts)) for texts in choices)):
        stages = ":".join(texts[i] for texts, i in zip(choices, index, strict=True))
        try:
            found = profiler.profile(name, stages=stages)
        except ShapeError:
            made[index] = None
            continue
        made[index] = counts_of(found, load(name, options={"stages": stages}))
    return made


def counts_of(found: Profile, network: Any) -> dict[str, int]:
    """The counts of a combination, the peak of its memory by the closed form, which tests/count holds to the traced one."""
    return {count: getattr(found, count, 0) for count in COUNTS} | {
        "memory_bytes": peak(network.value, network.inputs, found.batch or 1)
    }


def chosen(found: StageFit, record: dict[str, Any]) -> Index:
    """The positions of a record's multipliers among the choices."""
    return tuple(stage.multipliers.index(text) for stage, text in zip(found.stages, record["stages"].split(":"), strict=True))


@settings(max_examples=60)
@given(data=st.data(), name=st.sampled_from(SMALL), block=st.sampled_from([1, 7, 40, 1 << 19]))
def test_what_fits_is_what_brute_force_finds(data: st.DataObject, name: str, block: int) -> None:
    """Limits are counts of combinations themselves, so that some are met exactly; blocks of any size."""
    every = brute(name)
    known = [counts for counts in every.values() if counts is not None]
    bounds = []
    for quantity, count in data.draw(st.lists(st.sampled_from(LIMITED), min_size=1, max_size=3, unique=True)):
        most, least = (data.draw(st.none() | st.sampled_from([counts[count] for counts in known])) for _ in range(2))
        bounds.append(Bound(quantity, most, least))
    whole = combinations.BLOCK
    combinations.BLOCK = block
    try:
        found = finished(fitting_stages(Place(name), bounds, ranges(name)))
    finally:
        combinations.BLOCK = whole
    # two multipliers that make the same widths are one choice: the first
    kept = [
        [text.split(",").index(each) for each in stage.multipliers]
        for text, stage in zip(ranges(name), found.stages, strict=True)
    ]
    cells = {tuple(axis.index(i) for axis, i in zip(kept, index, strict=True)): every[index] for index in product(*kept)}
    within = {index for index, counts in cells.items() if counts is not None and all(bound.holds(counts) for bound in bounds)}
    maximal = {
        index
        for index in within
        if not any((*index[:axis], index[axis] + 1, *index[axis + 1 :]) in within for axis in range(len(index)))
    }
    assert found.combinations == len(cells)
    assert found.unbuildable == sum(counts is None for counts in cells.values())
    assert found.fitting == len(within)
    assert {chosen(found, record) for record in found.maximal} == maximal
    assert len(found.maximal) == len(maximal)
    for record in found.maximal:
        assert {count: record[count] for count in COUNTS} == cells[chosen(found, record)]
    macs = [record["macs"] for record in found.maximal]
    assert macs == sorted(macs, reverse=True)
    for extreme in found.extremes:
        end = {"least": min, "most": max}[extreme.end]
        assert extreme.record[extreme.quantity] == end(cells[index][extreme.quantity] for index in within)  # type: ignore[index]
        assert chosen(found, extreme.record) in within
    for count, (least, most) in found.ranges.items():
        values = [counts[count] for counts in cells.values() if counts is not None]
        assert (least, most) == (min(values), max(values))
    assert (found.closest is None) == bool(within or all(b.most is None and b.least is None for b in bounds))


def test_the_brute_force_has_all_sorts() -> None:
    assert any(counts is None for counts in brute("resnet20_cifar").values())
    assert not any(counts is None for counts in brute("densenet_bc100_k12_cifar").values())


def test_a_limit_that_is_met_exactly_is_kept() -> None:
    macs = profiler.profile("mobilenet_v1").macs
    ones = {"multipliers": ["1"] * 5}
    assert profiler.fit_stages("mobilenet_v1", **ones, max_macs=macs).fitting == 1  # type: ignore[arg-type]
    assert profiler.fit_stages("mobilenet_v1", **ones, max_macs=macs - 1).fitting == 0  # type: ignore[arg-type]
    assert profiler.fit_stages("mobilenet_v1", **ones, min_macs=macs, max_macs=macs).fitting == 1  # type: ignore[arg-type]


def test_every_maximal_combination_can_be_built_by_its_name() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    found = profiler.fit_stages("resnet18", "0.25..1.25", max_macs="600M", max_params="4M")
    for record in found.maximal[:: max(1, len(found.maximal) // 4)]:
        module = profiler.build(record["model"], device="meta", **record["options"])
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.empty(1, 3, 224, 224, device="meta"))
        assert counter.get_total_flops() == 2 * record["macs"] <= 2 * 600_000_000
        assert sum(p.numel() for p in module.parameters()) == record["params"] <= 4_000_000


def test_limits_that_contradict_leave_nothing_and_the_nearest_is_named() -> None:
    bounds = [Bound("macs", most=100_000_000), Bound("params", least=4_000_000)]
    found = finished(fitting_stages(Place("mobilenet_v1"), bounds, "0.25..1"))
    assert (found.fitting, len(found.maximal), found.extremes) == (0, 0, ())
    near = found.closest
    assert near is not None
    worst = max(Fraction(near["macs"], 10**8), Fraction(4 * 10**6, near["params"]))
    cost = costs("mobilenet_v1")
    widths = product(*([*dict.fromkeys(stage.widths)] for stage in found.stages))
    every = cost([*widths])
    others = zip(every.macs.tolist(), every.params.tolist(), strict=True)
    assert worst == min(max(Fraction(macs, 10**8), Fraction(4 * 10**6, params)) for macs, params in others)
    assert answers.failure(found) == (
        f"nothing fits; the nearest is mobilenet_v1@stages={near['stages']}; it would fit with "
        f"--max-macs {near['macs']} and --min-params {near['params']}"
    )
    with pytest.raises(ProfilerError, match="--min-macs 2M is above --max-macs 1M; change one"):
        profiler.fit_stages("mobilenet_v1", "0.25..1", max_macs="1M", min_macs="2M")


def test_widths_in_the_place_of_multipliers() -> None:
    found = profiler.fit_stages("mobilenet_v1", widths="64..128:32", max_macs="1G")
    assert [stage.widths for stage in found.stages] == [(64, 96, 128)] * 5
    assert found.stages[4].multipliers == ("0.0625", "0.09375", "0.125")
    each = profiler.fit_stages("mobilenet_v1", widths=["64", "96", "256", "512", "1024"], max_macs="1G")
    assert each.maximal[0]["stages"] == "1:0.75:1:1:1"


def test_multipliers_that_make_the_same_widths_are_one() -> None:
    found = profiler.fit_stages("mobilenet_v1", ["0.9..1:0.01", "1", "1", "1", "1"], max_macs="1G")
    # 64 · 0.9 = 57.6 and more, 32 · 0.9 = 28.8: the multiples of 8 near them
    assert found.stages[0].multipliers == ("0.9", "0.94")
    assert found.stages[0].widths == (56, 64)
    assert found.combinations == 2


def test_the_batch_and_the_side_are_those_that_are_given() -> None:
    found = profiler.fit_stages("mobilenet_v1", "1", max_macs="10G", batch=8, resolution=128)
    there = profiler.profile("mobilenet_v1", batch=8, resolution=128)
    network = load("mobilenet_v1", resolution=128)
    assert {name: found.maximal[0][name] for name in COUNTS} == counts_of(there, network)
    assert (found.maximal[0]["resolution"], found.maximal[0]["batch"]) == (128, 8)


def test_a_value_has_stages_too() -> None:
    made = find("lenet5")
    found = profiler.fit_stages(made.make(), "0.5..2:0.5", input=made.inputs()[0], max_params="100K")
    assert found.combinations == prod(len(stage.widths) for stage in found.stages)
    assert all(record["params"] <= 100_000 for record in found.maximal)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"multipliers": "0.25..2.5:0.0005"}, "combinations of its stages (112: "),
    ({"multipliers": "0..1"}, "mobilenet_v1: the multiplier of stage 112 must be above 0 and at most 64, not 0"),
    ({"multipliers": "1..x"}, "multipliers of stage 112 'x' is not a number"),
    (
        {"multipliers": ["1"] * 4},
        "mobilenet_v1 has 5 stages (112, 56, 28, 14, 7), and 4 multipliers are given; give one for each",
    ),
    ({}, "mobilenet_v1: give multipliers of its stages or their widths, one of the two"),
    ({"multipliers": "1", "widths": "8"}, "mobilenet_v1: give multipliers of its stages or their widths, one of the two"),
    ({"widths": "8..20:4"}, "mobilenet_v1: stage 112 cannot be 12 wide; give a multiple of 8, or 64 as it is"),
    ({"multipliers": "1", "multiple_of": 0}, "multiple_of must be a whole number"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_cannot_be_counted_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfilerError) as fault:
        profiler.fit_stages("mobilenet_v1", **given, max_macs="1G")
    assert message in str(fault.value)


def test_a_trillion_combinations_are_refused_with_their_number_and_what_to_narrow() -> None:
    with pytest.raises(ProfilerError) as fault:
        profiler.fit_stages("unet", "0.25..3:0.125", max_macs="1T")
    assert str(fault.value) == (
        f"unet: {23**9:,} combinations of its stages (568: 23, 280: 23, 136: 23, 64: 23, 28: 23, 52: 23, 100: 23, 196: 23, "
        "388: 23) are more than the 100,000,000 that are counted; give a larger step, narrower ranges, or one value for a "
        "stage that is to stay"
    )


def test_the_peak_of_memory_is_the_traced_one() -> None:
    """Limited, and of what fits; a module of one maximal combination is run on the meta device, operator by operator."""
    import torch

    found = profiler.fit_stages("mobilenet_v2", "0.5..1", max_memory="24MiB", batch=2)
    assert 0 < found.fitting < found.combinations
    for record in (found.maximal[0], found.maximal[-1]):
        module = profiler.build(record["model"], device="meta", **record["options"])
        traced = profiler.memory(module, (torch.empty(2, 3, 224, 224, device="meta"),)).peak
        assert traced == record["memory_bytes"] <= 24 << 20


def test_alpha_modules_and_no_limit_are_refused() -> None:
    with pytest.raises(ProfilerError, match="alpha and multipliers for each stage both scale the widths; leave alpha out"):
        profiler.fit_stages("mobilenet_v1@alpha=0.5", "1", max_macs="1G")
    with pytest.raises(ProfilerError, match="has no stages to scale: its code sets its widths"):
        profiler.fit_stages("timm:resnet18", "1", max_macs="1G")
    with pytest.raises(ProfilerError, match="no limit is given; give one, "):
        profiler.fit_stages("mobilenet_v1", "1")


def test_tables_that_are_wrong_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Combinations drawn at random are counted again by the walk."""
    monkeypatch.setattr(combinations.Combined, "at", lambda self, index: dict.fromkeys(self.names, 0))
    with pytest.raises(AssertionError, match="the tables and the walk differ"):
        profiler.fit_stages("lenet5", "1", max_macs="1G")


# The answer


def fitted() -> StageFit:
    return profiler.fit_stages("mobilenet_v1", "0.25..1.5", max_macs="300M", max_params="3M")


def test_the_table_has_the_largest_and_says_what_it_leaves_out() -> None:
    found = fitted()
    (sheet,) = registry.answer(found, View(top=5)).sheets()
    assert sheet.title == (
        "mobilenet_v1: MACs ≤ 300,000,000, params ≤ 3,000,000: 25,783 of 161,051 combinations of its stages fit; "
        "the largest 5 of 1,527 that are maximal"
    )
    assert [head.text for head in sheet.columns] == ["stages", "112", "56", "28", "14", "7", "MACs", "params", "activations"]
    assert len(sheet.rows) == 5
    assert sheet.rows[0][0] == found.maximal[0]["stages"]
    assert f"most MACs: {found.maximal[0]['macs']:,} at stages={found.maximal[0]['stages']}" in sheet.notes


def test_bytes_stand_in_their_unit() -> None:
    found = profiler.fit_stages("mobilenet_v1", widths="32..64:16", multiple_of=16, max_memory="8MiB", max_weight_bytes="1MiB")
    (sheet,) = registry.answer(found, View()).sheets()
    assert [head.text for head in sheet.columns[-5:]] == ["weights", "memory", "MACs", "params", "activations"]
    assert sheet.title.startswith("mobilenet_v1: weights ≤ 1.0 MiB, memory ≤ 8.0 MiB: ")
    assert found.maximal[0]["options"] == {"stages": found.maximal[0]["stages"], "multiple_of": 16}


def test_the_command_is_the_function(tmp_path: Path) -> None:
    words = [
        "fit",
        "mobilenet_v1",
        "--per-stage",
        "0.5..1",
        "--max-macs",
        "200M",
        "--max-memory",
        "24MiB",
        "-q",
        "-o",
        "fit.json",
    ]
    run = partial(subprocess.run, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert run([sys.executable, "-m", "profiler", *words]).returncode == 0
    document = json.loads((tmp_path / "fit.json").read_text(encoding="utf-8"))
    assert document["records"] == [*profiler.fit_stages("mobilenet_v1", "0.5..1", max_macs="200M", max_memory="24MiB").maximal]
    ran = run([sys.executable, "-m", "profiler", "fit", "mobilenet_v1", "--per-stage", "0.5..1", "--max-macs", "1M"])
    assert ran.returncode == 1
    assert (
        "nothing fits; the nearest is mobilenet_v1@stages=0.5:0.5:0.5:0.5:0.5; it would fit with --max-macs 149497088"
        in ran.stderr
    )
    ran = run([sys.executable, "-m", "profiler", "fit", "mobilenet_v1", "vgg16", "--per-stage", "1", "--max-macs", "1M"])
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: --per-stage and --stage-widths take exactly one network; name one, e.g. mobilenet_v1\n",
    )


def test_files_have_every_maximal_combination(tmp_path: Path) -> None:
    found = fitted()
    for suffix in ("csv", "json", "jsonl"):
        profiler.write(found, tmp_path / f"fit.{suffix}")
    lines = (tmp_path / "fit.csv").read_text(encoding="utf-8").splitlines()
    assert (
        lines[0]
        == "model,options,resolution,input,batch,stages,widths,params,macs,activations,elementwise,weight_bytes,moved,memory_bytes"
    )
    assert len(lines) == 1 + len(found.maximal)
    document = json.loads((tmp_path / "fit.json").read_text(encoding="utf-8"))
    assert document["command"] == "fit_stages"
    assert document["records"] == list(found.maximal)
    assert document["per_stage"]["fitting"] == found.fitting
    rows = [json.loads(line) for line in (tmp_path / "fit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == list(found.maximal)
    again = profiler.read(tmp_path / "fit.json")
    assert isinstance(again, StageFit)
    assert list(again.maximal) == list(found.maximal)


def test_columns_and_order_are_the_users() -> None:
    found = fitted()
    answer = registry.answer(found, View(columns=("stages", "params"), sort="params"))
    params = [record["params"] for record in answer.records]
    assert params == sorted(record["params"] for record in found.maximal)
    assert [head.text for head in answer.sheets()[0].columns] == ["stages", "params"]
    with pytest.raises(UnknownName):
        registry.answer(found, View(columns=("paramz",)))


def test_records_are_made_when_they_are_looked_at() -> None:
    found = fitted()
    assert found.maximal[-1] == list(found.maximal)[-1]
    assert found.maximal[2:4] == [found.maximal[2], found.maximal[3]]
    with pytest.raises(IndexError):
        found.maximal[len(found.maximal)]
    assert repr(found) == "StageFit(mobilenet_v1: 25,783 of 161,051 combinations fit, 1,527 maximal)"


def test_a_saved_fit_is_drawn_again_as_it_was(tmp_path: Path) -> None:
    some: list[dict[str, Any]] = [
        {"max_macs": "300M", "max_params": "3M"},
        {"max_macs": "1M"},
        {"max_weight_bytes": "2MiB", "min_macs": "50M"},
    ]
    for limits in some:
        found = profiler.fit_stages("mobilenet_v1", "0.5..1", **limits)
        profiler.write(found, tmp_path / "fit.json")
        again = profiler.read(tmp_path / "fit.json")
        assert isinstance(again, StageFit)
        for view in (
            View(),
            View(top=3),
            View(sort="params", top=4),
            View(columns=["stages", "moved"]),
            View(units.unit("MFLOPs")),
        ):
            assert registry.answer(again, view).page_of_text() == registry.answer(found, view).page_of_text()
        assert again.to_dict()["per_stage"] == json.loads(json.dumps(found.to_dict()["per_stage"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["per_stage"].pop("stages"), "per_stage"),
        (lambda d: d["records"][0].pop("macs"), r"records\[0\]"),
        (
            lambda d: d["records"][0].update(widths="8:8"),
            r"records\[0\].widths: expected one for each of 5 stages, and there are 2",
        ),
        (
            lambda d: d["per_stage"]["limits"][0].update(quantity="colour"),
            r"per_stage.limits\[0\].quantity: expected one of macs",
        ),
        (lambda d: d["per_stage"]["extremes"][0].update(quantity="colour"), r"per_stage.extremes\[0\].quantity"),
        (lambda d: d["per_stage"].update(latency={"undecided": 1, "over": 1, "unknown": 0}), "there is no latency_fits"),
        (lambda d: d["per_stage"].update(fitting=-1), "per_stage.fitting: expected 0 or more"),
    ],
)
def test_a_saved_fit_that_is_damaged_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    document = profiler.fit_stages("mobilenet_v1", "0.5..1", max_macs="300M").to_dict()
    change(document)
    (tmp_path / "fit.json").write_text(json.dumps(document))
    with pytest.raises(ProfilerError, match=said):
        profiler.read(tmp_path / "fit.json")


def test_the_title_and_the_ends_are_in_the_unit_that_is_asked_for() -> None:
    (sheet,) = registry.answer(fitted(), View(units.unit("MFLOPs"), top=2)).sheets()
    assert sheet.title.startswith("mobilenet_v1: FLOPs ≤ 600.00 M, params ≤ 3.00 M: ")
    assert any(note.startswith("most FLOPs: 599.99 M at stages=") for note in sheet.notes)
