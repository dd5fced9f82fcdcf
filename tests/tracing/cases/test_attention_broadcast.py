"""Attention whose queries, keys and values spread over each other's batch and heads has the shape and the cost that torch gives it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tracing.cases.counting import Run, count_on_both, parameter


class Latents(nn.Module):
    """Learned queries on the tokens of three samples."""

    def __init__(self) -> None:
        super().__init__()
        self.lat, self.kv, self.o = parameter(1, 4, 6, 8), nn.Linear(32, 64, bias=False), nn.Linear(32, 5, bias=False)

    def forward(self, x: Tensor) -> Any:
        b, n, _ = x.shape
        k, v = self.kv(x).view(b, n, 2, 4, 8).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(self.lat, k, v)
        return self.o(y.transpose(1, 2).reshape(y.shape[0], 6, 32))


def test_learned_queries_spread_over_the_batch() -> None:
    found = count_on_both(Latents, torch.randn(3, 20, 32))
    assert found.profile.macs == 3 * 20 * 32 * 64 + 3 * 4 * 6 * 20 * (8 + 8) + 3 * 6 * 32 * 5
    assert [row.output for row in found.profile.rows] == [(3, 20, 64), (3, 4, 6, 8), (3, 6, 5)]
    assert found.profile.params == 4 * 6 * 8 + 32 * 64 + 32 * 5


SPREAD: list[tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...], int]] = [
    ("queries over the batch", (1, 4, 6, 8), (3, 4, 20, 8), (3, 4, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
    ("keys over the batch", (3, 4, 6, 8), (1, 4, 20, 8), (1, 4, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
    ("queries over the heads", (3, 1, 6, 8), (3, 4, 20, 8), (3, 4, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
    ("keys over the heads", (3, 4, 6, 8), (3, 1, 20, 8), (3, 1, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
    ("each over the other", (1, 4, 6, 8), (3, 1, 20, 8), (3, 1, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
    ("values that are wider", (1, 4, 6, 8), (3, 4, 20, 8), (3, 4, 20, 16), (3, 4, 6, 16), 3 * 4 * 6 * 20 * (8 + 16)),
    ("queries of three axes", (1, 6, 8), (5, 20, 8), (5, 20, 8), (5, 6, 8), 5 * 6 * 20 * (8 + 8)),
    ("queries of two axes", (6, 8), (3, 4, 20, 8), (3, 4, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
    ("keys of five axes", (1, 1, 2, 6, 8), (5, 3, 2, 7, 8), (5, 3, 2, 7, 8), (5, 3, 2, 6, 8), 5 * 3 * 2 * 6 * 7 * (8 + 8)),
    ("nothing", (3, 4, 6, 8), (3, 4, 20, 8), (3, 4, 20, 8), (3, 4, 6, 8), 3 * 4 * 6 * 20 * (8 + 8)),
]


@pytest.mark.parametrize(("q", "k", "v", "out", "macs"), [case[1:] for case in SPREAD], ids=[case[0] for case in SPREAD])
def test_what_spreads(q: Any, k: Any, v: Any, out: Any, macs: int) -> None:
    given = torch.randn(q), torch.randn(k), torch.randn(v)
    assert F.scaled_dot_product_attention(*given).shape == out
    found = count_on_both(
        lambda: Run(lambda m, *qkv: m.o(F.scaled_dot_product_attention(*qkv)), o=nn.Linear(out[-1], 5)), *given
    )
    assert found.profile.macs == macs + torch.Size(out).numel() * 5
    assert found.profile.rows[0].output == out
    assert found.profile.rows[0].elementwise == torch.Size(out[:-1]).numel() * k[-2]  # the softmax


def test_grouped_queries() -> None:
    """Eight heads of queries on two of keys."""
    q, k = torch.randn(2, 8, 6, 4), torch.randn(2, 2, 10, 4)
    found = count_on_both(lambda: Run(lambda m, q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True)), q, k)
    assert found.profile.macs == 2 * 8 * 6 * 10 * (4 + 4)
    assert found.profile.rows[0].output == (2, 8, 6, 4)


def test_grouped_queries_that_are_learned() -> None:
    q, k = torch.randn(1, 8, 6, 4), torch.randn(3, 2, 10, 4)
    try:
        shape = F.scaled_dot_product_attention(q, k, k, enable_gqa=True).shape
    except RuntimeError:
        pytest.skip("this torch does not spread grouped queries")
    found = count_on_both(lambda: Run(lambda m, q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True)), q, k)
    assert found.profile.macs == 3 * 8 * 6 * 10 * (4 + 4)
    assert found.profile.rows[0].output == shape


def test_a_mask_spreads_over_queries_and_keys() -> None:
    def forward(m: Any, q: Tensor, k: Tensor, mask: Tensor) -> Any:
        return F.scaled_dot_product_attention(q, k, k, attn_mask=mask)

    given = torch.randn(1, 4, 6, 8), torch.randn(3, 4, 20, 8), torch.zeros(3, 1, 6, 20)
    found = count_on_both(lambda: Run(forward), *given)
    assert found.profile.macs == 3 * 4 * 6 * 20 * (8 + 8)
    assert found.profile.rows[0].output == (3, 4, 6, 8)


def test_written_out_attention_spreads_alike() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        return (m.q @ x.mT).softmax(-1) @ x

    found = count_on_both(lambda: Run(forward, q=parameter(1, 4, 6, 8)), torch.randn(3, 4, 20, 8))
    assert found.profile.macs == 3 * 4 * 6 * 20 * (8 + 8)
    assert [row.kind for row in found.profile.rows if row.macs] == ["attention", "attention"]
