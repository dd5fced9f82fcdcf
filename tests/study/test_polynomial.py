"""Polynomials equal the walk, on the domain that they state and at random points."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.count import closed
from profiler.errors import ProfilerError
from profiler.load.load import Network
from profiler.load.load import in_closed_form as load
from profiler.network.combinators import Chain
from profiler.network.layers import AdaptiveAvgPool, Attention, Conv, Linear, Tokens
from profiler.network.widths import times
from profiler.records.polynomials import Polynomials, Quantity
from profiler.report.answers.formula import lines
from profiler.study.formula import formula
from profiler.study.polynomial import interpolated, polynomials
from tests.zoo import rows_of

F = Fraction
VGG_CONV = 313_524_224  # Σ 9·M·N·(side/32)² over vgg16's convolutions after the first, at K = 1

KNOWN: list[tuple[str, dict[str, Any], dict[tuple[int, int], int], dict[tuple[int, int], int]]] = [
    (
        "mobilenet_v1",
        {},
        {(2, 0): 3_139_584, (1, 0): 1_091_392, (0, 0): 1_000},
        {(2, 2): 11_010_048, (1, 2): 576_000, (1, 0): 1_024_000},
    ),
    (
        "vgg16",
        {},
        {(2, 2): 512 * 4096, (2, 0): 31_485_952, (1, 0): 4_110_144, (0, 0): 1_000},
        {(2, 2): VGG_CONV, (2, 0): 4096 * 4096, (1, 2): 3 * 64 * 9 * 32 * 32, (1, 0): 4096 * 1000},
    ),
]


@pytest.mark.parametrize(("name", "place", "params", "macs"), KNOWN, ids=[case[0] for case in KNOWN])
def test_known_forms(
    name: str, place: dict[str, Any], params: dict[tuple[int, int], int], macs: dict[tuple[int, int], int]
) -> None:
    found = polynomials(load(name, **place))
    assert found.params == params
    assert found.macs == macs
    assert (found.domain.period, found.domain.remainder, found.domain.least) == (32, 0, 1)


def test_mobilenet_at_224_in_rho() -> None:
    found = polynomials(load("mobilenet_v1"))
    assert found.domain.alpha_step == F(1, 32)
    assert found.in_rho("macs") == {(2, 2): 539_492_352, (1, 2): 29_248_000 - 1_024_000, (1, 0): 1_024_000}
    assert found.at("macs", F(1, 2), 6) == 109_970_432


MODELS = ["mobilenet_v1", "mobilenet_v1@shallow=true", "vgg11", "resnet18", "googlenet"]


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=25, deadline=None)
@given(j=st.integers(1, 80), k=st.integers(0, 40), remainder=st.sampled_from([0, 1, 15, 31]))
def test_polynomials_equal_the_walk(model: str, j: int, k: int, remainder: int) -> None:
    found = found_of(model, remainder)
    domain = found.domain
    assert domain.period is not None
    assert domain.alpha_step is not None
    alpha, k = domain.alpha_step * j, k + domain.least
    totals = load(model, alpha=alpha, resolution=domain.period * k + domain.remainder).totals()
    assert [found.at(quantity, alpha, k) for quantity in get_args(Quantity)] == [totals.params, totals.macs]


@cache
def found_of(model: str, remainder: int) -> Polynomials:
    return polynomials(load(model, resolution=224 + remainder))


def test_rounded_widths_have_a_polynomial_in_the_side_only() -> None:
    found = polynomials(load("resnet18", alpha="0.3"), in_alpha=False)
    assert found.domain.alpha_step is None
    for k in (1, 3, 11):
        totals = load("resnet18", alpha="0.3", resolution=32 * k).totals()
        assert [found.at("params", k=k), found.at("macs", k=k)] == [totals.params, totals.macs]


def test_a_floor_on_widths_moves_the_domain() -> None:
    domain = polynomials(load("mobilenet_v1", options={"min_width": 8})).domain
    assert domain.alpha_least == F(1, 4)  # ⌊α·32⌋ is 8 there, and less below


def test_attention_is_of_fourth_degree_in_the_side() -> None:
    value = Chain(patch=Conv(16, 4, stride=4), tokens=Tokens(), qkv=Linear(times(3)), attention=Attention(2))
    network = Network("tokens", None, {}, F(1), value, ((3, 32, 32),))
    found = polynomials(network)
    # T = K² tokens at side 4K: patch 48·16·T, qkv 16·48·T, QKᵀ and AV 2·16·T²
    assert found.macs == {(0, 4): 2 * 16, (0, 2): 48 * 16 + 16 * 48}
    assert (found.domain.period, found.domain.alpha_step) == (4, None)


def test_no_rho_along_sides_with_a_remainder() -> None:
    with pytest.raises(ProfilerError, match="K is not a multiple of ρ"):
        polynomials(load("mobilenet_v1", resolution=225)).in_rho("macs")


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def test_interpolation_is_exact(coefficients: list[int]) -> None:
    xs = [F(n, 3) for n in range(2, 2 + len(coefficients))]
    ys = [sum(c * x**i for i, c in enumerate(coefficients)) for x in xs]
    assert interpolated(xs, ys) == coefficients


def test_a_convolution_by_hand() -> None:
    value = Chain(Conv(8, 3, stride=2, padding=1, bias=False))
    found = polynomials(Network("one", None, {}, F(1), value, ((3, 16, 16),)))
    assert found.params == {(0, 0): 3 * 3 * 3 * 8}
    assert found.macs == {(0, 2): 3 * 3 * 3 * 8}  # side 2K: K² positions
    assert closed.totals(value, ((3, 10, 10),)).macs == found.at("macs", k=5)


def test_a_count_that_is_constant_up_to_the_next_patch_has_the_patch_for_its_period() -> None:
    value = Chain(patch=Conv(8, 16, stride=16), pool=AdaptiveAvgPool(1))
    found = polynomials(Network("patches", None, {}, F(1), value, ((3, 224, 224),)))
    assert found.domain.period == 16
    assert found.macs == {(0, 2): 3 * 16 * 16 * 8}


SHALLOW = [name for name, rows in rows_of().items() if rows < 250]


@pytest.mark.parametrize("name", SHALLOW)
def test_every_network_has_its_formula(name: str) -> None:
    network = load(name)
    (found,) = formula(name)
    domain = found.domain
    assert lines(found)
    if domain.period is None:
        assert [found.at("params"), found.at("macs")] == [network.totals().params, network.totals().macs]
        return
    if domain.axis == "tokens":
        far = load(name, input=(domain.most or 3000,)).totals()
        assert [found.at("params", k=domain.most or 3000), found.at("macs", k=domain.most or 3000)] == [far.params, far.macs]
        return
    far = network.at(domain.period * (domain.least + 23) + domain.remainder).totals()
    assert [found.at("params", k=domain.least + 23), found.at("macs", k=domain.least + 23)] == [far.params, far.macs]


def test_rounding_leaves_exact_values_on_the_published_grid() -> None:
    (found,) = formula("mobilenet_v2", options={"classes": 1001})
    assert found.domain.alpha_step is None
    values = {(alpha, side): macs for alpha, side, _, macs in found.grid}
    assert (values[F(1), 224], values[F("1.4"), 224], values[F("0.35"), 96]) == (300_775_552, 582_197_616, 11_935_408)
    assert "widths are rounded, so there is no polynomial in α" in "\n".join(lines(found))
    assert formula("mobilenet_v1")[0].grid == ()
