"""What is known of a machine from earlier runs, and how far one run may be from the next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import pytest

from profiler.measure import between_runs, host
from profiler.measure.between_runs import Spread, ratio, spread
from profiler.measure.certificate import last_certificate
from profiler.measure.history import FORGOTTEN_AFTER, History, Runs, key_of
from profiler.measure.plan import State


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "profiler"


def test_the_fastest_is_kept_from_run_to_run() -> None:
    for seconds in (1.2e-3, 1.0e-3, 1.5e-3):
        held = History.read()
        held.add("here", seconds, {})
        held.write()
    found = History.read()
    assert found.fastest("here") == 1.0e-3
    assert found.fastest("elsewhere") is None


def test_a_machine_that_has_long_not_been_so_fast_is_another() -> None:
    long_ago = datetime.now(UTC) - FORGOTTEN_AFTER - timedelta(days=1)
    held = History(None, {"here": Runs(1.0e-3, long_ago)})
    assert held.fastest("here") is None
    held.add("here", 1.5e-3, {})
    assert held.fastest("here") == 1.5e-3
    held = History(None, {"here": Runs(1.0e-3, long_ago + timedelta(days=2))})
    held.add("here", 1.04e-3, {})  # as good as then
    assert held.states["here"].reached > long_ago + timedelta(days=3)
    assert held.fastest("here") == 1.0e-3


def test_runs_that_are_kept_are_not_endless() -> None:
    held = History()
    for i in range(300):
        held.add(f"state {i % 70}", 1e-3, {f"cell {i}": 1.0, "always": 1.0 + i})
    assert len(held.states) == 64
    held = History()
    for i in range(300):
        held.add("here", 1e-3, {f"cell {i}": 1.0, "always": 1.0 + i})
    assert len(held.states["here"].cells) == 256
    assert sorted(map(len, held.states["here"].cells.values()))[-1] == 20


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "[" * 10**5, '{"version": 2, "states": {}}', '{"version": 1, "states": {"here": 5}}', "\x00",
        '{"version": 1, "states": {"here": {"fastest_s": -1, "reached": "2026-01-01T00:00:00Z"}}}',
        '{"version": 1, "states": {"here": {"fastest_s": 1, "reached": "2026-01-01T00:00:00Z", "cells": {"a": [0]}}}}',
        '{"version": 1, "states": {"here": {"fastest_s": 1e999, "reached": "2026-01-01T00:00:00Z"}}}',
        '{"version": 1, "states": {"here": {"fastest_s": 1, "reached": "yesterday"}}}', "9" * 5000,
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_none(text: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "history.json").write_text(text)
    assert History.read().fastest("here") is None
    assert spread(History.read(), ["here"]) == Spread(0.10, 0)
    held = History.read()
    held.add("here", 1e-3, {"cell": 1.0})
    held.write()
    assert History.read().fastest("here") == 1e-3


@pytest.mark.parametrize(
    "text",
    ['{"machine": []}', "[" * 10**5, "null", '{"date": 5, "machine": {}, "passed": true, "checks": []}', "9" * 5000, "\xff"],
)
def test_a_certificate_that_holds_something_else_is_none(text: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "selftest.json").write_text(text)
    assert last_certificate(host.machine()) is None
    here = {name: host.machine()[name] for name in host.SAME_MACHINE}
    good = {"date": "2026-01-01\x1b", "machine": here, "passed": True, "checks": [{"check": "a\nb", "passed": True, "more": 1}]}
    (cache / "selftest.json").write_text(json.dumps(good))
    assert last_certificate(here) == {"date": "2026-01-01", "passed": True, "checks": {"a b": True}}
    broken: dict[str, Any]
    for broken in ({"checks": [{"check": 5, "passed": True}]}, {"checks": {}}, {"passed": "yes"}, {"date": None}):
        (cache / "selftest.json").write_text(json.dumps({**good, **broken}))
        assert last_certificate(here) is None


def test_what_figures_must_share_to_be_held_against_each_other() -> None:
    machine, facts = host.machine(), {"torch": "2", "cpu_capability": "AVX2"}
    state = State("cpu", 2, "fp32", "eager")
    first = key_of(state, facts, machine)
    assert first == key_of(state._replace(dtype="bf16", runtime="compile"), facts, {**machine, "load": [9, 9, 9], "git": "x"})
    others = [
        key_of(state._replace(threads=1), facts, machine), key_of(state, {**facts, "torch": "3"}, machine),
        key_of(state, {**facts, "gpu": "one"}, machine), key_of(state, facts, {**machine, "cpu": "another"}),
        key_of(state, {**facts, "allocator": "as the environment sets it"}, machine),
    ]  # fmt: skip
    assert len({first, *others}) == 6


def test_the_spread_between_runs_by_hand() -> None:
    """Two cells of three runs: deviations -0.1, 0, 0.1 of each, so s² = 0.04 / 4; t(4) = 2.776; two runs are √2·s apart."""
    held = History()
    for off in (-0.1, 0.0, 0.1):
        held.add("here", 1e-3, {"a": exp(off), "b": 5 * exp(-off)})
    found = spread(held, ["here"])
    assert found.share == pytest.approx(2.776445 * sqrt(2) * 0.1, rel=1e-6)
    assert found.runs == 5
    held.add("there", 1e-3, {"a": 1.0})
    assert spread(held, ["here", "there"]) == found  # the wider of what is known and what is assumed
    # a run at D is held to what all runs did: cell a has four of them, whose logarithms have the mean 0.075
    held.add("here", 1e-3, {}, {"a": exp(0.3)})
    assert spread(held, ["here"]) == found
    logs = [-0.1, 0.0, 0.1, 0.3]
    squares = sum((each - 0.075) ** 2 for each in logs) + 0.02
    assert spread(held, ["here"], disturbed=True).share == pytest.approx(2.570582 * sqrt(2 * squares / 5), rel=1e-6)  # t(5)
    assert spread(History(), ["here"], disturbed=True) == Spread(0.50, 0)
    steady = History()
    for _ in range(6):
        steady.add("here", 1e-3, {"a": 1.0})
    assert spread(steady, ["here"]) == Spread(between_runs.LEAST, 6)
    assert spread(steady, []) == Spread(between_runs.ASSUMED, 0)


def record(seconds: float, half: float, **more: Any) -> dict[str, Any]:
    return {
        "latency_s": seconds,
        "latency_low_s": seconds * exp(-half),
        "latency_high_s": seconds * exp(half),
        "device": "cpu",
        "threads": 1,
        **more,
    }


def test_a_ratio_of_two_runs_by_hand() -> None:
    kernel = {"device": "cpu", "threads": 1}
    machine = {"between_runs": {"share": 0.06, "runs": 9}, "reference": [kernel | {"median_s": 2e-3}]}
    slower = {"between_runs": {"share": 0.04, "runs": 9}, "reference": [kernel | {"median_s": 3e-3}]}
    found = ratio(record(1.0, 0.03), machine, record(1.5, 0.02), machine)
    wide = sqrt(0.03**2 + 0.02**2 + 0.06**2)
    assert tuple(found) == pytest.approx((1.5, 1.5 * exp(-wide), 1.5 * exp(wide)))
    found = ratio(record(1.0, 0.03), machine, record(1.5, 0.02), slower)
    assert found.low == pytest.approx(1.5 * exp(-wide - log(1.5)))
    assert ratio(record(1.0, 0.0), None, record(1.0, 0.0), None).high == pytest.approx(exp(0.10))
    edited = {"between_runs": {"share": 1e300}}
    assert ratio(record(1.0, 0.03), edited, record(1.5, 0.02), machine).low == pytest.approx(0.0, abs=1e-20)
    assert ratio({**record(1.0, 0.03), "latency_low_s": 0.0}, None, record(1.5, 0.02), None).low < 1
