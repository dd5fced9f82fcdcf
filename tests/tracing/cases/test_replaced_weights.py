"""A layer costs what the tensors that it holds say, and its parameters are those that it reads, whatever its attributes are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count, count_on_both, parameter


def held(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def pruned_convolutions() -> nn.Module:
    m: Any = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 4, 3))
    m[0].weight.data, m[0].bias.data = m[0].weight.data[:8].clone(), m[0].bias.data[:8].clone()
    m[2].weight.data = m[2].weight.data[:, :8].clone()
    return m  # type: ignore[no-any-return]


def pruned_linear_layers() -> nn.Module:
    m: Any = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4))
    m[0].weight, m[0].bias = parameter(5, 8), parameter(5)
    m[2].weight = parameter(4, 5)
    return m  # type: ignore[no-any-return]


def pruned_transposed() -> nn.Module:
    m: Any = nn.Sequential(nn.ConvTranspose1d(4, 6, 3), nn.Conv1d(6, 2, 1))
    m[0].weight, m[0].bias = parameter(4, 3, 3), parameter(3)
    m[1].weight = parameter(2, 3, 1)
    return m  # type: ignore[no-any-return]


def another_window() -> nn.Module:
    m = nn.Conv2d(3, 4, 3)
    m.weight = parameter(4, 3, 1, 5)
    return nn.Sequential(m)


def fewer_tokens() -> nn.Module:
    m = nn.Embedding(100, 8)
    m.weight = parameter(50, 8)
    return nn.Sequential(m, nn.Linear(8, 3))


def no_bias_any_more() -> nn.Module:
    m: Any = nn.Linear(8, 4)
    m.bias = None
    return nn.Sequential(m)


def a_bias_of_its_own() -> nn.Module:
    m: Any = nn.Conv1d(8, 4, 1, bias=False)
    m.bias = parameter(4)
    return nn.Sequential(m)


def a_scale_without_affine() -> nn.Module:
    m: Any = nn.BatchNorm2d(4, affine=False)
    m.weight, m.bias = parameter(4), parameter(4)
    return nn.Sequential(m)


def a_layer_norm_with_a_scale() -> nn.Module:
    m: Any = nn.LayerNorm(8, elementwise_affine=False)
    m.weight = parameter(8)
    return nn.Sequential(m)


def a_group_norm_without_its_shift() -> nn.Module:
    m: Any = nn.GroupNorm(2, 4)
    m.bias = None
    return nn.Sequential(m)


def attributes_that_lie() -> nn.Module:
    m = nn.Linear(8, 4)
    m.in_features, m.out_features = 80, 40
    c = nn.Conv1d(4, 5, 3)
    c.in_channels, c.out_channels, c.kernel_size = 40, 50, (30,)
    return Run(lambda s, x: s.c(s.m(x).mT), m=m, c=c)


REPLACED: list[tuple[str, Callable[[], nn.Module], Any, int]] = [
    ("convolutions of fewer channels", pruned_convolutions, (1, 3, 8, 8), 8 * (3 * 9) * 6 * 6 + 4 * (8 * 9) * 4 * 4),
    ("linear layers of fewer features", pruned_linear_layers, (3, 8), 3 * 8 * 5 + 3 * 5 * 4),
    ("transposed convolution of fewer channels", pruned_transposed, (2, 4, 9), 2 * 4 * 3 * 3 * 9 + 2 * 3 * 2 * 11),
    ("a window of another size", another_window, (2, 3, 9, 9), 2 * 3 * 4 * 5 * 9 * 5),
    ("an embedding of fewer tokens", fewer_tokens, torch.tensor([[1, 2]]), 2 * 8 * 3),
    ("a bias that was taken away", no_bias_any_more, (3, 8), 3 * 8 * 4),
    ("a bias that was put in", a_bias_of_its_own, (3, 8, 5), 3 * 5 * 8 * 4),
    ("batch norm that got a scale", a_scale_without_affine, (1, 4, 5, 5), 0),
    ("layer norm that got a scale", a_layer_norm_with_a_scale, (3, 8), 0),
    ("group norm that lost its shift", a_group_norm_without_its_shift, (3, 4, 5), 0),
    ("attributes that are not the tensors'", attributes_that_lie, (2, 6, 8), 2 * 6 * 8 * 4 + 2 * 4 * 5 * 3 * 4),
]


@pytest.mark.parametrize(("make", "given", "expected"), [case[1:] for case in REPLACED], ids=[case[0] for case in REPLACED])
def test_parameters_that_were_replaced(make: Callable[[], nn.Module], given: Any, expected: int) -> None:
    x = given if isinstance(given, Tensor) else torch.randn(given)
    shape = tuple(make().eval()(x).shape)
    found = count_on_both(lambda: make().eval(), x)
    assert found.profile.macs == expected
    assert found.profile.params == held(make())
    assert found.profile.rows[-1].output == shape
    assert found.unread == 0


def test_norms_of_pruned_networks_count_their_own() -> None:
    def make() -> nn.Module:
        m: Any = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1))
        m[0].weight = parameter(5, 3, 1, 1)
        m[1].weight, m[1].bias, m[1].running_mean, m[1].running_var = parameter(5), parameter(5), torch.zeros(5), torch.ones(5)
        m[2].weight = parameter(2, 5, 1, 1)
        return m.eval()  # type: ignore[no-any-return]

    found = count_on_both(make, torch.randn(1, 3, 4, 4))
    assert found.profile.macs == 16 * (3 * 5 + 5 * 2)
    assert (found.profile.totals.norm, found.profile.params) == (10, 3 * 5 + 10 + 5 * 2 + 2)


class Hypernetwork(nn.Module):
    """A layer whose weight another layer makes."""

    def __init__(self) -> None:
        super().__init__()
        self.g, self.l = nn.Linear(5, 32, bias=False), nn.Linear(8, 4, bias=False)
        del self.l.weight

    def forward(self, z: Tensor, x: Tensor) -> Any:
        self.l.weight = self.g(z).view(4, 8)
        return self.l(x)


def test_a_weight_that_a_network_makes_is_no_parameter() -> None:
    for device in ("cpu", "meta"):
        found = trace(Hypernetwork().to(device), (torch.randn(5, device=device), torch.randn(3, 8, device=device)), batch=None)
        assert found.harm == ("l: weight",)
        assert found.profile.macs == 5 * 32 + 3 * 8 * 4
        assert found.profile.params == 5 * 32


def test_a_kernel_that_a_network_makes_is_no_parameter() -> None:
    class Dynamic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.g, self.c = nn.Linear(3, 4 * 3 * 9), nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Any:
            kernel = self.g(x.mean((2, 3))).mean(0).view(4, 3, 3, 3)
            return functional_call(self.c, {"weight": kernel}, (x,))

    found = count_on_both(Dynamic, torch.randn(2, 3, 9, 9))
    assert found.profile.macs == 2 * 3 * 108 + 2 * 27 * 4 * 7 * 7
    assert found.profile.params == 3 * 108 + 108 + 4  # the layers of which one makes the other's kernel, and a bias


class Inner(nn.Module):
    """A step of gradient descent written out: the second call takes the parameters themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Any:
        p: dict[str, Tensor] = dict(self.b.named_parameters())
        return functional_call(self.b, {k: v * 0.9 for k, v in p.items()}, (x,)) + functional_call(self.b, p, (x,))


def test_functional_calls_read_each_parameter_once() -> None:
    found = count_on_both(Inner, torch.randn(3, 8))
    assert found.profile.macs == 2 * 3 * 8 * 4
    assert found.profile.params == 8 * 4 + 4


def test_a_functional_call_on_tensors_of_the_caller_reads_no_parameter() -> None:
    weights = {"weight": torch.zeros(4, 8), "bias": torch.zeros(4)}
    found = count(Run(lambda m, x, w: functional_call(m.l, w, (x,)), l=nn.Linear(8, 4)), torch.randn(3, 8), weights)
    assert found.profile.macs == 3 * 8 * 4
    assert (found.profile.params, found.unread) == (0, 8 * 4 + 4)


def test_a_weight_that_is_a_buffer() -> None:
    def make() -> nn.Module:
        layer: Any = nn.Linear(8, 4)
        del layer.weight
        layer.register_buffer("weight", torch.zeros(4, 8))
        return nn.Sequential(layer)

    found = count_on_both(make, torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 4
    assert (found.profile.params, found.profile.buffers) == (4, 32)


def test_a_weight_that_is_a_plain_tensor() -> None:
    """The weights of another model, as a frozen copy keeps them: they are neither parameters nor buffers."""
    layer: Any = nn.Linear(8, 4)
    del layer.weight
    layer.weight = torch.zeros(4, 8)
    found = count(nn.Sequential(layer), torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 4
    assert (found.profile.params, found.profile.buffers) == (4, 0)


def test_attention_whose_output_layer_was_cut() -> None:
    def make() -> nn.Module:
        m: Any = nn.MultiheadAttention(8, 2, batch_first=True)
        m.out_proj.weight, m.out_proj.bias = parameter(5, 8), parameter(5)
        return Run(lambda s, x: s.then(F.relu(s.a(x, x, x, need_weights=False)[0])), a=m, then=nn.Linear(5, 3))

    found = count_on_both(make, torch.randn(2, 5, 8))
    assert found.profile.macs == 10 * 8 * 24 + 2 * 2 * 5 * 5 * 8 + 10 * 8 * 5 + 10 * 5 * 3
    assert found.profile.params == 24 * 8 + 24 + 5 * 8 + 5 + 5 * 3 + 3
    assert found.profile.rows[-1].output == (2, 5, 3)


def test_tied_weights_are_read_once() -> None:
    def make() -> nn.Module:
        a, b = nn.Embedding(20, 8), nn.Linear(8, 20, bias=False)
        b.weight = a.weight
        return nn.Sequential(a, b)

    found = count_on_both(make, torch.tensor([[1, 2, 3]]))
    assert found.profile.macs == 3 * 8 * 20
    assert found.profile.params == 20 * 8
    assert found.unread == 0


def test_a_pruned_module_of_torch_reads_what_it_masks() -> None:
    from torch.nn.utils import prune

    def make() -> nn.Module:
        layer: Any = nn.Linear(8, 6)
        prune.l1_unstructured(layer, "weight", 0.5)
        return nn.Sequential(layer)

    found = trace(make(), (torch.randn(3, 8),), batch=None)
    assert found.harm == ("0: weight",)
    assert found.profile.macs == 3 * 8 * 6
    assert found.profile.params == 8 * 6 + 6
