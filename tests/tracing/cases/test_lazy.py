"""Lazy layers and parameters without a shape yet: counted as they will be, and left as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from profiler import profile, trace, trace_training

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")


def lazies(module: nn.Module) -> list[bool]:
    return [is_lazy(t) for t in (*module.parameters(), *module.buffers())]


CASES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int, int]] = [
    ("linear", lambda: nn.LazyLinear(4), (2, 3), 2 * 3 * 4, 3 * 4 + 4),
    ("batch norm", lambda: nn.LazyBatchNorm2d(), (1, 3, 8, 8), 0, 6),
    ("batch norm without scale", lambda: nn.LazyBatchNorm1d(affine=False), (2, 3), 0, 0),
    ("instance norm", lambda: nn.LazyInstanceNorm1d(affine=True), (1, 3, 8), 0, 6),
    ("convolution", lambda: nn.Sequential(nn.LazyConv2d(4, 3)), (1, 3, 8, 8), 4 * 27 * 36, 4 * 27 + 4),
    ("convolution and norm", lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d()), (1, 3, 8, 8), 4 * 27 * 36, 112 + 8),
    ("a network", lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)), (2, 3, 8, 8),
     2 * (36 * 108 + 144 * 2), 112 + 8 + 290),
    ("transposed", lambda: nn.LazyConvTranspose1d(4, 3), (2, 3, 8), 2 * 3 * 4 * 3 * 8, 3 * 4 * 3 + 4),
    ("beside a usual one", lambda: nn.Sequential(nn.Linear(3, 5), nn.LazyLinear(4, bias=False)), (2, 3), 2 * (3 * 5 + 5 * 4), 20 + 20),
    ("shared", lambda: nn.Sequential(*[nn.LazyLinear(3)] * 2), (2, 3), 2 * (2 * 3 * 3), 12),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shape", "macs", "params"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("training", [False, True])
def test_lazy_layers(make: Callable[[], nn.Module], shape: tuple[int, ...], macs: int, params: int, training: bool) -> None:
    module = make().train(training)
    before = lazies(module)
    for device in ("cpu", "meta"):
        found = profile(module, args=(torch.zeros(shape, device=device),), batch=None)
        assert (found.macs, found.params, found.unread, found.uncounted) == (macs, params, 0, ())
        assert lazies(module) == before
    assert module.training is training


def test_a_training_step_of_lazy_layers() -> None:
    module = nn.LazyLinear(4)
    assert trace_training(module, (torch.randn(2, 3),)).step == 2 * 3 * 4 + 2 * 3 * 4
    assert lazies(module) == [True, True]
    module = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.LazyLinear(2))  # type: ignore[assignment]
    assert trace_training(module, (torch.randn(2, 3),)).step == 2 * (2 * 3 * 4) + 3 * (2 * 4 * 2)
    assert all(lazies(module)[:2])


class Bare(nn.Module):
    """Gives its parameter a shape at the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.UninitializedParameter()

    def forward(self, x: Tensor) -> Tensor:
        if is_lazy(self.w):
            self.w.materialize((x.shape[-1], 4))
            nn.init.zeros_(self.w)
        return x @ self.w


class Replaces(nn.Module):
    """Replaces its parameter at every call."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.w: Any = nn.UninitializedParameter()
        self.shape = shape

    def forward(self, x: Tensor) -> Any:
        self.w = nn.Parameter(torch.zeros(self.shape))
        return x * self.w


class Leaves(nn.Module):
    """Has a parameter that is never given a shape."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.l = nn.UninitializedParameter(), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Any:
        return self.l(x)


@pytest.mark.parametrize(("make", "x", "macs", "params"), [
    (Bare, (3, 8), 3 * 8 * 4, 32),
    (lambda: nn.Sequential(Bare(), Bare()), (3, 8), 3 * 8 * 4 + 3 * 4 * 4, 32 + 16),
    (lambda: Replaces(1), (1, 1), 0, 1),
    (lambda: Replaces(8), (3, 8), 0, 8),
    (Leaves, (3, 2), 3 * 2 * 2, 6),
], ids=["given a shape", "two of them", "replaced", "replaced by a vector", "never"])  # fmt: skip
def test_parameters_without_a_shape(make: Callable[[], nn.Module], x: Any, macs: int, params: int) -> None:
    module = make()
    before = [(name, id(p), type(p)) for name, p in module.named_parameters()]
    for device in ("cpu", "meta"):
        for count in (
            trace(module, (torch.zeros(x, device=device),)).profile,
            profile(module, args=(torch.zeros(x, device=device),)),
        ):
            assert (count.macs, count.params) == (macs, params)
        assert [(name, id(p), type(p)) for name, p in module.named_parameters()] == before
        assert all(is_lazy(p) for name, p in module.named_parameters() if name.endswith("w"))


def test_uninitialised_buffers() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("b", nn.UninitializedBuffer())

        def forward(self, x: Tensor) -> Any:
            b: Any = self.b
            if is_lazy(b):
                b.materialize((x.shape[-1], 4))
            return x @ b

    module = Held()
    found = profile(module, args=(torch.zeros(3, 8),))
    assert (found.macs, found.params, found.buffers) == (96, 0, 32)
    assert lazies(module) == [True]
