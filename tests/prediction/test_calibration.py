"""Latency of what was not measured: exact on a machine that obeys the model, honest on one that does not."""

from __future__ import annotations

import random
from itertools import product
from math import exp, log

import pytest

from profiler import profile
from profiler.prediction.calibration import ClockedLayer, MeasuredNetwork, calibrated, fitted
from profiler.prediction.choice import chosen
from profiler.prediction.features import Work, is_free, kind_of, total, work_of, works_of
from profiler.records.interval import Interval

RATES = {
    "conv": (4e-6, 2e-11, 1e-9),
    "pointwise": (5e-6, 3e-11, 0.0),
    "depthwise": (9e-6, 9e-11, 0.0),
    "linear": (3e-6, 1e-10, 0.0),
}
OTHERS = (2e-6, 0.0, 4e-10)
"""Seconds a call, a multiply-add and an element, of a machine that does not exist; 8 bytes or 2 weights are as an element."""


def seconds_of(kind: str, work: Work, layers: bool = True) -> float:
    """Of a layer on the clock by its bytes and weights; of a network of which no layer was, by its elements."""
    a, b, c = RATES.get(kind, OTHERS)
    size = work.moved / 8 + work.weights / 2 if layers else work.moved / 8 if kind.startswith("reshape") else work.elements
    return a * work.calls + b * work.macs + c * size


def on_the_clock(
    model: str, alpha: float, side: int, noise: float = 0.0, layers: bool = True, seed: int = 0
) -> MeasuredNetwork:
    """A network as that machine would run it, a tenth slower than its layers, with noise."""
    draw = random.Random(f"{model} {alpha} {side} {seed}")
    rows = [row for row in profile(model, alpha=alpha, resolution=side).rows if not is_free(row)]
    clocked = tuple(
        ClockedLayer(kind_of(row), work_of(row), seconds_of(kind_of(row), work_of(row), layers) * exp(draw.gauss(0, noise)))
        for row in rows
    )
    whole = 1.1 * sum(seconds_of(each.kind, each.work, layers) for each in clocked) * exp(draw.gauss(0, noise))
    return MeasuredNetwork("", works_of(rows), Interval(whole, whole * 0.99, whole * 1.01), clocked if layers else ())


GRID = list(product((0.25, 0.5, 0.75, 1.0), (128, 160, 192, 224)))
ANCHORS = [(0.25, 128), (0.25, 224), (1.0, 128), (1.0, 224), (0.5, 160), (0.75, 192)]


def test_a_network_does_what_its_rows_do() -> None:
    works = works_of(profile("mobilenet_v1").rows)
    assert sum(work.macs for work in works.values()) == 568_740_352
    assert works["pointwise"].calls == 13
    assert works["depthwise"].calls == 13
    assert works["activation relu"].calls == 27
    assert total(works).macs == 568_740_352
    assert "reshape flatten" not in works, "a view takes no time"


@pytest.mark.parametrize("layers", [True, False])
def test_a_machine_that_obeys_the_model_is_predicted_exactly(layers: bool) -> None:
    border = [place for place in GRID if place[0] in (0.25, 1.0) or place[1] in (128, 224)]
    places = ANCHORS if layers else border
    found = calibrated([on_the_clock("mobilenet_v1", *place, layers=layers) for place in places])
    for place in set(GRID) - set(places):
        wanted = on_the_clock("mobilenet_v1", *place, layers=layers)
        assert found.predict(wanted.works).estimate == pytest.approx(wanted.seconds.estimate, rel=0.02)
        assert found.refusal(wanted.works) == ""


def test_the_interval_covers_what_was_not_measured() -> None:
    """Over many machines with noise of 3 %: nominally 95 %."""
    inside = 0
    cases = 0
    for seed in range(20):
        found = calibrated([on_the_clock("mobilenet_v1", *place, noise=0.03, seed=seed) for place in ANCHORS])
        for place in set(GRID) - set(ANCHORS):
            wanted = on_the_clock("mobilenet_v1", *place, noise=0.03, seed=seed)
            low, high = found.predict(wanted.works)[1:]
            inside += low <= wanted.seconds.estimate <= high
            cases += 1
    assert 0.9 <= inside / cases <= 1


def test_errors_are_of_networks_that_the_model_was_not_told() -> None:
    measured = [on_the_clock("mobilenet_v1", *place, noise=0.05) for place in ANCHORS]
    found = calibrated(measured)
    first = fitted(measured[1:]).seconds(measured[0].works)
    assert found.errors[0] == pytest.approx(log(measured[0].seconds.estimate / first))


def test_families_are_held_out_together() -> None:
    measured = [
        on_the_clock(model, alpha, 192)._replace(family=model)
        for model in ("mobilenet_v1", "mobilenet_v2", "squeezenet1_0", "resnet18")
        for alpha in (0.5, 1.0)
    ]
    found = calibrated(measured)
    assert len(found.errors) == 4, "MobileNet's and ResNet's: the others have ReLU6 and concatenations, which only they have"
    assert found.errors[0] == pytest.approx(log(measured[0].seconds.estimate / fitted(measured[2:]).seconds(measured[0].works)))
    with pytest.raises(ValueError, match="2 measured; an interval needs 3"):
        calibrated(measured[:2])


def test_networks_of_the_family_that_is_asked_for_are_held_out_one_by_one() -> None:
    """What a grid of one network is off by says nothing of another family, and the other way round."""
    measured = [on_the_clock("mobilenet_v1", *place, noise=0.02)._replace(family="v1") for place in ANCHORS]
    measured += [on_the_clock(model, 1.0, 192)._replace(family=model) for model in ("mobilenet_v2", "squeezenet1_0")]
    found = calibrated(measured, "v1")
    assert len(found.errors) == 6
    assert found.errors[0] == pytest.approx(log(measured[0].seconds.estimate / fitted(measured[1:]).seconds(measured[0].works)))
    others = calibrated(measured, "mobilenet_v2")
    assert others.errors == calibrated(measured).errors
    assert others.errors[0] == pytest.approx(
        log(measured[0].seconds.estimate / fitted(measured[6:]).seconds(measured[0].works))
    )
    assert found.half_width < others.half_width
    assert len(calibrated(measured[:7]).errors) == 6, (
        "of two families, each network by itself; MobileNetV2 has kinds of its own"
    )


@pytest.mark.parametrize(
    ("model", "alpha", "side", "words"),
    [
        ("alexnet", 1.0, 227, "were not measured"),
        ("mobilenet_v3_small", 1.0, 224, "activation hardsigmoid and activation hardswish and elementwise add"),
        ("mobilenet_v1", 1.0, 320, "MACs are outside what was measured"),
        ("mobilenet_v1", 0.25, 64, "are outside what was measured"),
    ],
)
def test_what_was_not_calibrated_is_refused(model: str, alpha: float, side: int, words: str) -> None:
    found = calibrated([on_the_clock("mobilenet_v1", *place) for place in ANCHORS])
    assert words in found.refusal(works_of(profile(model, alpha=alpha, resolution=side).rows))


def test_no_rate_is_negative() -> None:
    model = fitted([on_the_clock("mobilenet_v1", *place, noise=0.3) for place in ANCHORS])
    assert all(rate >= 0 for rates in model.rates.values() for rate in rates)


def test_cells_to_measure_have_every_value_of_every_axis() -> None:
    """Six of sixteen: every α and every side, the least and the largest among them."""
    works = [works_of(profile("mobilenet_v1", alpha=alpha, resolution=side).rows) for alpha, side in GRID]
    found = [GRID[i] for i in chosen(works, 6, GRID)]
    assert {(0.25, 128), (1.0, 224)} <= set(found)
    assert {alpha for alpha, _ in found} == {0.25, 0.5, 0.75, 1.0}
    assert {side for _, side in found} == {128, 160, 192, 224}
    assert len(set(found)) == 6
