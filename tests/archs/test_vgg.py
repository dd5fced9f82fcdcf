"""VGG: configuration C, and what "ratio" divides in the forms for Fashion-MNIST."""

from __future__ import annotations

import pytest

from profiler.load.load import load

CASES = [
    ("vgg16_c", 133_638_952, 11_770_888_192),
    ("vgg11_fashion", 2_018_346, 121_091_072),
    ("vgg11_fashion@resolution=96", 707_626, 22_459_392),
    ("vgg11_fashion@divide_classifier=false", 29_815_850, 148_881_408),
    ("vgg11_fashion@divide_classifier=false,resolution=96", 19_330_090, 41_074_688),
    ("vgg11_fashion@ratio=4,divide_classifier=false", 43_093_322, 512_155_648),
    ("vgg11_fashion@ratio=4,divide_classifier=false,resolution=96", 22_121_802, 107_798_528),
    ("vgg11_fashion@ratio=1", 128_806_154, 7_547_232_256),
]


@pytest.mark.parametrize(("name", "params", "macs"), CASES)
def test_totals(name: str, params: int, macs: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == (params, macs)


def test_c_is_d_with_three_pointwise_layers() -> None:
    rows = load("vgg16_c").profile().rows
    assert [row.path for row in rows if row.kind == "pointwise"] == ["body.2.conv2", "body.3.conv2", "body.4.conv2"]
    difference = (9 - 1) * (256 * 256 + 2 * 512 * 512)
    assert load("vgg16").totals().params - load("vgg16_c").totals().params == difference


@pytest.mark.parametrize(("side", "flat"), [(224, 3136), (96, 576)])
def test_the_first_fully_connected_layer_shrinks_with_the_side(side: int, flat: int) -> None:
    rows = {row.path: row for row in load("vgg11_fashion", resolution=side).profile().rows}
    assert rows["head.fc6"].weights == flat * 512
