"""ResNets: where a bottleneck strides, and option A's shortcuts."""

from __future__ import annotations

import pytest
import torch

from profiler.count import closed
from profiler.errors import ShapeError
from profiler.load.load import in_closed_form as load
from profiler.module.build import build
from profiler.network.layers import PadChannels
from profiler.network.widths import fixed


@pytest.mark.parametrize(("name", "kernel"), [("resnet50", (3, 3)), ("resnet50_v1", (1, 1))])
def test_where_a_bottleneck_strides(name: str, kernel: tuple[int, int]) -> None:
    rows = [row for row in load(name).profile().rows if row.path.startswith("body") and "branch" in row.path]
    assert [row.facts["kernel"] for row in rows if row.facts.get("stride") == (2, 2)] == [kernel] * 3


def test_option_a_subsamples_and_pads_with_zeros() -> None:
    network = load("resnet20_cifar")
    shortcut = build(network.value, network.inputs).get_submodule("body.1.0.sum.shortcut")
    x = torch.randn(2, 16, 32, 32)
    padded = shortcut(x)
    assert torch.equal(padded[:, 8:24], x[:, :, ::2, ::2])
    assert not padded[:, :8].any()
    assert not padded[:, 24:].any()
    assert closed.totals(PadChannels(fixed(32)), ((16, 8, 8),)).params == 0


def test_classes_are_not_widened() -> None:
    assert load("resnet18", alpha="0.5").profile().rows[-1].output == (1, 1000)


def test_channels_do_not_pad_to_fewer() -> None:
    with pytest.raises(ShapeError, match="cannot pad 16 channels to 8"):
        closed.totals(PadChannels(fixed(8)), ((16, 8, 8),))
