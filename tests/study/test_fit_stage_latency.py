"""Latency of every combination of stages: the sums of tables are what a prediction of the built network is; what is measured."""

from __future__ import annotations

from itertools import product
from math import isclose, prod
from pathlib import Path
from random import Random

import numpy as np
import pytest

import profiler
from profiler.errors import ProfilerError, Unavailable
from profiler.load.by_stage import staged_of
from profiler.load.load import Network, load
from profiler.prediction.calibration import Calibration, ClockedLayer, MeasuredNetwork, calibrated
from profiler.prediction.features import is_free, kind_of, work_of, works_of
from profiler.records.columns import latency, prediction
from profiler.records.events import Finished
from profiler.records.interval import Interval
from profiler.records.limits import Bound
from profiler.records.notes import FitInterrupted, MeasuredToDecide, NotPredicted, Predicted
from profiler.records.place import Place
from profiler.records.stage_fit import StageFit
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.answers import stage_fit as answers
from profiler.study.cells import Cell
from profiler.study.fit_stages import fitting_stages
from profiler.study.leaf_rows import leaf_rows
from profiler.study.stage_choices import choices_of
from profiler.study.stage_latency import OVER, UNDECIDED, UNKNOWN, WITHIN, LatencyTables
from profiler.study.works_in_widths import check_kinds, works_in_widths
from tests.measure.simulated import OTHERS, RATES, Machine

RANGES = {
    "mobilenet_v1": "0.25,0.5,1,1.5",
    "mobilenet_v2": "0.25,1,1.5",
    "resnet18": "0.5,0.75,1",
    "densenet_bc100_k12_cifar": "0.5,1",
    "shufflenet_v2_x1_0": "0.5,1,1.5",
    "squeezenet1_0": "0.5,1",
    "unet": "0.5,1",
}


def network_of(name: str) -> Network:
    found = load(name)
    assert isinstance(found, Network)
    return found


def clocked(name: str, stages: str, draw: Random, batch: int = 1) -> MeasuredNetwork:
    """A network as it would be measured, its layers off from the rates by up to a tenth."""
    layers = []
    rows = leaf_rows(Cell(load(name, options={"stages": stages}), batch))
    for row in rows:
        if not is_free(row):
            work = work_of(row)
            a, b, c = RATES.get(kind_of(row), OTHERS)
            seconds = (a * work.calls + b * work.macs + c * work.elements) * draw.uniform(0.9, 1.1)
            layers.append(ClockedLayer(kind_of(row), work, seconds))
    whole = sum(layer.seconds for layer in layers)
    return MeasuredNetwork("", works_of(rows), Interval(whole, 0.98 * whole, 1.02 * whole), tuple(layers))


def of_few(name: str, text: str, batch: int = 1) -> Calibration:
    """A calibration by five combinations, none of which has the widest stages: some others are outside of it."""
    draw, stages = Random(name), len(profiler.costs(name).names)
    some = [":".join(draw.choice(text.split(",")[:-1]) for _ in range(stages)) for _ in range(5)]
    return calibrated([clocked(name, each, draw, batch) for each in some])


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("batch", [1, 4])
def test_every_combination_is_what_prediction_of_the_built_network_gives(name: str, batch: int) -> None:
    network = network_of(name)
    found = staged_of(name, network.value, network.inputs)
    choices = choices_of(network, found, RANGES[name], None, 8)
    bare = [[option for _, option in stage] for stage in choices]
    calibration = of_few(name, RANGES[name], batch)
    works = works_in_widths(found, batch)
    every = list(product(*(range(len(stage)) for stage in choices)))
    some = every if len(every) <= 200 else Random(0).sample(every, 200)
    first = LatencyTables(found, bare, works, calibration, 1.0)
    limit = float(np.median(np.concatenate([seconds for seconds, _ in first.blocks()])))
    tables = LatencyTables(found, bare, works, calibration, limit)
    blocks = list(tables.blocks())
    seconds, states = (np.concatenate([block[i] for block in blocks]) for i in range(2))
    assert len(seconds) == len(every) == prod(map(len, choices))
    met = set()
    for index in some:
        stages = ":".join(str(stage[i][0]) for stage, i in zip(choices, index, strict=True))
        try:
            there = works_of(leaf_rows(Cell(load(name, options={"stages": stages}), batch)))
        except ProfilerError:
            continue  # no network has these widths
        number = every.index(index)
        middle, low, high = calibration.predict(there)
        assert isclose(seconds[number], middle, rel_tol=1e-12)
        want = WITHIN if high <= limit else OVER if low > limit else UNDECIDED
        want = UNKNOWN if calibration.refusal(there) else want
        assert states[number] == want or isclose(limit, low, rel_tol=1e-9) or isclose(limit, high, rel_tol=1e-9)
        met.add(want)
    assert len(met) > 1


def test_a_kind_that_was_not_measured_is_unknown_everywhere() -> None:
    network = network_of("mobilenet_v2")
    found = staged_of("mobilenet_v2", network.value, network.inputs)
    bare = [[option for _, option in stage] for stage in choices_of(network, found, "0.5,1", None, 8)]
    tables = LatencyTables(found, bare, works_in_widths(found), of_few("mobilenet_v1", "0.5,1,1.5"), 1.0)
    assert all((states == UNKNOWN).all() for _, states in tables.blocks())


def test_groups_of_one_channel_are_another_kind_and_refused() -> None:
    network = network_of("alexnet")
    found = staged_of("alexnet", network.value, network.inputs)
    widths = [group.native for group in found.groups]
    check_kinds("alexnet", found, found.symbols(widths))
    with pytest.raises(ProfilerError, match=r"^alexnet: layer .* would have one channel in each of its 2 groups"):
        check_kinds("alexnet", found, found.symbols([2] * len(widths)))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Networks whose times are off from the rates by up to 3 %."""
    draws: dict[str, float] = {}
    made = Machine()
    made.off = lambda spec: draws.setdefault(made.name(spec), 1 + 0.03 * Random(made.name(spec)).uniform(-1, 1))
    made.install(monkeypatch.setattr)
    return made


def bench(seconds: str = "30s") -> profiler.BenchOptions:
    return profiler.BenchOptions(device="cpu", threads=1, time=seconds)


def fitted(seconds: str = "30s", limit: str = "8ms") -> StageFit:
    return profiler.fit_stages("mobilenet_v1", "0.25..1.5:0.25", max_latency=limit, max_params="3M", bench=bench(seconds))


def test_what_is_recommended_was_measured_and_the_rest_predicted(machine: Machine) -> None:
    found = fitted("60s")
    assert found.limits == (Bound("params", 3_000_000), Bound("latency", 0.008))
    assert found.latency is not None
    assert 0 < found.fitting < found.combinations == 6**5
    known = {str(stages) for stages in (visit.split()[1] for visit in machine.visits)}
    for record in found.maximal[:5]:
        assert latency(record) is not None, "the first five were measured"
        assert record["stages"] in known or record["stages"] == "1:1:1:1:1"
        assert record["latency_high_s"] <= 0.008
        assert record["grade"] in "ABCD"
    for record in found.maximal:
        assert record["latency_fits"] == "within"
        assert (latency(record) is None) != (prediction(record) is None)
        assert record["params"] <= 3_000_000
        if prediction(record) is not None:
            assert record["predicted_high_s"] <= 0.008
            assert record["predicted_from"] == f"layers of {len(known)} combinations measured here"
    (note,) = [note for note in found.latency.notes if isinstance(note, Predicted)]
    assert note.measured == len(known)
    (decided,) = [note for note in found.latency.notes if isinstance(note, MeasuredToDecide)]
    assert decided.cells == len(known) - 12
    assert machine.clock.now - 1000 <= 61


def test_the_maximal_ones_are_maximal_among_those_that_fit(machine: Machine) -> None:
    """By the tables of the last calibration, but for the ones that were measured."""
    found = fitted()
    within = {record["stages"] for record in found.maximal}
    for record in found.maximal:
        texts = record["stages"].split(":")
        for i, stage in enumerate(found.stages):
            at = stage.multipliers.index(texts[i])
            if at + 1 < len(stage.multipliers):
                assert ":".join([*texts[:i], stage.multipliers[at + 1], *texts[i + 1 :]]) not in within


def test_an_interrupted_run_keeps_what_it_has(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted("60s")
    again = Machine(off=machine.off, interrupt_after=len(machine.visits) - 5)
    again.install(monkeypatch.setattr)
    bounds = [Bound("params", 3_000_000), Bound("latency", 0.008)]
    *_, end = fitting_stages(Place("mobilenet_v1", batch=1), bounds, "0.25..1.5:0.25", bench=bench("60s"))
    assert isinstance(end, Finished)
    assert end.interrupted
    assert end.found.fitting > 0
    assert any(isinstance(note, FitInterrupted) for note in end.found.latency.notes)
    assert any(latency(record) is not None for record in end.found.maximal)


def test_nothing_within_names_the_limit_that_would_do(machine: Machine) -> None:
    found = fitted(limit="100us")
    assert (found.fitting, len(found.maximal)) == (0, 0)
    near = found.closest
    assert near is not None
    assert near["stages"] == "0.25:0.25:0.25:0.25:0.25"
    high = near["latency_high_s"] or near["predicted_high_s"]
    assert answers.failure(found) == (
        f"nothing fits; the nearest is mobilenet_v1@stages={near['stages']}; it would fit with --max-latency {1e3 * high:.4g}ms"
    )


def test_what_fits_nothing_on_paper_is_not_measured(machine: Machine) -> None:
    found = profiler.fit_stages("mobilenet_v1", "0.5..1", max_latency="1s", max_macs="1M", bench=bench())
    assert machine.visits == []
    assert answers.failure(found).endswith("it would fit with --max-macs 149497088")


def test_too_little_time_leaves_latencies_unknown(machine: Machine) -> None:
    machine.slow = 1000.0
    found = fitted("1s")
    assert found.latency is not None
    assert found.fitting == 0
    assert found.latency.unknown > 0
    assert found.latency.undecided == found.latency.over == 0
    (note,) = [note for note in found.latency.notes if isinstance(note, NotPredicted)]
    assert note.more == found.latency.unknown - 1
    assert "measure longer with --time" in note.reason
    assert answers.failure(found).startswith(
        f"no combination is known to fit; the latency of {found.latency.unknown:,} combinations"
    )


def test_the_table_has_latencies_measured_and_predicted(machine: Machine) -> None:
    found = fitted()
    (sheet,) = registry.answer(found, View(top=8)).sheets()
    assert sheet.title.startswith("mobilenet_v1: params ≤ 3,000,000, latency ≤ 8.00 ms: ")
    assert sheet.columns[-1].text == "latency"
    shown = [row[-1] for row in sheet.rows]
    assert all(" ms ±" in text for text in shown[:5])
    assert all(text.startswith("≈ ") or " ms ±" in text for text in shown[5:])
    assert any(text.startswith("≈ ") for text in shown)
    (csv,) = registry.answer(found, View(columns=["stages", "latency_fits", "predicted_s"])).sheets()
    assert {row[1] for row in csv.rows} == {"within"}
    assert list(registry.answer(found).columns)[-14:] == list(found.columns)[-14:]
    assert found.to_dict()["per_stage"]["latency"]["unknown"] == found.latency.unknown  # type: ignore[union-attr]


def test_from_a_file_nothing_is_measured(machine: Machine, tmp_path: Path) -> None:
    """The same figures as `predict --from` gives for the networks by their names."""
    grid = profiler.layers("mobilenet_v1", alpha="0.25,0.5,1,1.5", resolution="224", bench=bench())
    profiler.write(grid, tmp_path / "run.json")
    machine.visits.clear()
    source = str(tmp_path / "run.json")
    found = profiler.fit_stages("mobilenet_v1", "0.25..1.5:0.25", max_latency="8ms", source=source)
    assert machine.visits == []
    assert found.fitting > 0
    for record in [*found.maximal[:3], found.maximal[-1]]:
        (there,) = profiler.predict(f"mobilenet_v1@stages={record['stages']}", source=source)
        assert prediction(record) == pytest.approx(prediction(there), rel=1e-12)
        assert record["device"] == "cpu"
    assert latency(found.maximal[0]) is None
    cells = profiler.fit("mobilenet_v1", alpha="0.25..1.5", resolution=224, max_latency="12ms", source=source)
    for record in cells:
        (there,) = profiler.predict("mobilenet_v1", alpha=record["alpha"], resolution=224, source=source)
        assert prediction(record) == prediction(there)
        assert record["latency_fits"] == ("within" if there["predicted_high_s"] <= 0.012 else record["latency_fits"])
    other = profiler.fit_stages("mobilenet_v1", "0.25..1.5:0.25", max_latency="8ms", source=source, batch=8)
    assert other.latency is not None
    assert other.latency.unknown == other.combinations
    assert "batch 8 was not measured" in str(other.latency.notes[-1])


def test_a_file_needs_a_limit_of_latency_and_no_time(tmp_path: Path) -> None:
    with pytest.raises(ProfilerError, match="has no effect without --max-latency; add one"):
        profiler.fit_stages("mobilenet_v1", "1", max_macs="1G", source="run.json")
    with pytest.raises(ProfilerError, match="--time has no effect with --from"):
        profiler.fit("mobilenet_v1", max_latency="1s", source="run.json", bench=bench())
    with pytest.raises(Unavailable, match="there is no file"):
        profiler.fit("mobilenet_v1", max_latency="1s", source=str(tmp_path / "run.json"))
