"""What torch refuses for its dtypes is refused; what it runs is counted, in any dtype; numbers of numpy in a module are numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profiler import ProfilerError, profile
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count_on_both, meta

REFUSED: list[tuple[str, Callable[[], nn.Module], Callable[[], Tensor]]] = [
    ("float into a half layer", lambda: nn.Linear(8, 4).half(), lambda: torch.randn(3, 8)),
    ("half into a float layer", lambda: nn.Linear(8, 4), lambda: torch.randn(3, 8).half()),
    ("integers into a layer", lambda: nn.Linear(8, 4), lambda: torch.ones(3, 8, dtype=torch.int64)),
    ("booleans into a layer", lambda: nn.Linear(8, 4), lambda: torch.ones(3, 8, dtype=torch.bool)),
    ("double into a float convolution", lambda: nn.Conv2d(3, 4, 3), lambda: torch.randn(1, 3, 9, 9).double()),
    ("integers into a convolution", lambda: nn.Conv1d(3, 4, 3), lambda: torch.ones(1, 3, 9, dtype=torch.int32)),
    ("complex into a real layer", lambda: nn.Linear(8, 4), lambda: torch.randn(3, 8, dtype=torch.complex64)),
    ("floats as tokens", lambda: nn.Embedding(8, 4), lambda: torch.ones(3, 8)),
    ("bfloat16 into half", lambda: nn.ConvTranspose1d(3, 4, 3).half(), lambda: torch.randn(1, 3, 9).bfloat16()),
    ("double into a float LSTM", lambda: nn.LSTM(8, 4), lambda: torch.randn(5, 3, 8).double()),
    ("float into a half norm", lambda: nn.LayerNorm(8).half(), lambda: torch.randn(3, 8)),
    ("the second layer", lambda: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4).double()), lambda: torch.randn(3, 8)),
    ("a half bias", lambda: half_bias(), lambda: torch.randn(3, 8)),
]


def half_bias() -> nn.Module:
    layer: Any = nn.Linear(8, 4)
    layer.bias = nn.Parameter(torch.zeros(4, dtype=torch.float16))
    return nn.Sequential(layer)


@pytest.mark.parametrize(("make", "given"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_torch_refuses_is_refused(make: Callable[[], nn.Module], given: Callable[[], Tensor]) -> None:
    x = given()
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        make()(x)
    with pytest.raises(ProfilerError):
        trace(make(), (x,), batch=None)


COUNTED: list[tuple[str, Callable[[], nn.Module], Callable[[], Tensor], int]] = [
    ("half", lambda: nn.Linear(8, 4).half(), lambda: torch.randn(3, 8).half(), 96),
    ("bfloat16", lambda: nn.Conv1d(3, 4, 3).bfloat16(), lambda: torch.randn(1, 3, 9).bfloat16(), 3 * 4 * 3 * 7),
    ("double", lambda: nn.GRU(8, 4).double(), lambda: torch.randn(5, 2, 8).double(), 5 * 2 * 3 * 4 * (8 + 4)),
    ("tokens of 32 bits", lambda: nn.Sequential(nn.Embedding(8, 4), nn.Linear(4, 2)), lambda: torch.ones(3, dtype=torch.int32), 3 * 8),
    ("cast between layers", lambda: Run(lambda m, x: m.b(m.a(x).double()), a=nn.Linear(8, 8), b=nn.Linear(8, 4).double()),
     lambda: torch.randn(3, 8), 3 * (64 + 32)),
    ("a product of integers", lambda: Run(lambda m, x: x @ x.mT), lambda: torch.ones(3, 8, dtype=torch.int64), 3 * 8 * 3),
    ("autocast", lambda: Run(autocast, a=nn.Linear(8, 8), n=nn.LayerNorm(8), b=nn.Linear(8, 4)), lambda: torch.randn(3, 8), 3 * (64 + 32)),
    ("float into a half batch norm", lambda: nn.BatchNorm1d(8).bfloat16(), lambda: torch.randn(3, 8).bfloat16(), 0),
]  # fmt: skip


def autocast(m: Any, x: Tensor) -> Any:
    with torch.autocast("cpu", torch.bfloat16):
        return m.b(m.n(m.a(x)))


@pytest.mark.parametrize(("make", "given", "expected"), [case[1:] for case in COUNTED], ids=[case[0] for case in COUNTED])
def test_what_torch_runs_is_counted(make: Callable[[], nn.Module], given: Callable[[], Tensor], expected: int) -> None:
    x = given()
    make().eval()(x)
    found = count_on_both(lambda: make().eval(), x)
    assert found.profile.macs == expected
    assert found.rung == "meta"


def test_an_autocast_region_makes_what_it_makes() -> None:
    seen: list[torch.dtype] = []

    def forward(m: Any, x: Tensor) -> Any:
        y = autocast(m, x)
        seen.append(y.dtype)
        return m.c(y)

    module = Run(forward, a=nn.Linear(8, 8), n=nn.LayerNorm(8), b=nn.Linear(8, 4), c=nn.Linear(4, 2).bfloat16())
    assert trace(module, (torch.randn(3, 8),), batch=None).profile.macs == 3 * (64 + 32 + 8)
    assert set(seen) == {torch.bfloat16}


def test_autocast_around_the_count_changes_nothing() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = trace(nn.Linear(8, 4), (torch.randn(3, 8),), batch=None)
    assert (found.profile.macs, found.profile.uncounted) == (96, ())


NUMPY: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int]] = [
    ("stride", lambda: nn.Conv2d(3, 8, 3, stride=(np.int64(2), np.int64(2))), (1, 3, 32, 32), 27 * 8 * 15 * 15),  # type: ignore[arg-type]
    ("padding", lambda: nn.Conv2d(3, 8, 3, padding=(np.int64(1), np.int32(0))), (1, 3, 8, 8), 27 * 8 * 8 * 6),  # type: ignore[arg-type]
    ("kernel", lambda: nn.Conv1d(3, 8, (np.int64(3),)), (1, 3, 8), 9 * 8 * 6),  # type: ignore[arg-type]
    ("features", lambda: nn.Linear(np.int64(8), np.int64(4)), (3, 8), 96),  # type: ignore[arg-type]
    ("groups", lambda: nn.Conv1d(4, 8, 3, groups=np.int64(2)), (1, 4, 8), 2 * 8 * 3 * 6),  # type: ignore[arg-type]
    ("pool", lambda: nn.Sequential(nn.AvgPool2d(np.int64(2)), nn.Conv2d(3, 4, 1)), (1, 3, 8, 8), 12 * 16),  # type: ignore[arg-type]
    ("a shape", lambda: Run(lambda m, x: m.l(x.view(np.int64(3), -1)), l=nn.Linear(8, 4)), (3, 2, 4), 96),
]


@pytest.mark.parametrize(("make", "shape", "expected"), [case[1:] for case in NUMPY], ids=[case[0] for case in NUMPY])
def test_numbers_of_numpy(make: Callable[[], nn.Module], shape: tuple[int, ...], expected: int) -> None:
    for x in (torch.randn(shape), meta(torch.randn(shape))):
        found = profile(make(), args=(x,), batch=None)
        assert found.macs == expected
        counts = (
            found.macs,
            found.params,
            found.elementwise,
            found.activations,
            *(n for row in found.rows for n in (*row.output, row.macs, row.weights)),
        )
        assert {type(n) for n in counts} == {int}
        assert json.loads(json.dumps(found.to_dict()))["macs"] == expected
