"""Under torch.func a layer costs what it does for every member that is mapped over, and what differentiation adds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap
from torch.nn import functional as F

from tests.tracing.cases.counting import Run, count, count_on_both, parameter

# the rules of forward mode are TorchScript, which torch itself calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_mapped_linear_layer() -> None:
    found = count_on_both(lambda: Run(lambda m, x: vmap(m.l)(x), l=nn.Linear(8, 4)), torch.randn(6, 3, 8))
    assert found.profile.macs == 6 * 3 * 8 * 4
    assert found.profile.params == 8 * 4 + 4


MAPPED: list[tuple[str, Any, Any, tuple[int, ...], int]] = [
    ("by its second axis", lambda: nn.Linear(8, 4), lambda f: vmap(f, in_dims=1, out_dims=1), (3, 6, 8), 6 * 3 * 8 * 4),
    ("twice", lambda: nn.Linear(8, 4), lambda f: vmap(vmap(f)), (2, 3, 5, 8), 2 * 3 * 5 * 8 * 4),
    ("in chunks", lambda: nn.Linear(8, 4), lambda f: vmap(f, chunk_size=2), (6, 3, 8), 6 * 3 * 8 * 4),
    ("a vector a member", lambda: nn.Linear(8, 4), vmap, (6, 8), 6 * 8 * 4),
    ("convolution", lambda: nn.Conv2d(3, 4, 3), vmap, (5, 2, 3, 9, 9), 5 * 2 * 27 * 4 * 7 * 7),
    ("convolution of one sample", lambda: nn.Conv2d(3, 4, 3), vmap, (5, 3, 9, 9), 5 * 27 * 4 * 7 * 7),
    ("depthwise", lambda: nn.Conv1d(4, 4, 3, groups=4), vmap, (5, 2, 4, 9), 5 * 2 * 3 * 4 * 7),
    ("transposed", lambda: nn.ConvTranspose1d(4, 6, 3), vmap, (5, 2, 4, 9), 5 * 2 * 4 * 6 * 3 * 9),
    ("normalisation before", lambda: nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 4)), vmap, (6, 3, 8), 6 * 3 * 8 * 4),
    ("batch normalisation", lambda: nn.Sequential(nn.Conv1d(3, 4, 1), nn.BatchNorm1d(4)), vmap, (6, 2, 3, 5), 6 * 2 * 5 * 3 * 4),
    ("pooled", lambda: nn.Sequential(nn.AvgPool1d(2), nn.Conv1d(3, 4, 1)), vmap, (6, 2, 3, 8), 6 * 2 * 4 * 3 * 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "mapped", "shape", "expected"), [case[1:] for case in MAPPED], ids=[case[0] for case in MAPPED]
)
def test_mapped_layers(make: Any, mapped: Any, shape: tuple[int, ...], expected: int) -> None:
    def module() -> nn.Module:
        return Run(lambda m, x: mapped(m.inner)(x), inner=make().eval()).eval()

    found = count_on_both(module, torch.randn(shape))
    assert found.profile.macs == expected
    assert found.profile.params == sum(p.numel() for p in module().parameters())


def test_elementwise_layers_are_counted_for_every_member() -> None:
    found = count_on_both(
        lambda: Run(lambda m, x: vmap(m.a)(vmap(m.n)(x)), n=nn.LayerNorm(8), a=nn.GELU()), torch.randn(6, 3, 8)
    )
    assert [row.elementwise for row in found.profile.rows] == [6 * 3 * 8, 6 * 3 * 8]


def test_mapped_attention() -> None:
    q = torch.randn(6, 2, 4, 5, 8)
    found = count_on_both(lambda: Run(lambda m, x: vmap(lambda y: F.scaled_dot_product_attention(y, y, y))(x)), q)
    assert found.profile.macs == 6 * 2 * 4 * 5 * 5 * (8 + 8)


def test_mapped_products_count_what_is_mapped_only() -> None:
    """A product of which no operand is mapped runs once."""

    def forward(m: Any, x: Tensor) -> Any:
        return vmap(lambda y: y @ (m.a @ m.b))(x)

    found = count_on_both(lambda: Run(forward, a=parameter(8, 5), b=parameter(5, 4)), torch.randn(6, 3, 8))
    assert found.profile.macs == 8 * 5 * 4 + 6 * 3 * 8 * 4


class Ensemble(nn.Module):
    """Five linear layers stacked, called through one that stands on meta."""

    def __init__(self, *made: nn.Module) -> None:
        super().__init__()
        stacked, _ = stack_module_state(list(made))
        self.p = nn.ParameterDict({key.replace(".", "-"): nn.Parameter(value.detach()) for key, value in stacked.items()})
        self.base = [made[0].to("meta")]

    def forward(self, x: Tensor) -> Any:
        named = {key.replace("-", "."): value for key, value in self.p.items()}
        return vmap(lambda p, x: functional_call(self.base[0], p, (x,)), in_dims=(0, None))(named, x)


def test_an_ensemble_of_stacked_layers() -> None:
    found = count_on_both(lambda: Ensemble(*(nn.Linear(8, 4) for _ in range(5))), torch.randn(3, 8))
    assert found.profile.macs == 5 * 3 * 8 * 4
    assert found.profile.params == 5 * (8 * 4 + 4)


def test_an_ensemble_of_two_layers_each() -> None:
    def make() -> nn.Module:
        return Ensemble(*(nn.Sequential(nn.Linear(8, 6, bias=False), nn.ReLU(), nn.Linear(6, 4)) for _ in range(3)))

    found = count_on_both(make, torch.randn(5, 8))
    assert found.profile.macs == 3 * 5 * (8 * 6 + 6 * 4)
    assert found.profile.params == 3 * (8 * 6 + 6 * 4 + 4)


def test_an_ensemble_of_convolutions() -> None:
    """torch runs it as one grouped convolution."""
    found = count_on_both(lambda: Ensemble(*(nn.Conv2d(3, 4, 3) for _ in range(5))), torch.randn(2, 3, 9, 9))
    assert found.profile.macs == 5 * 2 * 27 * 4 * 7 * 7
    assert found.profile.params == 5 * (108 + 4)


def test_the_gradient_of_a_weight() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        return grad(lambda w: F.linear(x, w).pow(2).sum())(m.w)

    found = count_on_both(lambda: Run(forward, w=parameter(4, 8)), torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 4 + 3 * 8 * 4


def test_gradients_of_every_sample() -> None:
    """Each sample forward and backward by itself."""

    def forward(m: Any, x: Tensor) -> Any:
        params = dict(m.l.named_parameters())
        return vmap(grad(lambda p, y: functional_call(m.l, p, (y[None],)).pow(2).sum()), in_dims=(None, 0))(params, x)

    found = count(Run(forward, l=nn.Linear(8, 4)), torch.randn(6, 8))
    assert found.profile.macs == 6 * 8 * 4 + 6 * 8 * 4
    assert found.profile.params == 8 * 4 + 4


def test_forward_mode() -> None:
    """The product, its tangent by x, and torch's by w, which is a product with zeros."""
    found = count_on_both(
        lambda: Run(lambda m, x, w: jvp(lambda y: y @ w, (x,), (torch.ones_like(x),))), torch.randn(2, 8), torch.randn(8, 4)
    )
    assert found.profile.macs == 3 * (2 * 8 * 4)


def test_vector_jacobian_product() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        out, pull = vjp(m.l, x)[:2]
        return pull(torch.ones_like(out))

    found = count_on_both(lambda: Run(forward, l=nn.Linear(8, 4)), torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 4 + 3 * 8 * 4


@pytest.mark.parametrize(("transform", "members"), [(jacrev, 2 * 4), (jacfwd, 2 * 8 + 1)])
def test_jacobians(transform: Any, members: int) -> None:
    """The product, and one of its size for every element of the output, or of the input; forward mode adds the zeros of w."""
    found = count_on_both(lambda: Run(lambda m, x: transform(lambda y: y.sin() @ m.w)(x), w=parameter(8, 4)), torch.randn(2, 8))
    assert found.profile.macs == 2 * 8 * 4 + members * 2 * 8 * 4
    assert found.profile.params == 32


def test_multihead_attention_of_every_member() -> None:
    """Four projections of (3, 8), and two products of 3 queries and 3 keys in 2 heads of 4, for 6·2 samples."""
    found = count_on_both(
        lambda: Run(
            lambda m, x: vmap(lambda y: m.a(y, y, y, need_weights=False)[0])(x), a=nn.MultiheadAttention(8, 2, batch_first=True)
        ),
        torch.randn(6, 2, 3, 8),
    )
    assert found.profile.macs == 6 * 2 * (3 * 4 * 8 * 8 + 2 * 2 * 3 * 3 * 4)
