"""The cost as a function of the widths: equal to the walk and to the built module, for whole arrays, exact at any size."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import profiler
from profiler.count.free_widths import free_widths
from profiler.count.held import peak
from profiler.errors import ProfilerError
from profiler.network import layers as L
from profiler.network.combinators import Branches, Chain
from profiler.network.registry import find, names
from profiler.network.widths import fixed
from profiler.records.profile import Profile
from tests.strategies import Case, networks

PIXELS = (3, 16, 16)


def counts(found: Profile) -> tuple[int, ...]:
    return (found.params, found.macs, found.activations, found.elementwise, found.weight_bytes, found.moved)


def test_one_point_is_python_integers_and_the_profile_of_its_name() -> None:
    cost = profiler.costs("mobilenet_v1")
    assert (cost.names, cost.native, len(cost)) == (("112", "56", "28", "14", "7"), (64, 128, 256, 512, 1024), 5)
    found = cost([32, 96, 256, 512, 1024])
    assert all(type(each) is int for each in found)
    assert cost.reference([32, 96, 256, 512, 1024]) == "mobilenet_v1@stages=0.5:0.75:1:1:1"
    assert found == counts(profiler.profile("mobilenet_v1@stages=0.5:0.75:1:1:1"))
    assert cost(cost.native) == counts(profiler.profile("mobilenet_v1"))
    assert cost.macs(cost.native) == 568_740_352  # MobileNets, Table 4: 569 million
    assert (cost.params(cost.native), cost.activations(cost.native)) == (4_231_976, 5_043_688)


@pytest.mark.parametrize("per", ["stage", "layer"])
@pytest.mark.parametrize("name", [name for name in names() if name != "resnet1202_cifar"])
def test_every_network_at_random_widths_is_the_walk(name: str, per: str) -> None:
    """Where the network has no such widths, both say so."""
    cost, draw = profiler.costs(name, per=per), random.Random(name)
    made = find(name)
    refused = 0
    for factor in (1, 2, 3, None, None):
        if factor is None:
            widths = [cost.step * draw.randint(1, max(1, n // cost.step * 2)) for n in cost.native]
        else:
            widths = [factor * n // cost.step * cost.step or n for n in cost.native]
        try:
            found = cost(widths)
        except ProfilerError:
            refused += 1
            with pytest.raises(ProfilerError):
                profiler.profile(cost.value(widths), input=list(made.inputs()))
            continue
        assert found == counts(profiler.profile(cost.value(widths), input=list(made.inputs())))
    assert refused <= 4


@given(networks(), st.integers(0, 1 << 30))
def test_any_network_at_whole_arrays_is_the_walk(case: Case, seed: int) -> None:
    if not free_widths(case.network, case.inputs).free:
        with pytest.raises(ProfilerError, match="has no width that can be chosen"):
            profiler.costs(case.network, per="layer", input=case.input)
        return
    cost = profiler.costs(case.network, per="layer", input=case.input, batch=3)
    points = np.random.default_rng(seed).integers(1, 5, (6, 1)) * np.array(cost.native)
    found = cost(points)
    for i, point in enumerate(points):
        there = profiler.profile(cost.value(point), input=case.input, batch=3)
        assert tuple(int(each[i]) for each in found) == counts(there)


def test_arrays_keep_their_axes() -> None:
    cost = profiler.costs("lenet5", multiple_of=1)
    points = np.random.default_rng(0).integers(1, 200, (4, 7, 3), dtype=np.int32)
    found = cost(points)
    assert all(each.shape == (4, 7) for each in found)
    assert found.macs.dtype == np.int64
    assert found.macs[2, 5] == cost.macs(points[2, 5])
    assert cost(points[:0]).macs.shape == (0, 7)


def test_an_array_for_each_stage_is_broadcast() -> None:
    cost = profiler.costs("lenet5", multiple_of=1)
    first, second = np.arange(1, 4), np.arange(10, 15)
    found = cost(first[:, None], second, 84)
    assert found.macs.shape == (3, 5)
    assert found.macs[2, 1] == cost.macs(3, 11, 84) == cost.macs([3, 11, 84])
    assert cost.value(3, 11, 84) == cost.value([3, 11, 84])
    with pytest.raises(ProfilerError, match="lenet5: widths of 2 points; give one point"):
        cost.value([[3, 11, 84], [3, 11, 84]])
    with pytest.raises(ProfilerError, match="unequal lengths"):
        cost([1, 2], [1, 2, 3], 4)


def test_more_points_than_are_evaluated_at_once() -> None:
    cost = profiler.costs("lenet5", multiple_of=1)
    points = np.random.default_rng(0).integers(1, 99, (140_000, 3))
    found = cost.macs(points)
    for i in (0, 65_535, 65_536, 139_999):
        assert found[i] == cost.macs(points[i])


def test_a_stage_scales_its_other_widths_to_the_nearest_multiple() -> None:
    """MobileNetV2's last stage: 160, 320 and the last convolution's 1280, which stands for it."""
    cost = profiler.costs("mobilenet_v2")
    value = cost.value([16, 24, 32, 96, 856])
    made = [leaf.out for leaf in _convolutions(value) if isinstance(leaf.out, int)]
    assert made[-5:] == [104, 104, 104, 216, 856]  # 160 · 856 / 1280 = 107, 320 · 856 / 1280 = 214
    assert cost.reference([16, 24, 32, 96, 856]) == "mobilenet_v2@stages=1:1:1:1:0.66875"
    assert cost.reference([16, 24, 32, 64, 1280]) == "mobilenet_v2@stages=1:1:1:2/3:1"
    assert profiler.profile("mobilenet_v2@stages=1:1:1:2/3:1").macs == cost.macs([16, 24, 32, 64, 1280])


def _convolutions(value: L.Layer) -> list[L.Conv]:
    from profiler.network.combinators import leaves_of

    return [leaf for leaf in leaves_of(value) if isinstance(leaf, L.Conv)]


def test_the_multiple_and_options_stand_in_the_name() -> None:
    cost = profiler.costs("mobilenet_v1", multiple_of=16, classes=10, resolution=128)
    name = cost.reference([32, 128, 256, 512, 1024])
    assert name == "mobilenet_v1@classes=10,stages=0.5:1:1:1:1,multiple_of=16"
    assert profiler.profile(name, resolution=128).macs == cost.macs([32, 128, 256, 512, 1024])


def test_counts_beyond_an_int64_are_exact() -> None:
    network = Chain(L.Conv(4, 1, bias=False), L.Conv(4, 1, bias=False))
    cost = profiler.costs(network, per="layer", input=(3, 1000, 1000), batch=10_000)
    n = 1 << 20
    assert cost.macs([n, n]) == (3 * n + n * n) * 10**6 * 10**4 > 1 << 63
    many = cost.macs([[n, n], [4, 4]])
    assert (many.dtype, many.tolist()) == (object, [(3 * n + n * n) * 10**10, 28 * 10**10])


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "densenet_bc100_k12_cifar", "shufflenet_v1", "googlenet"])
def test_random_widths_are_recounted_by_torch(name: str) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    cost, draw = profiler.costs(name), random.Random(name)
    for _ in range(2):
        widths = [draw.randint(1, 6) * cost.step for _ in cost.names]
        ours = cost(widths)
        module = profiler.build(cost.value(widths), input=cost.input[0], device="meta")
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.empty(1, *cost.input[0], device="meta"))
        beside = sum(p.numel() for part, p in module.named_parameters() if "auxiliary" in part)
        assert sum(p.numel() for p in module.parameters()) - beside == ours.params
        assert counter.get_total_flops() == 2 * ours.macs


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "unet", "nasnet_mobile", "densenet_bc100_k12_cifar", "vit_b_32"])
def test_the_peak_of_memory_is_that_of_the_walk(name: str) -> None:
    cost, draw = profiler.costs(name, batch=2), random.Random(name)
    points = [[draw.randint(1, 6) * cost.step for _ in cost.names] for _ in range(3)]
    found = cost.memory_bytes(points)
    for point, ours in zip(points, found, strict=True):
        assert ours == peak(cost.value(point), cost.input, 2) == cost.memory_bytes(point)


def test_tied_widths_are_one_axis() -> None:
    block = Branches(branch=Chain(L.Conv(5, 3, padding=1), L.Conv(4, 1)), shortcut=L.Identity(), join=L.Add())
    cost = profiler.costs(Chain(stem=L.Conv(4, 1), a=block, b=block), per="layer", input=PIXELS)
    assert cost.names == ("stem", "a.branch.0", "b.branch.0")
    assert cost.native == (4, 5, 5)
    c, a, b = 9, 2, 7
    assert cost.macs([c, a, b]) == 256 * (3 * c + 9 * c * a + a * c + 9 * c * b + b * c)


REFUSED: list[tuple[Any, str]] = [
    ([8, 8, 8, 8], "widths of shape 4; give an array whose last axis has 5 stages (112, 56, 28, 14, 7)"),
    (8, "widths of shape one number; give an array whose last axis has 5 stages (112, 56, 28, 14, 7)"),
    ([[8, 8], [8]], "widths have unequal lengths; give 5 for each point"),
    ([8.0, 8, 8, 8, 8], "widths of type float64; give whole numbers, as integers"),
    ([8, 8, 8, 8, 12], "stage 7 cannot be 12 wide; give a multiple of 8, or 1024 as it is"),
    ([8, 0, 8, 8, 8], "stage 56 cannot be 0 wide; give a multiple of 8, or 128 as it is"),
    ([[8, 8, 8, 8, 8], [8, 8, -8, 8, 8]], "stage 28 cannot be -8 wide; give a multiple of 8, or 256 as it is"),
]


@pytest.mark.parametrize(("widths", "message"), REFUSED)
def test_what_are_no_widths_is_refused(widths: Any, message: str) -> None:
    with pytest.raises(ProfilerError) as fault:
        profiler.costs("mobilenet_v1")(widths)
    assert str(fault.value) == f"mobilenet_v1: {message}"


def test_widths_that_do_not_fit_name_the_layer() -> None:
    with pytest.raises(
        ProfilerError, match=r"no network has the widths \[64, 16, 64\]: body.1.0.sum.shortcut.pad: 64 channels"
    ):
        profiler.costs("resnet20_cifar")([[16, 32, 64], [64, 16, 64]])
    with pytest.raises(ProfilerError, match=r"no network has the widths \[3\]: 1: 3 channels in and 8 out do not divide"):
        profiler.costs(Chain(L.Conv(4, 1), L.Conv(fixed(8), 1, groups=2)), per="layer", input=PIXELS)([3])


def test_layers_take_any_width_up_to_a_million() -> None:
    cost = profiler.costs("lenet5", per="layer")
    assert (cost.names, cost.step) == (("body.c1", "body.c3", "head.c5", "head.f6"), 1)
    with pytest.raises(ProfilerError, match=r"layer head.c5 cannot be 2000000 wide; give 1 to 1048576"):
        cost([6, 16, 2_000_000, 84])
    with pytest.raises(ProfilerError, match="only the stages of a network of the zoo"):
        cost.reference([6, 16, 120, 84])


def test_what_has_no_stages_is_refused() -> None:
    from torch import nn

    cure = "has no stages to scale: its code sets its widths; name a network of `profiler list`, or give a Layer"
    with pytest.raises(ProfilerError, match=f"^timm:resnet18 {cure}$"):
        profiler.costs("timm:resnet18")
    with pytest.raises(ProfilerError, match=f"^Linear {cure}$"):
        profiler.costs(nn.Linear(2, 3))
    with pytest.raises(ProfilerError, match=r"^chain: has no width that can be chosen: all of them are fixed$"):
        profiler.costs(Chain(L.Conv(fixed(8), 3)), input=PIXELS)
    with pytest.raises(ProfilerError, match=r"stages=0.5:1:1:1:1 chooses its widths already; leave it out"):
        profiler.costs("mobilenet_v1@stages=0.5:1:1:1:1")
    with pytest.raises(ProfilerError, match="per must be 'stage' or 'layer', not 'block'"):
        profiler.costs("mobilenet_v1", per="block")


def test_it_says_what_it_takes() -> None:
    assert repr(profiler.costs("lenet5")) == "Costs(lenet5 per stage; 28: 6, 10: 16, head: 84)"
