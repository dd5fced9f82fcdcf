"""Intervals, ratios and verdicts on series whose answers are known."""

from __future__ import annotations

import random
from math import exp, sqrt
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
    [(5, None), (6, (0, 5)), (8, (0, 7)), (9, (1, 7)), (10, (1, 8)), (15, (3, 11)), (20, (5, 14)), (50, (17, 32))],
)
def test_the_ranks_that_hold_the_median(n: int, ranks: tuple[int, int] | None) -> None:
    assert ranks_of_median(n) == ranks


def test_the_ranks_are_the_binomial_distribution_s() -> None:
    from scipy.special import bdtr

    for n in range(1, 400):
        low = max((k for k in range(n) if k < n / 2 and bdtr(k, n, 0.5) <= 0.025), default=None)
        assert ranks_of_median(n) == (None if low is None else (low, n - 1 - low))


def test_a_constant_series_has_no_width() -> None:
    assert median_interval([2.0] * 10) == Interval(2.0, 2.0, 2.0)
    assert median_interval([2.0] * 5) is None


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
        (None, "unclear"),
    ],
)
def test_verdicts(ratio: Interval | None, said: str) -> None:
    assert verdict(ratio) == said


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == 1.0
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == -1.0
    # Σd² = 2 of n = 4: 1 - 6·2 / (4·15)
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_pareto() -> None:
    # costs less and gains more; the third costs more than the first for less
    assert pareto([1, 2, 3, 4], [50, 60, 40, 70]) == [True, True, False, True]
    assert pareto([1, 1], [5, 5]) == [True, True]
    assert pareto([1, 1], [5, 6]) == [False, True]


def test_shares_sum_to_one() -> None:
    found = shares([{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 6.0}, {"a": 9.0, "b": 1.0}])
    assert found == {"a": 0.25, "b": 0.75}
    assert shares([]) == {}
