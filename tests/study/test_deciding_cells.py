"""With time left a sweep and a fit measure what their predictions leave undecided: workers and clock are simulated."""

from __future__ import annotations

from typing import Any

import pytest

import profiler
from profiler.records.columns import latency, prediction
from profiler.records.events import Finished
from profiler.records.notes import FitInterrupted, MeasuredToDecide, MeasuringInterrupted, Predicted
from profiler.records.place import Place
from profiler.study import sweep as sweeps
from profiler.study.fit import fitting
from profiler.study.fit_limits import bounds_of
from tests.measure.simulated import Machine

ALPHAS, SIDES = "0.25..1.0:0.125", "128..224:32"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Networks whose times are off from the rates by up to 6 %, some more and some less, so that intervals overlap."""
    made = Machine(
        off=lambda spec: 1 + 0.06 * ((hash_of(str(spec.about["alpha"]) + str(spec.about["input"])) % 201) - 100) / 100
    )
    made.install(monkeypatch.setattr)
    return made


def hash_of(text: str) -> int:
    """The same in every process."""
    return sum((i + 7) * ord(letter) ** 2 for i, letter in enumerate(text))


def bench(seconds: str, measure: int | None = None) -> profiler.BenchOptions:
    return profiler.BenchOptions(device="cpu", threads=1, time=seconds, measure=measure)


def swept(seconds: str, measure: int = 6) -> profiler.Results:
    return profiler.sweep("mobilenet_v1", alpha=ALPHAS, resolution=SIDES, engine="closed", bench=bench(seconds, measure))


def measured(found: profiler.Results) -> list[int]:
    return [i for i, record in enumerate(found) if latency(record) is not None]


def more(found: profiler.Results) -> int:
    """How many cells were measured to decide something, as a note says."""
    notes = [note for note in found.notes if isinstance(note, MeasuredToDecide)]
    return sum(note.cells for note in notes)


def test_a_sweep_measures_the_least_that_was_asked_for_and_then_what_is_undecided(machine: Machine) -> None:
    found = swept("90s")
    decided = more(found)
    assert decided >= 3
    assert len(measured(found)) == 6 + decided
    assert machine.clock.now - 1000 <= 91, "the budget is what it was"
    assert all((latency(record) is None) != (prediction(record) is None) for record in found)
    (note,) = [note for note in found.notes if isinstance(note, Predicted)]
    assert (note.measured, note.cells) == (6 + decided, len(found) - 6 - decided), "predicted from all that were measured"
    order = list(dict.fromkeys(machine.visits))
    assert len(order) == 6 + decided


def test_the_first_that_follows_overlaps_most_of_the_front(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the anchors alone say is what a run has that was interrupted when the first cell after them came."""
    swept("90s")
    first = list(dict.fromkeys(machine.visits))[6]
    again = Machine(off=machine.off, interrupt_after=machine.visits.index(first) + 1)
    again.install(monkeypatch.setattr)
    *_, end = sweeps.sweeping(("mobilenet_v1",), Place(None, {}, ALPHAS, SIDES), "closed", "paper", bench("90s", 6))
    assert isinstance(end, Finished)
    found = end.found
    assert len(measured(found)) == 6
    known = [latency(record) or prediction(record) for record in found]
    ends = [each[1:] for each in known if each is not None]
    assert len(ends) == len(found)
    rated = [i for i, record in enumerate(found) if record["top1"] is not None]
    front = [
        i for i in rated
        if not any(found[j]["top1"] >= found[i]["top1"] and ends[j][1] < ends[i][0] for j in rated)
    ]  # fmt: skip
    rivals = {
        i: sum(j != i and ends[j][0] <= ends[i][1] and ends[i][0] <= ends[j][1] for j in front)
        for i in front
        if latency(found[i]) is None
    }
    names = [f"mobilenet_v1 {record['alpha']} {record['input']}" for record in found]
    assert rivals[names.index(first)] == max(rivals.values()) > 0


def test_nothing_undecided_leaves_the_rest_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Machine(noise=1e-6)
    exact.install(monkeypatch.setattr)
    found = profiler.sweep(
        "mobilenet_v1", alpha="0.25,0.5,0.75,1", resolution="128,224", engine="closed", bench=bench("60s", 4)
    )
    assert more(found) == 0
    assert len(measured(found)) == 4
    assert exact.clock.now - 1000 < 40


def test_an_interrupted_sweep_keeps_what_it_has(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = swept("90s")
    again = Machine(off=machine.off, interrupt_after=len(machine.visits) - 3)
    again.install(monkeypatch.setattr)
    at = Place(None, {}, ALPHAS, SIDES)
    *_, end = sweeps.sweeping(("mobilenet_v1",), at, "closed", "paper", bench("90s", 6))
    assert isinstance(end, Finished)
    assert end.interrupted
    assert any(isinstance(note, MeasuringInterrupted) for note in end.found.notes)
    assert len(measured(end.found)) >= 6
    assert len(measured(end.found)) <= len(measured(whole))
    assert all((latency(record) is None) != (prediction(record) is None) for record in end.found), "the rest is predicted"


def fitted(seconds: str, limit: str = "12ms", **more: Any) -> profiler.Results:
    return profiler.fit("mobilenet_v1", alpha=ALPHAS, resolution=SIDES, max_latency=limit, bench=bench(seconds), **more)


def test_a_fit_measures_what_it_recommends_then_what_is_undecided(machine: Machine) -> None:
    found = fitted("120s")
    assert len(found.fitting) > 5
    top = found.fitting[:5]
    assert all(latency(record) is not None for record in top), "what is recommended was measured"
    assert more(found) == len(measured(found)) - 12
    assert all(record["latency_fits"] == "within" for record in found.fitting)
    assert len(measured(fitted("3s"))) < len(measured(found)), "its budget is what it may take"


def test_the_undecided_cells_of_a_fit_are_measured_the_most_wanted_first(machine: Machine) -> None:
    found = fitted("400s")
    for record in found:
        if record["latency_fits"] == "undecided":
            assert latency(record) is not None, "with all the time that it takes only the clock itself is undecided"


def test_an_interrupted_fit_keeps_what_it_has(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted("120s")
    again = Machine(off=machine.off, interrupt_after=len(machine.visits) - 3)
    again.install(monkeypatch.setattr)
    at = Place(None, {}, ALPHAS, SIDES)
    *_, end = fitting(("mobilenet_v1",), at, bounds_of({"latency": (None, "12ms")}), None, bench("120s"))
    assert isinstance(end, Finished)
    assert end.interrupted
    assert len(measured(end.found)) >= 12
    assert any(isinstance(note, FitInterrupted) for note in end.found.notes)
    assert not any(isinstance(note, MeasuringInterrupted) for note in end.found.notes), "a fit has no --resume"
    assert {record["latency_fits"] for record in end.found} <= {"within", "over", "undecided"}


def test_an_interrupt_before_any_round_of_a_fit_predicts_nothing(machine: Machine) -> None:
    machine.interrupt_after = 1
    at = Place(None, {}, ALPHAS, SIDES)
    *_, end = fitting(("mobilenet_v1",), at, bounds_of({"latency": (None, "12ms")}), None, bench("120s"))
    assert isinstance(end, Finished)
    assert end.interrupted
    assert {record["latency_fits"] for record in end.found} == {"unknown"}
    assert not end.found.fitting


def test_too_few_rounds_at_first_take_the_rest_of_the_time(machine: Machine) -> None:
    machine.slow = 3.0
    found = fitted("50s", "100s")
    assert len(measured(found)) >= 3
