"""Rounds → an estimate one can defend: the median's exact interval, paired ratios, verdicts, ranks. No torch.

Rounds are not independent where the machine drifts, so every interval is widened by their lag-1 autocorrelation ρ: by
√((1 + ρ) / (1 - ρ)), which is what the deviation of the mean of a first-order autoregression grows by; n of them are worth
n·(1 - ρ) / (1 + ρ). ρ is estimated with Kendall's correction for few values, and a negative one narrows nothing. A slow drift
under a fast noise hides from ρ; so correlated rounds are first taken together, in batches long enough to be nearly independent
(the method of batch means, Conway 1963), as long as ten batches remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import exp, isfinite, log, sqrt
from statistics import fmean, median, stdev
from typing import Literal

from profiler.records.interval import Interval

CONFIDENCE = 0.95
BAND = 0.01
"""Half-width of the band about 1 within which two latencies are called the same."""
MOST_CORRELATION = 0.95
LEAST_BATCHES, INDEPENDENT = 10, 0.2

Verdict = Literal["faster", "slower", "same", "unclear"]


def load(ratios: bool, ranks: bool) -> None:
    """Load of scipy what ratios and rank correlations will take: up to a second and a half, which no round should feel."""
    if ratios:
        import scipy.special
    if ranks:
        import scipy.stats  # noqa: F401  # loaded for what it brings into memory


def autocorrelation(values: Sequence[float]) -> float:
    """Lag-1 autocorrelation, at least 0, with Kendall's correction (1954) for a short series."""
    n = len(values)
    mean = fmean(values)
    total = sum((value - mean) ** 2 for value in values)
    if n < 4 or total == 0:
        return 0.0
    found = sum((a - mean) * (b - mean) for a, b in pairwise(values)) / total
    return min(max(found + (1 + 3 * found) / n, 0.0), MOST_CORRELATION)


def widening(values: Sequence[float]) -> float:
    """What autocorrelated values widen an interval by, from 1."""
    rho = autocorrelation(values)
    return sqrt((1 + rho) / (1 - rho))


def ranks_of_median(n: int) -> tuple[int, int] | None:
    """Positions (from 0) of the order statistics that hold the median of `n` independent values with 95 % confidence.

    The sign test inverted: the widest pair with P(Binomial(n, 1/2) < low) at most 2.5 % a side. None below 6 values, where
    no pair does.
    """
    return _ranks(n)


@lru_cache(maxsize=4096)
def _ranks(n: int) -> tuple[int, int] | None:
    """Exact, in whole numbers: of the 2^n outcomes, C(n, 0) + … + C(n, low) may be at most 1 in 40, which is 2.5 %."""
    low, ways, below = -1, 1, 1  # C(n, low + 1), and the sum up to it
    while 40 * below <= 2**n:
        low += 1
        ways = ways * (n - low) // (low + 1)
        below += ways
    return None if low < 0 else (low, n - 1 - low)


def median_interval(rounds: Sequence[float]) -> Interval | None:
    """The median of the rounds' medians with its exact sign interval, widened; None where there are too few rounds.

    Correlated rounds are batched. Of batches that still are, the ranks are those that the fewer independent ones that they are
    worth would have: that sees a machine that stayed on one level for long. Where they are worth too few to have ranks, all of
    them hold, and are drawn out besides: of batches, no further than the rounds themselves went.
    """
    middle = median(rounds) if rounds else 0.0
    every, rounds = rounds, batches(rounds)
    n = len(rounds)
    ranks = ranks_of_median(n)
    if ranks is None:
        return None
    ordered = sorted(rounds)
    factor = widening(_without_spikes(rounds))
    low, high = (ordered[rank] for rank in ranks)
    if factor > 1:
        worth = max(int(n / factor**2), 1)
        fewer = ranks_of_median(worth)
        if fewer is None:
            low, high = middle + factor * (low - middle), middle + factor * (high - middle)
            if len(every) > n:
                usual = _without_spikes(every)
                low, high = max(low, min(usual)), min(high, max(usual))
        first = int((fewer[0] if fewer else 0) / worth * n)
        low, high = min(low, ordered[first]), max(high, ordered[n - 1 - first])
    return Interval(middle, max(min(low, middle), 0.0), max(high, middle))


def batches(rounds: Sequence[float]) -> list[float]:
    """Medians of batches of the rounds, each twice as long as before while they are correlated and ten would remain."""
    size, found = 1, list(rounds)
    while len(rounds) // (2 * size) >= LEAST_BATCHES and autocorrelation(_without_spikes(found)) > INDEPENDENT:
        size *= 2
        n = len(rounds) // size
        first = len(rounds) - n * size
        found = [median(rounds[first + i * size : first + (i + 1) * size]) for i in range(n)]
    return found


def paired_ratio(ours: Sequence[float], base: Sequence[float]) -> Interval | None:
    """ours / base over rounds that measured both: Student's t on the log ratios, widened; None below 3 rounds.

    Ratios of disturbed rounds are spikes that a mean follows, so the mean is of the middle 80 %, with the winsorised
    deviation that goes with it (Yuen 1974).
    """
    logs = [log(a / b) for a, b in zip(ours, base, strict=True) if a > 0 and b > 0]
    n = len(logs)
    if n < 3:
        return None
    from scipy.special import stdtrit

    cut = n // 10
    ordered = sorted(logs)
    kept = ordered[cut : n - cut]
    winsorised = [min(max(value, kept[0]), kept[-1]) for value in logs]
    share = len(kept) / n
    error = stdev(winsorised) / (share * sqrt(n)) * widening(winsorised)
    half = float(stdtrit(len(kept) - 1, (1 + CONFIDENCE) / 2)) * error
    middle = fmean(kept)
    return Interval(exp(middle), exp(middle - half), exp(middle + half))


def verdict(ratio: Interval | None, band: float = BAND) -> Verdict:
    """What a ratio says: faster or slower where its whole interval lies outside the band, same where it lies inside."""
    if ratio is None:
        return "unclear"
    if ratio.high < 1 - band:
        return "faster"
    if ratio.low > 1 + band:
        return "slower"
    return "same" if 1 - band <= ratio.low and ratio.high <= 1 + band else "unclear"


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None of fewer than 3 pairs, or where one side is constant."""
    if len(a) < 3 or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    from scipy.stats import spearmanr

    found = float(spearmanr(a, b).statistic)
    return found if isfinite(found) else None


def pareto(costs: Sequence[float], gains: Sequence[float]) -> list[bool]:
    """Which points no other beats: none costs at most as much and gains at least as much, one of them strictly."""
    points = list(zip(costs, gains, strict=True))
    return [not any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in points) for cost, gain in points]


def shares(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of parts that make up a whole in every round: the median over rounds of each part's share, all summing to 1."""
    by_round = [{name: value / sum(parts.values()) for name, value in parts.items()} for parts in rounds if sum(parts.values())]
    middle = {name: median(parts.get(name, 0.0) for parts in by_round) for parts in by_round[:1] for name in parts}
    return {name: value / sum(middle.values()) for name, value in middle.items()}


def _without_spikes(values: Sequence[float]) -> list[float]:
    """The values with those far out (3.5 modified deviations) drawn in, so that one spike does not hide their drift."""
    middle = median(values)
    deviation = median(abs(value - middle) for value in values) / 0.6745
    reach = 3.5 * deviation or float("inf")
    return [min(max(value, middle - reach), middle + reach) for value in values]
