"""What `list` takes from a program: numbers as numbers, the same as their text."""

from __future__ import annotations

import pytest

from profiler import Chain, Linear, ProfilerError, listing, verify


def test_limits_and_years_may_be_numbers() -> None:
    assert listing(max_macs=600_000_000) == listing(max_macs="600M")
    assert listing(max_params=1_000_000) == listing(max_params="1M")
    assert listing(year=2015) == listing(year="2015")
    assert {record["year"] for record in listing(year=2015)} == {2015}


def test_verify_takes_names_alone() -> None:
    with pytest.raises(ProfilerError, match="verify takes names and references, not Chain"):
        verify(Chain(Linear(3)))
