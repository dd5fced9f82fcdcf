"""Stages: where one begins, which widths go with it, what a multiplier makes of them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.count.stages import Staged, called, staged
from profiler.errors import ShapeError
from profiler.network import layers as L
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Layer
from profiler.network.registry import find, names
from profiler.network.widen import nearest, widen
from profiler.network.widths import fixed, same, times

IMAGE = ((3, 32, 32),)


def of(network: Layer, inputs: tuple[tuple[int, ...], ...] = IMAGE) -> dict[str, list[int]]:
    """{stage: native widths of its groups}."""
    found = staged(network, inputs)
    return {stage.name: [found.groups[group].native for group in stage.groups] for stage in found.stages}


def named(name: str) -> Staged:
    made = find(name)
    return staged(made.make(), made.inputs())


# MobileNets' Table 1, ResNet's, MobileNetV2's Table 2, VGG's, U-Net's Figure 1: the sides that layers work at, and widths there.
@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("mobilenet_v1", {"112": 64, "56": 128, "28": 256, "14": 512, "7": 1024}),
        ("mobilenet_v1_cifar", {"32": 64, "16": 128, "8": 256, "4": 512, "2": 1024}),
        ("mobilenet_v2", {"112": 16, "56": 24, "28": 32, "14": 96, "7": 1280}),
        ("mobilenet_v3_large", {"112": 16, "56": 24, "28": 40, "14": 112, "7": 960, "head": 1280}),
        ("resnet18", {"56": 64, "28": 128, "14": 256, "7": 512}),
        ("resnet50", {"112": 64, "56": 256, "28": 512, "14": 1024, "7": 2048}),
        ("vgg16", {"224": 64, "112": 128, "56": 256, "28": 512, "14": 512, "head": 4096}),
        (
            "unet",
            {"568": 64, "280": 128, "136": 256, "64": 512, "28": 1024, "52": 512, "100": 256, "196": 128, "388": 64},
        ),
        ("vit_b_16", {"197": 768}),
        ("hybridsn", {"18x19x19": 32, "17": 64, "head": 128}),
        ("shufflenet_v2_x1_0", {"112": 24, "28": 58, "14": 116, "7": 1024}),
    ],
)
def test_the_stages_of_a_network_are_those_of_its_paper(name: str, stages: dict[str, int]) -> None:
    found = named(name)
    assert dict(zip((stage.name for stage in found.stages), found.native, strict=True)) == stages


@pytest.mark.parametrize("name", names())
def test_every_network_of_the_zoo_has_stages_and_every_group_is_in_one(name: str) -> None:
    found = named(name)
    assert sorted(group for stage in found.stages for group in stage.groups) == list(range(len(found.groups)))
    assert len({stage.name for stage in found.stages}) == len(found.stages) >= 1
    assert all(stage.main in stage.groups for stage in found.stages)
    positions = [position for group in found.groups for position in group.positions]
    assert len(positions) == len(set(positions))
    ones = [Fraction(1)] * len(found.stages)
    assert found.value(found.at_multipliers(ones)) == found.network


def test_a_stem_that_is_added_to_the_first_stage_goes_with_it() -> None:
    found = named("resnet18")
    first = found.groups[found.stages[0].main]
    assert first.path == "stem.conv"
    assert len(first.positions) == 3  # the stem and the two blocks


def test_a_block_that_strides_once_goes_where_it_leads() -> None:
    block = Chain(expand=L.Conv(48, 1), depthwise=L.Conv(times(1), 3, 2, 1, groups="each"), project=L.Conv(24, 1))
    network = Chain(stem=L.Conv(8, 3, padding=1), body=Chain(block, block))
    assert of(network) == {"32": [8], "16": [48, 24], "8": [48, 24]}
    # the same layers without a block around them belong where each works
    assert of(Chain(L.Conv(8, 3, padding=1), *(part for _, part in block.parts))) == {"32": [8, 48], "16": [24]}


def test_layers_before_a_pooling_work_before_it() -> None:
    pooled = Chain(conv=L.Conv(8, 3, padding=1), pool=L.MaxPool(2))
    assert of(Chain(body=Chain(pooled, pooled, pooled))) == {"32": [8], "16": [8], "8": [8]}


def test_windows_without_padding_make_no_stage() -> None:
    assert of(Chain(L.Conv(8, 5), L.Conv(8, 5), L.Conv(16, 3, stride=2))) == {"24": [8, 8], "11": [16]}


def test_squeeze_and_excite_stays_in_its_stage() -> None:
    gate = Chain(L.AdaptiveAvgPool(1), L.Conv(2, 1), L.Conv(same(), 1))
    network = Chain(L.Conv(8, 3), Branches(features=L.Identity(), gate=gate, join=L.Multiply()), L.Conv(4, 1))
    assert of(network) == {"30": [8, 2, 4]}


def test_a_side_that_comes_back_is_another_stage() -> None:
    network = Chain(L.Conv(8, 3, padding=1), L.MaxPool(2), L.Conv(16, 1), L.Upsample(2), L.Conv(4, 1))
    assert of(network) == {"32": [8], "16": [16], "32 (2)": [4]}


def test_what_comes_after_the_spatial_axes_is_the_head() -> None:
    head = Chain(L.AdaptiveAvgPool(1), L.Conv(20, 1), L.Flatten(), L.Linear(10), L.Linear(fixed(5)))
    assert of(Chain(L.Conv(8, 3), head)) == {"30": [8], "head": [20, 10]}


def test_a_training_branch_goes_where_it_begins_and_does_not_give_the_stage_its_width() -> None:
    aside = Aside(Chain(L.AdaptiveAvgPool(1), L.Flatten(), L.Linear(100)))
    assert of(Chain(L.Conv(8, 3), aside, L.Conv(16, 3, 2))) == {"30": [8, 100], "14": [16]}
    found = staged(Chain(L.Conv(8, 3), aside, L.Conv(16, 3, 2)), IMAGE)
    assert found.native == (8, 16)


def test_several_inputs_and_outputs() -> None:
    network = Graph(
        inputs=("low", "high"),
        nodes={
            "up": (L.Conv(8, 1), "low"), "sized": (L.Resize(), "up", "high"), "side": (L.Conv(8, 1), "high"),
            "sum": (L.Add(), "sized", "side"),
        },
        outputs=("sum", "up"),
    )  # fmt: skip
    assert of(network, ((3, 8, 8), (3, 32, 32))) == {"32": [8]}


def test_a_network_of_fixed_widths_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"^has no width that can be chosen: all of them are fixed$"):
        staged(Chain(L.Conv(fixed(8), 3)), IMAGE)


def test_stages_are_called_by_their_sides() -> None:
    assert called(named("lenet5").stages) == "3 stages (28, 10, head)"
    assert called(named("vit_b_16").stages) == "one stage (197)"


# What a multiplier makes of widths


@given(n=st.integers(1, 3000), tenths=st.integers(1, 300), multiple=st.sampled_from([1, 2, 8, 16, 24]))
def test_a_scaled_width_is_the_nearest_multiple(n: int, tenths: int, multiple: int) -> None:
    wanted = Fraction(n * tenths, 100)
    found = staged(Chain(L.Conv(n, 1)), IMAGE)
    (width,) = found.at_multipliers([Fraction(tenths, 100)], multiple)
    if tenths == 100:
        assert width == n
    else:
        assert width % multiple == 0
        assert width >= multiple
        distance = abs(width - wanted)
        assert width == multiple or distance <= abs(width - multiple - wanted)
        assert distance < abs(width + multiple - wanted)  # halves go up


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "vit_b_16", "unet", "xception"])
@pytest.mark.parametrize("alpha", ["0.5", "0.75", "2"])
def test_one_multiplier_for_all_is_the_generic_alpha(name: str, alpha: str) -> None:
    """Where q is the network's own and nothing is tied that α would round apart."""
    found = named(name)
    multipliers = [Fraction(alpha)] * len(found.stages)
    assert found.value(found.at_multipliers(multipliers, 1)) == widen(found.network, Fraction(alpha))


def test_groups_and_heads_divide_whatever_the_multiple() -> None:
    network = Chain(L.Conv(48, 3), L.Conv(48, 3, groups=6), L.Tokens(), L.Linear(times(3)), L.Attention(4))
    found = staged(network, IMAGE)
    assert found.quantum == 12
    assert found.step(8) == 24
    assert found.at_multipliers([Fraction(1, 3)], 8) == [24, 24]
    assert nearest(Fraction(48, 3), 24) == 24
