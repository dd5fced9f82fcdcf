"""EfficientNet B0 to B7: integers that other people's builds have."""

from __future__ import annotations

import pytest

from profiler.load.load import load

CASES = [
    ("efficientnet_b0", 224, 5_288_548, 385_814_752),
    ("efficientnet_b1", 240, 7_794_184, 686_802_832),
    ("efficientnet_b2", 260, 9_109_994, 993_561_872),
    ("efficientnet_b3", 300, 12_233_232, 1_827_141_392),
    ("efficientnet_b4", 380, 19_341_616, 4_393_771_024),
    ("efficientnet_b5", 456, 30_389_784, 10_266_384_752),
    ("efficientnet_b6", 528, 43_040_704, 19_067_593_536),
    ("efficientnet_b7", 600, 66_347_960, 37_745_884_192),
]


@pytest.mark.parametrize(("name", "side", "params", "macs"), CASES)
def test_totals(name: str, side: int, params: int, macs: int) -> None:
    network = load(name)
    totals = network.totals()
    assert (network.resolution, totals.params, totals.macs) == (side, params, macs)


def test_a_squeeze_is_a_quarter_of_the_input_of_its_block() -> None:
    rows = load("efficientnet_b0").profile().rows
    squeezes = [row.output[1] for row in rows if row.path.endswith("excite.gate.reduce")]
    assert squeezes == [8, 4, 6, 6, 10, 10, 20, 20, 20, 28, 28, 28, 48, 48, 48, 48]
