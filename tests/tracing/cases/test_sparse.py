"""A product with a sparse matrix costs its stored entries times the columns of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler import memory
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run

# torch calls compressed layouts a beta
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def edges() -> Tensor:
    """Four edges between three nodes."""
    return torch.sparse_coo_tensor(
        torch.tensor([[0, 1, 2, 2], [1, 0, 0, 2]]), torch.ones(4), (3, 3), check_invariants=True
    ).coalesce()


FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "coo": lambda a: a,
    "csr": lambda a: a.to_sparse_csr(),
    "csc": lambda a: a.to_sparse_csc(),
    "uncoalesced": lambda a: torch.sparse_coo_tensor(a.indices(), a.values(), a.shape, is_coalesced=False),
}
PRODUCTS: list[tuple[str, Callable[[Tensor, Tensor], Tensor], tuple[str, ...]]] = [
    ("@", lambda a, y: a @ y, ("coo", "csr", "csc", "uncoalesced")),
    ("mm", torch.mm, ("coo", "csr", "csc")),
    ("matmul", torch.matmul, ("coo", "csr")),
    ("torch.sparse.mm", torch.sparse.mm, ("coo", "csr", "uncoalesced")),
    ("torch.sparse.addmm", lambda a, y: torch.sparse.addmm(torch.zeros_like(y), a, y), ("coo", "csr")),
    ("addmm", lambda a, y: torch.addmm(torch.zeros_like(y), a, y), ("coo", "csr")),
    ("from the right", lambda a, y: (y.t() @ a.t()).t(), ("csr", "csc")),
]
CASES = [(f"{name}, {form}", product, form) for name, product, forms in PRODUCTS for form in forms]


@pytest.mark.parametrize(("product", "form"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("held", [False, True], ids=["given", "held"])
def test_four_edges_of_four_features(product: Callable[..., Tensor], form: str, held: bool) -> None:
    a = FORMS[form](edges())
    product(a, torch.randn(3, 4))  # it runs in torch
    if held:
        module, given = (
            Run(lambda m, x: product(m.a, m.l(x)), l=nn.Linear(5, 4, bias=False), a=nn.Buffer(a)),
            (torch.randn(3, 5),),
        )
    else:
        module, given = Run(lambda m, x, a: product(a, m.l(x)), l=nn.Linear(5, 4, bias=False)), (torch.randn(3, 5), a)  # type: ignore[assignment]
    found = trace(module, given, batch=None)
    assert found.profile.macs == 3 * 5 * 4 + 4 * 4
    assert (found.profile.uncounted, found.harm) == ((), ())
    assert found.profile.params == 20
    assert a.layout != torch.strided
    assert a.device.type == "cpu"


def test_a_graph_of_many_nodes() -> None:
    """As large as Cora: 2,708 nodes, 10,556 edges, 16 features."""
    places = torch.arange(10556) * 691
    a = torch.sparse_coo_tensor(torch.stack((places // 2708, places % 2708)), torch.ones(10556), (2708, 2708)).coalesce()
    found = trace(Run(lambda m, x, a: a @ m.l(x), l=nn.Linear(7, 16)), (torch.zeros(2708, 7), a), batch=None)
    assert found.profile.macs == 2708 * 7 * 16 + 10556 * 16


def test_a_vector() -> None:
    for form in ("coo", "csr"):
        a = FORMS[form](edges())
        assert trace(Run(lambda m, x, a: a @ x), (torch.randn(3), a), batch=None).profile.macs == 4
        assert trace(Run(lambda m, x, a: torch.mv(a, x)), (torch.randn(3), a), batch=None).profile.macs == 4


def test_a_sparse_weight() -> None:
    """A pruned layer whose weight is stored sparsely."""

    def forward(m: Any, x: Tensor) -> Any:
        return torch.sparse.mm(m.w, x.t()).t()

    weight = torch.zeros(6, 8)
    weight[torch.arange(6), torch.arange(6)] = 1
    module = Run(forward, w=nn.Parameter(weight.to_sparse_csr(), requires_grad=False))
    found = trace(module, (torch.randn(3, 8),), batch=None)
    assert found.profile.macs == 6 * 3
    assert found.profile.uncounted == ()


def test_made_inside_the_forward() -> None:
    """The indices are given, as a graph's are."""

    def forward(m: Any, x: Tensor, indices: Tensor) -> Any:
        a = torch.sparse_coo_tensor(indices, torch.ones(indices.shape[1], device=x.device), (3, 3))
        return torch.sparse.mm(a, m.l(x))

    module = Run(forward, l=nn.Linear(5, 4, bias=False))
    found = trace(module, (torch.randn(3, 5), torch.tensor([[0, 1, 2, 2], [1, 0, 0, 2]])), batch=None)
    assert found.profile.macs == 3 * 5 * 4 + 4 * 4
    assert found.profile.uncounted == ()


def test_two_layers_of_a_graph() -> None:
    def forward(m: Any, x: Tensor, a: Tensor) -> Any:
        return a @ m.b((a @ m.a(x)).relu())

    module = Run(forward, a=nn.Linear(5, 4), b=nn.Linear(4, 2))
    found = trace(module, (torch.randn(3, 5), edges()), batch=None)
    assert found.profile.macs == 3 * 5 * 4 + 4 * 4 + 3 * 4 * 2 + 4 * 2
    assert found.profile.elementwise == 3 * 4


def test_a_sampled_product() -> None:
    """Four entries of (3, 5) @ (5, 3)."""
    a = edges().to_sparse_csr()
    found = trace(
        Run(lambda m, a, x, y: torch.sparse.sampled_addmm(a, x, y)), (a, torch.randn(3, 5), torch.randn(5, 3)), batch=None
    )
    assert (found.profile.macs, found.profile.uncounted) == (4 * 5, ())


def test_blocks_are_whole() -> None:
    """Two blocks of 2×2 that are stored."""
    a = torch.zeros(4, 4)
    a[:2, 2:], a[2:, :2] = 1, 1
    a[0, 2] = 0
    found = trace(Run(lambda m, a, x: a @ x), (a.to_sparse_bsr((2, 2)), torch.randn(4, 5)), batch=None)
    assert (found.profile.macs, found.profile.uncounted) == (2 * 2 * 2 * 5, ())


def test_memory_of_a_sparse_buffer() -> None:
    module = Run(lambda m, x: torch.sparse.mm(m.a, m.l(x)), l=nn.Linear(5, 4, bias=False), a=nn.Buffer(edges()))
    found = memory(module, (torch.randn(3, 5),))
    assert dict(found.params) == {"float32": 5 * 4 * 4}
    assert found.buffers["float32"] == 4 * 4
