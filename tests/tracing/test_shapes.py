"""Our shape rules against torch's own on the meta device: the same shape and dtype, or no answer."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from profiler.tracing.tables.shapes import RULES


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


X, HALF = meta(2, 6, 9, 11), meta(2, 6, 9, 11, dtype=torch.bfloat16)
WINDOWS = list(product(([2, 2], [3, 2]), ([], [1, 2]), ([0, 0], [1, 1]), (False, True)))
CALLS: list[Any] = [
    *[(name, (X,), {}) for name in ("relu", "gelu", "silu", "sigmoid", "tanh", "exp", "rsqrt", "abs", "hardswish", "neg")],
    *[("relu", (HALF,), {})],
    *[(name, (X, other), {}) for name in ("add.Tensor", "mul.Tensor", "div.Tensor") for other in (X, meta(6, 1, 1), meta(3, 1, 6, 9, 11))],
    *[("add.Tensor", (HALF, meta(11, dtype=torch.bfloat16)), {}), ("add.Scalar", (X, 2), {}), ("pow.Tensor_Scalar", (X, 2), {})],
    *[("conv2d", (X, meta(4, 6, 3, 2), None, s, p, d), {}) for s, p, d in product(([1, 1], [2, 3]), ([0, 0], [1, 2]), ([1, 1], [2, 1]))],
    *[("conv2d", (X, meta(6, 2, 3, 3), None, [1, 1], [0, 0], [1, 1], 3), {})],
    *[("conv1d", (meta(2, 6, 9), meta(4, 6, 3), None, [2]), {}), ("conv3d", (meta(1, 2, 5, 6, 7), meta(4, 2, 3, 3, 3)), {})],
    *[("max_pool2d", (X, k, s, p, [1, 1], c), {}) for k, s, p, c in WINDOWS],
    *[("avg_pool2d", (X, k, s, p, c), {}) for k, s, p, c in WINDOWS],
    *[("adaptive_avg_pool2d", (X, size), {}) for size in ([1, 1], [3, 4])],
    *[("linear", (x, meta(5, 11)), {}) for x in (X, meta(11), meta(3, 11))],
    *[("matmul", (a, b), {}) for a, b in ((X, meta(11, 4)), (meta(3, 1, 4, 5), meta(2, 5, 6)), (meta(4, 5), meta(2, 5, 6)))],
    *[("mm", (meta(4, 5), meta(5, 6)), {}), ("bmm", (meta(3, 4, 5), meta(3, 5, 6)), {}), ("addmm", (meta(6), meta(4, 5), meta(5, 6)), {})],
    *[("baddbmm", (meta(3, 4, 6), meta(3, 4, 5), meta(3, 5, 6)), {})],
    *[("layer_norm", (X, [9, 11], meta(9, 11), meta(9, 11)), {}), ("group_norm", (X, 3, None, None), {})],
    *[("batch_norm", (X, meta(6), meta(6), meta(6), meta(6), False, 0.1, 1e-5, False), {})],
    *[("softmax.int", (X, -1), {}), ("softmax.int", (HALF, 1, torch.float32), {}), ("log_softmax.int", (X, 0), {})],
    *[("scaled_dot_product_attention", (meta(2, 3, 5, 8), meta(2, 3, 7, 8), meta(2, 3, 7, 4)), {})],
    *[("cat", ([X, meta(2, 3, 9, 11)], 1), {}), ("cat", ([X, X], -1), {})],
    *[("embedding", (meta(50, 8), meta(2, 3, dtype=torch.int64)), {})],
    *[("mean.dim", (X, dims, keep), {}) for dims, keep in product(([2, 3], [-1], [0, -2]), (False, True))],
    *[("clone", (X,), {}), ("_to_copy", (X,), {"dtype": torch.float16}), ("repeat", (X, [3, 1, 1, 2, 1]), {})],
    *[("zeros", ([2, 999_999],), {"device": torch.device("meta")}), ("empty.memory_format", ([2],), {"dtype": torch.float16, "device": torch.device("meta")})],
    *[("zeros_like", (X,), {}), ("empty_like", (X,), {"dtype": torch.float64})],
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS, ids=[f"{i}-{case[0]}" for i, case in enumerate(CALLS)])
def test_rules(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    packet, _, overload = name.partition(".")
    expected = getattr(getattr(torch.ops.aten, packet), overload or "default")(*args, **kwargs)
    found = RULES[f"aten::{packet}"](*args, **kwargs)
    assert isinstance(found, Tensor)
    assert (found.shape, found.dtype, found.device.type) == (expected.shape, expected.dtype, "meta")


NO_ANSWER: list[tuple[str, tuple[Any, ...]]] = [
    ("add", (X, meta(2, 6, 9, 11, dtype=torch.float64))),  # torch promotes
    ("add", (X, meta(5))),  # torch refuses
    ("conv2d", (X, meta(4, 5, 3, 3))),
    ("conv2d", (X, meta(4, 6, 13, 3))),
    ("conv2d", (meta(6, 9, 11), meta(4, 6, 3, 3))),  # one sample
    ("linear", (X, meta(5, 10))),
    ("matmul", (X, meta(10, 4))),
    ("matmul", (X, meta(11))),
    ("mm", (meta(4, 5), meta(6, 5))),
    ("cat", ([X, meta(3, 6, 9, 11, dtype=torch.float64)],)),
    ("max_pool2d", (X, [20, 20])),
    ("layer_norm", (X, [9])),
    ("relu", (torch.zeros(3),)),  # a tensor with values
]


@pytest.mark.parametrize(("name", "args"), NO_ANSWER)
def test_what_is_not_plain_is_torch_s_to_answer(name: str, args: tuple[Any, ...]) -> None:
    assert RULES[f"aten::{name}"](*args) is None


def test_packed_sequences() -> None:
    lengths = torch.tensor([5, 3, 3, 1])
    x = torch.zeros(4, 5, 7)
    packed = pack_padded_sequence(x, lengths, batch_first=True)
    data, sizes = RULES["aten::_pack_padded_sequence"](x.to("meta"), lengths, True)
    assert (data.shape, sizes.tolist()) == (packed.data.shape, packed.batch_sizes.tolist())
    padded, again = RULES["aten::_pad_packed_sequence"](data, sizes, True, 0.0)
    expected, expected_lengths = pad_packed_sequence(packed, batch_first=True)
    assert (padded.shape, again.tolist()) == (expected.shape, expected_lengths.tolist())


def layouts(*shape: int) -> list[Tensor]:
    """The same shape as it may lie in memory."""
    swapped = (*shape[:-2], shape[-1], shape[-2])
    found = [
        torch.randn(shape),
        torch.randn(swapped).transpose(-1, -2),
        torch.randn(shape[1], shape[0], *shape[2:]).transpose(0, 1),
        torch.randn(1, *shape[1:]).expand(shape),
        torch.randn(*shape[:-1], 2 * shape[-1])[..., ::2],
    ]
    return [*found, torch.randn(shape).to(memory_format=torch.channels_last)] if len(shape) == 4 else found


R = torch.randn
LAID_OUT: list[tuple[str, tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = [
    *[(name, shape, (), {}) for name in ("gelu", "relu", "exp", "clone", "abs", "zeros_like") for shape in ((2, 5, 6), (2, 4, 5, 6))],
    *[("add.Tensor", shape, (R(shape),), {}) for shape in ((2, 5, 6), (2, 4, 5, 6))],
    *[("mul.Tensor", (2, 5, 6), (R(6),), {}), ("div.Tensor", (2, 4, 5, 6), (2.0,), {})],
    *[("linear", (2, 5, 6), (R(3, 6), R(3)), {}), ("matmul", (2, 5, 6), (R(6, 3),), {}), ("softmax.int", (2, 5, 6), (-1,), {})],
    *[("layer_norm", (2, 5, 6), ([6], R(6), R(6)), {}), ("group_norm", (2, 4, 5, 6), (2,), {})],
    *[("conv2d", (2, 4, 5, 6), (R(3, 4, 2, 2), R(3)), {}), ("conv2d", (2, 4, 5, 6), (R(3, 4, 1, 1),), {}), ("conv1d", (2, 5, 6), (R(3, 5, 2),), {})],
    *[("max_pool2d", (2, 4, 6, 6), ([2, 2],), {}), ("avg_pool2d", (2, 4, 6, 6), ([2, 2],), {}), ("adaptive_avg_pool2d", (2, 4, 6, 6), ([2, 2],), {})],
    *[("mean.dim", (2, 4, 5, 6), ([-1],), {}), ("mean.dim", (2, 4, 5, 6), ([2, 3], True), {})],
    *[("scaled_dot_product_attention", (2, 4, 5, 6), (R(2, 4, 7, 6), R(2, 4, 7, 6)), {})],
    *[("scaled_dot_product_attention", (2, 4, 5, 6), (R(2, 4, 7, 6), R(2, 4, 7, 3)), {}), ("scaled_dot_product_attention", (2, 5, 6), (R(2, 7, 6), R(2, 7, 6)), {})],
    *[("scaled_dot_product_attention", (2, 4, 5, 6), (R(1, 4, 7, 6), R(1, 4, 7, 6)), {})],
    *[("scaled_dot_product_attention", (2, 4, 5, 6), (R(2, 2, 7, 6), R(2, 2, 7, 6)), {"enable_gqa": True})],
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shape", "args", "kwargs"), LAID_OUT, ids=[f"{i}-{case[0]}" for i, case in enumerate(LAID_OUT)]
)
def test_strides_are_those_of_the_cpu(name: str, shape: tuple[int, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    packet, _, overload = name.partition(".")
    run = getattr(getattr(torch.ops.aten, packet), overload or "default")
    rule = RULES.get(f"aten::{packet}")
    for x in layouts(*shape):
        with torch.inference_mode():
            expected = run(x, *args, **kwargs)
            given = [t.as_strided(t.shape, t.stride()).to("meta") if isinstance(t, Tensor) else t for t in args]
            onto = torch.empty_strided(x.shape, x.stride(), device="meta")
            found = None if rule is None else rule(onto, *given, **kwargs)
        if found is not None:
            assert (found.shape, found.stride()) == (expected.shape, expected.stride()), x.stride()


def test_an_attention_that_is_laid_out_for_a_view_is_viewed() -> None:
    q, k, v = torch.randn(2, 5, 3, 4, 6).permute(2, 0, 3, 1, 4)
    with torch.inference_mode():
        torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).view(2, 5, 24)
    found = RULES["aten::scaled_dot_product_attention"](*meta(2, 5, 3, 4, 6).permute(2, 0, 3, 1, 4))
    assert found.transpose(1, 2).view(2, 5, 24).shape == (2, 5, 24)
