"""A layer is counted with its attributes as they are at the call, also where they change between two calls."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, meta


def each_value(layer: str, settings: list[dict[str, Any]]) -> Any:
    """A forward that runs `layer` then `then` with each of the settings, one call after the other."""

    def forward(m: Any, x: Tensor) -> list[Tensor]:
        out = []
        for values in settings:
            for name, value in values.items():
                setattr(getattr(m, layer), name, value)
            y = getattr(m, layer)(x)
            out.append(m.then(y) if hasattr(m, "then") else y)
        return out

    return forward


CONV = 3 * 3 * 3 * 3
CASES: list[tuple[str, Any, list[dict[str, Any]], tuple[int, ...], int]] = [
    ("dilation", lambda: {"layer": nn.Conv2d(3, 3, 3, bias=False)}, [{"dilation": (d, d)} for d in (1, 2, 3)],
     (1, 3, 9, 9), CONV * (7 * 7 + 5 * 5 + 3 * 3)),
    ("stride", lambda: {"layer": nn.Conv2d(3, 3, 3, padding=1)}, [{"stride": (s, s)} for s in (1, 2, 3)],
     (1, 3, 9, 9), CONV * (9 * 9 + 5 * 5 + 3 * 3)),
    ("padding", lambda: {"layer": nn.Conv2d(3, 3, 3)}, [{"padding": (0, 0)}, {"padding": (2, 1)}],
     (1, 3, 9, 9), CONV * (7 * 7 + 11 * 9)),
    ("dilation of one axis", lambda: {"layer": nn.Conv2d(3, 3, 3)}, [{"dilation": (1, 3)}, {"dilation": (2, 1)}],
     (1, 3, 9, 9), CONV * (7 * 3 + 5 * 7)),
    ("stride of a transposed convolution", lambda: {"layer": nn.ConvTranspose1d(3, 4, 3), "then": nn.Conv1d(4, 5, 1)},
     [{"stride": (1,)}, {"stride": (2,)}], (2, 3, 6), 2 * (2 * 3 * 4 * 3 * 6) + 2 * 4 * 5 * (8 + 13)),
    ("side of an adaptive pool", lambda: {"layer": nn.AdaptiveAvgPool2d(1), "then": nn.Conv2d(3, 4, 1)},
     [{"output_size": k} for k in (1, 2, 4)], (1, 3, 8, 8), 3 * 4 * (1 + 4 + 16)),
    ("window of a pool", lambda: {"layer": nn.MaxPool2d(2), "then": nn.Conv2d(3, 4, 1)},
     [{"kernel_size": k, "stride": k} for k in (2, 4, 8)], (1, 3, 8, 8), 3 * 4 * (16 + 4 + 1)),
    ("scale of a resize", lambda: {"layer": nn.Upsample(scale_factor=2), "then": nn.Conv2d(3, 4, 1)},
     [{"scale_factor": k} for k in (1.0, 2.0, 3.0)], (1, 3, 4, 4), 3 * 4 * (16 + 64 + 144)),
    ("factor of a shuffle", lambda: {"layer": nn.PixelShuffle(2), "then": nn.Conv2d(4, 4, 1)},
     [{"upscale_factor": 2}], (1, 16, 4, 4), 4 * 4 * 64),
    ("padding of a padding layer", lambda: {"layer": nn.ZeroPad2d(0), "then": nn.Conv2d(3, 4, 1)},
     [{"padding": (0, 0, 0, 0)}, {"padding": (1, 1, 2, 2)}], (1, 3, 4, 4), 3 * 4 * (16 + 6 * 8)),
    ("order of the axes of attention", lambda: {"layer": Square(nn.MultiheadAttention(8, 2))},
     [{"batch_first": False}, {"batch_first": True}], (5, 3, 8),
     2 * (4 * 15 * 8 * 8) + 3 * 2 * 5 * 5 * 8 + 5 * 2 * 3 * 3 * 8),
    ("order of the axes of an LSTM", lambda: {"layer": First(nn.LSTM(8, 4)), "then": First(nn.GRU(4, 2, batch_first=True))},
     [{"batch_first": True}], (5, 3, 8), 15 * 4 * 4 * (8 + 4) + 15 * 3 * 2 * (4 + 2)),
    ("the features that a layer says it has", lambda: {"layer": nn.Linear(8, 4)},
     [{"in_features": 8}, {"in_features": 80, "out_features": 40}], (3, 8), 2 * (3 * 8 * 4)),
]  # fmt: skip


class Square(nn.Module):
    """Self-attention by a layer whose attributes are its own."""

    def __init__(self, inner: nn.MultiheadAttention) -> None:
        super().__init__()
        self.inner, self.batch_first = inner, False

    def forward(self, x: Tensor) -> Any:
        self.inner.batch_first = self.batch_first
        return self.inner(x, x, x, need_weights=False)[0]


class First(nn.Module):
    """The output of a recurrent layer without its state."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.batch_first = inner, inner.batch_first

    def forward(self, x: Tensor) -> Any:
        self.inner.batch_first = self.batch_first
        return self.inner(x)[0]


@pytest.mark.parametrize(
    ("parts", "settings", "shape", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_attributes_that_change_between_calls(
    parts: Any, settings: list[dict[str, Any]], shape: tuple[int, ...], expected: int
) -> None:
    x = torch.zeros(shape)
    module = Run(each_value("layer", settings), **parts())
    shapes = [tuple(y.shape) for y in module(x)]
    module = Run(each_value("layer", settings), **parts())
    for given in (x, meta(x)):
        found = trace(module, (given,), batch=None)
        assert found.profile.macs == expected
        assert found.profile.uncounted == ()
        if not hasattr(module, "then") and isinstance(module.layer, nn.Conv2d | nn.Linear):
            assert [row.output for row in found.profile.rows] == shapes


def test_attributes_that_change_between_traces() -> None:
    layer = nn.Conv2d(3, 3, 3, padding=1)
    module, x = nn.Sequential(layer), torch.zeros(1, 3, 9, 9)
    assert trace(module, (x,)).profile.macs == CONV * 9 * 9
    layer.stride = (2, 2)
    assert trace(module, (x,)).profile.macs == CONV * 5 * 5
    layer.padding = (0, 0)
    assert trace(module, (x,)).profile.macs == CONV * 4 * 4
    layer.kernel_size = (1, 1)  # torch does not read it
    assert trace(module, (x,)).profile.macs == CONV * 4 * 4


def test_attributes_that_a_hook_changes() -> None:
    layer = nn.Conv2d(3, 3, 3, padding=1)

    def halve(m: Any, args: Any) -> None:
        m.stride = (2, 2)

    layer.register_forward_pre_hook(halve)
    assert trace(nn.Sequential(layer), (torch.zeros(1, 3, 9, 9),)).profile.macs == CONV * 5 * 5


def test_what_changes_is_put_back() -> None:
    module = Run(each_value("layer", [{"dilation": (2, 2)}, {"dilation": (3, 3)}]), layer=nn.Conv2d(3, 3, 3))
    found = trace(module, (torch.zeros(1, 3, 9, 9),))
    assert found.harm == ("layer: dilation",)
    layer: Any = module.layer
    assert layer.dilation == (1, 1)


def test_groups_that_change() -> None:
    """The same weight on three channels at once, and on two groups of three."""

    def forward(m: Any, x: Tensor, y: Tensor) -> Any:
        m.c.groups = 1
        first = m.c(x)
        m.c.groups = 2
        return first, m.c(y)

    module = Run(forward, c=nn.Conv2d(3, 4, 3))
    found = trace(module, (torch.zeros(1, 3, 9, 9), torch.zeros(1, 6, 9, 9)), batch=None)
    assert found.profile.macs == 2 * (3 * 3 * 3 * 4 * 7 * 7)
    assert [row.output for row in found.profile.rows] == [(1, 4, 7, 7)] * 2
