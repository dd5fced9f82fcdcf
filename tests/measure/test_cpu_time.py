"""Which clock a latency is of: processor time where one thread works and never waits, else the wall."""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor, nn

from profiler import benchmark
from profiler.measure.cpu_time import is_latency
from profiler.measure.grades import Reading
from profiler.measure.outcomes import Outcome, Round
from profiler.measure.plan import Setting, Spec
from profiler.measure.visits import Prepared, Visit, Warmed
from profiler.measure.workloads import Spin
from profiler.study.measuring import ratio_of, timing

ROOT = Path(__file__).resolve().parents[2]
QUIET = Visit([2e-3] * 5, 1, 0.99, 0, 0.01, cpu_s=[2e-3] * 5)
LOST = replace(QUIET, cpu_share=0.6, switches=3)


@pytest.mark.parametrize(
    ("odd", "stolen", "by_cpu_time"),
    [
        (QUIET, 0.0, True),
        (LOST, 0.0, True),  # another process had the processor
        (replace(QUIET, cpu_share=0.6), 0.4, True),  # another virtual machine had it
        (replace(QUIET, cpu_share=0.6), 0.0, False),  # nobody knows who had it
        (replace(QUIET, waits=5), 0.0, False),  # one wait a call
        (replace(QUIET, waits=2), 0.0, True),  # 0.4 a call
        (replace(QUIET, cpu_share=1.4), 0.0, False),  # a second thread worked
        (replace(QUIET, cpu_s=[]), 0.0, False),
    ],
)
def test_processor_time_is_a_latency_only_where_the_process_always_had_work(
    odd: Visit, stolen: float, by_cpu_time: bool
) -> None:
    assert is_latency([(odd, stolen)] * 10) is by_cpu_time
    assert is_latency([(QUIET, 0.0)] * 8 + [(odd, stolen)] * 2) is bool(odd.cpu_s)  # a fifth is odd on any machine
    assert is_latency([(QUIET, 0.0)] * 7 + [(odd, stolen)] * 3) is by_cpu_time
    assert not is_latency([])


def outcome(cpu_s: list[float], wall_s: list[float]) -> Outcome:
    """Of rounds that took so long by either clock, with a reference kernel that the wall clock saw slowed in the same way."""
    found = Outcome(Prepared(1.0, 0.5, None, 7), Warmed(2e-3, 10, True, 0.1))
    for number, (cpu, wall) in enumerate(zip(cpu_s, wall_s, strict=True)):
        visit = Visit([wall] * 3, 1, cpu / wall, 2, 3 * wall, cpu_s=[cpu] * 3 if cpu_s else [])
        found.rounds[number] = Round(visit, Reading(cpu / wall, 0.0, 0, 1e-3 * wall / cpu, reference_cpu=1e-3))
    return found


def test_on_a_shared_machine_the_processor_time_is_the_steadier_figure() -> None:
    """Calls of 2 ms ± 0.1 %, three of four rounds of which another process stretched by up to a half."""
    chance = random.Random(0)
    cpu = [2e-3 * (1 + 0.001 * chance.random()) for _ in range(40)]
    wall = [each * (1 + (0.5 * chance.random() if i % 4 else 0.0)) for i, each in enumerate(cpu)]
    spec = Spec(Spin(1), 1, Setting(threads=1), {})
    found = timing(spec, outcome(cpu, wall))
    assert (found.clock, found.grade) == ("cpu", "A")
    assert found.latency_s == sorted(cpu)[20] or found.latency_s == (sorted(cpu)[19] + sorted(cpu)[20]) / 2
    assert found.wall_s is not None
    assert found.wall_s > 1.1 * 2e-3

    alone = outcome(cpu, wall)
    for each in alone.rounds.values():
        each.visit.cpu_s = []
    by_wall = timing(spec, alone)
    assert (by_wall.clock, by_wall.grade, by_wall.latency_s) == ("wall", "D", found.wall_s)

    # figures of two clocks are compared by the one that both have
    same = ratio_of(by_wall, found)
    assert same is not None
    assert same.estimate == pytest.approx(1.0, abs=1e-12)


def test_a_slower_processor_is_seen_by_either_clock() -> None:
    """The reference kernel takes half as long again in a third of the rounds, of processor time too."""
    found = outcome([2e-3] * 30, [2e-3] * 30)
    for number in range(10):
        found.rounds[number].reading = found.rounds[number].reading._replace(reference_cpu=1.5e-3)
    made = timing(Spec(Spin(1), 1, Setting(threads=1), {}), found)
    assert (made.clock, made.grade) == ("cpu", "B")
    assert "reference kernel slowed in 33 % of rounds" in made.reason


class Sleeps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(2e-3)
        return self.linear(x)  # type: ignore[no-any-return]


def test_a_network_that_waits_is_measured_by_the_wall_clock() -> None:
    found = benchmark(Sleeps(), input=(4,), threads=1, time="2s")
    assert found.clock == "wall"
    assert found.latency_s is not None
    assert found.latency_s >= 2e-3


def test_a_network_on_one_thread_by_processor_time_and_on_two_by_the_wall_clock() -> None:
    one = benchmark("lenet5", threads=1, time="2s")
    assert one.clock == "cpu"
    assert one.latency_s is not None
    assert one.wall_s is not None
    two = benchmark("lenet5", threads=2, time="5s")
    if two.latency_s is not None:  # two threads beside a busy process wait for each other for most of the time
        assert two.clock == "wall"
        assert two.latency_s == two.wall_s


def test_freed_memory_is_kept() -> None:
    """A tensor of 40 MB is made and freed ten times: by default of glibc its 9,766 pages are taken anew each time."""
    program = """
import resource, sys, torch
from profiler.measure.cpu import keep_freed_memory
if sys.argv[1] == "kept":
    print(keep_freed_memory())
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(10_000_000)
before = faults()
for _ in range(10):
    torch.ones(10_000_000)
print(faults() - before)
"""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("another C library than glibc frees memory in its own way")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}

    def ran(word: str, **more: str) -> list[str]:
        command = [sys.executable, "-c", program, word]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env={**environment, **more}, cwd=ROOT
        ).stdout.split("\n")

    said, kept, _ = ran("kept")
    default, _ = ran("default")
    assert said == "keeps freed memory"
    assert int(kept) < 100
    assert int(default) >= 10 * 40_000_000 // 4096
    assert ran("kept", MALLOC_ARENA_MAX="4")[0] == "as the environment sets it"
