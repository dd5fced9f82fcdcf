"""AlexNet: its two groups, its maps of Figure 2, and the form of torchvision."""

from __future__ import annotations

from profiler.load.load import load


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
