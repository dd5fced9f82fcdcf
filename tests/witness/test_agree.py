"""The real fvcore, thop and FlopCounterMode against our conventions: by path, to the last integer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.count import conventions
from profiler.count.conventions.convention import macs
from profiler.errors import Unavailable, UnknownName, WitnessFailed
from profiler.load.load import Counted, Network, least_side
from profiler.load.load import in_closed_form as load
from profiler.module.build import bare
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import (
    Activation,
    AdaptiveAvgPool,
    Add,
    Attention,
    AvgPool,
    BatchNorm,
    ClassToken,
    Concatenate,
    Conv,
    ConvTranspose,
    Crop,
    Flatten,
    Fold,
    GroupNorm,
    Identity,
    InstanceNorm,
    Layer,
    LayerNorm,
    Linear,
    LocalResponseNorm,
    MatMul,
    MaxPool,
    Multiply,
    PositionEmbedding,
    PReLU,
    Resize,
    Token,
    Tokens,
    Upsample,
)
from profiler.network.registry import names
from profiler.network.widths import fixed, times
from profiler.records.agreement import Agreement
from profiler.witness import witnesses
from profiler.witness.agree import agreement, heard
from tests.zoo import MOST_ROWS, rows_of

ENGINES = ["fvcore", "thop", "torch"]


def recount(network: Counted, batch: int | None, engines: Iterable[str]) -> list[Agreement]:
    """What each engine says of the network; what one of them failed on is raised."""
    found = []
    for said in heard(network, batch, engines):
        if isinstance(said, WitnessFailed):
            raise said
        found.append(said)
    return found


# Small networks with every leaf that some engine counts in a way of its own.
ODD: dict[str, tuple[Layer, tuple[tuple[int, ...], ...]]] = {
    "norms": (
        Chain(
            Conv(8, 3, padding=1, groups=2), BatchNorm(), GroupNorm(4), InstanceNorm(), InstanceNorm(affine=True),
            BatchNorm(affine=False), BatchNorm(track_running_stats=False), LocalResponseNorm(3), PReLU(each_channel=True),
            Activation("LeakyReLU"), Activation("Softmax"), AvgPool(2), AdaptiveAvgPool(2), Flatten(), Linear(fixed(3)),
        ),
        ((4, 10, 10),),
    ),
    "u": (
        Graph(
            inputs=("x",),
            nodes={
                "in": (Conv(8, 3), "x"),
                "down": (Chain(MaxPool(2), Conv(16, 3)), "in"),
                "up": (ConvTranspose(8, 2, stride=2), "down"),
                "crop": (Crop(), "in", "up"),
                "cat": (Concatenate(), "up", "crop"),
                "near": (Upsample(2), "cat"),
                "linear": (Upsample(2, "bilinear"), "cat"),
                "like": (Resize("bilinear"), "cat", "near"),
                "sum": (Add(), "near", "linear", "like"),
                "gate": (Branches(Identity(), Chain(AdaptiveAvgPool(1), Conv(times(1), 1), Activation("Sigmoid")), join=Multiply()), "sum"),
            },
            outputs=("gate", "down"),
        ),
        ((3, 16, 16),),
    ),
    "transformer": (
        Chain(
            patch=Conv(24, 4, stride=4), tokens=Tokens(), cls=ClassToken(), position=PositionEmbedding(),
            block=Branches(
                Identity(),
                Chain(norm=LayerNorm(), qkv=Linear(times(3)), attention=Attention(4), out=Linear(times(1))),
                join=Add(),
            ),
            bare=LayerNorm(elementwise_affine=False), shiftless=LayerNorm(bias=False), act=Activation("GELU"),
            token=Token(), head=Linear(fixed(5)),
        ),
        ((3, 16, 16),),
    ),
    "products": (
        Graph(inputs=("a", "b"), nodes={"m": (MatMul(), "a", "b"), "fc": (Linear(4), "m")}, outputs=("fc",)),
        ((3, 5, 7), (3, 7, 2)),
    ),
    "1d": (Chain(Conv(8, 3, dilation=2), BatchNorm(), AvgPool(2), ConvTranspose(4, 3, stride=2), AdaptiveAvgPool(1), Flatten(), Linear(2)), ((4, 20),)),
    "3d to 2d": (
        Chain(Conv(4, (3, 3, 3)), BatchNorm(), MaxPool((2, 1, 1)), AdaptiveAvgPool((2, 6, 6)), Fold(), Conv(5, 3), Aside(Chain(Flatten(), Linear(2)))),
        ((1, 9, 10, 10),),
    ),
}  # fmt: skip


def network_of(name: str) -> Network:
    value, inputs = ODD[name]
    return Network(name, None, {}, Fraction(1), value, inputs)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("batch", [1, 2])
def test_odd_networks_agree_with_every_engine(name: str, batch: int) -> None:
    for found in recount(network_of(name), batch, ENGINES):
        assert found.differences == ()
        assert found.total == conventions.find(found.engine.split()[0]).total(network_of(name).profile(batch).rows)


def agrees(network: Network) -> None:
    for found in recount(network, 1, ENGINES):
        assert found.differences == ()
        assert sum(amount for _, amount in found.reasons) == found.total - network.totals().macs


MOST_MACS = 500e9
# the same blocks as in a shallower network, or as in one with larger inputs; all of them are recounted under -m full
REPEATED = {"resnet32_cifar", "resnet34", "resnet44_cifar", "resnet50_v1", "mobilenet_v2_cifar"}
QUICK = [
    name for name, rows in rows_of().items() if rows <= MOST_ROWS and name not in REPEATED and load(name).totals().macs < 16e9
]


@pytest.mark.parametrize("name", QUICK)
def test_the_zoo_agrees_with_every_engine_small(name: str) -> None:
    agrees(load(name, alpha="0.15"))


@pytest.mark.full
@pytest.mark.parametrize("place", [{}, {"alpha": "0.35"}, {"odd": True}], ids=["native", "α 0.35", "odd side"])
@pytest.mark.parametrize("name", names())
def test_the_whole_zoo_agrees_with_every_engine(name: str, place: dict[str, Any]) -> None:
    network = load(name, alpha=place.get("alpha"))
    if network.totals().macs > MOST_MACS:
        pytest.skip("takes minutes to run, and its smaller siblings are the same blocks")
    if place.get("odd"):
        if network.resolution is None or name.startswith("unet") or len(network.inputs) > 1:
            pytest.skip("has no side of its own to move")
        network = network.at(max(least_side(network) or 1, network.resolution * 5 // 8 | 1))
    agrees(network)


@pytest.mark.parametrize(("alpha", "resolution"), [("1", 224), ("0.75", 97), ("1.35", 131)])
@pytest.mark.parametrize("name", ["mobilenet_v1", "resnet18", "googlenet"])
def test_widths_and_odd_sides_agree(name: str, alpha: str, resolution: int) -> None:
    network = load(name, alpha=alpha, resolution=resolution)
    for found in recount(network, 1, ENGINES):
        assert found.agrees
        assert found.macs == network.totals().macs


@pytest.mark.parametrize(
    ("name", "fvcore", "thop"),
    [("mobilenet_v1", 578_875_904, 588_962_304), ("resnet50", 4_111_512_576, 4_133_742_592)],
)
def test_totals_that_the_tools_are_known_to_print(name: str, fvcore: int, thop: int) -> None:
    rows = load(name).profile().rows
    assert (conventions.FVCORE.total(rows), conventions.THOP.total(rows)) == (fvcore, thop)
    assert conventions.TORCH.total(rows) == 2 * conventions.PAPER.total(rows)


def test_fvcore_operator_by_operator() -> None:
    from fvcore.nn import FlopCountAnalysis

    network = load("mobilenet_v1", alpha="0.25")
    rows = network.profile().rows
    theirs = FlopCountAnalysis(bare(network.value, network.inputs), torch.zeros(1, 3, 224, 224)).by_operator()
    by_op: dict[str, int] = {}
    for row in rows:
        by_op[row.op] = by_op.get(row.op, 0) + conventions.FVCORE.of(row)
    assert theirs == {
        "conv": by_op["conv"],
        "batch_norm": by_op["batch_norm"],
        "adaptive_avg_pool2d": by_op["adaptive_avg_pool"],
        "linear": by_op["linear"],
    }


def test_the_difference_is_attributed() -> None:
    (found,) = recount(load("mobilenet_v1"), 1, ["fvcore"])
    assert found.reasons == (
        ("counts 2 operations per element of BatchNorm", 10_085_376),
        ("counts 1 operation per input element of adaptive average pooling", 50_176),
    )
    assert found.total == 568_740_352 + 10_085_376 + 50_176


def test_attention_that_fvcore_does_not_see_is_attributed() -> None:
    fvcore, thop, torch_ = recount(network_of("transformer"), 1, ENGINES)
    products = 2 * 17 * 17 * 24
    assert dict(fvcore.reasons)["does not count the products of fused attention"] == -products
    assert dict(thop.reasons)["sees no attention that is not a module of its own list"] == -products
    assert fvcore.macs == network_of("transformer").totals().macs - products
    assert torch_.macs == network_of("transformer").totals().macs


def test_a_count_that_differs_is_a_difference_with_its_path() -> None:
    network = load("resnet18", alpha="0.1")
    rows = network.profile().rows
    wrong = tuple(row._replace(macs=row.macs + 1) if row.path == "head.classifier" else row for row in rows)
    count = witnesses.fvcore(bare(network.value, network.inputs), (torch.zeros(1, *network.inputs[0]),))
    (difference,) = agreement(network, 1, wrong, count).differences
    assert (difference.path, difference.expected - difference.found) == ("head.classifier", 1)


class Harmed(nn.Module):
    """Everything that a witness is known to leave behind: frozen BatchNorm, hooks, dropout, a mixed training flag."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.calls = 0
        self.conv.register_forward_hook(lambda *_: None)
        self.train()
        self.norm.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if x.shape[-1] < 3:
            raise RuntimeError("too small")
        output: Tensor = self.drop(self.norm(self.conv(x)))
        return output


def state(module: nn.Module) -> tuple[object, ...]:
    from torch.nn import functional

    return (
        {key: value.clone().tolist() for key, value in module.state_dict().items()},
        {
            name: (part.training, list(part._forward_hooks), list(part._forward_pre_hooks))
            for name, part in module.named_modules()
        },
        torch.random.get_rng_state().tolist(),
        torch.backends.mha.get_fastpath_enabled(),
        torch.is_grad_enabled(),
        [getattr(functional, name) for name in ("conv2d", "linear", "batch_norm", "scaled_dot_product_attention")],
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", [8, 2], ids=["counts", "raises"])
def test_a_witness_does_no_harm(engine: str, side: int) -> None:
    module = Harmed()
    before = state(module)
    if side == 8:
        witnesses.WITNESSES[engine](module, (torch.zeros(1, 3, side, side),))
    else:
        with pytest.raises(RuntimeError):
            witnesses.WITNESSES[engine](module, (torch.zeros(1, 3, side, side),))
    assert state(module) == before
    assert module.calls == 0  # it was a copy that ran


def test_another_thop_is_named_and_its_own_rules_are_told_apart() -> None:
    network = load("mobilenet_v1", alpha="0.25", resolution=64)
    count = witnesses.thop(bare(network.value, network.inputs), (torch.zeros(1, 3, 64, 64),))
    other = {path: 7 if n and path.endswith("norm") else n for path, n in count.by_path.items()}
    fork = replace(count, engine="ultralytics-thop 2.0", by_path=other, total=sum(other.values()), same_rules=False)
    found = agreement(network, 1, network.profile().rows, fork)
    assert found.agrees
    assert found.reasons == (("counts the other operations by rules of its own, unlike thop 0.1.1", found.total - found.macs),)


def test_unknown_and_absent_engines() -> None:
    with pytest.raises(UnknownName, match=r"unknown engine 'fvcor'; did you mean fvcore\?"):
        recount(load("vgg11"), 1, ["fvcor"])
    with pytest.raises(Unavailable, match="nowhere cannot be imported"):
        witnesses._imported("nowhere", "nowhere_at_all")


def test_conventions_are_found_by_name() -> None:
    assert conventions.find("thop") is conventions.THOP
    with pytest.raises(UnknownName, match="unknown convention 'papers'; did you mean paper"):
        conventions.find("papers")


def test_every_rule_that_adds_has_a_reason() -> None:
    for convention in conventions.CONVENTIONS.values():
        assert {op for op, rule in convention.rules.items() if rule is not macs} <= set(convention.reasons)


@pytest.mark.parametrize("name", [*ODD, "mobilenet_v1", "resnet18", "googlenet", "shufflenet_v1", "unet", "vit_b_32"])
@pytest.mark.parametrize("batch", [1, 2])
def test_torchinfo_prints_its_convention(name: str, batch: int) -> None:
    import torchinfo

    network = network_of(name) if name in ODD else load(name, alpha="0.2")
    images = [torch.zeros(batch, *shape) for shape in network.inputs]
    told = torchinfo.summary(bare(network.value, network.inputs), input_data=images, verbose=0, depth=99)
    assert told.total_mult_adds == conventions.TORCHINFO.total(network.profile(batch).rows)


def test_torchinfo_on_mobilenet_v1() -> None:
    assert conventions.TORCHINFO.total(load("mobilenet_v1").profile().rows) == 568_763_240
