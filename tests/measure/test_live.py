"""Workloads alive: what is timed does what it says, in every setting; leaves partition the run."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from profiler import build
from profiler.errors import ProfilerError
from profiler.load.load import in_closed_form as load
from profiler.measure.clocks import ReferenceKernel, visit, warm
from profiler.measure.devices import opened
from profiler.measure.live import Live, _loss
from profiler.measure.per_layer import Clocked
from profiler.measure.plan import Setting
from profiler.measure.roofs import roofs
from profiler.measure.worker import reason_of
from profiler.measure.workloads import ByTorch, ModuleWorkload, NetworkWorkload, Slowed, Spin
from profiler.module.trees import map_tensors, tensors

SMALL = load("mobilenet_v1@alpha=0.25,resolution=32")
WORKLOAD = NetworkWorkload(SMALL.name, SMALL.value, SMALL.inputs)


class Counting(nn.Module):
    """A linear layer that counts its calls and keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.calls, self.seen = nn.Linear(3, 4), 0, Tensor()

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        self.calls += 1
        self.seen = x
        out: Tensor = scale * self.fc(x)
        return out


def live(module: nn.Module, *args: Any, setting: Setting = Setting(), **kwargs: Any) -> Live:  # noqa: B008  # a setting does not change
    return Live(lambda: (module, args, kwargs), setting)


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_inference_casts_the_module_and_its_inputs(dtype: str) -> None:
    made = live(Counting(), torch.ones(2, 3), setting=Setting(dtype=dtype), scale=2.0)
    output: Any = made.call()
    assert str(output.dtype) == {"fp32": "torch.float32", "bf16": "torch.bfloat16", "fp16": "torch.float16"}[dtype]
    assert output.is_inference()
    assert not made.module.training


def test_integers_keep_their_type() -> None:
    made = live(nn.Embedding(5, 2), torch.tensor([[1, 2]]), setting=Setting(dtype="bf16"))
    output: Any = made.call()
    assert output.dtype == torch.bfloat16


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_step_moves_the_weights(optimizer: str) -> None:
    module = Counting()
    before = module.fc.weight.detach().clone()
    made = live(module, torch.randn(4, 3), setting=Setting(mode="train", optimizer=optimizer))
    assert not torch.equal(before, module.fc.weight)
    assert made.module.training
    calls = module.calls
    made.call()
    assert module.calls == calls + 1


def test_autocast_trains_in_less_precision_with_full_weights() -> None:
    module = Counting()
    made = live(module, torch.randn(4, 3), setting=Setting(mode="train", optimizer="sgd", dtype="bf16"))
    loss: Any = made.call()
    assert (module.fc.weight.dtype, loss.dtype) == (torch.float32, torch.float32)


def test_asides_weigh_three_tenths_in_the_loss() -> None:
    """Equal outputs over 10 classes have a cross-entropy of ln 10 each: 1 + 0.3 + 0.3 of them."""
    same = torch.zeros(2, 10, requires_grad=True)
    loss = _loss((same, {"aux1": same, "aux2": same}), {})
    assert loss.item() == pytest.approx((1 + 2 * 0.3) * torch.log(torch.tensor(10.0)).item())
    pixels = torch.zeros(2, 10, 4, 4, requires_grad=True)
    assert _loss(pixels, {}).item() == pytest.approx(torch.log(torch.tensor(10.0)).item())
    assert _loss(torch.full((3,), 2.0, requires_grad=True), {}).item() == 4.0
    assert _loss({"a": same, "b": None}, {}).item() == pytest.approx(torch.log(torch.tensor(10.0)).item())


def test_a_network_with_asides_trains() -> None:
    network = load("googlenet", resolution=96)
    setting = Setting(mode="train", optimizer="sgd")
    made = NetworkWorkload(network.name, network.value, network.inputs).live(setting, 2)
    asides = [weight for name, weight in made.module.named_parameters() if "aux" in name]
    made.call()
    assert asides
    assert all(weight.grad is not None and bool(weight.grad.abs().sum() > 0) for weight in asides[:2])


def test_what_cannot_be_trained_says_so() -> None:
    with pytest.raises(ProfilerError, match="it has no parameters to train; leave out --train"):
        live(nn.ReLU(), torch.ones(2, 3), setting=Setting(mode="train", optimizer="sgd"))


def test_channels_last() -> None:
    made = NetworkWorkload(SMALL.name, SMALL.value, SMALL.inputs).live(Setting(memory_format="channels_last"), 2)
    assert made.args[0].is_contiguous(memory_format=torch.channels_last)
    assert made.module.get_parameter("stem.conv.weight").is_contiguous(memory_format=torch.channels_last)
    volume = live(nn.Conv3d(2, 4, 3), torch.randn(1, 2, 5, 5, 5), setting=Setting(memory_format="channels_last"))
    assert volume.args[0].is_contiguous(memory_format=torch.channels_last_3d)


class Pair(NamedTuple):
    """An image and what goes with it."""

    image: Tensor
    rest: Any


class Bag(list[Any]):
    """A list of somebody's own, which pytree takes for a leaf."""


class Found(dict[str, Any]):
    """A dict of somebody's own."""


def test_tensors_are_found_in_every_container() -> None:
    x, y = torch.ones(1, 2, 3, 3), torch.tensor([1, 2])
    nested = (Pair(x, {"y": [y, None]}), Bag([x, OrderedDict(a=y)]), Found(a=x), x.shape, 3)
    assert [tuple(each.shape) for each in tensors(nested)] == [(1, 2, 3, 3), (2,), (1, 2, 3, 3), (2,), (1, 2, 3, 3)]
    pair, bag, found, shape, number = map_tensors(nested, lambda t: t.double())
    assert isinstance(pair, Pair)
    assert isinstance(bag, Bag)
    assert (pair.image.dtype, pair.rest["y"][0].dtype, pair.rest["y"][1]) == (torch.float64, torch.float64, None)
    assert (bag[0].dtype, bag[1]["a"].dtype, found["a"].dtype) == (torch.float64,) * 3
    assert (shape, number) == (x.shape, 3)


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_a_named_tuple_goes_in_and_out(mode: Any) -> None:
    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3)

        def forward(self, pair: Pair, *, more: Pair) -> Pair:
            assert type(pair) is type(more) is Pair
            return Pair(self.conv(pair.image) + self.conv(more.image), {"rest": self.conv(pair.rest[0])})

    images = torch.randn(2, 2, 5, 5)
    given = Pair(images, [images.clone()])
    setting = Setting(mode=mode, optimizer="sgd" if mode == "train" else None, dtype="bf16", memory_format="channels_last")
    made = live(Takes(), given, setting=setting, more=given)
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in tensors((made.args, made.kwargs)))
    output: Any = made.call()
    if mode == "infer":
        assert (type(output), output.image.dtype) == (Pair, torch.bfloat16)
    else:  # the loss took every output: two cross-entropies over four classes
        assert output.item() > 0
        assert made.module.conv.weight.grad is not None


def test_inputs_are_seeded_and_not_zeros() -> None:
    a, b = WORKLOAD.live(Setting(), 2), WORKLOAD.live(Setting(), 2)
    assert torch.equal(a.args[0], b.args[0])
    assert a.args[0].std().item() == pytest.approx(1.0, abs=0.05)
    assert all(torch.equal(p, q) for p, q in zip(a.module.parameters(), b.module.parameters(), strict=True))


def test_memory_is_at_least_the_weights() -> None:
    network = load("alexnet_fashion")
    made = NetworkWorkload(network.name, network.value, network.inputs).live(Setting(), 1)
    assert made.peak_bytes is not None
    assert made.peak_bytes >= 4 * network.totals().params


def test_leaves_partition_the_run_exactly() -> None:
    made = WORKLOAD.live(Setting(), 1)
    clocked = Clocked(made)
    leaves = [row.path for row in SMALL.profile().rows]
    for _ in range(3):
        found = visit(made, clocked, 1, 1, 1)
        assert list(found.layers) == leaves
        assert sum(found.layers.values()) == pytest.approx(found.seconds[0])
        assert min(found.layers.values()) > 0
    assert not any(module._forward_hooks for module in made.module.modules())


def test_a_shared_leaf_is_one_row_of_all_its_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.out = nn.Linear(4, 4), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.out(self.fc(self.fc(x)))
            return out

    made = live(Twice(), torch.ones(1, 4))
    found = visit(made, Clocked(made), 0, 3, 1)
    assert list(found.layers) == ["fc", "out"]
    assert len(found.seconds) == 3
    with pytest.raises(TypeError, match="has no layers"):
        Clocked(Spin(1e-4).live(Setting(), 1))


def test_blocks_samples_and_settling_are_counted_in_calls() -> None:
    module = Counting()
    made = live(module, torch.ones(1, 3))
    begun = module.calls
    found = visit(made, None, 2, 3, 4)
    assert module.calls - begun == 2 + 3 * 4
    assert (len(found.seconds), found.block) == (3, 4)
    assert 0 < sum(found.seconds) * found.block <= found.spent_s
    begun = module.calls
    warmed = warm(made, 1e-9)
    assert (warmed.calls, module.calls - begun) == (1, 1)
    assert warm(made, 5.0).calls >= 10


def test_known_lengths() -> None:
    """No test of speed: a loop that ends when the clock says so cannot be shorter, nor a slowed call than its own share."""
    spin = Spin(2e-3).live(Setting(), 1)
    assert min(visit(spin, None, 0, 3, 1).seconds) >= 2e-3
    slowed = Slowed(Spin(2e-3), 3.0).live(Setting(), 1)
    assert min(visit(slowed, None, 1, 5, 1).seconds) >= 7.9e-3
    assert len(visit(ByTorch(WORKLOAD).live(Setting(), 1), None, 0, 2, 3).seconds) == 2
    assert ReferenceKernel(opened("cpu")).time().wall_s > 0


def test_a_module_is_copied_and_the_caller_s_is_not_touched() -> None:
    module = Counting()
    workload = ModuleWorkload.of(module, (torch.ones(1, 3),), {"scale": 3.0})
    made = pickle.loads(pickle.dumps(workload)).live(Setting(), 1)
    assert made.module.calls == 1
    assert module.calls == 0
    assert made.kwargs == {"scale": 3.0}


def test_a_module_that_does_not_pickle_says_so() -> None:
    class Stubborn(nn.Linear):
        def __reduce__(self) -> str:
            raise TypeError("no")

    with pytest.raises(
        ProfilerError, match="Stubborn cannot be copied to the process that measures it: no; give a factory's name"
    ):
        ModuleWorkload.of(Stubborn(1, 1), (), {})


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out of memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (
            ValueError("Expected more than 1 value per channel when training, got"),
            "batch normalisation cannot be trained on one",
        ),
        (ProfilerError("it has no parameters"), "it has no parameters"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_why_a_cell_fails_is_one_sentence(fault: Exception, said: str) -> None:
    assert reason_of(fault).startswith(said)
    assert len(reason_of(RuntimeError("long " * 1000))) == 300


def test_roofs() -> None:
    found = roofs(opened("cpu"), "fp32")
    assert found.macs_per_s > 1e8
    assert [size for size, _ in found.streams] == [1 << 20, 8 << 20, 64 << 20, 256 << 20]
    assert set(found.calls) == {"conv", "linear", "norm", "other"}


def test_the_same_seed_is_the_same_network_as_build() -> None:
    made = WORKLOAD.live(Setting(), 1)
    ours = build("mobilenet_v1@alpha=0.25,resolution=32")
    assert torch.equal(made.module.get_parameter("stem.conv.weight"), ours.get_parameter("stem.conv.weight"))
