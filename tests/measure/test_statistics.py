"""Intervals, ratios and verdicts on series whose answers are known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp, inf, sqrt
from statistics import median

import pytest

from profiler.measure.statistics import (
    autocorrelation,
    batches,
    median_interval,
    paired_ratio,
    pareto,
    rank_correlation,
    ranks_of_median,
    shares,
    verdict,
    widening,
)
from profiler.records.interval import Interval


def series(n: int, rho: float = 0.0, deviation: float = 0.02, seed: int = 0) -> list[float]:
    """exp of a stationary first-order autoregression about 0: its median is 1."""
    chance = random.Random(seed)
    value, out = chance.gauss(0, deviation / sqrt(1 - rho**2)), []
    for _ in range(n):
        value = rho * value + chance.gauss(0, deviation)
        out.append(exp(value))
    return out


# The sign test's tables (Conover, Practical Nonparametric Statistics, table A3): P(X < low) at most 2.5 % a side.
@pytest.mark.parametrize(
    ("n", "ranks"),
    [
        (5, None),
        (6, (0, 5)),
        (8, (0, 7)),
        (9, (1, 7)),
        (10, (1, 8)),
        (15, (3, 11)),
        (20, (5, 14)),
        (50, (17, 32)),
        (100, (39, 60)),
    ],
)
def test_the_ranks_that_hold_the_median(n: int, ranks: tuple[int, int] | None) -> None:
    assert ranks_of_median(n) == ranks


def test_the_ranks_are_the_binomial_distribution_s() -> None:
    from scipy.special import bdtr

    for n in range(1, 400):
        low = max((k for k in range(n) if k < n / 2 and bdtr(k, n, 0.5) <= 0.025), default=None)
        assert ranks_of_median(n) == (None if low is None else (low, n - 1 - low))


@pytest.mark.parametrize("n", [0, 1, 4])
def test_too_few_values_have_no_such_ranks(n: int) -> None:
    assert ranks_of_median(n) is None


def test_a_constant_series_has_no_width() -> None:
    assert median_interval([2.0] * 10) == Interval(2.0, 2.0, 2.0)
    assert median_interval([2.0] * 5) is None
    assert median_interval([]) is None


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(2.0, 1.9, 2.3), 0.1),
        (Interval(4.0, 3.0, 5.0), 0.25),
        (Interval(1.0, 1.0, 1.0), 0.0),
        (Interval(0.0, 0.0, 1.0), inf),
    ],
)
def test_half_width_is_a_share_of_the_estimate(interval: Interval, expected: float) -> None:
    assert interval.half_width == pytest.approx(expected)


# Deviations d from the mean: r = Σ dᵢ·dᵢ₊₁ / Σ d², then Kendall's r + (1 + 3r) / n, from 0 to 0.95.
AUTOCORRELATIONS: list[tuple[str, list[float], float]] = [
    ("of four", [1, 2, 3, 4], 1.25 / 5 + (1 + 3 * 1.25 / 5) / 4),
    ("of five", [1, 2, 3, 4, 5], 4 / 10 + (1 + 3 * 4 / 10) / 5),
    ("of five, shuffled", [3, 5, 4, 1, 2], 2 / 10 + (1 + 3 * 2 / 10) / 5),
    ("of eight that turn once", [1, 2, 3, 4, 4, 3, 2, 1], 4.75 / 10 + (1 + 3 * 4.75 / 10) / 8),
    ("at most 0.95", [1, 2, 3, 4, 5, 6, 7], 0.95),  # r = 16/28, and 0.571 + 0.388
    ("at least 0", [1, 2, 1, 2, 1, 2], 0.0),
    ("three are too few", [1, 2, 3], 0.0),
    ("constant", [7, 7, 7, 7, 7], 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("values", "rho"), [case[1:] for case in AUTOCORRELATIONS], ids=[case[0] for case in AUTOCORRELATIONS])
def test_autocorrelation_by_hand(values: list[float], rho: float) -> None:
    assert autocorrelation(values) == pytest.approx(rho)
    assert widening(values) == pytest.approx(sqrt((1 + rho) / (1 - rho)))


# The numbers from 1 to 19 in other orders, which differ in their correlation only.
WORTH_15 = [1, 4, 3, 6, 15, 12, 13, 11, 2, 9, 17, 7, 16, 14, 5, 18, 10, 8, 19]
WORTH_10 = [1, 10, 9, 13, 5, 3, 14, 2, 6, 4, 8, 19, 7, 12, 11, 15, 18, 16, 17]
WORTH_9 = [1, 7, 3, 12, 14, 10, 9, 16, 4, 2, 8, 6, 11, 13, 19, 15, 5, 17, 18]
WORTH_6 = [1, 4, 5, 14, 9, 6, 12, 15, 10, 2, 11, 17, 13, 8, 3, 7, 18, 19, 16]
WORTH_5 = [3, 2, 7, 5, 4, 12, 1, 8, 15, 9, 11, 6, 14, 13, 10, 18, 16, 17, 19]  # Σ dᵢ·dᵢ₊₁ = 242 of Σ d² = 570
RHO_5 = 242 / 570 + (1 + 3 * 242 / 570) / 19

# n values of correlation ρ are worth n·(1 - ρ) / (1 + ρ); 39 = 1.95 / 0.05 is the most that ρ makes of a variance.
INTERVALS: list[tuple[str, Sequence[float], Interval]] = [
    ("independent: ranks 5 and 15 of 19", [10, 1, 19, 2, 18, 3, 17, 4, 16, 5, 15, 6, 14, 7, 13, 8, 12, 9, 11], Interval(10, 5, 15)),
    ("worth 15, whose ranks are 3 and 11: 3/15 of 19 from each end", WORTH_15, Interval(10, 4, 16)),
    ("worth 10, whose ranks are 1 and 8: 1/10 of 19", WORTH_10, Interval(10, 2, 18)),
    ("worth 9, whose ranks are 1 and 7: 1/9 of 19", WORTH_9, Interval(10, 3, 17)),
    ("worth 6, whose ranks are 0 and 5", WORTH_6, Interval(10, 1, 19)),
    ("worth 5, which have no ranks: drawn out", WORTH_5, Interval(10, 10 - 5 * sqrt((1 + RHO_5) / (1 - RHO_5)), 10 + 5 * sqrt((1 + RHO_5) / (1 - RHO_5)))),
    ("worth one: drawn out, but not below 0", [1, 2, 3, 4, 5, 6, 7], Interval(4, 0, 4 + 3 * sqrt(39))),
    ("far from 0 it is drawn out on both sides", [101, 102, 103, 104, 105, 106, 107], Interval(104, 104 - 3 * sqrt(39), 104 + 3 * sqrt(39))),
    # ten pairs, whose ranks are drawn out no further than the rounds went
    ("batches that drift: all that was measured", list(range(1, 21)), Interval(10.5, 1, 20)),
    # ten batches of four; half of the rounds are within 10.5 of their median, and 3.5 deviations of 10.5 / 0.6745 are usual
    ("nor as far as a spike", [*range(1, 21), 1000, *range(22, 41)], Interval(21, 1, 21 + 3.5 * 10.5 / 0.6745)),
    ("nor as far as a spike below", [1001 - x for x in (*range(1, 21), 1000, *range(22, 41))], Interval(980, 980 - 3.5 * 10.5 / 0.6745, 1000)),
    # the pairs are 1.5 nine times and 1000, the median of all is 2: it is within its own interval
    ("the median of all, above its batches", [1, 2] * 5 + [1000, 1000] + [1, 2] * 4, Interval(2, 1.5, 2)),
    ("the median of all, below its batches", [1000, 999] * 5 + [1, 1] + [1000, 999] * 4, Interval(999, 999, 999.5)),
]  # fmt: skip


@pytest.mark.parametrize(("rounds", "expected"), [case[1:] for case in INTERVALS], ids=[case[0] for case in INTERVALS])
def test_intervals_by_hand(rounds: Sequence[float], expected: Interval) -> None:
    assert median_interval(rounds) == pytest.approx(expected)


def test_the_interval_is_the_order_statistics_where_rounds_are_independent() -> None:
    alternating = [1.0, 10.0, 2.0, 9.0, 3.0, 8.0, 4.0, 7.0, 5.0, 6.0]  # lag-1 correlation below 0: nothing is widened
    assert widening(alternating) == 1.0
    assert median_interval(alternating) == Interval(5.5, 2.0, 9.0)


def test_one_spike_does_not_move_the_median() -> None:
    quiet = series(30)
    spiked = [*quiet[:12], 50.0, *quiet[13:]]
    before, after = median_interval(quiet), median_interval(spiked)
    assert before is not None
    assert after is not None
    assert abs(after.estimate - before.estimate) < 0.01
    assert after.high < 1.05


def test_a_step_widens_the_interval_over_both_levels() -> None:
    found = median_interval([1.0 + 0.001 * (i % 3) for i in range(15)] + [1.5 + 0.001 * (i % 3) for i in range(15)])
    assert found is not None
    assert found.low <= 1.0
    assert found.high >= 1.5


def test_drift_is_autocorrelation() -> None:
    drifting = [1.0 + 0.01 * i for i in range(40)]
    assert autocorrelation(drifting) > 0.9
    assert autocorrelation(series(400)) < 0.15
    assert autocorrelation([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]) == 0.0


@pytest.mark.parametrize(
    ("n", "rho", "most"), [(10, 0.0, 0.05), (15, 0.0, 0.05), (30, 0.0, 0.06), (30, 0.3, 0.08), (60, 0.6, 0.09)]
)
def test_ninety_five_intervals_in_a_hundred_hold_the_truth(n: int, rho: float, most: float) -> None:
    missed = ratios_missed = 0
    for seed in range(600):
        found = median_interval(series(n, rho, seed=seed))
        assert found is not None
        missed += not found.low <= 1 <= found.high
        ratio = paired_ratio(series(n, rho, seed=seed), [1.0] * n)
        assert ratio is not None
        ratios_missed += not ratio.low <= 1 <= ratio.high
    assert missed / 600 <= most
    assert ratios_missed / 600 <= most + 0.02


def test_a_slow_drift_under_a_fast_noise_is_seen() -> None:
    """Half of the noise drifts over some twenty rounds: the lag-1 correlation is small, the truth is missed no more often."""
    missed = 0
    for seed in range(300):
        slow = series(160, 0.9, 0.01 * sqrt(1 - 0.9**2), seed=seed)
        fast = series(160, 0.0, 0.01, seed=seed + 1000)
        found = median_interval([a * b for a, b in zip(slow, fast, strict=True)])
        assert found is not None
        missed += not found.low <= 1 <= found.high
    assert missed / 300 <= 0.06


def test_batches() -> None:
    assert batches([3.0, 1.0, 2.0] * 10) == [3.0, 1.0, 2.0] * 10  # independent ones stay
    drifting = [float(i // 20) for i in range(200)]
    assert batches(drifting) == [
        float(median(drifting[i : i + 16])) for i in range(8, 200, 16)
    ]  # 12 batches; the next would be 6


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        (list(range(1, 20)), list(range(1, 20))),  # two by two they would be nine
        (list(range(1, 21)), [x + 0.5 for x in range(1, 21, 2)]),
        (list(range(1, 40)), [x + 0.5 for x in range(2, 40, 2)]),  # the first, which has no partner, is left out
        (list(range(1, 41)), [x + 1.5 for x in range(1, 41, 4)]),
    ],
    ids=["19", "20", "39", "40"],
)
def test_batches_by_hand(rounds: list[float], expected: list[float]) -> None:
    assert batches(rounds) == expected


def test_an_interval_that_ignored_autocorrelation_would_be_too_narrow() -> None:
    """What the widening is for: without it a third of the intervals miss."""
    missed = 0
    for seed in range(300):
        values = series(40, 0.7, seed=seed)
        ordered, ranks = sorted(values), ranks_of_median(40)
        assert ranks is not None
        missed += not ordered[ranks[0]] <= 1 <= ordered[ranks[1]]
    assert missed / 300 > 0.2


def test_a_ratio_is_of_pairs() -> None:
    """Both drift by half together: the ratio does not."""
    base = [1.0 + 0.05 * (i % 10) for i in range(20)]
    found = paired_ratio([1.1 * value for value in base], base)
    assert found is not None
    assert found.estimate == pytest.approx(1.1)
    assert found.half_width < 1e-9
    assert paired_ratio([1.0, 2.0], [1.0, 2.0]) is None


# Student's t at 97.5 %, by degrees of freedom, as the tables print it.
T_2, T_6, T_7, T_8, T_15 = 4.302653, 2.446912, 2.364624, 2.306004, 2.131450
LOGS: list[tuple[str, list[float], float, float]] = [
    # three logs of mean 5 and deviation 5 are not trimmed
    ("three", [0, 10, 5], 5, T_2 * 5 / sqrt(3)),
    # nine are not either: Σ d² = 60
    ("nine", [5, 1, 9, 2, 8, 3, 7, 4, 6], 5, T_8 * sqrt(60 / 8) / sqrt(9)),
    # of ten the least and the most give way to 1 and 8: the mean is of 8/10, and Σ d² = 66.5
    ("ten", [4, -50, 60, 1, 8, 2, 7, 3, 6, 5], 4.5, T_7 * sqrt(66.5 / 9) / (0.8 * sqrt(10))),
    # of twenty the two at either end to 3 and 18: the mean is of 16/20, and Σ d² = 2·(3·7.5² + 6.5² + 5.5² + … + 0.5²)
    ("twenty", [11, 1, 99, 2, 88, 3, 18, 4, 17, 5, 16, 6, 15, 7, 14, 8, 13, 9, 12, 10], 10.5,
     T_15 * sqrt(2 * (3 * 7.5**2 + sum((k + 0.5) ** 2 for k in range(7))) / 19) / (0.8 * sqrt(20))),
    # seven that drift are widened by √39
    ("drifting", [1, 2, 3, 4, 5, 6, 7], 4, T_6 * sqrt(28 / 6) / sqrt(7) * sqrt(39)),
]  # fmt: skip


@pytest.mark.parametrize(("logs", "middle", "half"), [case[1:] for case in LOGS], ids=[case[0] for case in LOGS])
def test_the_interval_of_a_ratio_by_hand(logs: list[float], middle: float, half: float) -> None:
    """Of rounds whose log ratios are so many hundredths."""
    found = paired_ratio([3.0 * exp(log / 100) for log in logs], [3.0] * len(logs))
    assert found == pytest.approx(Interval(exp(middle / 100), exp((middle - half) / 100), exp((middle + half) / 100)), rel=1e-7)


def test_a_ratio_leaves_out_rounds_that_have_no_log() -> None:
    ours, base = [1.1, 0.0, 1.3, 1.2, 1.0], [1.0, 1.0, 1.0, 1.0, 0.0]
    assert paired_ratio(ours, base) == paired_ratio([1.1, 1.3, 1.2], [1.0] * 3)
    assert paired_ratio(ours[:3], base[:3]) is None


def test_a_ratio_survives_disturbed_rounds() -> None:
    base = series(40, seed=1)
    ours = [1.05 * value for value in series(40, seed=2)]
    ours[7], ours[23] = 9.0, 12.0
    found = paired_ratio(ours, base)
    assert found is not None
    assert verdict(found) == "slower"
    assert abs(found.estimate - 1.05) < 0.02


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Interval(0.95, 0.93, 0.97), "faster"),
        (Interval(1.05, 1.02, 1.08), "slower"),
        (Interval(1.0, 0.995, 1.005), "same"),
        (Interval(1.02, 1.005, 1.035), "unclear"),
        (Interval(1.0, 0.9, 1.1), "unclear"),
        (Interval(0.985, 0.975, 0.995), "unclear"),
        (Interval(0.98, 0.97, 0.99), "unclear"),  # the ends of the band belong to it
        (Interval(1.02, 1.01, 1.03), "unclear"),
        (Interval(1.0, 0.99, 1.01), "same"),
        (Interval(1.0, 0.9899, 1.01), "unclear"),
        (Interval(1.0, 0.99, 1.0101), "unclear"),
        (None, "unclear"),
    ],
)
def test_verdicts(ratio: Interval | None, said: str) -> None:
    assert verdict(ratio) == said


def test_a_verdict_within_another_band() -> None:
    ratio = Interval(1.03, 1.02, 1.04)
    assert [verdict(ratio, band) for band in (0.01, 0.03, 0.05)] == ["slower", "unclear", "same"]
    ratio = Interval(0.97, 0.96, 0.98)
    assert [verdict(ratio, band) for band in (0.01, 0.03, 0.05)] == ["faster", "unclear", "same"]


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == 1.0
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == -1.0
    # Σd² = 2 of n = 4: 1 - 6·2 / (4·15)
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 2, 3], [7, 9, 8]) == pytest.approx(1 - 6 * 2 / (3 * 8))
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert rank_correlation([1, 2, 3], [1, 1, 1]) is None


def test_pareto() -> None:
    # costs less and gains more; the third costs more than the first for less
    assert pareto([1, 2, 3, 4], [50, 60, 40, 70]) == [True, True, False, True]
    assert pareto([1, 1], [5, 5]) == [True, True]
    assert pareto([1, 1], [5, 6]) == [False, True]
    assert pareto([], []) == []
    with pytest.raises(ValueError, match="shorter"):
        pareto([1, 2], [5])


def test_shares_sum_to_one() -> None:
    found = shares([{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 6.0}, {"a": 9.0, "b": 1.0}])
    assert found == {"a": 0.25, "b": 0.75}
    assert shares([]) == {}
    # a round of nothing has no shares; a part that a round lacks has none of it
    assert shares([{"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 3.0}]) == {"a": 0.25, "b": 0.75}
    assert shares([{"a": 1.0, "b": 1.0}, {"b": 5.0}]) == {"a": 0.25, "b": 0.75}
    # the medians, 2/10, 3/10 and 4/10, sum to 9/10, of which they are shares again
    three = shares([{"a": 2.0, "b": 3.0, "c": 5.0}, {"a": 1.0, "b": 5.0, "c": 4.0}, {"a": 7.0, "b": 1.0, "c": 2.0}])
    assert three == pytest.approx({"a": 2 / 9, "b": 3 / 9, "c": 4 / 9})
