"""MobileNetV3: which blocks squeeze and excite, and what the minimalistic variants leave out."""

from __future__ import annotations

import pytest

from profiler.load.load import load


@pytest.mark.parametrize(("name", "excited"), [("mobilenet_v3_large", 8), ("mobilenet_v3_small", 9)])
def test_squeeze_and_excite(name: str, excited: int) -> None:
    rows = load(name).profile().rows
    squeezes = [row.output[1] for row in rows if row.path.endswith("excite.gate.reduce")]
    assert len(squeezes) == excited
    assert all(n % 8 == 0 for n in squeezes)
    assert not [row for row in load(name, options={"minimalistic": True}).profile().rows if "excite" in row.path]


def test_minimalistic_has_3_by_3_kernels_and_relu_only() -> None:
    rows = load("mobilenet_v3_large", options={"minimalistic": True}).profile().rows
    assert {row.facts["kernel"] for row in rows if row.kind == "depthwise"} == {(3, 3)}
    assert {row.op for row in rows if row.kind == "activation"} == {"relu"}
