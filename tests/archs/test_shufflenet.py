"""ShuffleNet v1 and v2: the width rule of "s×"."""

from __future__ import annotations

import pytest

from profiler.load.load import load

# the authors' release: groups, s, channels of the stem and of stages 2 to 4
RELEASED = [
    (3, "0.5", (12, 120, 240, 480)),
    (3, "1", (24, 240, 480, 960)),
    (3, "1.5", (24, 360, 720, 1440)),
    (3, "2", (48, 480, 960, 1920)),
    (8, "0.5", (16, 192, 384, 768)),
    (8, "1", (24, 384, 768, 1536)),
    (8, "1.5", (24, 576, 1152, 2304)),
    (8, "2", (48, 768, 1536, 3072)),
]


@pytest.mark.parametrize(("groups", "alpha", "widths"), RELEASED)
def test_widths_at_s_times(groups: int, alpha: str, widths: tuple[int, ...]) -> None:
    rows = {row.path: row for row in load("shufflenet_v1", alpha=alpha, options={"groups": groups}).profile().rows}
    found = [rows[path].output[1] for path in ("stem.conv", "body.0.0.act", "body.1.0.act", "body.2.0.act")]
    assert tuple(found) == widths


def test_stage_2_begins_with_a_pointwise_convolution_in_one_group() -> None:
    rows = [row for row in load("shufflenet_v1").profile().rows if row.path.endswith("branch.reduce")]
    assert [row.facts["groups"] for row in rows] == [1, *[3] * 15]


def test_a_unit_of_v2_passes_half_of_its_channels_on() -> None:
    rows = [row for row in load("shufflenet_v2_x1_0").profile().rows if row.path.startswith("body.0.1.")]
    assert [row.output[1] for row in rows if row.op in ("channel_slice", "concatenate", "channel_shuffle")] == [
        58,
        58,
        116,
        116,
    ]
