"""AlexNet: its two groups, its maps of Figure 2, and the form of torchvision."""

from __future__ import annotations

import pytest

from profiler.load.load import load

CASES = [
    ("alexnet", 60_965_224, 724_406_816),
    ("alexnet@groups=1", 62_378_344, 1_135_256_096),
    ("alexnet_torchvision", 61_100_840, 714_188_480),
]


@pytest.mark.parametrize(("name", "params", "macs"), CASES)
def test_totals(name: str, params: int, macs: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == (params, macs)


def test_maps_of_figure_2() -> None:
    maps = {row.path: row.output[1:] for row in load("alexnet").profile().rows if row.macs}
    assert maps == {
        "body.conv1": (96, 55, 55),
        "body.conv2": (256, 27, 27),
        "body.conv3": (384, 13, 13),
        "body.conv4": (384, 13, 13),
        "body.conv5": (256, 13, 13),
        "head.fc6": (4096,),
        "head.fc7": (4096,),
        "head.classifier": (1000,),
    }


def test_conv3_alone_sees_both_groups() -> None:
    rows = {row.path: row for row in load("alexnet").profile().rows}
    assert [rows[f"body.conv{i}"].weights for i in (2, 3, 4, 5)] == [
        5 * 5 * 48 * 256,
        3 * 3 * 256 * 384,
        3 * 3 * 192 * 384,
        3 * 3 * 192 * 256,
    ]


def test_only_torchvisions_classifier_is_free_of_the_side() -> None:
    first = {name: load(name, resolution=195).totals().params for name in ("alexnet", "alexnet_torchvision")}
    # 195 pixels leave 5×5 maps of 256 channels
    assert first["alexnet"] == 60_965_224 - 256 * (6 * 6 - 5 * 5) * 4096
    assert first["alexnet_torchvision"] == 61_100_840


def test_slim_is_fashion_without_two_layers() -> None:
    left_out = (3 * 3 * 384 + 1) * 384 + (4096 + 1) * 4096
    assert load("alexnet_fashion").totals().params - load("alexnet_fashion_slim").totals().params == left_out
