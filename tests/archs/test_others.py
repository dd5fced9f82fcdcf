"""VGG, ResNet and GoogLeNet: integers that other people's builds of the same networks have."""

from __future__ import annotations

import pytest

from profiler.load.load import load
from profiler.records.profile import Totals

CASES = [
    ("vgg11", {}, 132_863_336, 7_609_090_048),
    ("vgg13", {}, 133_047_848, 11_308_466_176),
    ("vgg16", {}, 138_357_544, 15_470_264_320),
    ("vgg19", {}, 143_667_240, 19_632_062_464),
    ("resnet18", {}, 11_689_512, 1_814_073_344),
    ("resnet50", {}, 25_557_032, 4_089_184_256),
    ("googlenet", {}, 6_998_552, 1_582_671_872),
    ("googlenet", {"norm": "batch"}, 7_005_832, 1_582_671_872),
]


@pytest.mark.parametrize(("name", "options", "params", "macs"), CASES)
def test_totals(name: str, options: dict[str, str], params: int, macs: int) -> None:
    totals = load(name, options=options).totals()
    assert (totals.params, totals.macs) == (params, macs)


def test_googlenet_has_its_two_auxiliary_classifiers_aside() -> None:
    def head(channels: int) -> int:
        return channels * 128 + 128 + (4 * 4 * 128) * 1024 + 1024 + 1024 * 1000 + 1000

    totals = load("googlenet").totals()
    assert totals.side_params == head(512) + head(528) == 6_379_728
    assert totals.side_macs == (512 + 528) * 128 * 4 * 4 + 2 * (2048 * 1024 + 1024 * 1000)
    # torchvision's, with BatchNorm: 13,004,888 parameters with the heads, 6,624,904 without
    assert load("googlenet", options={"norm": "batch"}).totals().side_params == 13_004_888 - 6_624_904


def test_the_classifier_of_vgg_grows_with_the_side() -> None:
    first = {
        side: row.weights
        for side in (32, 224)
        for row in load("vgg16", resolution=side).profile().rows
        if row.path == "head.fc6"
    }
    assert first == {32: 512 * 4096, 224: 512 * 7 * 7 * 4096}


def test_classes_are_not_widened() -> None:
    assert load("resnet18", alpha="0.5").profile().rows[-1].output == (1, 1000)
    assert isinstance(load("resnet18", alpha="0.5").totals(), Totals)
