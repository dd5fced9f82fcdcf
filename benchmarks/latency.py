"""How far measured latencies can be trusted: the figures of docs/latency.md, as Markdown. Some ten minutes.

python benchmarks/latency.py > docs/latency-measured.md
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.neighbours import busy  # noqa: E402  # the checkout is on the path only now
from profiler import benchmark  # noqa: E402  # the checkout is on the path only now
from profiler.measure import host, statistics  # noqa: E402  # the checkout is on the path only now
from profiler.records.environment import environment  # noqa: E402  # the checkout is on the path only now
from profiler.records.timing import Timing  # noqa: E402  # the checkout is on the path only now
from profiler.study.bench_options import BenchOptions  # noqa: E402  # the checkout is on the path only now
from profiler.study.measuring import ratio_of  # noqa: E402  # the checkout is on the path only now
from profiler.study.selftest import TORCH_WITHIN, trial  # noqa: E402  # the checkout is on the path only now

CELL = "mobilenet_v1@alpha=0.5,resolution=224"
SWEEP = ["sweep", "mobilenet_v1", "--alpha", "0.25..1.0", "--resolution", "128..224", "--bench", "--engine", "closed"]


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def table(*heads: str) -> str:
    return f"{row(*heads)}\n{row(*(':---' if i == 0 else '---:' for i in range(len(heads))))}"


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "0 of 0"


def trusted(*timings: Timing) -> bool:
    return all(timing.grade in ("A", "B") for timing in timings)


class Tally(NamedTuple):
    """What the comparisons of one condition came to."""

    total: int = 0
    wrong: int = 0
    """Of a network with itself, called faster or slower."""
    found: int = 0
    """Planted slowdowns called slower."""
    trusted: int = 0
    """Planted slowdowns whose both timings are at grade A or B."""
    trusted_found: int = 0
    grades: str = ""
    torch: tuple[str, ...] = ()
    """Our latency over torch.utils.benchmark's, one a run."""

    def with_(self, other: Tally) -> Tally:
        return Tally(
            self.total + other.total,
            self.wrong + other.wrong,
            self.found + other.found,
            self.trusted + other.trusted,
            self.trusted_found + other.trusted_found,
            self.grades + other.grades,
            self.torch + other.torch,
        )


def tally(timings: dict[str, Timing], pairs: int) -> Tally:
    found = Tally()
    for i in range(pairs):
        a, b, slow = (timings[f"{name}{i}"] for name in ("a", "b", "slow"))
        wrong = statistics.verdict(ratio_of(b, a)) in ("faster", "slower")
        caught, good = statistics.verdict(ratio_of(slow, a)) == "slower", trusted(slow, a)
        found = found.with_(Tally(1, wrong, caught, good, caught and good, slow.grade or "-"))
    own = ratio_of(timings["a0"], timings["torch"])
    mark = "" if trusted(timings["a0"], timings["torch"]) else "*"
    return found._replace(torch=(f"{own.estimate:.3f}{mark}" if own else "–",))


def comparisons(runs: int, pairs: int, seconds: float) -> None:
    """Itself against itself, and a planted slowdown: quiet and loaded, one thread and all."""
    print("## A network against itself, and slowed by 5 %\n")
    print(f"mobilenet_v1 0.25-128, {runs} runs of {pairs} pairs in each condition, {seconds:g} s a run; nominal level 5 %.\n")
    heads = ("condition", "called different", "slowdown found", "found at A or B", "grades of the slowed", "ours / torch")
    print(table(*heads))
    every = Tally()
    for threads in dict.fromkeys((1, host.default_threads())):
        for loaded in (False, True):
            found = Tally()
            for _ in range(runs):
                with busy(int(loaded)):
                    timings, _ = trial(BenchOptions(device="cpu", threads=threads, time=seconds), pairs)
                found = found.with_(tally(timings, pairs))
            spread = ", ".join(f"{letter} {found.grades.count(letter)}" for letter in "ABCD-" if letter in found.grades)
            name = f"{counted(threads)}, {'one core loaded' if loaded else 'as it is'}"
            print(row(name, *judged(found), spread, " ".join(found.torch)), flush=True)
            every = every.with_(found)
    aims = (" (aim ≤ 8 %)", "", " (aim ≥ 90 %)")
    print(
        row("all", *(text + aim for text, aim in zip(judged(every), aims, strict=True)), "", f"(aim within {TORCH_WITHIN:.0%})")
    )
    print("\n*: not both at grade A or B.\n")


def judged(found: Tally) -> list[str]:
    return [share(found.wrong, found.total), share(found.found, found.total), share(found.trusted_found, found.trusted)]


def counted(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def command(*words: str) -> tuple[float, str]:
    start = time.perf_counter()
    ran = subprocess.run([sys.executable, "-m", "profiler", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, ran.stdout


def grades_within(seconds: int, times: int) -> None:
    print(f"## One cell, `--time {seconds}s`\n")
    print(f"{CELL}, {times} runs with each number of threads. Both clocks were read in the same rounds.\n")
    print(table("", "clock", "latency", "interval", "by the wall clock", "grade and why"))
    good = 0
    for threads in dict.fromkeys((1, host.default_threads())):
        for _ in range(times):
            found = benchmark(CELL, threads=threads, time=seconds)
            wall = statistics.median_interval(list(found.wall_medians.values()))
            if found.latency_s is None or wall is None:
                print(row(counted(threads), "–", "–", "–", "–", found.reason), flush=True)
                continue
            good += threads == 1 and trusted(found)
            low, middle, high = (
                f"{1e3 * each:.3f}" for each in (found.latency_low_s, found.latency_s, found.latency_high_s) if each
            )
            walls = f"{1e3 * wall.estimate:.3f} ms ±{100 * wall.half_width:.1f} %"
            why = f"{found.grade}: {found.reason}"
            print(row(counted(threads), found.clock, f"{middle} ms", f"{low} – {high}", walls, why), flush=True)
    print(f"\nAt grade A or B with 1 thread: {good} of {times} (aim: 8 of 10).\n")


def overhead(seconds: int) -> None:
    taken, text = command(*SWEEP, "--time", f"{seconds}s")
    print("## What the protocol costs\n")
    print(f"A sweep of 16 cells with `--time {seconds}s` took {taken:.1f} s in all (aim ≤ 75 s), and printed:\n")
    print("\n".join(f"    {line}" for line in text.splitlines()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=40.0)
    given = parser.parse_args()
    made, machine = environment(), host.machine()
    print("# Latency, measured\n\nWritten by `python benchmarks/latency.py`.\n")
    where = f"{machine['cpu']}, {machine['affinity']} processors{', a virtual machine' if machine['hypervisor'] else ''}"
    print(f"{where}, {made.platform}, Python {made.python}, torch {made.torch}; {made.date}.\n")
    comparisons(given.runs, given.pairs, given.seconds)
    grades_within(10, 10)
    overhead(60)


if __name__ == "__main__":
    main()
