"""On meta a tensor has the strides that torch gives it, so that a view succeeds exactly where torch's does.

Some kernels lay their output out as their device likes it: there torch's answer for the CPU or that for meta will do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler import ProfilerError
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count, meta


def turns(giant: bool) -> nn.Module:
    def forward(m: Any, x: Tensor, ids: Tensor) -> Any:
        y = F.gelu(m.l(x).transpose(1, 2)).transpose(1, 2).view(x.shape[0], -1)
        return (y, m.e(ids)) if giant else y

    with torch.device("meta"):
        return Run(forward, l=nn.Linear(6, 6, bias=False), e=nn.Embedding(70_000, 32_768) if giant else None)


@pytest.mark.parametrize("giant", [False, True])
def test_a_turned_tensor_is_viewed_on_the_first_rung(giant: bool) -> None:
    found = count(turns(giant), meta(torch.zeros(2, 5, 6)), torch.empty(2, 3, dtype=torch.int64, device="meta"))
    assert found.profile.macs == 2 * 5 * 6 * 6
    assert (found.rung, found.reason) == ("meta", "")


def last(x: Tensor) -> Tensor:
    return x.to(memory_format=torch.channels_last)


def turned(x: Tensor) -> Tensor:
    return x.transpose(1, 2)


A = torch.randn(2, 6, 4, 8)
STRIDES: dict[str, Callable[[Tensor], Any]] = {
    "relu": lambda x: turned(x).relu(),
    "gelu": lambda x: F.gelu(turned(x)),
    "silu in place": lambda x: F.silu(turned(x).clone(), inplace=True),
    "add": lambda x: turned(x) + turned(x),
    "add of another order": lambda x: turned(x) + turned(x).contiguous(),
    "add, the first contiguous": lambda x: turned(x).contiguous() + turned(x),
    "add of a number": lambda x: turned(x) + 1,
    "add of a vector": lambda x: turned(x) + torch.ones(8, device=x.device),
    "add of a column": lambda x: turned(x) + torch.ones(6, 1, device=x.device),
    "add that spreads": lambda x: x[:, :1] + x[:, :, :1],
    "add of expanded": lambda x: x[:1].expand(2, 6, 4, 8) + 1,
    "where": lambda x: torch.where(turned(x) > 0, turned(x), 0.0),
    "clamp": lambda x: turned(x).clamp(0, 1),
    "cast": lambda x: turned(x).half(),
    "cast back": lambda x: last(x).double().float(),
    "compare": lambda x: turned(x) > 0,
    "clone": lambda x: turned(x).clone(),
    "clone of a slice": lambda x: x[:, ::2, :, 1:].clone(),
    "contiguous": lambda x: turned(x).contiguous(),
    "zeros_like": lambda x: torch.zeros_like(turned(x)),
    "empty_like of channels last": lambda x: torch.empty_like(last(x)),
    "new_zeros": lambda x: turned(x).new_zeros(turned(x).shape),
    "softmax": lambda x: turned(x).softmax(-1),
    "softmax over another axis": lambda x: turned(x).softmax(1),
    "log_softmax": lambda x: last(x).log_softmax(1),
    "sum": lambda x: turned(x).sum(-1),
    "mean, kept": lambda x: last(x).mean((2, 3), keepdim=True),
    "amax": lambda x: x.permute(3, 2, 1, 0).amax(0),
    "cumsum": lambda x: turned(x).cumsum(1),
    "layer_norm": lambda x: F.layer_norm(turned(x), (8,)),
    "group_norm": lambda x: F.group_norm(last(x), 2),
    "batch_norm": lambda x: F.batch_norm(last(x), torch.zeros(6, device=x.device), torch.ones(6, device=x.device)),
    "rms_norm": lambda x: F.rms_norm(turned(x), (8,)),
    "linear": lambda x: F.linear(turned(x), torch.zeros(3, 8, device=x.device)),
    "matmul": lambda x: turned(x) @ torch.zeros(8, 3, device=x.device),
    "matmul of turned": lambda x: x.mT @ x,
    "bmm": lambda x: torch.bmm(x[0].mT, x[0]),
    "einsum": lambda x: torch.einsum("bchw,cd->bdhw", x, torch.zeros(6, 3, device=x.device)),
    "conv of channels last": lambda x: F.conv2d(last(x), torch.zeros(5, 6, 3, 3, device=x.device), padding=1),
    "conv by a kernel of channels last": lambda x: F.conv2d(x, last(torch.zeros(5, 6, 3, 3, device=x.device)), padding=1),
    "max_pool of channels last": lambda x: F.max_pool2d(last(x), 2),
    "avg_pool of channels last": lambda x: F.avg_pool2d(last(x), 2),
    "adaptive pool of channels last": lambda x: F.adaptive_avg_pool2d(last(x), 2),
    "resize of channels last": lambda x: F.interpolate(last(x), scale_factor=2),
    "bilinear resize of channels last": lambda x: F.interpolate(last(x), scale_factor=2, mode="bilinear"),
    "padding of channels last": lambda x: F.pad(last(x), (1, 1)),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "attention of turned": lambda x: F.scaled_dot_product_attention(turned(x), turned(x), turned(x)),
    "cat": lambda x: torch.cat((turned(x), turned(x)), 1),
    "cat of channels last": lambda x: torch.cat((last(x), last(x)), 1),
    "stack": lambda x: torch.stack((turned(x), turned(x))),
    "repeat": lambda x: turned(x).repeat(2, 1, 1, 1),
    "roll": lambda x: turned(x).roll(1, 2),
    "flip": lambda x: turned(x).flip(1),
    "index": lambda x: turned(x)[:, [0, 2]],
    "index of a later axis": lambda x: turned(x)[:, :, [0, 2]],
    "index_select": lambda x: turned(x).index_select(2, torch.tensor([0, 2], device=x.device)),
    "gather": lambda x: turned(x).gather(1, torch.zeros(2, 4, 6, 8, dtype=torch.int64, device=x.device)),
    "masked_fill": lambda x: turned(x).masked_fill(turned(x) > 0, 0.0),
    "topk": lambda x: turned(x).topk(2)[0],
    "sort": lambda x: turned(x).sort(1)[0],
    "pixel_shuffle": lambda x: F.pixel_shuffle(x.view(2, 24, 1, 8).expand(2, 24, 3, 8), 2),
    "unfold": lambda x: F.unfold(x, 2),
    "glu": lambda x: F.glu(turned(x)),
    "dropout in evaluation": lambda x: F.dropout(turned(x), training=False),
    "embedding": lambda x: F.embedding((turned(x)[..., 0] > 0).long(), torch.zeros(5, 3, device=x.device)),
    "cdist": lambda x: torch.cdist(x[0], x[0]),
    "view as real": lambda x: torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (4, 2))) * 1j),
}  # fmt: skip


def strides(out: Any) -> tuple[tuple[int, ...], ...]:
    return tuple((tuple(t.shape), t.stride()) for t in (out if isinstance(out, tuple) else (out,)))  # type: ignore[misc]


@pytest.mark.parametrize("function", STRIDES.values(), ids=STRIDES.keys())
def test_strides_are_those_of_torch(function: Callable[[Tensor], Any]) -> None:
    expected = strides(function(A)), strides(function(meta(A)))
    seen: list[Any] = []

    def forward(m: Any, x: Tensor) -> Any:
        out = function(x)
        seen.append(strides(out))
        return out

    found = trace(Run(forward), (A,), batch=None)
    assert seen[-1] in expected
    assert found.rung == "meta"
    assert len(seen) == 1


def in_channels_last(module: Any) -> Any:
    return module.to(memory_format=torch.channels_last)


LAYERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "linear": (lambda: nn.Linear(8, 4), lambda: turned(A)),
    "relu": (lambda: nn.ReLU(), lambda: turned(A)),
    "gelu": (lambda: nn.GELU(), lambda: last(A)),
    "layer norm": (lambda: nn.LayerNorm(8), lambda: turned(A)),
    "batch norm": (lambda: nn.BatchNorm2d(6), lambda: last(A)),
    "group norm": (lambda: nn.GroupNorm(2, 6), lambda: last(A)),
    "convolution": (lambda: nn.Conv2d(6, 5, 3), lambda: last(A)),
    "convolution in channels last": (lambda: in_channels_last(nn.Conv2d(6, 5, 3)), lambda: A),
    "pointwise convolution": (lambda: nn.Conv2d(6, 5, 1), lambda: A.permute(0, 1, 3, 2)),
    "transposed convolution": (lambda: nn.ConvTranspose2d(6, 5, 2, stride=2), lambda: last(A)),
    "max pool": (lambda: nn.MaxPool2d(2), lambda: last(A)),
    "adaptive pool": (lambda: nn.AdaptiveAvgPool2d(1), lambda: last(A)),
    "upsample": (lambda: nn.Upsample(scale_factor=2), lambda: last(A)),
    "softmax": (lambda: nn.Softmax(1), lambda: turned(A)),
    "dropout": (lambda: nn.Dropout(), lambda: turned(A)),
    "identity": (lambda: nn.Identity(), lambda: turned(A)),
    "flatten": (lambda: nn.Flatten(2), lambda: A.permute(0, 1, 3, 2)),
    "embedding": (lambda: nn.Embedding(5, 3), lambda: torch.zeros(4, 2, dtype=torch.int64).t()),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), lambda: last(torch.randn(2, 8, 3, 3))),
    "prelu": (lambda: nn.PReLU(6), lambda: last(A)),
}  # fmt: skip


@pytest.mark.parametrize(("make", "given"), LAYERS.values(), ids=LAYERS.keys())
def test_strides_of_stock_layers(make: Callable[[], nn.Module], given: Callable[[], Tensor]) -> None:
    x = given()
    expected = strides(make().eval()(x)), strides(make().eval().to("meta")(meta(x)))
    seen: list[Any] = []

    def forward(m: Any, x: Tensor) -> Any:
        out = m.inner(x)
        seen.append(strides(out))
        return out

    for value in (x, meta(x)):
        trace(Run(forward, inner=make().eval()).eval(), (value,), batch=None)
        assert seen[-1] in expected


@pytest.mark.parametrize("layer", [lambda: nn.GRU(8, 6), lambda: nn.LSTM(8, 6, batch_first=True), lambda: nn.RNN(8, 6)])
def test_strides_of_recurrent_layers(layer: Callable[[], nn.Module]) -> None:
    x, seen = torch.randn(5, 2, 8), []

    def forward(m: Any, x: Tensor) -> Any:
        out = m.inner(x)[0]
        seen.append(strides(out))
        return out

    trace(Run(forward, inner=layer()), (x,), batch=None)
    assert seen == [strides(layer()(x)[0])]


@pytest.mark.parametrize("first", [False, True])
def test_strides_of_multihead_attention(first: bool) -> None:
    x, seen = torch.randn(5, 2, 8), []

    def forward(m: Any, x: Tensor) -> Any:
        out = m.inner(x, x, x, need_weights=False)[0]
        seen.append(strides(out))
        return out

    module = Run(forward, inner=nn.MultiheadAttention(8, 2, batch_first=first)).eval()
    expected = strides(module.inner(x, x, x, need_weights=False)[0])  # type: ignore[operator]
    trace(module, (x,), batch=None)
    assert seen == [expected]


def test_attention_is_viewed_after_its_heads_are_put_together() -> None:
    """The kernel's output is laid out as its queries are, so that torch views it without a copy."""

    def forward(m: Any, x: Tensor) -> Any:
        q, k, v = (each.view(2, 5, 4, 8).transpose(1, 2) for each in m.qkv(x).chunk(3, -1))
        return m.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).view(2, 5, 32))

    module, x = Run(forward, qkv=nn.Linear(32, 96), o=nn.Linear(32, 32)), torch.randn(2, 5, 32)
    module(x)
    found = count(module, x)
    assert found.profile.macs == 10 * 32 * 96 + 2 * 2 * 4 * 5 * 5 * 8 + 10 * 32 * 32
    assert found.rung == "meta"


BROKEN: dict[str, Callable[[Tensor], Any]] = {
    "turned": lambda x: turned(x).view(-1),
    "turned, activated": lambda x: F.gelu(turned(x)).view(2, -1),
    "channels last": lambda x: last(x).view(2, -1),
    "a slice": lambda x: x[:, :, 1:].view(2, -1),
    "expanded": lambda x: x[:, :1].expand(2, 6, 4, 8).view(2, -1),
}


@pytest.mark.parametrize("function", BROKEN.values(), ids=BROKEN.keys())
def test_what_torch_cannot_view_is_refused(function: Callable[[Tensor], Any]) -> None:
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        function(A)
    for x in (A, meta(A)):
        with pytest.raises(ProfilerError, match="view size is not compatible"):
            trace(Run(lambda m, x: function(x)), (x,), batch=None)
