"""Network In Network for CIFAR-10."""

from __future__ import annotations

from profiler.load.load import load

# the mlpconv layers of Figure 2 at 32, 16 and 8 pixels: kernel, maps in, maps of the three convolutions
LAYERS = [(32, 5, 3, (192, 160, 96)), (16, 5, 96, (192, 192, 192)), (8, 3, 192, (192, 192, 10))]


def test_totals_are_the_sums_of_its_layers() -> None:
    params = macs = 0
    for side, kernel, m, (a, b, c) in LAYERS:
        weights = kernel**2 * m * a + a * b + b * c
        params += weights + a + b + c
        macs += weights * side**2
    totals = load("nin").totals()
    assert (totals.params, totals.macs) == (params, macs)


def test_the_last_maps_are_the_classes() -> None:
    rows = load("nin", options={"classes": 100}, alpha="0.5").profile().rows
    assert [row.output for row in rows if row.macs][-1] == (1, 100, 8, 8)
    assert rows[-1].output == (1, 100)
