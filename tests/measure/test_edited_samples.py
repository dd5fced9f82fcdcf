"""Samples edited at random: each is refused with its line, or it is read and whatever a run makes of it can be made."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import ProfilerError
from profiler.measure import grades
from profiler.measure.energy import EnergyBlock
from profiler.measure.plan import Budget, Setting, Spec, State
from profiler.measure.protocol import Scheduler
from profiler.measure.resuming import resumed
from profiler.measure.samples import Samples
from profiler.measure.visits import CellFailed, Visit
from profiler.measure.workloads import Spin
from profiler.records.columns import energy
from profiler.records.columns import measured as measured_columns
from profiler.study.measuring import timing
from tests.measure.test_protocol import Device, noisy

ABOUT: dict[str, Any] = {"options": {}, "alpha": None, "input": "3"}
CELLS = [
    Spec(Spin(1e-3), 2, Setting(device="cuda"), {"model": "spin", **ABOUT, "layers": True}),
    Spec(Spin(1e-3), 1, Setting(), ABOUT),
]
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**53, 2**70, 10**400, 0.0, -0.5, 1e-320, 1e300, float("nan"), float("inf"), -float("inf"), "", "x", "1",
    "\x1b]0;x\x07", "\ud800", [], [1], [[]], {}, {"a": 1}, {"": None}, "narrow", "round", [0.1] * 3, {"a": float("nan")},
)  # fmt: skip


class Gpu(Device):
    """With everything that a visit may hold."""

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        found = super().visit(number, settle, samples, block)
        found.event_s, found.graph_s = [0.001], [0.002, 0.001]
        found.gpu = {"sm_clock_hz": 10**9, "throttle_reasons": 0, "temperature_c": 40}
        return found

    def energy(self, number: int, seconds: float) -> EnergyBlock:
        if number:
            raise CellFailed("its energy counter did not move")
        return EnergyBlock(700.0, 200, 2.0)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    path = tmp_path_factory.mktemp("samples") / "run.samples.jsonl"
    device = Gpu([0.01, 0.02], noisy)
    with Samples(path, CELLS, "bench") as samples:
        samples.worker(State("cpu", 1, "fp32", "eager"), {"torch": "2", "threads": 1})
        budget = Budget(2.0, least_span=0.1)
        Scheduler(
            CELLS, device, budget, lambda: device.now, random.Random(0), samples, layers=frozenset((0,)), meter=device
        ).measure()
    return [json.loads(line) for line in path.read_text().splitlines()]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything in a document."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def mutate(document: list[Any], chance: random.Random) -> None:
    """One change: a value by another, a key away or twice, a line away or twice."""
    line = document if chance.random() < 0.05 else document[chance.randrange(len(document))]
    container, key = chance.choice(list(places(line)))
    match chance.randrange(6):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container["more"] = copy.deepcopy(chance.choice(ODD))
        case 2 if isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        case 3 if isinstance(container[key], int | float):
            container[key] = container[key] * chance.choice((-1, 2, 0.5, 1e6, 10**30))
        case _:
            container[key] = copy.deepcopy(chance.choice(ODD))


def used(path: Path) -> bool:
    """Whether a file is read; then its run goes on and is told of. Raises what that raises."""
    said = ""
    try:
        kept = resumed(path, CELLS)
    except ProfilerError as fault:
        said = str(fault)
    if said:
        assert (str(path) in said, said.isprintable()) == (True, True)
        return False
    device = Gpu([0.01, 0.02], noisy)
    scheduler = Scheduler(
        CELLS, device, Budget(0.2, least_span=0.1), lambda: device.now, random.Random(0), layers=frozenset((0,))
    )
    scheduler.run = kept.run
    for run in scheduler.steps():
        assert run.round < 2**54
    for spec, outcome in zip(CELLS, kept.run.outcomes, strict=True):
        made = timing(spec, outcome)
        json.dumps({**made.to_dict(), **measured_columns(made, 1000), **energy(made)}, allow_nan=False).encode()
        grades.fastest([each.reading for each in outcome.rounds.values()])
    return True


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(12, 400))])
def test_edited_samples(lines: list[Any], tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "run.samples.jsonl"
    read = 0
    for _ in range(25):
        document = copy.deepcopy(lines)
        for _ in range(chance.choice((1, 1, 1, 3))):
            mutate(document, chance)
        try:
            text = "".join(json.dumps(line) + "\n" for line in document)
        except ValueError:  # a number of more digits than Python writes
            continue
        path.write_text(text)
        read += used(path)
    assert read < 25  # some of them are refused


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("round", {"round": float("inf")}), ("round", {"round": 0}), ("round", {"round": 1.5}), ("round", {"spent_s": float("nan")}),
        ("round", {"cells": {}}), ("prepared", {"first_call_s": float("nan")}), ("prepared", {"peak_bytes": "many"}),
        ("prepared", {"peak_bytes": -1}), ("prepared", {"warmed": []}), ("prepared", {"more": 1}), ("ended", {"stop": "asleep"}),
        ("ended", {"reason": 5}), ("worker", {"state": [[], 1, "fp32", False]}), ("worker", {"facts": []}), ("ended", {"what": ["x"]}),
        ("energy", {"blocks": [[0.0, 1, 2.0]]}), ("energy", {"blocks": [[1.0, 0, 2.0]]}), ("energy", {"blocks": [[1.0, 1, float("inf")]]}),
        ("energy", {"blocks": [[1.0, 1, 2.0]] * 7}), ("energy", {"blocks": [[1.0, 1]]}), ("energy", {"reason": None}),
    ],
)  # fmt: skip
def test_a_line_that_no_run_writes_is_refused(lines: list[Any], tmp_path: Path, what: str, change: dict[str, Any]) -> None:
    document = copy.deepcopy(lines)
    at = next(i for i, line in enumerate(document) if line["what"] == what)
    document[at] |= change
    path = tmp_path / "run.samples.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in document))
    with pytest.raises(ProfilerError, match=rf"line {at + 1}: damaged \(.*\); measure it again, without --resume"):
        resumed(path, CELLS)


@pytest.mark.parametrize("part", ["visit", "reading"])
@pytest.mark.parametrize("value", ["x", [], {}, -1, float("nan"), True])
def test_nothing_that_a_round_holds_is_believed(lines: list[Any], tmp_path: Path, part: str, value: Any) -> None:
    path = tmp_path / "run.samples.jsonl"
    at = next(i for i, line in enumerate(lines) if line["what"] == "round")
    cell = next(i for i, each in enumerate(lines[at]["cells"]) if each["visit"]["layers"])
    for name, held in lines[at]["cells"][cell][part].items():
        if name == "gpu_slowed" and value is True:
            continue  # which it may be
        if type(held) is type(value) and value in ([], {}) and name not in ("seconds", "layers", "layers_s"):
            continue  # as a CPU has it
        document = copy.deepcopy(lines)
        document[at]["cells"][cell][part][name] = value
        path.write_text("".join(json.dumps(line) + "\n" for line in document))
        with pytest.raises(ProfilerError, match=rf"line {at + 1}: damaged"):
            resumed(path, CELLS)


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 10**5, '{"what": "round", "round": ' + "9" * 5000 + "}"])
def test_a_line_that_python_does_not_read_is_refused(lines: list[Any], tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.samples.jsonl"
    path.write_text(json.dumps(lines[0]) + "\n" + text + "\n")
    with pytest.raises(ProfilerError, match="line 2: this is not JSON; name a"):
        resumed(path, CELLS)
