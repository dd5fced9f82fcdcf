"""Grades from planted readings of the machine."""

from __future__ import annotations

import pytest

from profiler.measure.grades import Reading, causes, grade
from profiler.records.interval import Interval

QUIET = Reading(cpu_share=1.0, stolen=0.0, throttled=0, reference=1e-3)


def width(half: float) -> Interval:
    return Interval(1.0, 1.0 - half, 1.0 + half)


@pytest.mark.parametrize(
    ("half", "letter"),
    [(0.004, "A"), (0.0099, "A"), (0.0101, "B"), (0.0299, "B"), (0.05, "C"), (0.0999, "C"), (0.11, "D"), (3.0, "D")],
)
def test_a_letter_is_the_half_width(half: float, letter: str) -> None:
    found = grade(width(half), [QUIET] * 10, threads=1)
    assert found.letter == letter
    assert found.reason == f"±{100 * half:.1f} %"


@pytest.mark.parametrize(("half", "letter"), [(0.005, "B"), (0.02, "C"), (0.05, "D"), (0.5, "D")])
def test_a_disturbed_figure_is_one_grade_lower(half: float, letter: str) -> None:
    rounds = [QUIET] * 7 + [QUIET._replace(stolen=0.1)] * 3
    found = grade(width(half), rounds, threads=1)
    assert found.letter == letter
    assert found.reason.endswith("disturbed: stolen by another virtual machine in 30 % of rounds")


@pytest.mark.parametrize(
    ("disturbed", "threads", "said"),
    [
        (QUIET._replace(cpu_share=0.8), 1, ["lost the processor in 30 % of rounds"]),
        (QUIET._replace(cpu_share=0.95), 1, []),
        (QUIET._replace(stolen=0.03), 1, ["stolen by another virtual machine in 30 % of rounds"]),
        (QUIET._replace(throttled=2), 1, ["throttled by the quota in 30 % of rounds"]),
        (QUIET._replace(reference=1.2e-3), 1, ["reference kernel slowed in 30 % of rounds"]),
        (QUIET._replace(reference=None), 1, []),
        (QUIET._replace(gpu_slowed=True), 2, ["GPU slowed by heat or power in 30 % of rounds"]),
    ],
)
def test_each_detector(disturbed: Reading, threads: int, said: list[str]) -> None:
    assert list(map(str, causes([QUIET] * 7 + [disturbed] * 3, threads))) == said
    assert causes([QUIET] * 8 + [disturbed] * 2, threads) == []  # a fifth of the rounds is borne


def test_several_threads_are_held_to_their_own_quiet_rounds() -> None:
    """Threads that wait for each other never use all of their time: 1.5 of 2 is quiet here, 1.2 is not."""
    quiet, lost = QUIET._replace(cpu_share=1.5), QUIET._replace(cpu_share=1.2)
    assert causes([quiet] * 10, threads=2) == []
    assert list(map(str, causes([quiet] * 7 + [lost] * 3, threads=2))) == ["lost the processor in 30 % of rounds"]


def test_no_rounds_no_disturbance() -> None:
    assert causes([], 1) == []
