"""MobileNetV3: integers that other people's builds have, the minimalistic variants and the 0.75 rows."""

from __future__ import annotations

import pytest

from profiler.load.load import load

CASES = [
    ("mobilenet_v3_large", 5_483_032, 216_589_760),
    ("mobilenet_v3_large@alpha=0.75", 3_993_528, 154_560_624),
    ("mobilenet_v3_large@minimalistic=true", 3_924_288, 209_136_704),
    ("mobilenet_v3_small", 2_542_856, 56_510_400),
    ("mobilenet_v3_small@alpha=0.75", 2_041_872, 43_399_344),
    ("mobilenet_v3_small@minimalistic=true", 2_044_736, 52_288_448),
]


@pytest.mark.parametrize(("name", "params", "macs"), CASES)
def test_totals(name: str, params: int, macs: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == (params, macs)


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
