"""A limit of latency: measured here, predicted for the rest; what stands where, whatever this machine is doing."""

from __future__ import annotations

import pytest

import profiler
from profiler.errors import ProfilerError
from profiler.records.limits import Bound
from profiler.report.answer import View
from profiler.report.answers import registry
from tests.measure.paced import install

ALPHAS = [0.25, 0.5, 0.75, 1, 1.25, 1.5]


@pytest.fixture(autouse=True)
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch.setattr)


def bench(seconds: int = 6) -> profiler.BenchOptions:
    return profiler.BenchOptions(device="cpu", threads=1, time=f"{seconds}s")


def test_every_cell_is_measured_predicted_or_refused() -> None:
    found = profiler.fit(
        "lenet5", alpha=ALPHAS, resolution=[28, 32, 36], max_latency="3600s", max_params="100K", bench=bench(8)
    )
    heavy = [record for record in found if record["params"] > 100_000]
    assert heavy
    assert all(record["latency_s"] is None and record["latency_fits"] is None and not record["fits"] for record in heavy)
    light = [record for record in found if record["params"] <= 100_000]
    assert sum(record["latency_s"] is not None for record in light) >= 3
    for record in light:
        assert record["latency_s"] is None or record["predicted_s"] is None, "never both"
        assert record["fits"] == (record["latency_fits"] == "within")
        known = record["latency_s"] is not None or record["predicted_s"] is not None
        assert record["latency_fits"] == ("within" if known else "unknown"), "an hour is enough for any of them"
    assert found.limits == (Bound("params", 100_000), Bound("latency", 3600.0))
    sheet = registry.answer(found, View()).sheets()[0]
    assert sheet.title.startswith("lenet5: params ≤ 100,000, latency ≤ 60.0 min: ")


def test_nothing_is_within_a_nanosecond() -> None:
    found = profiler.fit("lenet5", alpha=ALPHAS[:4], resolution=28, max_latency=1e-9, bench=bench())
    assert not found.fitting
    assert {record["latency_fits"] for record in found} <= {"over", "unknown"}


def test_a_latency_that_is_none() -> None:
    with pytest.raises(ProfilerError, match="needs a unit"):
        profiler.fit("lenet5", max_latency="20")
