"""VGG: configuration C, and how its classifier grows with the side."""

from __future__ import annotations

import pytest

from profiler.load.load import load


def test_c_is_d_with_three_pointwise_layers() -> None:
    rows = load("vgg16_c").profile().rows
    assert [row.path for row in rows if row.kind == "pointwise"] == ["body.2.conv2", "body.3.conv2", "body.4.conv2"]
    difference = (9 - 1) * (256 * 256 + 2 * 512 * 512)
    assert load("vgg16").totals().params - load("vgg16_c").totals().params == difference


def test_the_classifier_grows_with_the_side() -> None:
    first = {
        side: row.weights
        for side in (32, 224)
        for row in load("vgg16", resolution=side).profile().rows
        if row.path == "head.fc6"
    }
    assert first == {32: 512 * 4096, 224: 512 * 7 * 7 * 4096}


@pytest.mark.parametrize(("side", "flat"), [(224, 3136), (96, 576)])
def test_the_first_fully_connected_layer_shrinks_with_the_side(side: int, flat: int) -> None:
    rows = {row.path: row for row in load("vgg11_fashion", resolution=side).profile().rows}
    assert rows["head.fc6"].weights == flat * 512
