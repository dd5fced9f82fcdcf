"""Training steps, product by product: each gradient costs what its product did, in whatever operators torch writes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torch.nn.utils.prune as prune
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from profiler.errors import ProfilerError
from profiler.tracing.tables.gradients import GRADIENTS, is_elementwise_gradient
from profiler.tracing.traced import trace
from profiler.tracing.training.training import trace_training


class With(nn.Module):
    """A function of the input and a weight."""

    def __init__(self, f: Callable[..., Any], *shape: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.f, self.w = f, nn.Parameter(torch.zeros(*shape, dtype=dtype))

    def forward(self, *given: Any) -> Any:
        return self.f(*given, self.w)


class Of(nn.Module):
    """A function of the inputs."""

    def __init__(self, f: Callable[..., Any]) -> None:
        super().__init__()
        self.f = f

    def forward(self, *given: Any) -> Any:
        return self.f(*given)


def costs(module: nn.Module, *given: Any, **named: Any) -> tuple[int, int]:
    cost = trace_training(module, given, named)
    assert cost.uncounted == ()
    assert cost.recomputed == 0
    assert cost.rung == "meta"
    return cost.forward, cost.backward


X = torch.ones(5)
PRODUCTS: dict[str, tuple[nn.Module, Tensor, int]] = {
    "x @ w": (With(lambda x, w: x @ w, 5, 7), X, 35),
    "mv": (With(lambda x, w: torch.mv(w, x), 7, 5), X, 35),
    "w @ x": (With(lambda x, w: w @ x, 7, 5), X, 35),
    "dot": (With(lambda x, w: torch.dot(w, x), 5), X, 5),
    "vdot": (With(lambda x, w: torch.vdot(w, x), 5), X, 5),
    "addmv": (With(lambda x, w: torch.addmv(w[:, 0], w, x, beta=0.5, alpha=2), 7, 5), X, 35),
    "cdist": (With(torch.cdist, 7, 5), torch.ones(6, 5), 6 * 7 * 5),
    "cdist, p = 1": (With(lambda x, w: torch.cdist(x, w, p=1), 7, 5), torch.ones(6, 5), 6 * 7 * 5),
    "linear of a vector": (nn.Linear(5, 7), X, 35),
    "bmm": (With(torch.bmm, 2, 5, 3), torch.ones(2, 4, 5), 2 * 4 * 5 * 3),
    "einsum": (With(lambda x, w: torch.einsum("bi,oij->boj", x, w), 3, 5, 2), torch.ones(4, 5), 4 * 3 * 5 * 2),
}


@pytest.mark.parametrize(("module", "x", "macs"), PRODUCTS.values(), ids=PRODUCTS)
def test_the_gradient_of_a_weight_costs_what_the_product_did(module: nn.Module, x: Tensor, macs: int) -> None:
    assert costs(module, x) == (macs, macs)
    assert costs(module, x.clone().requires_grad_()) == (macs, 2 * macs)


def test_bilinear() -> None:
    # x·W, and its rows on y, in 3 rows
    forward = 3 * (4 * 5 * 6 + 4 * 6)
    x, y = torch.ones(3, 5), torch.ones(3, 6)
    assert costs(nn.Bilinear(5, 6, 4), x, y) == (forward, forward)
    assert costs(nn.Bilinear(5, 6, 4), x.requires_grad_(), y) == (forward, 2 * forward)
    assert costs(nn.Bilinear(5, 6, 4), x, y.requires_grad_()) == (forward, 3 * forward)


def test_a_product_without_a_formula_is_no_elementwise_gradient() -> None:
    for name in (
        "_sparse_mm_reduce_impl_backward",
        "matrix_exp_backward",
        "_pdist_backward",
        "_cudnn_rnn_backward",
        "new_backward",
    ):
        assert not is_elementwise_gradient(f"aten::{name}")
    for name in ("gelu_backward", "_softmax_backward_data", "native_layer_norm_backward", "embedding_dense_backward"):
        assert is_elementwise_gradient(f"aten::{name}")
    assert not any(is_elementwise_gradient(name) for name in GRADIENTS)


def jagged(*lengths: int, width: int = 8) -> Tensor:
    parts = [torch.ones(n, width) for n in lengths]
    return torch.nested.nested_tensor(parts, layout=torch.jagged)


def test_jagged_tensors() -> None:
    assert costs(nn.Linear(8, 4), jagged(3, 5)) == (8 * 32, 8 * 32)
    two = nn.Sequential(nn.Linear(8, 6, bias=False), nn.Linear(6, 4, bias=False))
    assert costs(two, jagged(3, 5)) == (8 * (48 + 24), 8 * (48 + 2 * 24))


# Complex numbers


C = torch.complex64


def test_complex_products_cost_four_real_ones_each() -> None:
    x = torch.zeros(2, 3, 9, 9, dtype=C)
    macs = 4 * 2 * 49 * 4 * 27
    for module in (nn.Conv2d(3, 4, 3, dtype=C), With(F.conv2d, 4, 3, 3, 3, dtype=C)):
        assert costs(module, x) == (macs, macs)
        assert costs(module, x.clone().requires_grad_()) == (macs, 2 * macs)
    assert costs(nn.Conv2d(3, 6, 3, groups=3, stride=2, dtype=C), x) == (4 * 2 * 16 * 6 * 9,) * 2
    assert costs(nn.ConvTranspose2d(3, 4, 3, stride=2, dtype=C), x) == (4 * 2 * 81 * 3 * 4 * 9,) * 2
    assert costs(nn.Conv1d(3, 4, 3, padding="same", dtype=C), x[:, :, 0]) == (4 * 2 * 9 * 4 * 9,) * 2
    assert costs(nn.Linear(8, 4, dtype=C), torch.zeros(2, 8, dtype=C)) == (256, 256)


def test_complex_convolutions_give_what_torch_gives() -> None:
    from profiler.tracing.training.kernels import Kernels

    layer, x = nn.Conv2d(3, 4, 3, dtype=C), torch.randn(2, 3, 9, 9, dtype=C)
    with Kernels(fused=False, casting=frozenset(), counted=True):
        ours = layer(x)
    torch.testing.assert_close(ours, layer(x))


# Attention


def attention(**named: Any) -> Callable[..., Tensor]:
    return lambda *qkv: F.scaled_dot_product_attention(*qkv, **named)


def heads(length: int, width: int, trained: bool) -> Tensor:
    return torch.ones(2, 4, length, width, requires_grad=trained)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("wide", [8, 10])
def test_attention_by_the_gradients_that_are_needed(wide: int, dropout: float) -> None:
    pairs = 2 * 4 * 6 * 7
    forward = pairs * (8 + wide)
    for q, k, v in [(True, True, True), (True, False, False), (False, False, True), (False, True, True)]:
        given = (heads(6, 8, q), heads(7, 8, k), heads(7, wide, v))
        scores = wide if q or k else 0
        assert costs(Of(attention(dropout_p=dropout)), *given) == (
            forward, pairs * (wide * v + scores + 8 * q + 8 * k)
        )  # fmt: skip
        with sdpa_kernel(SDPBackend.MATH):  # no kernel: product by product
            assert costs(Of(attention(dropout_p=dropout)), *given) == (forward, pairs * (wide * v + scores + 8 * q + 8 * k))


def test_attention_kernels_called_directly() -> None:
    aten = torch.ops.aten
    q = torch.empty(2, 12, 8, 16, device="meta", dtype=torch.float16, requires_grad=True)  # (B, L, H, E)
    macs = 2 * 8 * 12 * 12 * (16 + 16)
    flash = Of(lambda q: aten._flash_attention_forward(q, q, q, None, None, 12, 12, 0.0, False, False)[0])
    efficient = Of(
        lambda q: aten._efficient_attention_forward(q, q, q, None, None, None, 12, 12, 0.0, 0, compute_log_sumexp=True)[0]
    )
    assert costs(flash, q) == costs(efficient, q) == (macs, 2 * macs)
    ends = torch.tensor([0, 5, 12], dtype=torch.int32)
    rows = torch.empty(12, 4, 16, device="meta", dtype=torch.float16, requires_grad=True)
    packed = Of(lambda q: aten._flash_attention_forward(q, q, q, ends, ends, 7, 7, 0.0, False, False)[0])
    assert costs(packed, rows) == (4 * (25 + 49) * 32, 2 * 4 * (25 + 49) * 32)


def test_attention_that_is_checkpointed() -> None:
    attend = Of(lambda q, k: checkpoint(F.scaled_dot_product_attention, q, k, k, use_reentrant=False))
    cost = trace_training(attend, (heads(6, 8, True), heads(7, 8, True)))
    macs = 2 * 4 * 6 * 7 * 16
    assert (cost.forward, cost.recomputed, cost.backward, cost.rung) == (macs, macs, 2 * macs, "meta")


def test_multihead_attention() -> None:
    module, x = nn.MultiheadAttention(8, 2, dropout=0.1), torch.ones(5, 2, 8)
    projections, scores = 10 * 8 * 32, 2 * 2 * 25 * 8
    backward = projections + 10 * 64 + 2 * scores  # of x none is needed, of what the last projection takes one
    for needed in (True, False):
        assert costs(module, x, x, x, need_weights=needed) == (projections + scores, backward)


# Gradients that the forward takes


class EnergyForces(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        e: Tensor = self.net(x).sum()
        force: Tensor = torch.autograd.grad(e, x, create_graph=True)[0]
        return force.pow(2).sum() + e


class Inner(nn.Module):
    """A step of its own, and the forward after it."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        p = list(self.b.parameters())
        g = torch.autograd.grad(self.b(x).pow(2).mean(), p, create_graph=True)
        return F.linear(x, *(v - 0.1 * d for v, d in zip(p, g, strict=True)))


def test_a_gradient_in_the_forward_is_forward() -> None:
    two_layers = 2 * (8 * 16 + 16 * 4)
    assert costs(EnergyForces(), torch.ones(2, 8)) == (2 * two_layers, 1_408)  # as a real step's products, counted by hand
    for device in ("cpu", "meta"):
        # forward, gradient of the weight, forward; of the second forward the weight's, and twice through the first gradient
        assert costs(Inner().to(device), torch.ones(3, 8))[0] == 3 * 3 * 8 * 4


def test_a_second_derivative_of_attention_runs_without_a_kernel() -> None:
    def squared(q: Tensor, k: Tensor) -> Tensor:
        out = F.scaled_dot_product_attention(q, k, k).sum()
        gradient: Tensor = torch.autograd.grad(out, q, create_graph=True)[0]
        return gradient.pow(2).sum()

    # torch's own count of a real step with the unfused products
    assert costs(Of(squared), heads(6, 8, True), heads(7, 8, True)) == (10_752, 13_440)


# Modules and outputs of any kind


class Keeps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l, self.last = nn.Linear(8, 4), torch.zeros(0)

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.l(x)
        return self.last


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_modules_with_a_history_and_lazy_ones() -> None:
    kept = Keeps()
    kept(torch.ones(3, 8))
    pruned = nn.Linear(8, 6)
    prune.l1_unstructured(pruned, "weight", 0.5)
    assert costs(nn.utils.weight_norm(nn.Conv1d(4, 6, 3)), torch.ones(2, 4, 10)) == (72 * 16, 72 * 16)
    assert costs(pruned, torch.ones(3, 8)) == (144, 144)
    assert costs(kept, torch.ones(3, 8)) == (96, 96)
    assert kept.last.grad_fn is not None  # the caller's own is as before
    lazy = nn.LazyLinear(4)
    assert costs(lazy, torch.ones(2, 3)) == (24, 24)
    assert nn.parameter.is_lazy(lazy.weight)


@dataclasses.dataclass
class Out:
    x: Tensor


class Plain:
    def __init__(self, **held: Any) -> None:
        self.__dict__.update(held)


def yields(x: Tensor) -> Iterator[Tensor]:
    yield x


@pytest.mark.parametrize(
    "wrap",
    [Out, lambda x: Plain(deep={"q": [x]}), yields, lambda x: Plain(loss=x.sum(), other=x), lambda x: ({"a": Out(x)},)],
    ids=["dataclass", "object", "generator", "loss of an object", "nested"],
)
def test_what_is_trained_is_found_in_any_output(wrap: Callable[[Tensor], Any]) -> None:
    assert costs(With(lambda x, w: wrap(x @ w), 8, 4), torch.ones(3, 8)) == (96, 96)


def test_values_of_integers_are_known_where_they_decide() -> None:
    def steps(x: Tensor, w: Tensor) -> Tensor:
        places = torch.arange(x.shape[0], device=x.device)
        return x @ w if (places[1:] - places[:-1] == 1).all() else x

    assert costs(With(steps, 8, 8), torch.ones(3, 8)) == (192, 192)
    told = trace_training(With(lambda x, n, w: x[: int(n)] @ w, 8, 8), (torch.ones(3, 8), torch.tensor(2)))
    assert (told.forward, told.rung) == (2 * 64, "data-dependent")


# Whose error it is


def test_an_error_of_the_model_is_told_as_the_models() -> None:
    with pytest.raises(
        ProfilerError, match=r"^Linear: its training step does not run \(RuntimeError: mat1 and mat2 .*check the"
    ):
        trace_training(nn.Linear(3, 3), (torch.ones(2, 4),))
    with pytest.raises(ProfilerError, match="arguments hold a generator, which cannot be read without using it up"):
        trace_training(nn.Linear(3, 3), ((x for x in [1]),))


def test_an_error_of_ours_is_told_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from profiler.tracing.training.step import Step

    def fails(*given: Any) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(Step, "count", fails)
    with pytest.raises(
        ProfilerError,
        match=r"its training step runs, and counting it raises KeyError: 'lost'; this is a bug in profiler",
    ):
        trace_training(nn.Sequential(nn.Linear(3, 3)), (torch.ones(2, 3),))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_parts_of_torchscript() -> None:
    class Part(nn.Module):
        def __init__(self, a: Any) -> None:
            super().__init__()
            self.a, self.b = a, nn.Linear(10, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x))  # type: ignore[no-any-return]

    x = torch.ones(2, 10)
    for part in (torch.jit.script(nn.Linear(10, 10)), torch.jit.trace(nn.Linear(10, 10), x)):
        assert costs(Part(part), x) == (2 * (100 + 40), 2 * (100 + 2 * 40))


def test_whatever_the_caller_is_in() -> None:
    for context in (torch.inference_mode(), torch.no_grad()):
        with context:
            assert costs(nn.Linear(8, 4), torch.ones(3, 8)) == (96, 96)


class Differentiates(nn.Module):
    """The gradients of a function of the input and a weight, taken in the forward."""

    def __init__(self, f: Callable[..., Tensor], *shape: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.f, self.w = f, nn.Parameter(torch.zeros(*shape, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        found: Tensor = torch.autograd.grad(self.f(x, self.w).abs().sum(), [x, self.w], create_graph=True)[0]
        return found


IN_FORWARD: dict[str, tuple[nn.Module, Tensor, int]] = {
    "linear": (Differentiates(F.linear, 4, 5), torch.ones(3, 5), 3 * 60),
    "mv": (Differentiates(lambda x, w: torch.mv(w, x), 7, 5), torch.ones(5), 3 * 35),
    "dot": (Differentiates(torch.dot, 5), torch.ones(5), 3 * 5),
    "attention": (
        Differentiates(lambda x, w: F.scaled_dot_product_attention(x, w, w), 2, 3, 7, 5), torch.ones(2, 3, 6, 5), 3 * 2 * 3 * 42 * 10
    ),
    "bilinear": (Differentiates(lambda x, w: F.bilinear(x, x, w), 4, 5, 5), torch.ones(3, 5), 4 * 3 * (100 + 20)),
    "complex": (Differentiates(F.conv2d, 4, 3, 3, 3, dtype=C), torch.ones(2, 3, 9, 9, dtype=C), 3 * 4 * 2 * 49 * 4 * 27),
}  # fmt: skip


@pytest.mark.parametrize(("module", "x", "macs"), IN_FORWARD.values(), ids=IN_FORWARD)
def test_a_forward_costs_the_same_in_a_step_and_alone(module: nn.Module, x: Tensor, macs: int) -> None:
    assert costs(module, x)[0] == trace(module, (x,)).profile.macs == macs
