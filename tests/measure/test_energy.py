"""Joules a call: blocks between steps of a counter, every cell in turn after its latency, kept, carried on, and said in a sentence."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from profiler.errors import ProfilerError
from profiler.measure import energy
from profiler.measure.devices import opened
from profiler.measure.energy import BLOCKS, Energy, EnergyBlock, measured_block
from profiler.measure.plan import Budget, Setting, Spec
from profiler.measure.protocol import Scheduler
from profiler.measure.resuming import resumed
from profiler.measure.samples import Samples
from profiler.measure.visits import CellFailed
from profiler.measure.workloads import Spin
from profiler.records.columns import COLUMNS, ENERGY, WAITING
from profiler.report.sheets.columns import CELLS as SHEET
from profiler.study.bench_options import BenchOptions
from profiler.study.layers import layers
from profiler.study.measuring import timing
from tests.measure.test_protocol import Device, noisy

CELLS = [Spec(Spin(1e-3), 4, Setting(), {"model": "spin", "cell": i}) for i in range(3)]


class Metered(Device):
    """With a counter: cell i takes i + 1 J a call."""

    def __init__(self, *given: Any, ends_after: int | None = None, refuses: tuple[int, ...] = ()) -> None:
        super().__init__(*given)
        self.taken: list[int] = []
        self.ends_after, self.refuses = ends_after, refuses

    def energy(self, number: int, seconds: float) -> EnergyBlock:
        if len(self.taken) == self.ends_after:
            raise KeyboardInterrupt
        self.taken.append(number)
        if number in self.refuses:
            raise CellFailed("the energy counter of cuda did not move for 2 s of calls")
        assert seconds == 2.0
        return EnergyBlock((number + 1) * 100.0, 100, 2.1)


def scheduled(device: Metered, keeper: Samples | None = None, cells: list[Spec] = CELLS) -> Scheduler:
    return Scheduler(cells, device, Budget(2.0), lambda: device.now, random.Random(0), keeper, meter=device)


def test_every_cell_has_six_blocks_in_random_order_after_its_rounds() -> None:
    device = Metered([0.01, 0.02, 0.03], noisy)
    stages = [run.stage for run in scheduled(device).steps()]
    turns = [device.taken[3 * i : 3 * i + 3] for i in range(BLOCKS)]
    assert all(sorted(turn) == [0, 1, 2] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert len(device.taken) == 3 * BLOCKS
    assert stages[-2:] == ["energy, block 6 of 6", ""]


def test_joules_of_an_image_are_those_of_a_call_over_its_batch() -> None:
    device = Metered([0.01, 0.02, 0.03], noisy)
    outcomes = scheduled(device).measure().outcomes
    assert [outcome.energy.per_sample(4) for outcome in outcomes] == [((i + 1) / 4,) * 3 for i in range(3)]
    made = timing(CELLS[1], outcomes[1])
    assert (made.joules_per_image, made.joules_low, made.joules_high, made.no_energy) == (0.5, 0.5, 0.5, "")
    uneven = Energy([EnergyBlock(joules, 10, 2.0) for joules in (60.0, 10.0, 50.0, 20.0, 40.0, 30.0)])
    assert uneven.per_sample(1) == (3.5, 1.0, 6.0)  # of 1 2 3 4 5 6 J a call


def test_a_cell_without_a_counter_has_its_latency_and_a_reason() -> None:
    device = Metered([0.01, 0.02, 0.03], noisy, refuses=(1,))
    device.fails["warm", 2] = "out of memory"
    outcomes = scheduled(device).measure().outcomes
    assert device.taken.count(1) == 1  # once is enough
    assert 2 not in device.taken
    made = [timing(spec, outcome) for spec, outcome in zip(CELLS, outcomes, strict=True)]
    assert [each.no_energy for each in made] == [
        "",
        "the energy counter of cuda did not move for 2 s of calls",
        "out of memory",
    ]
    assert [each.latency_s is None for each in made] == [False, False, True]
    assert [each.joules_per_image for each in made] == [0.25, None, None]


def test_blocks_are_kept_and_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    with Samples(path, CELLS, "bench") as samples, pytest.raises(KeyboardInterrupt):
        scheduled(Metered([0.01, 0.02, 0.03], noisy, ends_after=7, refuses=(1,)), samples).measure()
    kept = resumed(path, CELLS).run
    blocks = [len(outcome.energy.blocks) for outcome in kept.outcomes]
    assert sum(blocks) == 6  # of seven that were taken, one was refused
    assert timing(CELLS[0], kept.outcomes[0]).no_energy == f"{blocks[0]} of 6 blocks were measured"
    device = Metered([0.01, 0.02, 0.03], noisy)
    with Samples(path, CELLS, "bench", again=True) as samples:
        again = scheduled(device, samples)
        again.run = kept
        again.measure()
    assert len(device.taken) == 2 * BLOCKS - 6
    assert 1 not in device.taken
    assert [len(outcome.energy.blocks) for outcome in again.run.outcomes] == [6, 0, 6]
    found = resumed(path, CELLS).run.outcomes
    assert [outcome.energy for outcome in found] == [outcome.energy for outcome in again.run.outcomes]


class Counter:
    """A counter that a test moves, in a clock that it moves too: what measured_block sees of a live workload."""

    def __init__(self, joules: Callable[[float], float], call_s: float = 0.003) -> None:
        self.now, self.calls = 0.0, 0
        self.device = SimpleNamespace(joules=lambda: joules(self.now), name="cuda")
        self.call_s = call_s

    def call(self) -> None:
        self.calls += 1
        self.now += self.call_s

    def sync(self) -> None: ...

    def end_if_forked(self) -> None: ...


def block(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> EnergyBlock:
    monkeypatch.setattr(energy, "perf_counter", lambda: counter.now)
    return measured_block(counter, 2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("call_s", [0.0003, 0.003, 0.07, 3.0])
def test_a_block_is_from_step_to_step(monkeypatch: pytest.MonkeyPatch, call_s: float) -> None:
    """200 W in steps of 0.1 s: calls of 3 ms are 0.6 J, however the steps fall; a block is never under 2 s."""
    counter = Counter(lambda now: 5000.0 + 200.0 * 0.1 * (now // 0.1), call_s)
    found = block(counter, monkeypatch)
    assert found.seconds >= 2.0
    assert found.joules / found.calls == pytest.approx(200.0 * call_s, rel=0.02)
    assert found.seconds == pytest.approx(found.calls * call_s)
    assert found.calls < counter.calls  # those up to the first step are not of the block


@pytest.mark.parametrize(
    ("joules", "said"),
    [
        (lambda now: 5000.0, "the energy counter of cuda did not move for 2 s of calls"),
        (lambda now: 5000.0 + min(now // 0.1, 5), "the energy counter of cuda did not move for 2 s of calls"),
        (lambda now: 5000.0 - now // 0.1, "the energy counter of cuda went back from 5000 J to 4999 J"),
    ],
)
def test_a_counter_that_does_not_count(monkeypatch: pytest.MonkeyPatch, joules: Callable[[float], float], said: str) -> None:
    with pytest.raises(ProfilerError) as fault:
        block(Counter(joules), monkeypatch)
    assert str(fault.value) == said


@pytest.mark.parametrize("name", ["cpu", "mps"])
def test_a_device_without_a_counter(name: str) -> None:
    with pytest.raises(ProfilerError, match=f"{name} has no energy counter; only NVIDIA GPUs have one that can be read"):
        opened(name).joules()


def test_no_energy_of_layers() -> None:
    with pytest.raises(ProfilerError, match="--energy has no effect with --layers"):
        layers("lenet5", bench=BenchOptions(device="cpu", energy=True))


def test_a_cell_is_never_without_its_interval() -> None:
    cell = SHEET["joules_per_image"]
    record: dict[str, Any] = {"joules_per_image": 0.01234, "joules_low": 0.0122, "joules_high": 0.0125}
    assert cell(record, record, "raw") == "12.3 mJ ±1.2 %"
    for value in (None, WAITING):
        unknown = dict.fromkeys(record, value)
        assert cell(unknown, unknown, "raw") == "–"
    names = list(COLUMNS)
    first = names.index(ENERGY[0].name)
    assert [column.name for column in ENERGY] == names[first : first + len(ENERGY)]
    assert names[first + len(ENERGY) :] == ["host"], "columns are appended, after all that there was"
