"""Grades from planted readings of the machine."""

from __future__ import annotations

import pytest

from profiler.measure.grades import Reading, causes, fastest, grade, shows_slowness
from profiler.records.interval import Interval

QUIET = Reading(cpu_share=1.0, stolen=0.0, throttled=0, reference=1e-3, others=0.02, processors=2)


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
        (QUIET._replace(gpu_slowed=True), None, ["GPU slowed by heat or power in 30 % of rounds"]),
        (QUIET._replace(cpu_share=0.1), None, ["lost the processor in 30 % of rounds"]),  # of its own quiet rounds
        (QUIET._replace(others=0.19), 1, []),  # of two processors, a tenth
        (QUIET._replace(others=0.21), 1, ["other processes busy in 30 % of rounds"]),
        (QUIET._replace(others=0.12), 2, ["other processes busy in 30 % of rounds"]),  # our threads need both
        (QUIET._replace(others=0.08), 2, []),
        (QUIET._replace(others=3.0, processors=64), 2, []),
        (QUIET._replace(others=3.0, processors=64), 63, ["other processes busy in 30 % of rounds"]),
        (QUIET._replace(others=7.0, processors=64), 2, ["other processes busy in 30 % of rounds"]),
        (QUIET._replace(others=None), 2, []),
    ],
)
def test_each_detector(disturbed: Reading, threads: int, said: list[str]) -> None:
    quiet = QUIET._replace(processors=disturbed.processors)
    assert list(map(str, causes([quiet] * 7 + [disturbed] * 3, threads))) == said
    assert causes([quiet] * 8 + [disturbed] * 2, threads) == []  # a fifth of the rounds is borne


def test_several_threads_are_held_to_their_own_quiet_rounds_and_to_one_processor() -> None:
    """Threads that wait for each other never use all of their time: 1.5 of 2 is quiet here, 1.2 is not, and never below 1."""
    quiet, lost = QUIET._replace(cpu_share=1.5), QUIET._replace(cpu_share=1.2)
    assert causes([quiet] * 10, threads=2) == []
    assert list(map(str, causes([quiet] * 7 + [lost] * 3, threads=2))) == ["lost the processor in 30 % of rounds"]
    assert list(map(str, causes([QUIET._replace(cpu_share=0.9)] * 10, threads=2))) == ["lost the processor in 100 % of rounds"]
    assert causes([QUIET._replace(cpu_share=0.9)] * 10, threads=None) == []  # it waits for a device


@pytest.mark.parametrize(
    ("rounds", "threads", "known_s", "letter", "said"),
    [
        # what disturbs every round has no other round to be compared with
        (QUIET._replace(others=1.0), 1, None, "C", "other processes busy in 100 % of rounds"),
        (QUIET._replace(others=2.0, cpu_share=1.2), 2, None, "D", "other processes busy in 100 % of rounds"),  # they take turns
        (QUIET._replace(others=1.0, cpu_share=1.5), 2, None, "D", "other processes busy in 100 % of rounds"),
        (
            QUIET._replace(others=2.0, cpu_share=0.6),
            1,
            None,
            "D",
            "lost the processor in 100 % of rounds; other processes busy",
        ),
        (QUIET._replace(reference=1.3e-3), 1, 1e-3, "C", "reference kernel slower than it was here in 100 % of rounds"),
        (QUIET._replace(reference=1.6e-3), 1, 1e-3, "D", "reference kernel slower than it was here in 100 % of rounds"),
        (QUIET._replace(reference=0.24), 2, 1e-3, "D", "reference kernel slower than it was here in 100 % of rounds"),
        (QUIET._replace(reference=1.19e-3), 1, 1e-3, "A", "±0.4 %"),
        (QUIET._replace(reference=1.3e-3), 1, None, "A", "±0.4 %"),  # nothing else is known of this machine
        (QUIET._replace(stolen=0.1), 1, None, "C", "stolen by another virtual machine in 100 % of rounds"),
        (QUIET._replace(cpu_share=0.5), 1, None, "C", "lost the processor in 100 % of rounds"),
    ],
)
def test_what_is_disturbed_throughout_is_no_better_than_c(
    rounds: Reading, threads: int, known_s: float | None, letter: str, said: str
) -> None:
    found = grade(width(0.004), [rounds] * 10, threads, known_s)
    assert (found.letter, said in found.reason) == (letter, True)
    assert grade(width(0.05), [rounds] * 10, threads, known_s).letter == {"A": "C"}.get(letter, "D")
    if letter != "A":  # in four of ten rounds: the median is of quiet ones
        quiet = QUIET._replace(cpu_share=max(1.0, rounds.cpu_share))
        assert grade(width(0.004), [rounds] * 4 + [quiet] * 6, threads, known_s).letter == "B"


def test_what_a_barrier_waits_for_in_every_round_is_a_d() -> None:
    """Two threads on two processors beside one process that never rests: 80 ms ±0.1 % in place of 0.14 ms."""
    rounds = [QUIET._replace(cpu_share=1.4, others=0.6, reference=40e-3)] * 200
    assert grade(width(0.001), rounds, 2).letter == "D"
    assert grade(width(0.001), [each._replace(others=None) for each in rounds], 2, known_s=1e-3).letter == "D"


def test_the_fastest_of_a_run_is_not_its_luckiest_round() -> None:
    readings = [QUIET._replace(reference=each / 1000) for each in range(1, 21)]
    assert fastest(readings) == 3e-3  # two of twenty are faster
    assert fastest(readings[:9]) is None
    assert fastest([QUIET._replace(reference=None)] * 20) is None


def test_only_what_was_disturbed_throughout_shows_nothing() -> None:
    disturbed = "±1.0 %; disturbed: other processes busy in 100 % of rounds"
    assert not shows_slowness({"grade": "D", "reason": disturbed})
    for held in (
        {"grade": "C", "reason": disturbed},
        {"grade": "D", "reason": "±40.0 %"},
        {"grade": "D", "reason": None},
        {"grade": "A"},
    ):
        assert shows_slowness(held)


def test_no_rounds_no_disturbance() -> None:
    assert causes([], 1) == []
