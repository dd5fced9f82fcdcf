"""Operators that multiply nothing are elementwise or free; control flow is what it runs: nothing of these is uncounted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.tracing.cases.counting import Run, count, count_on_both, parameter

X = (3, 4)
CASES: dict[str, tuple[Callable[[Tensor], Any], int | None]] = {
    "masked_fill_": (lambda x: x.clone().masked_fill_(x > 0, 0.0), 12),
    "masked_fill by a tensor": (lambda x: x.masked_fill(x > 0, torch.tensor(0.0)), 12),
    "masked_fill_ by a tensor": (lambda x: x.clone().masked_fill_(x > 0, torch.tensor(0.0)), 12),
    "masked_fill by a number": (lambda x: x.masked_fill(x > 0, 0.0), 12),
    "abs_": (lambda x: x.clone().abs_(), 12),
    "ge_": (lambda x: x.clone().ge_(0), 12),
    "gt_": (lambda x: x.clone().gt_(0), 12),
    "le_": (lambda x: x.clone().le_(0), 12),
    "lt_": (lambda x: x.clone().lt_(x), 12),
    "eq_": (lambda x: x.clone().eq_(0), 12),
    "ne_": (lambda x: x.clone().ne_(0), 12),
    "copysign_": (lambda x: x.clone().copysign_(x), 12),
    "xlogy_": (lambda x: x.clone().xlogy_(2.0), 12),
    "heaviside_": (lambda x: x.clone().heaviside_(x), 12),
    "clamp_": (lambda x: x.clone().clamp_(0, 1), 12),
    "neg_": (lambda x: x.clone().neg_(), 12),
    "fmod_": (lambda x: x.clone().fmod_(2), 12),
    "lerp_": (lambda x: x.clone().lerp_(x, 0.5), 12),
    "addcmul_": (lambda x: x.clone().addcmul_(x, x), 12),
    "integers in place": (lambda x: x.clone().long().gcd_(torch.ones(3, 4, dtype=torch.int64, device=x.device)), 0),
    "masked_scatter": (lambda x: x.masked_scatter(x > 0, x), None),
    "isin": (lambda x: torch.isin(x.long(), torch.tensor([1, 2])), 0),
    "put_": (lambda x: x.clone().put_(torch.tensor([1]), torch.zeros(1)), None),
    "index_put_": (lambda x: x.clone().index_put_((torch.tensor([1]),), torch.zeros(4)), None),
    "resize_as_": (lambda x: torch.empty(0, device=x.device).resize_as_(x), 0),
    "set_": (lambda x: torch.empty(0, device=x.device).set_(x.clone().untyped_storage()), 0),
    "_foreach_add": (lambda x: torch._foreach_add([x, x], 1), 24),
    "_foreach_mul_": (lambda x: torch._foreach_mul_([x.clone()], 2.0), 12),
    "_foreach_sqrt": (lambda x: torch._foreach_sqrt([x, x[:1]]), 16),
    "bucketize": (lambda x: torch.bucketize(x, torch.tensor([0.0, 1.0], device=x.device)), 0),
    "searchsorted": (lambda x: torch.searchsorted(torch.tensor([0.0, 1.0], device=x.device), x), 0),
    "scatter_add": (lambda x: x.scatter_add(0, torch.zeros(3, 4, dtype=torch.int64, device=x.device), x), None),
    "histc of integers": (lambda x: x.long().sum(), 0),
    "tril_": (lambda x: x.clone().tril_(), None),
    "fill_diagonal_": (lambda x: x.clone().fill_diagonal_(0), None),
    "random in place": (lambda x: x.clone().normal_(), None),
    "bernoulli_": (lambda x: x.clone().bernoulli_(0.5), None),
    "cartesian_prod": (lambda x: torch.cartesian_prod(x[0], x[1]), 0),
    "meshgrid": (lambda x: torch.meshgrid(x[0], x[1], indexing="ij"), 0),
    "nan_to_num": (lambda x: x.nan_to_num(), 12),
    "logical": (lambda x: (x > 0).logical_and_(x > 1), 0),
    "complex parts": (lambda x: torch.view_as_real(torch.complex(x, x)), None),
}  # fmt: skip


@pytest.mark.parametrize(("function", "elementwise"), CASES.values(), ids=CASES.keys())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nothing_is_uncounted(function: Callable[[Tensor], Any], elementwise: int | None) -> None:
    """Elements where the operator works on each; where it moves some of them only that it is known."""
    found = count(Run(lambda m, x: function(x)), torch.randn(X))
    assert found.profile.macs == 0
    assert elementwise is None or found.profile.elementwise == elementwise
    assert found.coverage.share == 1


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("mask", ["src_key_padding_mask", "mask"])
def test_a_transformer_encoder_with_a_mask(layers: int, mask: str) -> None:
    masks = {
        "src_key_padding_mask": torch.tensor([[False] * 5, [False] * 3 + [True] * 2]),
        "mask": torch.ones(5, 5).triu(1).bool(),
    }

    def make() -> nn.Module:
        return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), layers).eval()

    found = count(make(), torch.randn(2, 5, 8), **{mask: masks[mask]})
    assert found.profile.macs == layers * 2 * (5 * (4 * 64 + 2 * 8 * 16) + 2 * 25 * 8)


def test_a_transformer_with_every_mask() -> None:
    module = nn.Transformer(8, 2, 1, 1, 16, batch_first=True).eval()
    causal = nn.Transformer.generate_square_subsequent_mask(4)
    pad = torch.zeros(2, 5, dtype=torch.bool)
    found = count(
        module,
        torch.randn(2, 5, 8),
        torch.randn(2, 4, 8),
        tgt_mask=causal,
        src_key_padding_mask=pad,
        memory_key_padding_mask=pad,
    )
    encoder = 5 * (4 * 64 + 2 * 8 * 16) + 2 * 25 * 8
    decoder = 4 * (4 * 64 + 2 * 8 * 16) + 2 * 16 * 8 + 4 * 2 * 64 + 5 * 2 * 64 + 2 * 4 * 5 * 8
    assert found.profile.macs == 2 * (encoder + decoder)


def test_a_causal_mask_in_place() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        return (x @ x.mT).masked_fill_(torch.ones(5, 5, dtype=torch.bool).triu(1), -1e9).softmax(-1) @ x

    found = count_on_both(lambda: Run(forward), torch.randn(2, 5, 8))
    assert found.profile.macs == 2 * (2 * 5 * 5 * 8)
    assert [row.kind for row in found.profile.rows if row.macs] == ["attention", "attention"]


@pytest.mark.filterwarnings("ignore")
def test_a_body_for_every_row() -> None:
    from torch._higher_order_ops.map import map as mapping

    each: Any = mapping

    found = count(Run(lambda m, x: each(lambda row: m.l(row), x), l=nn.Linear(8, 8)), torch.randn(3, 3, 8))
    assert found.profile.macs == 3 * 3 * 8 * 8
    assert found.profile.params == 72


@pytest.mark.filterwarnings("ignore")
def test_a_scan() -> None:
    """A recurrence written with torch's scan: four steps of a product."""
    from torch._higher_order_ops.scan import scan

    def forward(m: Any, x: Tensor) -> Any:
        return scan(lambda h, row: ((h @ m.w + row).tanh(), h.clone()), torch.zeros(2, 8), x)

    found = count(Run(forward, w=parameter(8, 8)), torch.randn(4, 2, 8))
    assert found.profile.macs == 4 * 2 * 8 * 8
    assert found.profile.params == 64


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forward_mode_asks_questions_that_are_free() -> None:
    found = count(
        Run(lambda m, x, w: torch.func.jvp(lambda y: y @ w, (x,), (torch.ones_like(x),))), torch.randn(2, 8), torch.randn(8, 4)
    )
    assert found.profile.macs == 3 * (2 * 8 * 4)


@pytest.mark.filterwarnings("ignore")
def test_a_network_that_is_prepared_for_quantisation() -> None:
    """Observers and fake quantisation of a linear layer: its product, and nothing uncounted."""
    import torch.ao.quantization as quantisation

    module = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    module.qconfig = quantisation.get_default_qat_qconfig("fbgemm")
    quantisation.prepare_qat(module.train(), inplace=True)
    found = count(module.eval(), torch.randn(3, 8))
    assert found.profile.macs == 96
    assert found.profile.params == 36
