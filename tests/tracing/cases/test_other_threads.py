"""Layers that another thread runs are not seen, so the count is refused; threads that only prepare data are no concern."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler import ProfilerError
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count


def test_layers_in_a_pool_are_refused() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda layer: layer(x), (m.a, m.b)))

    module = Run(forward, a=nn.Linear(8, 4, device="meta"), b=nn.Linear(8, 4, device="meta"))
    with pytest.raises(ProfilerError, match=r"Run: [ab] was called in another thread while it was counted"):
        trace(module, (torch.randn(3, 8),))


def test_a_thread_that_prepares_numbers_is_no_concern() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with ThreadPoolExecutor(1) as pool:
            n = pool.submit(lambda: 2).result()
        return m.a(x[:n])

    assert count(Run(forward, a=nn.Linear(8, 4)), torch.randn(3, 8)).profile.macs == 2 * 8 * 4
