"""The share of a device's roof of multiply-adds that a whole network reaches."""

from __future__ import annotations

import pytest

from profiler.report.answer import View
from profiler.report.answers import registry
from tests.report.clocked import measured


def test_multiply_adds_a_second_over_the_roof() -> None:
    """LeNet-5: 416,520 MACs in 4.2 ms, of 10^11 a second."""
    found = measured("lenet5")
    (layers,) = found.layers
    assert layers.utilisation == pytest.approx(416_520 / 0.0042 / 1e11)
    notes = [note for sheet in registry.answer(found, View()).sheets() for note in sheet.notes]
    assert "MFU, the share of the measured peak of MACs per second that the network reaches: 0.1 %." in notes
