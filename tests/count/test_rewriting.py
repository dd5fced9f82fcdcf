"""Networks rewritten on paper: products worked out by hand, and rewritings that come to a network of the zoo."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from profiler import profile
from profiler.count import rewriting
from profiler.errors import ProfilerError, UnknownName
from profiler.load.load import Counted, load
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Activation, Add, BatchNorm, Conv, ConvTranspose, Identity, Layer
from profiler.network.widths import same, times
from profiler.records.profile import Row
from profiler.study.show import rewritten
from profiler.tracing.batchnorm_folding import foldable_batchnorms

# VGG-16 (arXiv 1409.1556, configuration D) at 224: (M, N, D_F) of its thirteen convolutions of 3×3.
VGG16 = [
    (3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 256, 56),
    (256, 512, 28), (512, 512, 28), (512, 512, 28), (512, 512, 14), (512, 512, 14), (512, 512, 14),
]  # fmt: skip


def test_vgg16_in_separable_convolutions() -> None:
    found = rewritten(load("vgg16"), 1, "separable")
    assert [layer.macs for layer in found.layers] == [9 * m * n * d**2 for m, n, d in VGG16]
    assert [layer.macs_after for layer in found.layers] == [9 * m * d**2 + m * n * d**2 for m, n, d in VGG16]
    assert [layer.params for layer in found.layers] == [9 * m * n + n for m, n, _ in VGG16]
    assert [layer.params_after for layer in found.layers] == [9 * m + m * n + n for m, n, _ in VGG16]
    head = 512 * 49 * 4096 + 4096 * 4096 + 4096 * 1000
    assert found.network.macs == 15_470_264_320
    assert found.network.macs_after == sum((9 + n) * m * d**2 for m, n, d in VGG16) + head == 1_910_551_552


def test_the_full_mobilenet_rewritten_is_mobilenet_but_for_its_stem() -> None:
    # the paper keeps its first convolution, 3²·3·32·112², which the rewriting makes separable too
    found = rewritten(load("mobilenet_v1@separable=false"), 1, "separable")
    stem = next(layer for layer in found.layers if layer.path == "stem.conv")
    assert (stem.macs, stem.macs_after) == (9 * 3 * 32 * 112**2, (9 * 3 + 3 * 32) * 112**2)
    assert found.network.macs_after - stem.macs_after + stem.macs == profile("mobilenet_v1").macs
    ours = {layer.path: layer.macs_after for layer in found.layers}
    rows = profile("mobilenet_v1").by_depth(2)
    assert sorted(n for path, n in ours.items() if path != "stem.conv") == sorted(
        group.macs for group in rows if group.name.startswith("body.") and group.macs
    )


def test_googlenet_folded_is_googlenet_without_its_norms() -> None:
    found = rewritten(load("googlenet@norm=batch"), 1, "folded").network
    plain = profile("googlenet")
    without = plain.elementwise - sum(row.elementwise for row in plain.rows if row.op == "local_response_norm")
    assert (found.params_after, found.macs_after, found.elementwise_after) == (plain.params, plain.macs, without)


def test_folding_leaves_a_bias_for_each_channel() -> None:
    found = rewritten(load("mobilenet_v1"), 2, "folded")
    stem = found.layers[0]
    assert (stem.path, stem.params, stem.params_after) == ("stem.conv", 9 * 3 * 32 + 2 * 32, 9 * 3 * 32 + 32)
    assert (stem.elementwise, stem.elementwise_after) == (2 * 32 * 112**2, 0)
    assert (stem.macs, stem.macs_after) == (2 * 9 * 3 * 32 * 112**2,) * 2
    assert found.network.params_after == 4_231_976 - 21_888 // 2
    assert len(found.layers) == 27


@pytest.mark.parametrize("name", ["vgg11", "mobilenet_v2", "resnet18", "densenet121", "googlenet_torchvision", "unet", "ssrn"])
@pytest.mark.parametrize("what", list(rewriting.REWRITINGS))
def test_a_value_and_its_module_are_rewritten_alike(name: str, what: str) -> None:
    network = load(name, alpha="0.25")
    as_module: Counted = load(network.module("meta"), input=list(network.inputs))
    for batch in (1, 2):
        ours, theirs = rewritten(network, batch, what), rewritten(as_module, batch, what)
        assert theirs.layers == ours.layers
        assert theirs.network == ours.network


SMALL: list[tuple[str, Layer, str, int, int]] = [
    # kept as they are: pointwise, depthwise and grouped ones, and transposed ones
    ("kept", Chain(Conv(4, 1), Conv(4, 3, groups="each"), Conv(4, 3, groups=2), ConvTranspose(2, 3)), "separable", 0, 0),
    # 3·5 of 4 channels at 6·4 positions, then 4·6 there
    ("odd window", Conv(6, (3, 5), stride=1), "separable", 15 * 4 * 6 * 24, 15 * 4 * 24 + 4 * 6 * 24),
    ("dilated, strided", Conv(6, 3, stride=2, dilation=2), "separable", 9 * 4 * 6 * 4, 9 * 4 * 4 + 4 * 6 * 4),
    ("as wide as its sum", Branches(Conv(5, 1), Conv(same(), 3, padding=1), join=Add()), "separable", 9 * 4 * 5 * 64, 9 * 4 * 64 + 4 * 5 * 64),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "what", "before", "after"), SMALL, ids=[case[0] for case in SMALL])
def test_small_values(name: str, value: Layer, what: str, before: int, after: int) -> None:
    found = rewritten(load(value, input=(4, 8, 8)), 1, what)
    assert sum(layer.macs for layer in found.layers) == before
    assert sum(layer.macs_after for layer in found.layers) == after


FOLDS: list[tuple[str, Layer, int]] = [
    ("a chain", Chain(Conv(4, 3), BatchNorm()), 1),
    ("through chains", Chain(Chain(Conv(4, 3)), Chain(BatchNorm(), Conv(4, 1))), 1),
    ("transposed", Chain(ConvTranspose(4, 3), BatchNorm()), 1),
    ("after something else", Chain(Conv(4, 3), Activation("ReLU"), BatchNorm()), 0),
    ("before it", Chain(BatchNorm(), Conv(4, 3)), 0),
    ("by the batch alone", Chain(Conv(4, 3), BatchNorm(track_running_stats=False)), 0),
    ("in branches of one input", Branches(Chain(Conv(4, 3), BatchNorm()), Conv(4, 3), join=Add()), 1),
    ("branches apart", Chain(Conv(4, 3), Branches(BatchNorm(), Identity(), join=Add())), 0),
    ("nodes", Graph(inputs=("x",), nodes={"a": (Conv(4, 3), "x"), "b": (BatchNorm(), "a")}, outputs=("b",)), 1),
    ("a node used twice", Graph(inputs=("x",), nodes={"a": (Conv(4, 3), "x"), "b": (BatchNorm(), "a")}, outputs=("b", "a")), 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "count"), FOLDS, ids=[case[0] for case in FOLDS])
def test_what_folds(name: str, value: Layer, count: int) -> None:
    network = load(value, input=(4, 8, 8))
    assert len(rewritten(network, 1, "folded").layers) == count
    as_module = load(network.module("meta"), input=(4, 8, 8))
    assert len(rewritten(as_module, 1, "folded").layers) == count


class Twice(nn.Module):
    """One convolution that runs twice; one whose output goes two ways; one that is changed in place before its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.forked, self.spoilt = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.a, self.b, self.c = (nn.BatchNorm2d(4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(self.again(self.again(x)))
        y = self.forked(x)
        x = self.b(y) + y
        output: Tensor = self.c(self.spoilt(x).relu_())
        return output


def test_only_what_one_convolution_feeds_is_folded() -> None:
    assert foldable_batchnorms(Twice(), (torch.zeros(1, 4, 8, 8),), {}, "twice") == {}
    found = rewritten(load(Twice(), input=(4, 8, 8)), 1, "separable")
    # parameters once, operations twice
    assert [layer.macs for layer in found.layers if layer.path == "again"] == [9 * 4 * 4 * 64] * 2
    assert found.network.params_after == found.network.params - 3 * (9 * 4 * 4 - 9 * 4 - 4 * 4)


def bare(n: int) -> Conv:
    return Conv(n, 3, bias=False)


REWRITTEN: list[tuple[str, str, Layer, Layer]] = [
    ("separable keeps stride, padding and dilation", "separable", Conv(8, (3, 1), 2, 1, 2),
     Chain(depthwise=Conv(times(1), (3, 1), 2, 1, 2, "each", bias=False), pointwise=Conv(8, 1))),
    ("separable keeps no bias", "separable", bare(8),
     Chain(depthwise=Conv(times(1), 3, groups="each", bias=False), pointwise=Conv(8, 1, bias=False))),
    ("one pixel", "separable", Conv(8, (1, 1)), Conv(8, (1, 1))),
    ("groups", "separable", Conv(8, 3, groups=2), Conv(8, 3, groups=2)),
    ("folded", "folded", Chain(a=bare(4), b=BatchNorm()), Chain(a=Conv(4, 3), b=Identity())),
    ("folded across chains", "folded", Chain(Chain(x=Identity(), a=bare(4)), Chain(b=BatchNorm(), c=Activation("ReLU"))),
     Chain(Chain(x=Identity(), a=Conv(4, 3)), Chain(b=Identity(), c=Activation("ReLU")))),
    ("folded once: the second norm stays", "folded", Chain(bare(4), BatchNorm(), BatchNorm()), Chain(Conv(4, 3), Identity(), BatchNorm())),
    ("folded twice", "folded", Chain(bare(4), BatchNorm(), bare(2), BatchNorm()), Chain(Conv(4, 3), Identity(), Conv(2, 3), Identity())),
    ("an empty chain between", "folded", Chain(bare(4), Chain(), BatchNorm()), Chain(bare(4), Chain(), BatchNorm())),
    ("transposed", "folded", Chain(ConvTranspose(4, 3, bias=False), BatchNorm()), Chain(ConvTranspose(4, 3), Identity())),
    ("in branches", "folded", Branches(Chain(bare(4), BatchNorm()), bare(4), join=Add()), Branches(Chain(Conv(4, 3), Identity()), bare(4), join=Add())),
    ("aside", "folded", Aside(Chain(bare(4), BatchNorm())), Aside(Chain(Conv(4, 3), Identity()))),
    ("nodes", "folded",
     Graph(inputs=("x",), nodes={"a": (Chain(c=bare(4)), "x"), "b": (Chain(n=BatchNorm(), r=Activation("ReLU")), "a")}, outputs=("b",)),
     Graph(inputs=("x",), nodes={"a": (Chain(c=Conv(4, 3)), "x"), "b": (Chain(n=Identity(), r=Activation("ReLU")), "a")}, outputs=("b",))),
    ("a node that two take", "folded",
     Graph(inputs=("x",), nodes={"a": (bare(4), "x"), "b": (BatchNorm(), "a"), "c": (Add(), "a", "b")}, outputs=("c",)),
     Graph(inputs=("x",), nodes={"a": (bare(4), "x"), "b": (BatchNorm(), "a"), "c": (Add(), "a", "b")}, outputs=("c",))),
    ("a norm of the graph's input", "folded",
     Graph(inputs=("x",), nodes={"b": (BatchNorm(), "x"), "a": (bare(4), "b")}, outputs=("a",)),
     Graph(inputs=("x",), nodes={"b": (BatchNorm(), "x"), "a": (bare(4), "b")}, outputs=("a",))),
    ("a norm after something else", "folded",
     Graph(inputs=("x",), nodes={"a": (Activation("ReLU"), "x"), "b": (BatchNorm(), "a")}, outputs=("b",)),
     Graph(inputs=("x",), nodes={"a": (Activation("ReLU"), "x"), "b": (BatchNorm(), "a")}, outputs=("b",))),
    ("something else after a convolution", "folded",
     Graph(inputs=("x",), nodes={"a": (bare(4), "x"), "b": (Activation("ReLU"), "a")}, outputs=("b",)),
     Graph(inputs=("x",), nodes={"a": (bare(4), "x"), "b": (Activation("ReLU"), "a")}, outputs=("b",))),
    ("a join after a convolution", "folded",
     Graph(inputs=("x", "y"), nodes={"a": (bare(4), "x"), "b": (Add(), "a", "y")}, outputs=("b",)),
     Graph(inputs=("x", "y"), nodes={"a": (bare(4), "x"), "b": (Add(), "a", "y")}, outputs=("b",))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "network", "expected"), [case[1:] for case in REWRITTEN], ids=[case[0] for case in REWRITTEN])
def test_values(name: str, network: Layer, expected: Layer) -> None:
    assert rewriting.value(network, name) == expected


def conv(path: str = "a", weights: int = 9 * 4 * 6, bias: int = 6) -> Row:
    facts = {"kernel": (3, 3), "groups": 1, "bias": True}
    return Row(path, "conv", "conv", "Conv2d", facts, ((2, 4, 5, 5),), (2, 6, 3, 3), weights, bias, 0, 0, 7, 0, 0, False)


NORM = Row("n", "batch_norm", "norm", "BatchNorm2d", {}, ((2, 6, 3, 3),), (2, 6, 3, 3), 0, 0, 12, 13, 0, 108, 0, False)


def test_a_row_made_separable() -> None:
    ((path, before, after),) = rewriting.rows([conv()], "separable", {})
    assert (path, before) == ("a", (conv(),))
    depthwise, pointwise = after
    assert (depthwise.path, depthwise.kind, depthwise.output) == ("a.depthwise", "depthwise", (2, 4, 3, 3))
    assert depthwise.facts == {"kernel": (3, 3), "groups": 4, "bias": False}
    assert (depthwise.weights, depthwise.bias, depthwise.macs, depthwise.activations) == (9 * 4, 0, 9 * 4 * 2 * 9, 4 * 2 * 9)
    assert (pointwise.path, pointwise.kind, pointwise.inputs) == ("a.pointwise", "pointwise", ((2, 4, 3, 3),))
    assert pointwise.facts == {"kernel": (1, 1), "groups": 1, "bias": True}
    assert (pointwise.weights, pointwise.bias, pointwise.macs) == (4 * 6, 6, 4 * 6 * 2 * 9)


def test_a_row_of_parameters_that_were_counted_before_has_none() -> None:
    ((_, _, (depthwise, pointwise)),) = rewriting.rows([conv(weights=0, bias=0)], "separable", {})
    assert (depthwise.weights, pointwise.weights, depthwise.bias, pointwise.bias) == (0, 0, 0, 0)
    assert pointwise.macs == 4 * 6 * 2 * 9


@pytest.mark.parametrize(
    "change",
    [{"facts": {"kernel": (1, 1), "groups": 1}}, {"facts": {"kernel": (3, 3), "groups": 2}}, {"facts": {}}, {"kind": "conv_transpose"}, {"op": "linear"}],
    ids=["one pixel", "groups", "no facts", "transposed", "linear"],
)  # fmt: skip
def test_rows_that_are_no_standard_convolution(change: dict[str, object]) -> None:
    assert rewriting.rows([conv()._replace(**change)], "separable", {}) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "bias", "after"), [(216, 0, 6), (216, 6, 6), (0, 0, 0)], ids=["none", "its own", "counted before"]
)
def test_rows_folded(weights: int, bias: int, after: int) -> None:
    given = [conv(weights=weights, bias=bias), NORM, conv("b")]
    ((path, before, (now,)),) = rewriting.rows(given, "folded", {"n": "a", "gone": "b", "x": "gone"})
    assert (path, before) == ("a", (given[0], NORM))
    assert now == given[0]._replace(bias=after)


def test_a_pair_that_runs_twice_is_folded_twice() -> None:
    again = [conv(weights=0), NORM._replace(norm=0)]
    found = rewriting.rows([conv(), NORM, *again], "folded", {"n": "a"})
    assert [before for _, before, _ in found] == [(conv(), NORM), tuple(again)]
    assert [sum(row.elementwise for row in after) for _, _, after in found] == [0, 0]
    assert rewriting.rows([conv(), NORM, conv(weights=0)], "folded", {"n": "a"}) == []  # the norm does not meet both calls


def test_pairs_of_rows() -> None:
    other = conv("other")
    gone = NORM._replace(op="identity", kind="reshape")
    below = (conv("a.depthwise"), conv("a.pointwise"))
    assert rewriting.pairs([conv(), other], [*below, other]) == [("a", (conv(),), below)]
    assert rewriting.pairs([conv(), NORM, other], [conv(bias=9), gone, other]) == [("a", (conv(), NORM), (conv(bias=9),))]
    assert rewriting.pairs([conv(), NORM], [conv(), NORM]) == []


def test_a_norm_goes_with_the_last_convolution_that_fits_it() -> None:
    gone = NORM._replace(op="identity")
    first, second, apart = conv("first"), conv("second"), conv("apart")._replace(output=(2, 6, 9, 9))
    found = rewriting.pairs([first, second, apart, NORM], [first, second._replace(bias=9), apart, gone])
    assert found == [("second", (second, NORM), (second._replace(bias=9),))]


def test_mistakes() -> None:
    with pytest.raises(UnknownName, match="unknown rewriting 'seperable'; did you mean separable"):
        rewritten(load("vgg11"), 1, "seperable")

    class Asks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum().item() > 0 else -x

    with pytest.raises(ProfilerError, match="asks: its tensors are followed on the meta device, where it does not run"):
        foldable_batchnorms(Asks(), (torch.zeros(1),), {}, "asks")
