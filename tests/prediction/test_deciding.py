"""Which predicted cell is measured next: rules on intervals written by hand, and the front against brute force."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.prediction.deciding import Deciding, for_a_front, for_a_limit, verdict
from profiler.records.interval import Interval


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high)


def test_a_verdict_is_of_the_whole_interval() -> None:
    assert verdict(interval(0.9, 1.0), 1.0) == "within"
    assert verdict(interval(1.0, 1.1), 1.0) == verdict(interval(0.9, 1.1), 1.0) == "undecided"
    assert verdict(interval(1.01, 1.2), 1.0) == "over"
    assert verdict(None, 1.0) == "unknown"


def test_of_a_limit_the_recommended_come_first_then_the_undecided_cell_most_wanted() -> None:
    said = ["over", "undecided", "within", "within", "unknown", "within", "undecided"]
    every = set(range(len(said)))
    assert for_a_limit(said, set(), every, 2) == Deciding(2, "limit")
    assert for_a_limit(said, {2}, every - {2}, 2) == Deciding(3, "limit")
    assert for_a_limit(said, {2, 3}, every - {2, 3}, 2) == Deciding(1, "limit"), "the two at the top are measured"
    assert for_a_limit(said, {2, 3}, every - {1, 2, 3}, 2) == Deciding(6, "limit"), "1 may not be, as it had its turn"
    assert for_a_limit(said, {2, 3}, {0, 4, 5}, 2) is None, "nothing that may be measured is undecided"


def test_of_a_front_the_cell_that_most_of_its_rivals_overlap() -> None:
    # the last two gain more and are slower for certain: they are on the front, and nobody's rivals
    found = [interval(1.0, 1.4), interval(1.2, 1.6), interval(1.3, 1.7), interval(1.65, 1.9), interval(5, 6), interval(8, 9)]
    gains = [60.0, 61.0, 62.0, 63.0, 70.0, 71.0]
    assert for_a_front(found, gains, [1] * 6, set(range(6))) == Deciding(2, "front")
    assert for_a_front(found, gains, [1] * 6, {0, 4, 5}) == Deciding(0, "front")
    assert for_a_front(found, gains, [1] * 6, {4, 5}) is None


def test_cells_that_are_beaten_for_certain_are_only_ranked() -> None:
    found = [interval(1, 2), interval(3, 5), interval(4, 6)]
    assert for_a_front(found, [3.0, 2.0, 1.0], [1] * 3, {0, 1, 2}) in (Deciding(1, "rank"), Deciding(2, "rank"))
    assert for_a_front(found, [3.0, 2.0, 1.0], [1, 1, 8], {0, 1, 2}) is None, "another batch is another group"
    assert for_a_front(found, [1.0, None, None], [1] * 3, {0, 1, 2}) in (Deciding(1, "rank"), Deciding(2, "rank"))
    assert for_a_front([*found[:2], None], [1.0, 2.0, 3.0], [1] * 3, {0, 1, 2}) is None, "what is unknown overlaps nothing"


cells = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 8), st.none() | st.integers(1, 5)).map(
        lambda each: (interval(float(each[0]), float(each[0] + each[1])), each[2])
    ),
    max_size=9,
)


@settings(max_examples=200)
@given(cells)
def test_against_every_pair(some: list[tuple[Interval, int | None]]) -> None:
    intervals = [each for each, _ in some]
    gains = [None if gain is None else float(gain) for _, gain in some]
    may = set(range(len(some)))

    def overlap(i: int, j: int) -> bool:
        return i != j and intervals[i].low <= intervals[j].high and intervals[j].low <= intervals[i].high

    def beaten(i: int) -> bool:
        mine = gains[i]
        return mine is None or any(
            gain is not None and gain >= mine and intervals[j].high < intervals[i].low for j, gain in enumerate(gains)
        )

    front = [i for i in may if not beaten(i)]
    scores = [
        (sum(overlap(i, j) for j in front) if i in front else 0, sum(overlap(i, j) for j in may), intervals[i].half_width)
        for i in may
    ]
    found = for_a_front(intervals, gains, [1] * len(some), may)
    open_ = [score for score in scores if score[:2] > (0, 0)]
    assert (found is None) == (not open_)
    if found is not None:
        assert scores[found.cell] == max(open_)
        assert found.what == ("front" if scores[found.cell][0] else "rank")
