"""A product of complex numbers is four of real ones, in stock layers as in functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler import trace_training
from tests.tracing.cases.counting import Run, count_on_both, parameter

# torch calls modules of complex numbers new
pytestmark = pytest.mark.filterwarnings("ignore:Complex modules:UserWarning")

C = torch.complex64

CASES: list[tuple[str, Callable[[], nn.Module], tuple[tuple[int, ...], ...], int]] = [
    ("linear", lambda: nn.Linear(3, 4, dtype=C), ((2, 3),), 4 * 2 * 3 * 4),
    ("linear without bias", lambda: nn.Linear(8, 4, bias=False, dtype=C), ((2, 5, 8),), 4 * 10 * 8 * 4),
    ("conv1d", lambda: nn.Conv1d(3, 4, 3, dtype=C), ((2, 3, 9),), 4 * 2 * 9 * 4 * 7),
    ("conv2d", lambda: nn.Conv2d(3, 4, 3, dtype=C), ((1, 3, 8, 8),), 4 * 27 * 4 * 36),
    ("conv2d of two", lambda: nn.Conv2d(3, 4, 3, dtype=C), ((2, 3, 9, 9),), 4 * 2 * 27 * 4 * 49),
    ("conv2d depthwise", lambda: nn.Conv2d(4, 4, 3, groups=4, dtype=C), ((1, 4, 8, 8),), 4 * 9 * 4 * 36),
    ("conv2d padded", lambda: nn.Conv2d(3, 4, 3, padding="same", dtype=C), ((1, 3, 8, 8),), 4 * 27 * 4 * 64),
    ("conv3d", lambda: nn.Conv3d(2, 3, 2, dtype=C), ((1, 2, 4, 4, 4),), 4 * 16 * 3 * 27),
    ("transposed", lambda: nn.ConvTranspose1d(3, 4, 3, dtype=C), ((1, 3, 8),), 4 * 36 * 8),
    ("F.linear", lambda: Run(lambda m, x: F.linear(x, m.w), w=parameter(4, 3, dtype=C)), ((2, 3),), 4 * 2 * 3 * 4),
    (
        "F.conv2d",
        lambda: Run(lambda m, x: F.conv2d(x, m.w), w=parameter(4, 3, 3, 3, dtype=C)),
        ((2, 3, 9, 9),),
        4 * 2 * 27 * 4 * 49,
    ),
    ("matmul", lambda: Run(lambda m, x: x @ m.w, w=parameter(8, 4, dtype=C)), ((2, 8),), 4 * 2 * 8 * 4),
    (
        "einsum",
        lambda: Run(lambda m, x: torch.einsum("bi,io->bo", x, m.w), w=parameter(8, 4, dtype=C)),
        ((2, 8),),
        4 * 2 * 8 * 4,
    ),
    ("mv", lambda: Run(lambda m, x: torch.mv(m.w, x), w=parameter(4, 8, dtype=C)), ((8,),), 4 * 32),
    (
        "two layers",
        lambda: nn.Sequential(nn.Linear(8, 6, dtype=C), nn.Tanh(), nn.Linear(6, 4, dtype=C)),
        ((3, 8),),
        4 * 3 * (48 + 24),
    ),
    ("double", lambda: nn.Linear(3, 4, dtype=torch.complex128), ((2, 3),), 4 * 2 * 3 * 4),
]


@pytest.mark.parametrize(("make", "shapes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_four_times_the_real_product(make: Callable[[], nn.Module], shapes: tuple[tuple[int, ...], ...], expected: int) -> None:
    dtype = next(make().parameters()).dtype
    found = count_on_both(make, *(torch.randn(shape, dtype=dtype) for shape in shapes))
    assert found.profile.macs == expected
    assert found.profile.params == sum(p.numel() for p in make().parameters())
    assert found.rung == "meta"


def test_a_layer_that_was_cast() -> None:
    found = count_on_both(lambda: nn.Linear(8, 4).to(C), torch.randn(2, 8, dtype=C))
    assert found.profile.macs == 4 * 2 * 8 * 4


def test_only_the_complex_part_of_a_network() -> None:
    """Real features, a filter in the frequency domain, real features again."""

    def forward(m: Any, x: Tensor) -> Any:
        y = torch.einsum("bf,fo->bo", torch.complex(m.a(x), m.a(x)), m.w)
        return m.b(y.real)

    def make() -> nn.Module:
        return Run(forward, a=nn.Linear(8, 6), w=parameter(6, 5, dtype=C), b=nn.Linear(5, 4))

    found = count_on_both(make, torch.randn(3, 8))
    assert found.profile.macs == 2 * 3 * 8 * 6 + 4 * 3 * 6 * 5 + 3 * 5 * 4


def test_attention_of_complex_numbers_written_out() -> None:
    x = torch.randn(2, 5, 8, dtype=C)
    found = count_on_both(lambda: Run(lambda m, x: (x @ x.mH).abs().softmax(-1) @ x.real), x)
    assert found.profile.macs == 4 * 2 * 5 * 5 * 8 + 2 * 5 * 5 * 8


@pytest.mark.parametrize(("layer", "shape", "forward"), [
    (lambda: nn.Linear(8, 4, dtype=C), (2, 8), 4 * 2 * 8 * 4),
    (lambda: nn.Conv2d(3, 4, 3, dtype=C), (2, 3, 9, 9), 4 * 2 * 27 * 4 * 49),
], ids=["linear", "convolution"])  # fmt: skip
def test_a_training_step_goes_by_the_same_rule(layer: Callable[[], nn.Module], shape: tuple[int, ...], forward: int) -> None:
    """torch runs a complex convolution as three real ones; here it is four, forward and backward."""

    class Loss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x).abs().sum()  # type: ignore[no-any-return]

    found = trace_training(Loss(), (torch.randn(shape, dtype=C),))
    assert (found.forward, found.backward) == (forward, forward)
