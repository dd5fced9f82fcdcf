"""Cases drawn from a seed: so many in the plain suite, always the same; for forty seconds and from new seeds under -m full."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

SECONDS = 40
"""Of each of the three fuzzers under -m full: two minutes."""
DIGITS = "9" * 5000
TEXTS = (
    "", " ", "-", "0", "1", "-1", "1.5", "0.25..1", "1,2", "nan", "inf", "1e999", DIGITS, "x", "lenet5", "none", "auto", "=1+1", "a\x1b[2Jb", "\u202ex",
    "é", "𝛼", "../x", "/", ".", "~", "a=b", "{}", "[]", "%s", "{0}", "\\", "'", '"', "\t", "\n", "\r", "3x8x8", "1x28x28", "0x0", "csv", "K", "true",
    "\ud800",
)  # fmt: skip
"""What anybody may write anywhere."""

EITHER = pytest.mark.parametrize("cases", [pytest.param(40, id="some"), pytest.param(0, id="many", marks=pytest.mark.full)])


def drawn(cases: int) -> Iterator[tuple[int, random.Random]]:
    """(seed, its generator): seeds from 0 to `cases`, or of 0 new ones as long as there is time."""
    if cases:
        yield from ((seed, random.Random(seed)) for seed in range(cases))
        return
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        seed = int.from_bytes(os.urandom(6))
        yield seed, random.Random(seed)
