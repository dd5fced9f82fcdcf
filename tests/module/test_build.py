"""Built modules: what the rows say they are, in stock torch.nn leaves."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from math import prod

import pytest
import torch
from torch import nn

from profiler import build
from profiler.count import closed
from profiler.count.leaves import LEAVES
from profiler.errors import ProfilerError
from profiler.load.load import Network, least_side
from profiler.load.load import in_closed_form as load
from profiler.module.build import bare
from profiler.module.build import build as built
from profiler.module.leaves import read
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import (
    Activation,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    Add,
    Attention,
    AvgPool,
    BatchNorm,
    ChannelShuffle,
    ChannelSlice,
    ClassToken,
    Concatenate,
    Conv,
    ConvTranspose,
    Crop,
    Dropout,
    Embedding,
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
    Pad,
    PadChannels,
    PositionEmbedding,
    PReLU,
    Resize,
    RMSNorm,
    RotaryEmbedding,
    SegmentEmbedding,
    TiedLinear,
    Token,
    Tokens,
    Unsqueeze,
    Upsample,
)
from profiler.network.registry import names
from profiler.network.widths import fixed, times
from tests.zoo import rows_of

FEATURES = ((6, 9, 9),)
TOKENS = ((5, 12),)
SAMPLES: list[tuple[Layer, tuple[tuple[int, ...], ...]]] = [
    (Conv(8, 3, stride=2, padding=1, dilation=2), FEATURES),
    (Conv(times(2), 3, groups="each", bias=False), FEATURES),
    (Conv(8, (1, 3), padding=(0, 1)), FEATURES),
    (Conv(8, 3), ((6, 9),)),
    (Conv(8, (3, 1, 2)), ((6, 9, 9, 9),)),
    (ConvTranspose(8, 3, stride=2, padding=1, output_padding=1, groups=2), FEATURES),
    (ConvTranspose(4, 2, stride=2), ((6, 9),)),
    (Linear(7), TOKENS),
    (Linear(7, bias=False), ((12,),)),
    (BatchNorm(), FEATURES),
    (BatchNorm(affine=False, track_running_stats=False), ((6, 9),)),
    (BatchNorm(), ((6, 4, 4, 4),)),
    (InstanceNorm(affine=True), FEATURES),
    (GroupNorm(3), FEATURES),
    (LayerNorm(), TOKENS),
    (LayerNorm(bias=False), TOKENS),
    (LocalResponseNorm(5), FEATURES),
    (PReLU(), FEATURES),
    (PReLU(each_channel=True), FEATURES),
    (Embedding(11, 8), ((4,),)),
    (ClassToken(), TOKENS),
    (PositionEmbedding(), TOKENS),
    (PositionEmbedding(50), TOKENS),
    (SegmentEmbedding(2), TOKENS),
    (RMSNorm(), TOKENS),
    (RMSNorm(1e-6, elementwise_affine=False), ((12,),)),
    (RotaryEmbedding(2), ((5, 24),)),
    (RotaryEmbedding(4, 2, 5e5), ((5, 16),)),
    (Activation("Softmax"), ((12,),)),
    (Activation("Hardswish"), FEATURES),
    (MaxPool(3, 2, padding=1, ceil_mode=True), FEATURES),
    (MaxPool(2), ((6, 9),)),
    (AvgPool(2, 2, ceil_mode=True, count_include_pad=False), FEATURES),
    (AvgPool(2), ((6, 9, 9, 9),)),
    (AdaptiveAvgPool((1, 2)), FEATURES),
    (AdaptiveMaxPool(2), FEATURES),
    (Upsample(2, "bilinear"), FEATURES),
    (Upsample((2, 3)), FEATURES),
    (Pad(1), FEATURES),
    (Pad(((0, 1), (2, 3))), FEATURES),
    (Pad(((-1, 0), (0, 0))), FEATURES),
    (Dropout(), FEATURES),
    (Identity(), FEATURES),
    (Flatten(), FEATURES),
    (Fold(), ((6, 3, 9, 9),)),
    (Tokens(), FEATURES),
    (Token(1), TOKENS),
    (ChannelShuffle(3), FEATURES),
    (ChannelSlice(1, 2), FEATURES),
    (PadChannels(9), FEATURES),
    (Unsqueeze(), TOKENS),
    (Add(), FEATURES * 3),
    (Add(scale=0.5), FEATURES * 2),
    (Multiply(), ((6, 9, 9), (6, 1, 1))),
    (Concatenate(), ((6, 9, 9), (2, 9, 9))),
    (Concatenate(1), ((5, 12), (5, 3))),
    (Concatenate(-1), ((6, 9, 4), (6, 9, 2))),
    (Concatenate(-3), ((6, 9, 9), (2, 9, 9))),
    (MatMul(), ((3, 5, 7), (3, 7, 2))),
    (Attention(3), ((5, 36),)),
    (Attention(2), ((5, 8), (9, 8), (9, 16))),
    (Attention(3, causal=True), ((5, 36),)),
    (Attention(4, 2, causal=True), ((5, 16),)),
    (Attention(6, 2), ((5, 24), (9, 8), (9, 10))),
    (Resize("bilinear"), ((6, 5, 5), (2, 9, 9))),
    (Crop(), ((6, 9, 9), (2, 4, 5))),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "inputs"), SAMPLES, ids=[repr(leaf) for leaf, _ in SAMPLES])
def test_a_leaf_is_the_module_and_the_shape_that_its_row_says(leaf: Layer, inputs: tuple[tuple[int, ...], ...]) -> None:
    (row,) = closed.rows(leaf, inputs, batch=2)
    module = built(leaf, inputs)
    assert type(module).__name__ == row.module
    assert sum(p.numel() for p in module.parameters()) == row.params
    assert sum(b.numel() for b in module.buffers()) == row.buffers
    given = [torch.randn(2, *shape) for shape in inputs]
    if isinstance(leaf, Embedding):
        given = [torch.zeros(2, *inputs[0], dtype=torch.long)]
    assert tuple(module(*given).shape) == row.output


@pytest.mark.parametrize(("leaf", "inputs"), SAMPLES, ids=[repr(leaf) for leaf, _ in SAMPLES])
def test_a_built_leaf_is_read_back(leaf: Layer, inputs: tuple[tuple[int, ...], ...]) -> None:
    module = built(leaf, inputs)
    found = read(module, type(module), (2, *inputs[0]))
    assert found is not None
    assert type(found) is type(leaf)
    assert closed.rows(found, inputs) == closed.rows(leaf, inputs)


def test_every_leaf_is_built() -> None:
    assert {type(leaf) for leaf, _ in SAMPLES} == set(LEAVES) - {TiedLinear}


def test_tied_weights_are_one_tensor() -> None:
    value = Chain(token=Embedding(11, 8), scores=TiedLinear(fixed(11), bias=True))
    for module in (built(value, ((4,),)), bare(value, ((4,),)), built(value, ((4,),), device="meta")):
        assert module.get_submodule("scores").weight is module.get_submodule("token").weight
        assert sum(p.numel() for p in module.parameters()) == closed.totals(value, ((4,),)).params == 11 * 8 + 11
    module = built(value, ((4,),))
    known, text = dict(module.named_parameters()), torch.tensor([[3, 1, 0, 10]])
    table = known["token.weight"]
    assert torch.allclose(module(text), table[text] @ table.T + known["scores.bias"])


@pytest.mark.parametrize("name", names())
def test_a_network_is_what_its_rows_say(name: str) -> None:
    network = load(name, alpha="0.5")
    module = built(network.value, network.inputs, seed=None, device="meta")
    rows = {row.path: row for row in network.profile().rows}
    params: dict[str, int] = {}
    for path, parameter in module.named_parameters():
        owner = path.rpartition(".")[0]
        params[owner] = params.get(owner, 0) + parameter.numel()
    assert params == {path: row.params for path, row in rows.items() if row.params}
    assert {path: type(module.get_submodule(path)).__name__ for path in rows} == {
        path: row.module for path, row in rows.items()
    }
    args, _ = network.example(2, "meta")
    output = module(*args)
    outputs = output if isinstance(output, tuple) else (output,)
    assert tuple(tuple(each.shape[1:]) for each in outputs) == closed.walk(network.value, network.inputs)[0]


def resized(network: Network) -> Network:
    """The network at an odd side, larger than the least by a prime, where ceil modes and valid paddings show."""
    assert network.resolution is not None
    return network.at((least_side(network) or 1) + 37)


ODD = [n for n, rows in rows_of().items() if load(n).resolution and not n.startswith("unet") and rows < 300]


@pytest.mark.parametrize("name", ODD)
def test_every_layer_has_its_shape_at_an_odd_side(name: str) -> None:
    network = resized(load(name, alpha="0.1"))
    module = built(network.value, network.inputs, seed=None, device="meta")
    shapes: dict[str, tuple[int, ...]] = {}

    def note(path: str) -> Callable[..., None]:
        return lambda *seen: shapes.update({path: tuple(seen[-1].shape)})

    rows = [row for row in network.profile().rows if not row.side]
    for row in rows:
        module.get_submodule(row.path).register_forward_hook(note(row.path))
    module(*(torch.empty(1, *shape, device="meta") for shape in network.inputs))
    assert shapes == {row.path: row.output for row in rows}


def test_forward_on_the_cpu() -> None:
    output = build("mobilenet_v1", alpha=0.25, resolution=64)(torch.randn(2, 3, 64, 64))
    assert output.shape == (2, 1000)
    assert bool(output.isfinite().all())


def test_the_seed_makes_the_weights_and_leaves_the_generator() -> None:
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    first, again, other = (build("resnet18", alpha=0.05, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["stem.conv.weight"], other["stem.conv.weight"])


def test_pickle_and_state_dict_go_round() -> None:
    module = build("googlenet", alpha=0.05, resolution=96)
    image = torch.randn(1, 3, 96, 96)
    again = pickle.loads(pickle.dumps(module))
    assert torch.equal(again(image), module(image))
    other = build("googlenet", alpha=0.05, resolution=96, seed=5)
    assert not torch.equal(other(image), module(image))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(image), module(image))
    assert torch.equal(copy.deepcopy(module)(image), module(image))


def test_asides_answer_in_training_only() -> None:
    module = build("googlenet", alpha=0.05, resolution=96, classes=7).train()
    output, asides = module(torch.randn(2, 3, 96, 96))
    assert output.shape == (2, 7)
    assert {path: tuple(aside.shape) for path, aside in asides.items()} == {
        "body.auxiliary4a": (2, 7),
        "body.auxiliary4d": (2, 7),
    }
    (output.sum() + 0.3 * sum(aside.sum() for aside in asides.values())).backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert module.eval()(torch.randn(2, 3, 96, 96)).shape == (2, 7)


def test_asides_in_branches_and_graphs() -> None:
    network = Graph(
        inputs=("x", "y"),
        nodes={
            "head": (Aside(Conv(5, 1)), "x"),
            "both": (Branches(a=Identity(), b=Aside(Conv(2, 1)), join=Add()), "head"),
            "sum": (Add(), "both", "y"),
        },
        outputs=("sum", "both"),
    )
    inputs = ((3, 4, 4), (3, 4, 4))
    module = built(network, inputs).train()
    x, y = torch.randn(2, 1, 3, 4, 4)
    (total, both), asides = module(x, y)
    assert torch.equal(both, 2 * x)
    assert torch.equal(total, 2 * x + y)
    assert {path: aside.shape[1] for path, aside in asides.items()} == {"head": 5, "both.b": 2}


def test_bare_has_memory_and_no_initialisation() -> None:
    network = load("vgg16")
    module = bare(network.value, network.inputs)
    assert all(parameter.device.type == "cpu" for parameter in module.parameters())
    assert sum(prod(parameter.shape) for parameter in module.parameters()) == 138_357_544


def test_leaves_are_stock_torch() -> None:
    network = Chain(Conv(4, 3), BatchNorm(), Activation("ReLU"), MaxPool(2), Flatten(), Linear(3))
    kinds = [type(module) for module in built(network, ((3, 9, 9),)).children()]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Linear]


def test_a_name_that_every_module_has_is_refused() -> None:
    with pytest.raises(ProfilerError, match="a part cannot be called 'half'"):
        built(Chain(half=Conv(4, 3)), FEATURES)
