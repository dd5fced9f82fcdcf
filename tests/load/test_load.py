"""Names, references and places → networks; every mistake has its sentence."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from profiler.errors import ProfilerError, ShapeError, UnknownName
from profiler.load.load import Network, least_side, parse
from profiler.load.load import in_closed_form as load
from profiler.network.combinators import Chain
from profiler.network.layers import Conv, Flatten, Linear
from profiler.network.registry import names
from profiler.network.widths import fixed


def test_parse() -> None:
    assert parse("vgg16") == ("vgg16", {})
    assert parse("mobilenet_v1@alpha=0.5, resolution=160") == ("mobilenet_v1", {"alpha": "0.5", "resolution": "160"})


def test_own_options_win_over_the_others() -> None:
    network = load("mobilenet_v1@alpha=0.5,resolution=160,classes=10", alpha=1, resolution=224, options={"classes": 7})
    assert (network.alpha, network.resolution) == (Fraction(1, 2), 160)
    assert network.options == {"classes": 10}
    assert load("mobilenet_v1@rho=0.5", resolution=224).resolution == 112
    assert load("mobilenet_v1@input=1x64x64", rho=2).inputs == ((1, 64, 64),)


@pytest.mark.parametrize(
    ("rho", "side"), [("1", 224), ("0.857", 192), ("0.714", 160), ("0.571", 128), ("0.5", 112), ("1.25", 280)]
)
def test_rho_is_rounded_to_a_pixel(rho: str, side: int) -> None:
    assert load("mobilenet_v1", rho=rho).resolution == side


def test_defaults_are_no_options() -> None:
    assert load("mobilenet_v1", options={"classes": "1000", "separable": "true"}).options == {}
    assert load("mobilenet_v1", options={"separable": "no"}).options == {"separable": False}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("mobilenet", {}, "unknown network 'mobilenet'; did you mean mobilenet_v1, mobilenet_v2 or mobilenet_v1_cifar?"),
    ("", {}, "model '' has no name"),
    ("vgg16@alpha", {}, "model 'vgg16@alpha': 'alpha' is not key=value; write vgg16@alpha=0.5,resolution=160"),
    ("vgg16@alpa=1", {}, "unknown option of vgg16 'alpa'; did you mean alpha?"),
    ("vgg16", {"options": {"clases": 3}}, "unknown option of vgg16 'clases'; did you mean classes? (options of vgg16: classes)"),
    ("vgg16", {"options": {"classes": 0}}, "vgg16: classes must be a whole number from 1"),
    ("vgg16", {"options": {"classes": "ten"}}, "vgg16: classes must be a whole number from 1"),
    ("mobilenet_v1", {"options": {"separable": "maybe"}}, "mobilenet_v1: separable must be true or false, not maybe"),
    ("googlenet", {"options": {"norm": "layer"}}, "googlenet: norm must be none or batch, not layer"),
    ("vgg16", {"resolution": 224, "rho": 1}, "vgg16: resolution and rho both set the size of the input; give one of them"),
    ("vgg16", {"input": "224x224"}, "vgg16: input 224x224 must have as many axes as the native input 3x224x224"),
    ("vgg16", {"alpha": 0}, "alpha must be above 0"),
    ("mobilenet_v2", {"input": "1x3x224x224"}, "mobilenet_v2: input 1x3x224x224 has an axis more than its native 3x224x224; the batch axis is --batch 1, so write --input 3x224x224"),
    ("resnet50", {"input": (8, 3, 64, 64)}, "resnet50: input 8x3x64x64 has an axis more than its native 3x224x224; the batch axis is --batch 8, so write --input 3x64x64"),
    ("mobilenet_v2", {"input": "224x224x3"}, "mobilenet_v2: input 224x224x3 would have 224 channels of 224 by 3 pixels; channels come first, so write --input 3x224x224"),
    ("lenet5", {"input": (32, 28, 1)}, "lenet5: input 32x28x1 would have 32 channels of 28 by 1 pixels; channels come first, so write --input 1x32x28"),
    ("model.onnx", {}, "model.onnx has no closed form, which only networks of `profiler list` have"),
    ("a/net.PTH", {}, "'a/net.PTH' is a checkpoint, which is not read as a network"),
    ("net.pt", {}, "'net.pt' is a checkpoint or a script, which is not read as a network"),
    ("config.json", {}, "'config.json' is a JSON file; name a configuration of transformers as hf:config.json"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "place", "message"), BAD, ids=[f"{case[0]} {case[2][:30]}" for case in BAD])
def test_mistakes(model: str, place: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        load(model, **place)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("given", ["3x64x48", "4x224x224", "224x3x3", "12x5x3", "1x224x224"])
def test_other_channels_and_sides_are_taken_as_they_are_given(given: str) -> None:
    assert load("mobilenet_v2", input=given).inputs == (tuple(map(int, given.split("x"))),)


def test_too_small_names_the_layer_and_the_least_side() -> None:
    with pytest.raises(ShapeError) as caught:
        load("vgg16", resolution=20).totals()
    assert str(caught.value) == "body.4.pool: a window of 2 does not fit 1 pixel; vgg16 needs inputs of at least 32"


@pytest.mark.parametrize("name", names())
def test_the_least_side_is_the_least(name: str) -> None:
    network = load(name)
    if network.resolution is None:
        return
    least = least_side(network)
    assert least is not None
    network.at(least).totals()
    if least > 1:
        with pytest.raises((ShapeError, ProfilerError)):
            network.at(least - 1).totals()


def test_a_value_is_a_network_too() -> None:
    value = Chain(conv=Conv(8, 3), flatten=Flatten(), fc=Linear(fixed(2)))
    network = load(value, input=(1, 5, 5))
    assert network.totals().params == 9 * 8 + 8 + 8 * 9 * 2 + 2
    assert load(value, input="1x5x5", alpha="0.5").value == Chain(conv=Conv(4, 3), flatten=Flatten(), fc=Linear(fixed(2)))
    assert load(value, input=(1, 5, 5), resolution=4).inputs == ((1, 4, 4),)
    with pytest.raises(ProfilerError, match="a Layer has no native input"):
        load(value)
    with pytest.raises(ProfilerError, match="a Layer takes no options"):
        load(value, input=(1, 5, 5), options={"classes": 2})


def test_other_inputs_follow_the_first() -> None:
    network = Network("two", None, {}, Fraction(1), Conv(1, 1), ((8, 16, 16), (4, 32, 32)))
    assert network.at(8).inputs == ((8, 8, 8), (4, 16, 16))
    odd = Network("two", None, {}, Fraction(1), Conv(1, 1), ((8, 32, 32), (4, 16, 16)))
    with pytest.raises(ProfilerError, match="at a side of 31 its other inputs would not be whole pixels"):
        odd.at(31)
    with pytest.raises(ProfilerError, match="has no height and width to set"):
        Network("tokens", None, {}, Fraction(1), Linear(2), ((5, 8),)).at(3)


def test_unknown_names_are_one_kind_of_error() -> None:
    with pytest.raises(UnknownName) as caught:
        load("resnet")
    assert caught.value.exit_code == 2


def test_options_are_a_mapping() -> None:
    with pytest.raises(ProfilerError, match="options must be a mapping, "):
        load("lenet5", options=3)
