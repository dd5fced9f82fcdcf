"""EfficientNet how wide its squeezes are."""

from __future__ import annotations

from profiler.load.load import load


def test_a_squeeze_is_a_quarter_of_the_input_of_its_block() -> None:
    rows = load("efficientnet_b0").profile().rows
    squeezes = [row.output[1] for row in rows if row.path.endswith("excite.gate.reduce")]
    assert squeezes == [8, 4, 6, 6, 10, 10, 20, 20, 20, 28, 28, 28, 48, 48, 48, 48]
