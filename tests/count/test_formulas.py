"""Each formula against products worked out by hand from the papers' forms."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from profiler.count import formulas  # noqa: F401  # registers every leaf
from profiler.count.leaves import LEAVES, Cost, cost
from profiler.errors import ShapeError
from profiler.network import layers as L
from profiler.network.widths import same, times

WITH_MACS: list[tuple[str, L.Layer, tuple[tuple[int, ...], ...], Cost]] = [
    (
        "standard: D_K²·M·N·D_F²",
        L.Conv(64, 3, padding=1),
        ((32, 14, 14),),
        Cost((64, 14, 14), 3 * 3 * 32 * 64, 64, macs=3 * 3 * 32 * 64 * 14 * 14, activations=64 * 14 * 14),
    ),
    (
        "depthwise: D_K²·M·D_F²",
        L.Conv(times(1), 3, stride=2, padding=1, groups="each", bias=False),
        ((32, 14, 14),),
        Cost((32, 7, 7), 3 * 3 * 32, macs=3 * 3 * 32 * 7 * 7, activations=32 * 7 * 7),
    ),
    (
        "pointwise: M·N·D_F²",
        L.Conv(64, 1, bias=False),
        ((32, 14, 14),),
        Cost((64, 14, 14), 32 * 64, macs=32 * 64 * 14 * 14, activations=64 * 14 * 14),
    ),
    (
        "two groups: half the channels each",
        L.Conv(256, 5, padding=2, groups=2),
        ((96, 27, 27),),
        Cost((256, 27, 27), 5 * 5 * 48 * 256, 256, macs=5 * 5 * 48 * 256 * 27 * 27, activations=256 * 27 * 27),
    ),
    (
        "1D, dilated: 10 - 2·2 = 6 positions",
        L.Conv(8, 3, dilation=2),
        ((4, 10),),
        Cost((8, 6), 3 * 4 * 8, 8, macs=3 * 4 * 8 * 6, activations=8 * 6),
    ),
    (
        "3D, a kernel of its own on each axis",
        L.Conv(8, (7, 3, 3)),
        ((1, 30, 25, 25),),
        Cost((8, 24, 23, 23), 7 * 3 * 3 * 8, 8, macs=7 * 3 * 3 * 8 * 24 * 23 * 23, activations=8 * 24 * 23 * 23),
    ),
    (
        "transposed: every input pixel meets the weight",
        L.ConvTranspose(64, 2, stride=2),
        ((128, 28, 28),),
        Cost((64, 56, 56), 2 * 2 * 128 * 64, 64, macs=2 * 2 * 128 * 64 * 28 * 28, activations=64 * 56 * 56),
    ),
    (
        "transposed in groups, with output padding: (5-1)·2 - 2 + 2 + 1 + 1 = 10",
        L.ConvTranspose(6, 3, stride=2, padding=1, output_padding=1, groups=2),
        ((4, 5, 5),),
        Cost((6, 10, 10), 3 * 3 * 4 * 3, 6, macs=3 * 3 * 4 * 3 * 5 * 5, activations=6 * 10 * 10),
    ),
    ("linear: M·N", L.Linear(10), ((84,),), Cost((10,), 84 * 10, 10, macs=84 * 10, activations=10)),
    (
        "linear on tokens: T·M·N",
        L.Linear(times(3)),
        ((197, 192),),
        Cost((197, 576), 192 * 576, 576, macs=197 * 192 * 576, activations=197 * 576),
    ),
    (
        "matrix product in 3 heads: 3·T·M·N",
        L.MatMul(),
        ((3, 5, 7), (3, 7, 11)),
        Cost((3, 5, 11), macs=3 * 5 * 7 * 11, activations=3 * 5 * 11),
    ),
    (
        "attention: QKᵀ T·S·C and AV T·S·C, softmax over heads·T·S",
        L.Attention(3),
        ((197, 3 * 192),),
        Cost((197, 192), macs=2 * 197 * 197 * 192, elementwise=3 * 197 * 197, activations=3 * 197 * 197 + 197 * 192),
    ),
    (
        "cross attention: T = 5 queries, S = 9 keys, wider values",
        L.Attention(2),
        ((5, 8), (9, 8), (9, 16)),
        Cost((5, 16), macs=5 * 9 * 8 + 5 * 9 * 16, elementwise=2 * 5 * 9, activations=2 * 5 * 9 + 5 * 16),
    ),
    (
        "transposed, dilated, another on each axis: (5-1)·2 - 2 + 2·(3-1) + 1 = 11, (4-1)·3 - 4 + (4-1) + 1 + 1 = 10",
        L.ConvTranspose(2, (3, 4), (2, 3), (1, 2), (0, 1), dilation=(2, 1), bias=False),
        ((7, 5, 4),),
        Cost((2, 11, 10), 3 * 4 * 7 * 2, macs=3 * 4 * 7 * 2 * 5 * 4, activations=2 * 11 * 10),
    ),
    (
        "transposed, of one pixel left: (1-1)·1 - 2 + 2 + 1 = 1",
        L.ConvTranspose(4, 3, padding=1),
        ((3, 1, 1),),
        Cost((4, 1, 1), 9 * 3 * 4, 4, macs=9 * 3 * 4, activations=4),
    ),
    (
        "linear on pixels: 2·3·M·N",
        L.Linear(5, bias=False),
        ((2, 3, 4),),
        Cost((2, 3, 5), 4 * 5, macs=2 * 3 * 4 * 5, activations=2 * 3 * 5),
    ),
    ("matrix product of two matrices: T·M·N", L.MatMul(), ((5, 7), (7, 2)), Cost((5, 2), macs=5 * 7 * 2, activations=5 * 2)),
]

WITHOUT_MACS: list[tuple[str, L.Layer, tuple[tuple[int, ...], ...], Cost]] = [
    ("BatchNorm: scale and shift; mean, variance, count", L.BatchNorm(), ((64, 7, 7),), Cost((64, 7, 7), norm=128, buffers=129, elementwise=64 * 49)),
    ("BatchNorm, bare", L.BatchNorm(affine=False, track_running_stats=False), ((64,),), Cost((64,), elementwise=64)),
    ("LayerNorm", L.LayerNorm(), ((197, 192),), Cost((197, 192), norm=2 * 192, elementwise=197 * 192)),
    ("LayerNorm without shift", L.LayerNorm(bias=False), ((197, 192),), Cost((197, 192), norm=192, elementwise=197 * 192)),
    ("GroupNorm", L.GroupNorm(8), ((64, 7, 7),), Cost((64, 7, 7), norm=128, elementwise=64 * 49)),
    ("InstanceNorm, bare by default", L.InstanceNorm(), ((64, 7, 7),), Cost((64, 7, 7), elementwise=64 * 49)),
    ("LocalResponseNorm", L.LocalResponseNorm(5), ((96, 55, 55),), Cost((96, 55, 55), elementwise=96 * 55 * 55)),
    ("ReLU", L.Activation("ReLU"), ((64, 7, 7),), Cost((64, 7, 7), elementwise=64 * 49)),
    ("PReLU, one slope", L.PReLU(), ((64, 7, 7),), Cost((64, 7, 7), weights=1, elementwise=64 * 49)),
    ("PReLU, a slope a channel", L.PReLU(each_channel=True), ((64, 7, 7),), Cost((64, 7, 7), weights=64, elementwise=64 * 49)),
    ("MaxPool: floor((112 + 2 - 3) / 2) + 1 = 56", L.MaxPool(3, 2, padding=1), ((64, 112, 112),), Cost((64, 56, 56), elementwise=64 * 56 * 56)),
    ("MaxPool, ceil: ceil((112 - 3) / 2) + 1 = 56", L.MaxPool(3, 2, ceil_mode=True), ((64, 112, 112),), Cost((64, 56, 56), elementwise=64 * 56 * 56)),
    ("ceil, but no window starts in the padding", L.MaxPool(2, 2, padding=1, ceil_mode=True), ((1, 3, 3),), Cost((1, 2, 2), elementwise=4)),
    ("AvgPool", L.AvgPool(5, 3), ((512, 14, 14),), Cost((512, 4, 4), elementwise=512 * 16)),
    ("global average", L.AdaptiveAvgPool(1), ((1024, 7, 7),), Cost((1024, 1, 1), elementwise=1024)),
    ("AdaptiveMaxPool", L.AdaptiveMaxPool(2), ((8, 5, 5),), Cost((8, 2, 2), elementwise=8 * 4)),
    ("Upsample", L.Upsample(2), ((8, 5, 6),), Cost((8, 10, 12), elementwise=8 * 120)),
    ("Resize to the second's side", L.Resize("bilinear"), ((8, 5, 6), (3, 9, 9)), Cost((8, 9, 9), elementwise=8 * 81)),
    ("Crop to the second's side", L.Crop(), ((64, 64, 64), (128, 56, 56)), Cost((64, 56, 56))),
    ("Pad", L.Pad(((0, 1), (2, 3))), ((3, 10, 10),), Cost((3, 11, 15))),
    ("Dropout is nothing in evaluation", L.Dropout(), ((64, 7, 7),), Cost((64, 7, 7))),
    ("Identity", L.Identity(), ((64, 7, 7),), Cost((64, 7, 7))),
    ("Flatten", L.Flatten(), ((512, 7, 7),), Cost((512 * 49,))),
    ("Fold", L.Fold(), ((32, 18, 19, 19),), Cost((576, 19, 19))),
    ("Tokens", L.Tokens(), ((192, 14, 14),), Cost((196, 192))),
    ("Token", L.Token(), ((197, 192),), Cost((192,))),
    ("the last Token", L.Token(4), ((5, 8),), Cost((8,))),
    ("InstanceNorm with scale and shift", L.InstanceNorm(affine=True), ((64, 7, 7),), Cost((64, 7, 7), norm=128, elementwise=64 * 49)),
    ("GroupNorm, bare", L.GroupNorm(8, affine=False), ((64, 7, 7),), Cost((64, 7, 7), elementwise=64 * 49)),
    ("LayerNorm, bare", L.LayerNorm(elementwise_affine=False), ((5, 8),), Cost((5, 8), elementwise=5 * 8)),
    ("LayerNorm over the last of three axes", L.LayerNorm(), ((2, 3, 4),), Cost((2, 3, 4), norm=2 * 4, elementwise=24)),
    ("BatchNorm without running statistics", L.BatchNorm(track_running_stats=False), ((6, 2),), Cost((6, 2), norm=12, elementwise=12)),
    ("MaxPool, dilated: ⌊(9 - 2·2 - 1) / 2⌋ + 1 = 3", L.MaxPool(3, 2, dilation=2), ((4, 9),), Cost((4, 3), elementwise=4 * 3)),
    ("AvgPool whose stride is its window", L.AvgPool(2), ((4, 6, 8),), Cost((4, 3, 4), elementwise=4 * 3 * 4)),
    ("AvgPool, ceil, padded: ⌈(6 + 2 - 3) / 2⌉ + 1 = 4", L.AvgPool(3, 2, 1, ceil_mode=True), ((4, 6),), Cost((4, 4), elementwise=4 * 4)),
    ("adaptive, another on each axis", L.AdaptiveAvgPool((2, 3)), ((8, 5, 7),), Cost((8, 2, 3), elementwise=8 * 6)),
    ("Upsample, another on each axis", L.Upsample((2, 3)), ((8, 5, 6),), Cost((8, 10, 18), elementwise=8 * 180)),
    ("Pad, one number for every side", L.Pad(2), ((3, 10, 7),), Cost((3, 14, 11))),
    ("Crop to what it is", L.Crop(), ((3, 5, 6), (4, 5, 6)), Cost((3, 5, 6))),
    ("Crop along one axis", L.Crop(), ((3, 5, 6), (4, 5, 2)), Cost((3, 5, 2))),
    ("PadChannels to what it is", L.PadChannels(16), ((16, 8),), Cost((16, 8))),
    ("the first ChannelSlice of three", L.ChannelSlice(0, 3), ((9, 2),), Cost((3, 2))),
    ("the last ChannelSlice of three", L.ChannelSlice(2, 3), ((9, 2),), Cost((3, 2))),
    ("Multiply of three: two products an element", L.Multiply(), ((8, 4), (8, 1), (1, 4)), Cost((8, 4), elementwise=2 * 32)),
    ("Concatenate of tokens", L.Concatenate(axis=1), ((5, 8), (5, 3)), Cost((5, 11))),
    ("Concatenate along the last of three axes", L.Concatenate(axis=2), ((2, 5, 8), (2, 5, 3)), Cost((2, 5, 11))),
    ("Concatenate along the middle of three axes", L.Concatenate(axis=1), ((2, 5, 8), (2, 3, 8)), Cost((2, 8, 8))),
    ("ClassToken", L.ClassToken(), ((196, 192),), Cost((197, 192), weights=192)),
    ("PositionEmbedding", L.PositionEmbedding(), ((197, 192),), Cost((197, 192), weights=197 * 192, elementwise=197 * 192)),
    ("Embedding", L.Embedding(1000, 64), ((12,),), Cost((12, 64), weights=64_000, elementwise=12 * 64)),
    ("ChannelShuffle", L.ChannelShuffle(3), ((240, 28, 28),), Cost((240, 28, 28))),
    ("PadChannels: 32 - 16 zeros", L.PadChannels(32), ((16, 8, 8),), Cost((32, 8, 8))),
    ("Unsqueeze", L.Unsqueeze(), ((9, 64),), Cost((1, 9, 64))),
    ("ChannelSlice", L.ChannelSlice(1, 2), ((116, 28, 28),), Cost((58, 28, 28))),
    ("Add of three: two additions an element", L.Add(), ((8, 4, 4),) * 3, Cost((8, 4, 4), elementwise=2 * 8 * 16)),
    ("Multiply spreads axes of 1", L.Multiply(), ((8, 4, 4), (8, 1, 1)), Cost((8, 4, 4), elementwise=8 * 16)),
    ("Concatenate", L.Concatenate(), ((64, 28, 28), (128, 28, 28), (32, 28, 28)), Cost((224, 28, 28))),
    ("Concatenate along the last axis", L.Concatenate(axis=-1), ((5, 12), (5, 3)), Cost((5, 15))),
    ("-3 of three axes is the first", L.Concatenate(axis=-3), ((64, 28, 28), (32, 28, 28)), Cost((96, 28, 28))),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "inputs", "expected"), [pytest.param(*c[1:], id=c[0]) for c in WITH_MACS + WITHOUT_MACS])
def test_cost(leaf: L.Layer, inputs: tuple[tuple[int, ...], ...], expected: Cost) -> None:
    found = cost(leaf, inputs)
    assert found == expected
    assert all(type(n) is int for n in found[1:])


def test_every_formula_has_a_case() -> None:
    assert {type(case[1]) for case in WITH_MACS + WITHOUT_MACS} == set(LEAVES)


def test_every_leaf_has_a_formula() -> None:
    assert set(L.Layer.__subclasses__()) >= set(LEAVES)
    leaves = {cls for cls in L.Layer.__subclasses__() if cls.__module__ == L.__name__}
    assert leaves == set(LEAVES)


def test_separable_is_one_over_n_plus_one_over_the_kernel_squared() -> None:
    m, n, d_f = 512, 512, 14
    depthwise = cost(L.Conv(times(1), 3, padding=1, groups="each"), ((m, d_f, d_f),)).macs
    pointwise = cost(L.Conv(n, 1), ((m, d_f, d_f),)).macs
    standard = cost(L.Conv(n, 3, padding=1), ((m, d_f, d_f),)).macs
    assert Fraction(depthwise + pointwise, standard) == Fraction(1, n) + Fraction(1, 9)


MISFITS: list[tuple[L.Layer, tuple[Any, ...], str]] = [
    (L.Conv(8, 7), ((3, 5, 5),), "a window of 7 does not fit 5 pixels"),
    (L.Conv(8, 3, groups=3), ((4, 5, 5),), "4 channels in and 8 out do not divide into 3 groups"),
    (L.Conv(8, 3), ((4,),), "takes (channels, *spatial) but is given (4,); move it before the Flatten"),
    (L.Conv(8, (3, 3)), ((4, 5),), "(3, 3) has 2 numbers for 1 spatial axes; give one number or 1"),
    (L.Conv(same(), 1), ((4, 5, 5),), "same() has no width to take here; use it in a branch after the first of Branches"),
    (L.MaxPool(2), ((4, 1, 1),), "a window of 2 does not fit 1 pixel"),
    (L.Add(), ((4, 5, 5), (8, 5, 5)), "adds different shapes, (4, 5, 5) and (8, 5, 5); branches that are added must have equal shapes"),
    (L.Concatenate(), ((4, 5, 5), (8, 6, 6)), "concatenates along axis 0 shapes that differ elsewhere"),
    (L.Concatenate(-1), ((4, 5, 5), (8, 5, 5)), "concatenates along axis -1 shapes that differ elsewhere"),
    (L.Concatenate(3), ((4, 5, 5), (4, 5, 5)), "concatenates along axis 3 of (4, 5, 5); give -3 to 2"),
    (L.Concatenate(-4), ((4, 5, 5), (4, 5, 5)), "concatenates along axis -4 of (4, 5, 5); give -3 to 2"),
    (L.Token(-1), ((4, 5),), "has no token -1: there are 4 tokens"),
    (L.Multiply(), ((4, 5, 5), (8, 1, 1)), "multiplies different shapes, (4, 5, 5) and (8, 1, 1)"),
    (L.MatMul(), ((3, 4), (5, 6)), "multiplies matrices (3, 4) and (5, 6), whose inner sizes differ"),
    (L.Attention(5), ((7, 12),), "4 channels do not divide into 5 heads"),
    (L.Attention(1), ((7, 11),), "11 channels are not queries, keys and values side by side"),
    (L.Crop(), ((4, 5, 5), (4, 6, 6)), "crops (4, 5, 5) to the sides of (4, 6, 6), which is larger"),
    (L.GroupNorm(3), ((4, 5, 5),), "4 channels do not divide into 3 groups"),
    (L.ChannelSlice(0, 3), ((4, 5, 5),), "cannot take part 0 of 4 channels in 3 equal parts"),
    (L.Fold(), ((4, 5, 5),), "folds (C, D, H, W) but is given (4, 5, 5)"),
    (L.Linear(3), ((4,), (4,)), "takes one input but is given 2; join them first"),
    (L.ConvTranspose(4, 1, padding=3), ((4, 5, 5),), "a padding of 3 leaves nothing of (5, 5) pixels"),
    (L.ConvTranspose(4, 2, padding=1), ((4, 9, 1),), "a padding of 1 leaves nothing of (9, 1) pixels"),
    (L.ConvTranspose(8, 3, groups=3), ((6, 5, 5),), "6 channels in and 8 out do not divide into 3 groups"),
    (L.Conv(8, 3, padding=-1), ((4, 5, 5),), "kernel 3, stride 1, padding -1 and dilation 1 must be whole numbers, from 1 but for the padding"),
    (L.MaxPool(3, padding=-1), ((4, 5, 5),), "kernel 3, stride 3, padding -1 and dilation 1 must be whole numbers, from 1 but for the padding"),
    (L.ClassToken(), ((4, 5, 5),), "takes tokens (T, C) but is given (4, 5, 5)"),
    (L.Token(5), ((5, 8),), "has no token 5: there are 5 tokens"),
    (L.Token(-1), ((5, 8),), "has no token -1: there are 5 tokens"),
    (L.ChannelSlice(2, 2), ((4, 5),), "cannot take part 2 of 4 channels in 2 equal parts"),
    (L.ChannelSlice(-1, 2), ((4, 5),), "cannot take part -1 of 4 channels in 2 equal parts"),
    (L.ChannelShuffle(3), ((4, 5, 5),), "4 channels in and 4 out do not divide into 3 groups"),
    (L.PadChannels(3), ((4, 5, 5),), "cannot pad 4 channels to 3"),
    (L.Pad(((1, 1),)), ((4, 5, 5),), "pads 1 axes of 2; give one pair an axis"),
    (L.Attention(1), ((5, 8), (7, 6), (7, 8)), "queries, keys and values do not fit, (5, 8) and (7, 6) and (7, 8)"),
    (L.Attention(1), ((5, 8), (7, 8), (9, 8)), "queries, keys and values do not fit, (5, 8) and (7, 8) and (9, 8)"),
    (L.Attention(4), ((5, 8), (7, 8), (7, 6)), "6 channels do not divide into 4 heads"),
    (L.Attention(3), ((5, 8), (7, 8), (7, 6)), "8 channels do not divide into 3 heads"),
    (L.Attention(2), ((5, 8), (7, 8)), "takes queries, keys and values (T, C) but is given (5, 8) and (7, 8)"),
    (L.Resize(), ((4, 5, 5), (4, 5)), "resizes (4, 5, 5) to the sides of (4, 5), which has other axes"),
    (L.Resize(), ((4, 5),), "takes two inputs but is given 1"),
    (L.Crop(), ((4, 5, 5), (4, 5)), "crops (4, 5, 5) to the sides of (4, 5), which is larger"),
    (L.Crop(), ((4, 5, 5), (4, 5, 6)), "crops (4, 5, 5) to the sides of (4, 5, 6), which is larger"),
    (L.MatMul(), ((3, 5, 7), (2, 7, 4)), "multiplies matrices (3, 5, 7) and (2, 7, 4), whose inner sizes differ"),
    (L.MatMul(), ((3, 5, 7), (7, 4)), "multiplies matrices (3, 5, 7) and (7, 4), whose inner sizes differ"),
    (L.Multiply(), ((4, 5), (4, 5, 1)), "multiplies different shapes, (4, 5) and (4, 5, 1)"),
    (L.Concatenate(1), ((4,), (4,)), "concatenates along axis 1 of (4,); give -1 to 0"),
    (L.Concatenate(1), ((4, 5), (3, 5)), "concatenates along axis 1 shapes that differ elsewhere, (4, 5) and (3, 5)"),
    (L.Concatenate(1), ((4, 5, 6), (4, 5, 7)), "concatenates along axis 1 shapes that differ elsewhere, (4, 5, 6) and (4, 5, 7)"),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "inputs", "reason"), MISFITS, ids=[f"{leaf!r} {reason[:40]}" for leaf, _, reason in MISFITS])
def test_misfits_are_refused_with_their_values(leaf: L.Layer, inputs: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(ShapeError) as caught:
        cost(leaf, inputs)
    assert caught.value.reason.startswith(reason)
