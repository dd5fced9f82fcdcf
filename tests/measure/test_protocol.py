"""The scheduler with a clock and a device that are the test's own: order, stopping, budgets, groups, failures."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from profiler.measure.host import Counters
from profiler.measure.outcomes import Round, Run
from profiler.measure.plan import Budget, Setting, Spec, State
from profiler.measure.protocol import Scheduler
from profiler.measure.visits import CellFailed, Prepared, ReferenceTime, Visit, Warmed
from profiler.measure.workloads import Spin
from profiler.study.measuring import timing


@dataclass
class Device:
    """A device whose calls take what `call_s` says, on a clock that only they move."""

    call_s: list[float]
    noise: Callable[[int, int], float] = lambda number, turn: 1.0
    now: float = 0.0
    log: list[tuple[str, object]] = field(default_factory=list)
    fails: dict[tuple[str, int], str] = field(default_factory=dict)
    memory: int | None = None
    lost_s: float = 0.0
    turns: Counter[int] = field(default_factory=Counter)

    def _may_fail(self, what: str, number: int) -> None:
        if (what, number) in self.fails:
            raise CellFailed(self.fails[what, number])

    def prepare(self, number: int) -> Prepared:
        self.log.append(("prepare", number))
        self._may_fail("prepare", number)
        self.now += 1.0
        return Prepared(1.0, self.call_s[number], None, 1000)

    def warm(self, number: int, seconds: float) -> Warmed:
        self.log.append(("warm", number))
        self._may_fail("warm", number)
        calls = max(1, min(10, int(seconds / self.call_s[number])))
        self.now += calls * self.call_s[number]
        return Warmed(self.call_s[number], calls, calls == 10, calls * self.call_s[number])

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        self.log.append(("visit", number))
        self._may_fail("visit", number)
        self.turns[number] += 1
        seconds = self.call_s[number] * self.noise(number, self.turns[number])
        spent = seconds * (settle + samples * block)
        self.now += spent
        return Visit([seconds] * samples, block, 1.0, 0, spent)

    def visit_layers(self, number: int, samples: int) -> Visit:
        self.log.append(("layers", number))
        seconds = 1.1 * self.call_s[number]
        self.now += seconds * samples
        return Visit([seconds] * samples, 1, 0.0, 0, seconds * samples, layers={"a": 0.4 * seconds, "b": 0.6 * seconds})

    def reference(self, state: State) -> ReferenceTime | None:
        self.log.append(("reference", state.threads))
        self.now += 1e-4
        return ReferenceTime(1e-3)

    def release(self, number: int) -> None:
        self.log.append(("release", number))

    def counters(self) -> Counters:
        return Counters(0, 0, 0)

    def free(self, state: State) -> int | None:
        return self.memory

    @property
    def rounds(self) -> list[list[object]]:
        """What was visited, round by round: each ends where every reference has been timed and all cells visited."""
        visits = [number for what, number in self.log if what == "visit"]
        return [visits]


def cells(n: int, memory: int = 0, threads: tuple[int, ...] = (1,)) -> list[Spec]:
    return [Spec(Spin(1e-3), 1, Setting(threads=threads[i % len(threads)]), {"cell": i}, memory) for i in range(n)]


class Kept:
    """A keeper that remembers the rounds."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.ends: list[tuple[int, str, str]] = []

    def prepared(self, number: int, found: Prepared, warmed: Warmed) -> None: ...

    def round(self, run: Run, cells: Mapping[int, Round]) -> None:
        self.rounds.append(list(cells))

    def ended(self, number: int, stop: str, reason: str) -> None:
        self.ends.append((number, stop, reason))


def scheduled(device: Device, specs: list[Spec], budget: Budget, seed: int = 0, **given: object) -> tuple[Scheduler, Kept]:
    kept = Kept()
    return Scheduler(specs, device, budget, lambda: device.now, random.Random(seed), kept, **given), kept  # type: ignore[arg-type]


def noisy(number: int, turn: int) -> float:
    """Spread of ±10 % that no number of rounds a test has would bring to 1 %."""
    return 1 + 0.2 * random.Random(1000 * number + turn).random()


def test_every_cell_once_a_round_with_the_reference_in_random_order() -> None:
    device = Device([0.01, 0.02, 0.03], noisy)
    scheduler, kept = scheduled(device, cells(3), Budget(5.0))
    run = scheduler.measure()
    assert all(sorted(cells_of) == [0, 1, 2] for cells_of in kept.rounds)
    assert len(kept.rounds) == run.round == len(run.outcomes[0].rounds) >= 10
    acts = [(what, number) for what, number in device.log if what in ("visit", "reference")]
    by_round = [acts[4 * i : 4 * i + 4] for i in range(run.round)]
    assert all(Counter(what for what, _ in each) == {"visit": 3, "reference": 1} for each in by_round)
    orders = Counter(tuple(each) for each in by_round)
    assert len(orders) > 10  # of 24
    firsts = Counter(each[0] for each in by_round)
    assert max(firsts.values()) < 0.5 * run.round


def test_another_seed_is_another_order() -> None:
    def order(seed: int) -> list[tuple[str, object]]:
        device = Device([0.01, 0.02, 0.03], noisy)
        scheduled(device, cells(3), Budget(5.0), seed)[0].measure()
        return device.log[10:60]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_quiet_cell_stops_when_it_is_narrow() -> None:
    device = Device([0.01])
    run = scheduled(device, cells(1), Budget(60.0))[0].measure()
    assert run.outcomes[0].stop == "narrow"
    assert 3.0 <= run.spent_s < 4.0  # at least three seconds, since machines change slowly


def test_a_noisy_cell_spends_the_budget() -> None:
    device = Device([0.01], noisy)
    run = scheduled(device, cells(1), Budget(5.0))[0].measure()
    assert run.outcomes[0].stop == "budget"
    assert 4.5 <= run.spent_s <= 5.0


def test_what_a_narrow_cell_leaves_goes_to_the_widest() -> None:
    device = Device([0.01, 0.01], lambda number, turn: noisy(number, turn) if number else 1.0)
    run = scheduled(device, cells(2), Budget(8.0))[0].measure()
    assert [outcome.stop for outcome in run.outcomes] == ["narrow", "budget"]
    assert len(run.outcomes[1].rounds) > 2 * len(run.outcomes[0].rounds)


def test_the_base_stays_while_another_goes_on() -> None:
    device = Device([0.01, 0.01], lambda number, turn: noisy(number, turn) if number else 1.0)
    run = scheduled(device, cells(2), Budget(20.0), base=0)[0].measure()
    assert run.outcomes[0].rounds.keys() == run.outcomes[1].rounds.keys()


def test_noise_that_more_rounds_do_not_narrow_has_converged() -> None:
    """Two levels that last for hundreds of rounds: the median's interval spans both however many there are."""
    device = Device([0.001], lambda number, turn: 1.0 if turn // 50 % 2 else 1.3)
    run = scheduled(device, cells(1), Budget(60.0))[0].measure()
    assert run.outcomes[0].stop == "converged"
    assert 30.0 <= run.spent_s < 60.0


def test_cells_that_do_not_fit_are_left_out_with_the_time_that_would_do() -> None:
    device = Device([0.01, 4.0])
    run = scheduled(device, cells(2), Budget(30.0), base=0)[0].measure()
    # warm-up: one call of 4 s (of the 3 s that are its half of a fifth), ten of 0.01 s; left 25.9 s for rounds of 4.02 s
    assert run.outcomes[1].reason == "30s holds 6 of 10 rounds; --time 65s would do"  # 1.2 · 40.2 s / (1 - 0.2), rounded up
    assert run.outcomes[0].stop == "narrow"
    again = Device([0.01, 4.0])
    run = scheduled(again, cells(2), Budget(65.0), base=0)[0].measure()  # and it does
    assert len(run.outcomes[1].rounds) >= 10
    assert not run.outcomes[1].reason
    assert run.spent_s <= 65.0 * 1.1


def test_a_budget_too_small_for_any_leaves_all_empty() -> None:
    run = scheduled(Device([5.0, 7.0]), cells(2), Budget(1.0), base=0)[0].measure()
    # 1.2 · (50 + 70) s / (1 - 0.2): one time that does for all
    assert [outcome.reason for outcome in run.outcomes] == ["1s holds 0 of 10 rounds; --time 180s would do"] * 2
    enough = scheduled(Device([5.0, 7.0]), cells(2), Budget(180.0), base=0)[0].measure()
    assert not any(outcome.reason for outcome in enough.outcomes)


def test_a_machine_that_slows_may_run_over_by_a_tenth_for_the_least_rounds() -> None:
    device = Device([0.1], lambda number, turn: 8.0)
    run = scheduled(device, cells(1), Budget(10.0))[0].measure()
    outcome = run.outcomes[0]
    assert len(outcome.rounds) >= 10
    assert not outcome.reason
    slower = Device([0.1], lambda number, turn: 30.0)
    run = scheduled(slower, cells(1), Budget(10.0))[0].measure()
    assert run.outcomes[0].reason.startswith("10s holds ")
    assert run.spent_s <= 10.0 * 1.1 + 3.0 * 2


@pytest.mark.parametrize("what", ["prepare", "warm", "visit"])
def test_a_cell_that_fails_is_its_own_reason_and_not_the_end(what: str) -> None:
    device = Device([0.01, 0.01, 0.01], fails={(what, 1): "out of memory"})
    run = scheduled(device, cells(3), Budget(10.0), base=0)[0].measure()
    assert [outcome.reason for outcome in run.outcomes] == ["", "out of memory", ""]
    assert [outcome.stop for outcome in run.outcomes] == ["narrow", "", "narrow"]


def test_the_base_may_fail_too() -> None:
    device = Device([0.01, 0.01], fails={("visit", 0): "its process was killed"})
    run = scheduled(device, cells(2), Budget(10.0), base=0)[0].measure()
    assert [outcome.reason for outcome in run.outcomes] == ["its process was killed", ""]


def test_a_figure_stands_though_its_cell_fails_later() -> None:
    """The base has its rounds from the first group and finds no memory in the second."""

    class Second(Device):
        def prepare(self, number: int) -> Prepared:
            if number == 0 and ("release", 0) in self.log:
                raise CellFailed("out of memory")
            return super().prepare(number)

    device = Second([0.01] * 3, memory=1000)
    run = scheduled(device, cells(3, memory=350), Budget(12.0), base=0)[0].measure()
    assert (len(run.outcomes[0].rounds) >= 10, run.outcomes[0].reason) == (True, "out of memory")
    made = timing(cells(3)[0], run.outcomes[0])
    assert made.latency_s == pytest.approx(0.01)
    assert made.reason == "±0.0 %; then out of memory"


def test_what_beginning_anew_takes_is_not_of_the_budget() -> None:
    class Restarting(Device):
        def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
            if sum(self.turns.values()) == 5:
                self.now += 100.0
                self.lost_s += 100.0
            return super().visit(number, settle, samples, block)

    run = scheduled(Restarting([0.01]), cells(1), Budget(4.0))[0].measure()
    assert run.outcomes[0].stop == "narrow"
    assert run.spent_s < 4.0


def test_a_stalled_warm_up_is_no_reason_to_give_up() -> None:
    """One call of 1.7 s, the rest of 10 ms: by the first, ten rounds would not fit; they do."""

    class Stalled(Device):
        def warm(self, number: int, seconds: float) -> Warmed:
            self.now += 1.7
            return Warmed(1.7, 1, False, 1.7)

    run = scheduled(Stalled([0.01]), cells(1), Budget(4.0))[0].measure()
    assert not run.outcomes[0].reason
    assert len(run.outcomes[0].rounds) >= 10


def test_groups_where_memory_does_not_hold_all() -> None:
    device = Device([0.01] * 4, memory=1000)
    scheduler, kept = scheduled(device, cells(4, memory=300), Budget(20.0), base=0)
    run = scheduler.measure()
    assert {frozenset(each) for each in kept.rounds} == {frozenset((0, 1)), frozenset((0, 2)), frozenset((0, 3))}
    assert all(outcome.stop == "narrow" for outcome in run.outcomes)
    for number in (1, 2, 3):  # each pairs with the base in its own group's rounds
        assert run.outcomes[number].rounds.keys() <= run.outcomes[0].rounds.keys()
    alive: set[object] = set()
    most = 0
    for act, which in device.log:
        if act == "prepare":
            alive.add(which)
        elif act == "release":
            alive.discard(which)
        most = max(most, len(alive))
    assert most == 2
    assert not alive


def test_a_round_spans_workers_and_times_the_reference_in_each() -> None:
    device = Device([0.01] * 4, noisy)
    scheduler, kept = scheduled(device, cells(4, threads=(1, 2)), Budget(4.0))
    run = scheduler.measure()
    assert all(sorted(each) == [0, 1, 2, 3] for each in kept.rounds)
    assert Counter(number for what, number in device.log if what == "reference") == {1: run.round, 2: run.round}


def test_clocked_layers_interleave_with_plain_runs() -> None:
    device = Device([0.01], noisy)
    run = scheduled(device, cells(1), Budget(3.0), layers=frozenset((0,)))[0].measure()
    acts = [what for what, _ in device.log if what in ("visit", "layers")]
    assert Counter(acts) == {"visit": run.round, "layers": run.round}
    assert len({tuple(acts[2 * i : 2 * i + 2]) for i in range(run.round)}) == 2  # now one first, now the other
    each = next(iter(run.outcomes[0].rounds.values()))
    assert list(each.visit.layers) == ["a", "b"]
    assert each.visit.layers_s == [pytest.approx(0.011)] * len(each.visit.layers_s)


@pytest.mark.parametrize("after", [0, 1, 2, 7, 40, 61])
def test_an_interruption_between_any_two_visits_leaves_whole_rounds(after: int) -> None:
    class Interrupted(Device):
        def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
            if sum(self.turns.values()) == after:
                raise KeyboardInterrupt
            return super().visit(number, settle, samples, block)

    device = Interrupted([0.01, 0.02], noisy)
    scheduler, kept = scheduled(device, cells(2), Budget(5.0))
    with pytest.raises(KeyboardInterrupt):
        scheduler.measure()
    assert [sorted(each) for each in kept.rounds] == [[0, 1]] * (after // 2)
    assert [len(outcome.rounds) for outcome in scheduler.run.outcomes] == [after // 2] * 2
    assert not [number for what, number in device.log if what == "release"]  # a worker may be busy: it is ended, not asked


def test_an_interrupted_run_goes_on_with_what_is_missing() -> None:
    first = scheduled(Device([0.01, 0.01, 0.02], noisy), cells(3), Budget(4.0), base=0)[0]
    run = first.measure()
    run.outcomes[2].rounds = dict(list(run.outcomes[2].rounds.items())[:4])
    run.outcomes[2].stop, run.earlier_s, run.spent_s, last = "", run.spent_s, 0.0, run.round
    device = Device([0.01, 0.01, 0.02], noisy)
    again, kept = scheduled(device, cells(3), Budget(4.0), base=0)
    again.run = run
    done = again.measure()
    assert {number for what, number in device.log if what == "prepare"} == {0, 2}  # the base, and what was missing
    assert min(set(done.outcomes[2].rounds) - set(list(done.outcomes[2].rounds)[:4])) == last + 1
    assert len(done.outcomes[2].rounds) >= 10
    assert done.spent_s <= 4.0 * 1.1
    assert all(sorted(each) == [0, 2] for each in kept.rounds)


def test_a_finished_run_has_nothing_to_go_on_with() -> None:
    run = scheduled(Device([0.01]), cells(1), Budget(5.0))[0].measure()
    device = Device([0.01])
    again, _ = scheduled(device, cells(1), Budget(5.0))
    again.run = run
    assert again.measure() is run
    assert device.log == []


def test_most_of_the_budget_is_spent_inside_calls() -> None:
    device = Device([0.003] * 16, noisy)
    run = scheduled(device, cells(16), Budget(20.0))[0].measure()
    assert run.inside_s / run.spent_s > 0.9
    assert isinstance(run, Run)


def test_what_other_processes_did_is_read_over_a_second() -> None:
    """100 ticks a second of two processors, of which we have one and others 0.6: a visit of 50 ms alone would tell nothing."""

    class Busy(Device):
        def counters(self) -> Counters:
            whole = int(100 * self.now)
            return Counters(2 * whole, 0, 0, busy=whole + int(60 * self.now), own=whole, processors=2)

    run = scheduled(Busy([0.01], noisy), cells(1), Budget(5.0))[0].measure()
    readings = [each.reading for each in run.outcomes[0].rounds.values()]
    assert len(readings) > 50
    assert all(each.others is not None and 0.55 <= each.others <= 0.65 for each in readings[20:])
    assert {each.processors for each in readings} == {2}
    quiet = scheduled(Device([0.01], noisy), cells(1), Budget(5.0))[0].measure()
    assert {each.reading.others for each in quiet.outcomes[0].rounds.values()} == {None}  # it does not tell


def test_a_figure_beside_a_process_that_never_rests_is_a_d_where_threads_take_turns() -> None:
    """Steady to a thousandth, and of another world: every barrier waits for the slice of another process."""

    class Crowded(Device):
        def counters(self) -> Counters:
            whole = int(100 * self.now)
            return Counters(2 * whole, 0, 0, busy=2 * whole, own=int(1.4 * whole), processors=2)

        def reference(self, state: State) -> ReferenceTime | None:
            super().reference(state)
            return ReferenceTime(40e-3)

    for threads, letter in ((2, "D"), (1, "C")):
        specs = cells(1, threads=(threads,))
        run = scheduled(Crowded([0.08]), specs, Budget(6.0))[0].measure()
        found = timing(specs[0], run.outcomes[0])
        assert (found.grade, "other processes busy in" in found.reason) == (letter, True)
        run.outcomes[0].known_s = 1e-3
        found = timing(specs[0], run.outcomes[0])
        assert (found.grade, "reference kernel slower than it was here in 100 % of rounds" in found.reason) == ("D", True)
