"""Every network of the zoo can be timed: its leaves on the clock are its rows, and it makes a training step, asides and all."""

from __future__ import annotations

import pytest
from torch import nn

from profiler.load.load import in_closed_form
from profiler.measure.clocks import visit
from profiler.measure.per_layer import Clocked
from profiler.measure.plan import Setting
from profiler.measure.workloads import NetworkWorkload
from profiler.network.registry import names

NARROW = 0.15
MOST_ROWS = 45
MOST_MACS = 100e9
"""Of a network that is timed here; those with more are other sizes of the same blocks."""


def _cases() -> list[object]:
    """Each network, the long ones for `-m full`."""
    every = [in_closed_form(name, alpha=NARROW) for name in names()]
    rows = {each.name: len(each.profile().rows) for each in every if each.totals().macs < MOST_MACS}
    return [name if n <= MOST_ROWS else pytest.param(name, marks=pytest.mark.full) for name, n in rows.items()]


@pytest.mark.parametrize("name", _cases())
def test_a_network_of_the_zoo_is_timed_leaf_by_leaf_and_trained(name: str) -> None:
    network = in_closed_form(name, alpha=NARROW)
    workload = NetworkWorkload(name, network.value, network.inputs)
    live = workload.live(Setting(), 1)
    found = visit(live, Clocked(live), 0, 1, 1)
    assert sorted(found.layers) == sorted(row.path for row in network.profile().rows if not row.side)
    assert sum(found.layers.values()) == pytest.approx(found.seconds[0])
    trained = workload.live(Setting(mode="train", optimizer="sgd"), 2)
    assert isinstance(trained.module, nn.Module)
    weights = list(trained.module.named_parameters())
    assert weights
    assert not [path for path, weight in weights if weight.grad is None]  # the loss reaches all, those beside included
