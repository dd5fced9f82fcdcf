"""The kernels of attention that torch calls by itself: their order of axes, and the lengths of packed sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from profiler.records.traced import Traced
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run

H = torch.float16


def empty(*shape: int, dtype: torch.dtype = H) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def count_function(function: Callable[..., Any], *inputs: Any) -> Traced:
    found = trace(Run(lambda m, *given: function(*given)), inputs, batch=None)
    assert found.profile.uncounted == ()
    return found


def flash(
    q: Tensor, k: Tensor, cu_q: Any = None, cu_k: Any = None, max_q: int = 0, max_k: int = 0, causal: bool = False
) -> Any:
    return torch.ops.aten._flash_attention_forward(q, k, k, cu_q, cu_k, max_q, max_k, 0.0, causal, False)[0]


def efficient(q: Tensor, k: Tensor, cu_q: Any = None, cu_k: Any = None, max_q: Any = None, max_k: Any = None) -> Any:
    return torch.ops.aten._efficient_attention_forward(q, k, k, None, cu_q, cu_k, max_q, max_k, 0.0, 0, True)[0]


DENSE: list[tuple[str, Callable[..., Any], tuple[int, ...], tuple[int, ...], int]] = [
    ("flash", lambda q, k: flash(q, k, None, None, 12, 12), (2, 12, 8, 16), (2, 12, 8, 16), 2 * 8 * 12 * 12 * (16 + 16)),
    (
        "flash of many tokens",
        lambda q, k: flash(q, k, None, None, 40, 40),
        (4, 40, 4, 16),
        (4, 40, 4, 16),
        2 * 4 * 4 * 40 * 40 * 16,
    ),
    (
        "flash of other keys",
        lambda q, k: flash(q, k, None, None, 5, 9),
        (2, 5, 8, 16),
        (2, 9, 8, 16),
        2 * 8 * 5 * 9 * (16 + 16),
    ),
    ("efficient", efficient, (2, 12, 8, 16), (2, 12, 8, 16), 2 * 8 * 12 * 12 * (16 + 16)),
    ("efficient of other keys", efficient, (2, 5, 8, 16), (2, 9, 8, 16), 2 * 8 * 5 * 9 * (16 + 16)),
]


@pytest.mark.parametrize(("function", "q", "k", "expected"), [case[1:] for case in DENSE], ids=[case[0] for case in DENSE])
def test_axes_are_batch_length_heads_width(function: Callable[..., Any], q: Any, k: Any, expected: int) -> None:
    found = count_function(function, empty(*q), empty(*k))
    assert found.profile.macs == expected
    (row,) = [row for row in found.profile.rows if row.macs]
    assert row.kind == "attention"
    assert row.elementwise == q[0] * q[2] * q[1] * k[1]  # the softmax over its scores


def test_a_causal_kernel_skips_a_half() -> None:
    found = count_function(lambda q: flash(q, q, None, None, 12, 12, True), empty(2, 12, 8, 16))
    assert found.profile.macs == 2 * 8 * 12 * 12 * 32
    assert found.useful_macs == 2 * 8 * (12 * 13 // 2) * 32


def offsets(*lengths: int) -> Tensor:
    return torch.tensor([0, *lengths]).cumsum(0).int()


@pytest.mark.parametrize("lengths", [(30, 30, 30, 33), (5, 7), (12,), (1, 40)])
@pytest.mark.parametrize("held", [False, True], ids=["given", "held"])
def test_packed_sequences_by_the_flash_kernel(lengths: tuple[int, ...], held: bool) -> None:
    cu, q = offsets(*lengths), empty(sum(lengths), 4, 16)
    expected = 2 * 4 * 16 * sum(n * n for n in lengths)
    if held:
        found = count_function(lambda q: flash(q, q, cu, cu, max(lengths), max(lengths)), q)
    else:
        found = count_function(lambda q, c: flash(q, q, c, c, max(lengths), max(lengths)), q, cu)
    assert found.profile.macs == expected
    assert [row.kind for row in found.profile.rows if row.macs] == ["attention"]


@pytest.mark.parametrize("longest", [7, 12])
@pytest.mark.parametrize("held", [False, True], ids=["given", "held"])
@pytest.mark.filterwarnings("ignore")
def test_packed_sequences_by_torchs_own_function(longest: int, held: bool) -> None:
    """Of 5 and 7 rows, whatever the longest is said to be."""
    varlen_attn = pytest.importorskip("torch.nn.attention.varlen").varlen_attn

    q, cu = torch.randn(12, 4, 16, dtype=H), offsets(5, 7)
    if held:
        found = count_function(lambda q: varlen_attn(q, q, q, cu, cu, longest, longest), q)
    else:
        found = count_function(lambda q, c: varlen_attn(q, q, q, c, c, longest, longest), q, cu)
    assert found.profile.macs == 4 * (25 + 49) * (16 + 16)
    assert [row.kind for row in found.profile.rows if row.macs] == ["attention"]


def test_packed_sequences_that_look_at_others() -> None:
    q, k = empty(12, 4, 16), empty(9, 4, 16)
    found = count_function(lambda q, k, a, b: flash(q, k, a, b, 7, 6), q, k, offsets(5, 7), offsets(3, 6))
    assert found.profile.macs == 4 * (5 * 3 + 7 * 6) * (16 + 16)


def test_lengths_that_nobody_knows_are_those_of_the_longest() -> None:
    """Offsets without values: every sequence is taken to be as long as the longest, as torch does."""
    found = count_function(lambda q, c: flash(q, q, c, c, 40, 40), empty(123, 4, 16), empty(5, dtype=torch.int32))
    assert found.profile.macs == 2 * 4 * 16 * 4 * 40 * 40
