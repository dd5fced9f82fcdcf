"""The measuring protocol proves itself on this machine: known lengths, itself against itself, a planted slowdown, torch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from profiler.environment import environment
from profiler.measure import host, statistics
from profiler.measure.plan import Budget, Setting, Spec
from profiler.measure.statistics import Interval
from profiler.measure.subjects import ByTorch, OfValue, Slowed, Spin
from profiler.network.load import load
from profiler.records import Record, Results
from profiler.study.cells import Watch
from profiler.study.clock import Clock, seconds_of
from profiler.study.clocked import measuring, timing
from profiler.timing import Certificate, Timing

MODEL = "mobilenet_v1@alpha=0.25,resolution=128"
PAIRS = 8
SPIN_S = 2e-3
PLANTED = 0.05
SPIN_WITHIN, TORCH_WITHIN = 0.005, 0.03
FALSE_POSITIVES, FOUND = 0.08, 0.9
NAME = "selftest.json"


def selftest(time: str | float = "60s", threads: str | int | None = None, watch: Watch | None = None) -> Certificate:
    """Run every check for `time` in all; the certificate is kept where later results find it. Raises ProfilerError.

    One worker holds all cells, so that every round has all of them: a loop of known length, pairs of one network with itself,
    the same network slowed by 5 %, and once more timed by torch.utils.benchmark.
    """
    clock = Clock(device="cpu", threads=threads, time=seconds_of(time))
    setting = clock.settings()[0]
    network = load(MODEL)
    subject = OfValue(network.name, network.value, network.inputs)
    made: list[tuple[str, Any]] = [("spin", Spin(SPIN_S)), ("torch", ByTorch(subject))]
    made += [(f"a{i}", subject) for i in range(PAIRS)] + [(f"b{i}", subject) for i in range(PAIRS)]
    made += [(f"slow{i}", Slowed(subject, PLANTED)) for i in range(PAIRS)]
    specs = [Spec(each, 1, setting, {"model": name, "options": {}, "alpha": None, "input": ""}) for name, each in made]
    results = Results([Record(model=name) for name, _ in made], "selftest")
    with measuring(specs, results, clock, watch) as (scheduler, _):
        scheduler.base = None
        scheduler.budget = Budget(clock.budget.seconds, half_width=0.0)  # no cell leaves the rounds before its partner
        run = scheduler.measure()
    found = {name: timing(spec, each) for (name, _), spec, each in zip(made, specs, run.outcomes, strict=True)}
    certificate = Certificate(environment().date, results.machine or {}, tuple(_checks(found, setting)))
    keep(certificate)
    return certificate


def _checks(found: Mapping[str, Timing], setting: Setting) -> list[dict[str, Any]]:
    spin = found["spin"]
    off = None if spin.latency_s is None else abs(spin.latency_s / SPIN_S - 1)
    same = [_ratio(found[f"b{i}"], found[f"a{i}"]) for i in range(PAIRS)]
    slow = [_ratio(found[f"slow{i}"], found[f"a{i}"]) for i in range(PAIRS)]
    wrong = [statistics.verdict(ratio) in ("faster", "slower") for ratio in same]
    caught = [statistics.verdict(ratio) == "slower" for ratio in slow]
    grades = "".join(sorted(str(found[f"slow{i}"].grade or "-") for i in range(PAIRS)))
    torch = _ratio(found["a0"], found["torch"])
    near = torch is not None and abs(torch.estimate - 1) <= TORCH_WITHIN
    return [
        _check(f"a loop of {1e3 * SPIN_S:g} ms", off, SPIN_WITHIN, off is not None and off <= SPIN_WITHIN, repr(spin)),
        _check(
            "a network against itself, called different", sum(wrong) / PAIRS, FALSE_POSITIVES,
            sum(wrong) <= max(1, int(FALSE_POSITIVES * PAIRS)), f"{sum(wrong)} of {PAIRS}; ratios {_listed(same)}",
        ),
        _check(
            f"a slowdown of {100 * PLANTED:g} % found", sum(caught) / PAIRS, FOUND, sum(caught) >= FOUND * PAIRS - 1e-9,
            f"{sum(caught)} of {PAIRS}, grades {grades}; ratios {_listed(slow)}",
        ),
        _check(
            "ours over torch.utils.benchmark's", None if torch is None else abs(torch.estimate - 1), TORCH_WITHIN,
            near, f"ratio {_listed([torch])}, {setting.threads} threads",
        ),
    ]  # fmt: skip


def _check(name: str, value: float | None, aim: float, passed: bool, detail: str) -> dict[str, Any]:
    return {"check": name, "value": value, "aim": aim, "passed": passed, "detail": detail}


def _ratio(ours: Timing, base: Timing) -> Interval | None:
    both = [number for number in ours.medians if number in base.medians]
    return statistics.paired_ratio([ours.medians[n] for n in both], [base.medians[n] for n in both])


def _listed(ratios: Sequence[Interval | None]) -> str:
    return ", ".join("–" if ratio is None else f"{ratio.estimate:.4f} [{ratio.low:.4f}, {ratio.high:.4f}]" for ratio in ratios)


def certificate_path() -> Path:
    """Where the last certificate of this user lies."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "profiler" / NAME


def keep(certificate: Certificate) -> None:
    """Write the certificate where later results find it; a cache that cannot be written is none."""
    try:
        certificate_path().parent.mkdir(parents=True, exist_ok=True)
        certificate_path().write_text(json.dumps(certificate.to_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError:
        return


def last_certificate(machine: Callable[[], Mapping[str, Any]] = host.machine) -> dict[str, Any] | None:
    """What the last selftest on this machine said, in short; None where there was none."""
    try:
        found = json.loads(certificate_path().read_text(encoding="utf-8"))
        ours, theirs = machine(), found["machine"]
        if any(theirs.get(name) != ours[name] for name in host.SAME_MACHINE):
            return None
        return {"date": found["date"], "passed": found["passed"], "checks": {c["check"]: c["passed"] for c in found["checks"]}}
    except (OSError, ValueError, KeyError, TypeError):
        return None
