"""The measuring protocol proves itself on this machine: known lengths, itself against itself, a planted slowdown, torch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.load.load import in_closed_form
from profiler.measure import statistics
from profiler.measure.certificate import keep
from profiler.measure.devices import working_threads
from profiler.measure.plan import Budget, Setting, Spec
from profiler.measure.workloads import ByTorch, NetworkWorkload, Slowed, Spin
from profiler.records.columns import MEASURED_COLUMNS, WAITING
from profiler.records.environment import environment
from profiler.records.events import Event
from profiler.records.interval import Interval
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.records.timing import PLANTED, SLOWDOWN_FOUND, Certificate, Timing
from profiler.study.bench_options import BenchOptions, seconds_of
from profiler.study.cells import Watch, ending, finished
from profiler.study.measuring import ratio_of, session, timing, watched

MODEL = "mobilenet_v1@alpha=0.25,resolution=128"
PAIRS = 13
SPIN_S = 2e-3
SPIN_WITHIN, TORCH_WITHIN = 0.005, 0.03
FALSE_POSITIVES, FOUND = 0.08, 0.9


@checked
def selftest(
    time: str | float = "60s",
    threads: str | int | None = None,
    device: str = "cpu",
    watch: Watch | None = None,
    progress: bool = False,
) -> Certificate:
    """Run every check for `time` in all, on the CPU or on another device.

    The certificate of the CPU is kept where later results find it. Raises ProfilerError, Unavailable.
    """
    return finished(selftesting(time, threads, device), watch, progress)  # type: ignore[no-any-return]


def selftesting(time: str | float = "60s", threads: str | int | None = None, device: str = "cpu") -> Iterator[Event]:
    """The events of a selftest; the last holds its Certificate. Raises ProfilerError, Unavailable."""
    measuring = BenchOptions(device=device, threads=threads, time=seconds_of(time))
    settings = measuring.settings()
    for what, given in (("threads", [each.threads for each in settings]), ("devices", [each.device for each in settings])):
        if len(set(given)) > 1:
            several = ", ".join(map(str, given))
            raise ProfilerError(f"{what} {several} are several settings; a selftest takes one")
    return ending(_tested(measuring))


def _tested(measuring: BenchOptions) -> Generator[Event, None, Certificate]:
    found, machine = yield from trying(measuring, PAIRS)
    certificate = Certificate(environment().date, machine, tuple(_checks(found, measuring.settings()[0])))
    of_cpu = working_threads(measuring.settings()[0].device, 1) is not None
    if of_cpu and all(each.latency_s is not None for each in found.values()):  # a run too short to say anything proves nothing
        keep(certificate)
    return certificate


def trial(measuring: BenchOptions, pairs: int) -> tuple[dict[str, Timing], dict[str, Any]]:
    """What `trying` finds, once it has run."""
    return finished(ending(trying(measuring, pairs)))  # type: ignore[no-any-return]


def trying(measuring: BenchOptions, pairs: int) -> Generator[Event, None, tuple[dict[str, Timing], dict[str, Any]]]:
    """Timings by name, and the machine: a loop of known length (`spin`), a network timed by torch.utils.benchmark (`torch`),
    and by us in pairs (`a0`, `b0` …), each with a third that is slowed by 5 % (`slow0` …).

    One worker holds all cells, so that every round has all of them. Raises ProfilerError.
    """
    setting = measuring.settings()[0]
    network = in_closed_form(MODEL)
    workload = NetworkWorkload(network.name, network.value, network.inputs)
    made: list[tuple[str, Any]] = [("spin", Spin(SPIN_S)), ("torch", ByTorch(workload))]
    made += [(f"{letter}{i}", workload) for i in range(pairs) for letter in "ab"]
    made += [(f"slow{i}", Slowed(workload, PLANTED)) for i in range(pairs)]
    specs = [Spec(each, 1, setting, {"model": name, "options": {}, "alpha": None, "input": ""}) for name, each in made]
    waiting = dict.fromkeys(MEASURED_COLUMNS, WAITING)
    results = Results([{**Place(name).columns, **waiting} for name, _ in made], "selftest", measured=True)
    with session(specs, "selftest", measuring) as running:
        running.scheduler.base = None
        # no cell leaves the rounds before its partner
        running.scheduler.budget = Budget(measuring.budget.seconds, half_width=0.0)
        yield from watched(results, specs, running.scheduler, measuring)
    outcomes = running.scheduler.run.outcomes
    return {name: timing(spec, each) for (name, _), spec, each in zip(made, specs, outcomes, strict=True)}, running.machine


def _checks(found: Mapping[str, Timing], setting: Setting) -> list[dict[str, Any]]:
    spin = found["spin"]
    off = None if spin.latency_s is None else abs(spin.latency_s / SPIN_S - 1)
    same = [ratio_of(found[f"b{i}"], found[f"a{i}"]) for i in range(PAIRS)]
    slow = [ratio_of(found[f"slow{i}"], found[f"a{i}"]) for i in range(PAIRS)]
    wrong = [statistics.verdict(each) in ("faster", "slower") for each in same if each is not None]
    caught = [statistics.verdict(each) == "slower" for each in slow]
    grades = "".join(sorted(str(found[f"slow{i}"].grade or "-") for i in range(PAIRS)))
    whole = len(wrong) == PAIRS  # a comparison that was not made is not one that agreed
    torch = ratio_of(found["a0"], found["torch"])
    near = torch is not None and abs(torch.estimate - 1) <= TORCH_WITHIN
    return [
        _check(f"a loop of {1e3 * SPIN_S:g} ms", off, SPIN_WITHIN, off is not None and off <= SPIN_WITHIN, repr(spin)),
        _check(
            "a network against itself, called different", sum(wrong) / PAIRS if whole else None, FALSE_POSITIVES,
            whole and sum(wrong) <= FALSE_POSITIVES * PAIRS, f"{sum(wrong)} of {len(wrong)} compared; ratios {_listed(same)}",
        ),
        _check(
            SLOWDOWN_FOUND, sum(caught) / PAIRS, FOUND, sum(caught) >= FOUND * PAIRS - 1e-9,
            f"{sum(caught)} of {PAIRS}, grades {grades}; ratios {_listed(slow)}",
        ),
        _check(
            "ours over torch.utils.benchmark's", None if torch is None else abs(torch.estimate - 1), TORCH_WITHIN,
            near, f"ratio {_listed([torch])}, {setting.threads} threads",
        ),
    ]  # fmt: skip


def _check(name: str, value: float | None, aim: float, passed: bool, detail: str) -> dict[str, Any]:
    return {"check": name, "value": value, "aim": aim, "passed": passed, "detail": detail}


def _listed(ratios: Sequence[Interval | None]) -> str:
    return ", ".join("–" if ratio is None else f"{ratio.estimate:.4f} [{ratio.low:.4f}, {ratio.high:.4f}]" for ratio in ratios)
