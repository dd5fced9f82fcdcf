"""SqueezeNet against its Table 1 (arXiv 1602.07360): output sizes and parameters a row."""

from __future__ import annotations

import pytest

from profiler.load.load import load

# Table 1 as printed: layer, output size, parameters. Its sizes are those of an input of 227.
TABLE_1 = [
    ("stem.conv1", (96, 111, 111), 14_208),
    ("stem.pool1", (96, 55, 55), 0),
    ("body.fire2", (128, 55, 55), 11_920),
    ("body.fire3", (128, 55, 55), 12_432),
    ("body.fire4", (256, 55, 55), 45_344),
    ("body.pool4", (256, 27, 27), 0),
    ("body.fire5", (256, 27, 27), 49_440),
    ("body.fire6", (384, 27, 27), 104_880),
    ("body.fire7", (384, 27, 27), 111_024),
    ("body.fire8", (512, 27, 27), 188_992),
    ("body.pool8", (512, 13, 13), 0),
    ("body.fire9", (512, 13, 13), 197_184),
    ("head.conv10", (1000, 13, 13), 513_000),
    ("head.pool", (1000, 1, 1), 0),
]


@pytest.mark.parametrize(("path", "output", "params"), TABLE_1)
def test_table_1(path: str, output: tuple[int, ...], params: int) -> None:
    rows = [row for row in load("squeezenet1_0", resolution=227).profile().rows if f"{row.path}.".startswith(f"{path}.")]
    assert (rows[-1].output[1:], sum(row.params for row in rows)) == (output, params)
