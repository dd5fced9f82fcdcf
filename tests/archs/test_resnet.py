"""ResNets: integers that other people's builds have, where a bottleneck strides, and option A's shortcuts."""

from __future__ import annotations

import pytest
import torch

from profiler.count import closed
from profiler.errors import ShapeError
from profiler.load.load import in_closed_form as load
from profiler.module.build import build
from profiler.network.layers import PadChannels
from profiler.network.widths import fixed

CASES = [
    ("resnet18", 11_689_512, 1_814_073_344),
    ("resnet34", 21_797_672, 3_663_761_408),
    ("resnet50", 25_557_032, 4_089_184_256),
    ("resnet101", 44_549_160, 7_801_405_440),
    ("resnet152", 60_192_808, 11_513_626_624),
    ("resnet50_v1", 25_557_032, 3_857_973_248),
    ("resnet101_v1", 44_549_160, 7_570_194_432),
    ("resnet152_v1", 60_192_808, 11_282_415_616),
    ("resnet20_cifar", 269_722, 40_551_040),
    ("resnet32_cifar", 464_154, 68_862_592),
    ("resnet44_cifar", 658_586, 97_174_144),
    ("resnet56_cifar", 853_018, 125_485_696),
    ("resnet110_cifar", 1_727_962, 252_887_680),
    ("resnet1202_cifar", 19_421_274, 2_829_238_912),
    ("resnet20_cifar@shortcut=B", 272_474, 40_813_184),
    ("resnet32_cifar@shortcut=B", 466_906, 69_124_736),
    ("resnet44_cifar@shortcut=B", 661_338, 97_436_288),
    ("resnet56_cifar@shortcut=B", 855_770, 125_747_840),
    ("resnet110_cifar@shortcut=B", 1_730_714, 253_149_824),
    ("resnet1202_cifar@shortcut=B", 19_424_026, 2_829_501_056),
]


@pytest.mark.parametrize(("name", "params", "macs"), CASES)
def test_totals(name: str, params: int, macs: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == (params, macs)


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


def test_channels_do_not_pad_to_fewer() -> None:
    with pytest.raises(ShapeError, match="16 channels do not pad to 8"):
        closed.totals(PadChannels(fixed(8)), ((16, 8, 8),))
