"""Another device's table, scaled to a few networks measured here: a factor and a correction, held out, refused."""

from __future__ import annotations

from math import exp, log
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler.errors import ProfilerError, Unavailable
from profiler.prediction.scaling import Pair, scaled
from profiler.records.interval import Interval
from tests.prediction.simulated import FAST, SLOW, TABLE, Device, works

HERE = ("mobilenet_v2", "resnet18", "shufflenet_v1", "squeezenet1_0", "vgg16", "densenet121")


def pair(macs: int, elements: int, there_s: float, here_s: float) -> Pair:
    return Pair(works(macs, elements), there_s, Interval(here_s, 0.99 * here_s, 1.01 * here_s))


def test_one_factor_for_all() -> None:
    """Twice as fast at all: the factor is a half, whatever the network."""
    found = scaled([pair(999, 9, 1.0, 0.5), pair(99, 9, 3.0, 1.5), pair(9, 9, 2.0, 1.0)])
    assert found.slope == pytest.approx(0)
    assert found.factor(works(12345, 678)) == pytest.approx(0.5)
    assert found.errors == pytest.approx((0, 0, 0))
    assert found.half_width == pytest.approx(4.302653 * 0.005 * (1 + 1 / 3) ** 0.5), "t of 2, of half of the 1 % of the clock"


def test_the_slope_is_that_of_a_ridge_regression_by_hand() -> None:
    """Ratios 2 · intensity^0.5 at intensities of 1, 10 and 100: the slope is 0.5 · 2L² / (2L² + 1), L the logarithm of 10."""
    found = scaled([pair(0, 0, 1.0, 2.0), pair(9, 0, 1.0, 2.0 * 10**0.5), pair(99, 0, 1.0, 2.0 * 10.0)])
    steps = 2 * log(10) ** 2
    assert found.slope == pytest.approx(0.5 * steps / (steps + 1))
    assert found.factor(works(9, 0)) == pytest.approx(2.0 * 10**0.5), "at the mean intensity the factor is exact"


def test_errors_are_of_networks_that_the_factor_was_not_told() -> None:
    """At one intensity: each ratio against the geometric mean of the other two."""
    found = scaled([pair(9, 0, 1.0, ratio) for ratio in (1.0, 1.1, 1.21)])
    step = log(1.1)
    assert found.errors == pytest.approx((-1.5 * step, 0.0, 1.5 * step))
    assert found.factor(works(9, 0)) == pytest.approx(1.1)


def test_outside_of_what_was_measured_on_both() -> None:
    found = scaled([pair(9, 0, seconds, seconds) for seconds in (1e-3, 2e-3, 3e-3)])
    assert found.refusal(4.4e-3) == found.refusal(0.7e-3) == ""
    assert (
        "it takes 4.6 ms there, outside the range of the networks that were measured on both devices (1 to 3 ms)"
        in found.refusal(4.6e-3)
    )
    assert "it takes 0.6 ms there" in found.refusal(0.6e-3)


def test_two_networks_are_too_few() -> None:
    with pytest.raises(ValueError, match="2 measured on both devices; scaling needs 3"):
        scaled([pair(9, 0, 1.0, 1.0)] * 2)


@pytest.fixture
def there(tmp_path: Path) -> str:
    return SLOW.table(tmp_path / "slow.csv", TABLE, noise=0.01, device="cuda")


def test_a_table_of_another_device_is_scaled_to_this_one(there: str, tmp_path: Path) -> None:
    here = FAST.table(tmp_path / "here.csv", HERE, noise=0.01, threads="2")
    rest = [model for model in TABLE if model not in HERE]
    found = profiler.predict(*rest, source=there, scale_to=here, force=True)
    exact = [FAST.latency_of(model) for model in rest]
    errors = [abs(log(record["predicted_s"] / seconds)) for record, seconds in zip(found, exact, strict=True)]
    alone = [abs(log(SLOW.latency_of(model) / seconds)) for model, seconds in zip(rest, exact, strict=True)]
    assert sorted(errors)[len(errors) // 2] < log(1.15) < log(1.8) < sorted(alone)[len(alone) // 2]
    inside = [r["predicted_low_s"] <= seconds <= r["predicted_high_s"] for r, seconds in zip(found, exact, strict=True)]
    assert sum(inside) >= 0.8 * len(inside)
    assert {(record["device"], record["threads"]) for record in found} == {("cpu", 2)}, "what is predicted is this device"
    assert found[0]["predicted_from"].startswith(f"24 cells of {there}, scaled to 6 of {here}")
    assert any(f"≈: {there} scaled to 6 networks of {here}: 0." in str(note) for note in found.notes)


def test_what_was_measured_there_is_scaled_itself(tmp_path: Path) -> None:
    """Five networks are too few for a model, and enough for a factor: 3 of them measured here, on a device twice as fast."""
    half = Device({kind: tuple(r / 2 for r in rates) for kind, rates in SLOW.rates.items()}, tuple(r / 2 for r in SLOW.others))  # type: ignore[misc, arg-type]
    there = SLOW.table(tmp_path / "slow.csv", TABLE[:5])
    here = half.table(tmp_path / "here.csv", (TABLE[0], TABLE[1], TABLE[4]))
    for record, model in zip(profiler.predict(*TABLE[2:4], source=there, scale_to=here), TABLE[2:4], strict=True):
        assert record["predicted_s"] == pytest.approx(SLOW.latency_of(model) / 2)
    with pytest.raises(ProfilerError, match="holds 5 measured networks, and without their layers a prediction needs 20"):
        profiler.predict("resnet18", source=there, scale_to=here)


def test_what_is_in_neither_has_both_errors(there: str, tmp_path: Path) -> None:
    here = FAST.table(tmp_path / "here.csv", HERE, noise=0.01)
    (measured,) = profiler.predict("resnet34", source=there, scale_to=here, force=True)
    (predicted,) = profiler.predict("resnet34@resolution=208", source=there, scale_to=here, force=True)
    widths = [log(each["predicted_high_s"] / each["predicted_low_s"]) for each in (measured, predicted)]
    assert widths[1] > widths[0]


def test_networks_that_are_in_no_table_scale_by_predictions(there: str, tmp_path: Path) -> None:
    """Of these sides none was measured there: the factor is of what they are predicted to take."""
    models = [f"{model}@resolution=208" for model in ("resnet18", "resnet34", "resnet50", "vgg16")]
    here = FAST.table(tmp_path / "here.csv", models)
    (record,) = profiler.predict("resnet50@resolution=192", source=there, scale_to=here, force=True)
    exact = FAST.latency_of("resnet50@resolution=192")
    assert record["predicted_low_s"] <= exact <= record["predicted_high_s"]
    assert abs(log(record["predicted_s"] / exact)) < log(1.3)


@pytest.mark.parametrize(
    ("models", "more", "words"),
    [
        (HERE[:2], {}, "2 networks in common, and scaling takes 3; measure more of those in"),
        (
            HERE,
            {"dtype": "bf16"},
            "holds nothing that was measured with dtype bf16; measure with that setting, or leave it out",
        ),
        (HERE, {"memory_format": "channels_last"}, "holds nothing that was measured with memory format channels_last"),
        (HERE, {"compile": "true"}, "holds nothing that was measured with runtime compile, compile True"),
    ],
)
def test_what_does_not_go_together(models: tuple[str, ...], more: Any, words: str, there: str, tmp_path: Path) -> None:
    here = FAST.table(tmp_path / "here.csv", models, **more)
    with pytest.raises(ProfilerError, match=words):
        profiler.predict("resnet34", source=there, scale_to=here)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("resnet152@resolution=448", "outside the range of the networks that were measured on both devices"),
        ("vit_b_16", "were not measured"),
    ],
)
def test_what_is_refused(model: str, words: str, there: str, tmp_path: Path) -> None:
    here = FAST.table(tmp_path / "here.csv", HERE)
    (record,) = found = profiler.predict(model, source=there, scale_to=here)
    assert record["predicted_s"] is None
    assert any("not predicted" in str(note) and words in str(note) for note in found.notes)


def test_a_batch_that_was_not_measured_here(tmp_path: Path) -> None:
    there = SLOW.table(tmp_path / "slow.csv", TABLE)
    here = FAST.table(tmp_path / "here.csv", HERE)
    (record,) = found = profiler.predict("resnet34", source=there, scale_to=here, batch=8)
    assert record["predicted_s"] is None
    assert any("batch 8 was not measured (batch 1 was)" in str(note) for note in found.notes)


def test_several_other_devices_in_one_table(tmp_path: Path) -> None:
    lines = [
        Path(device.table(tmp_path / "one.csv", TABLE, device=name)).read_text().splitlines()
        for device, name in ((SLOW, "cuda"), (FAST, "mps"))
    ]
    (tmp_path / "both.csv").write_text("\n".join([*lines[0], *lines[1][1:]]) + "\n")
    here = FAST.table(tmp_path / "here.csv", HERE)
    with pytest.raises(ProfilerError, match="was measured in 2 settings; keep one device in the file"):
        profiler.predict("resnet34", source=str(tmp_path / "both.csv"), scale_to=here)
    with pytest.raises(Unavailable, match="there is no file"):
        profiler.predict("resnet34", source=str(tmp_path / "both.csv"), scale_to=str(tmp_path / "none.csv"))


def test_the_correction_is_held_back_where_networks_are_few() -> None:
    """A ratio of noise at two close intensities makes no slope to speak of."""
    found = scaled([pair(10, 0, 1.0, 1.0), pair(11, 0, 1.0, 1.1), pair(10, 0, 1.0, 1.05)])
    assert abs(found.slope) < 0.01
    assert exp(found.log_factor) == pytest.approx((1.0 * 1.1 * 1.05) ** (1 / 3))
