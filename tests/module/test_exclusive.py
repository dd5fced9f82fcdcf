"""Several threads that profile at once: the counts of one, and a process that is as before."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

from profiler import ProfilerError, build, memory, profile, trace, trace_training
from profiler.module import exclusive

THREADS, CALLS = 8, 25


class Own(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, width), nn.LayerNorm(width), nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> Any:
        print("in forward")
        return self.last(torch.relu(self.norm(self.first(x))))


def together(work: Callable[[int], Any]) -> list[Any]:
    """work(0) … work(7), in threads that begin at the same time."""
    start = threading.Barrier(THREADS)

    def begin(i: int) -> Any:
        start.wait()
        return work(i)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_threads_count_as_one_does(shared: bool, capfd: pytest.CaptureFixture[str]) -> None:
    modules = [Own(8 + (0 if shared else i)).train() for i in range(THREADS)]
    if shared:
        modules = modules[:1] * THREADS
    modules[0].norm.eval()
    expected = [profile(m, input=(8,)).rows for m in modules]
    out, call, fast = sys.stdout, nn.Module.__call__, torch.backends.mha.get_fastpath_enabled()
    found = together(lambda i: [profile(modules[i], input=(8,)).rows for _ in range(CALLS)])
    for each, right in zip(found, expected, strict=True):
        assert each == [right] * CALLS
    for i, m in enumerate(modules):
        width = 8 + (0 if shared else i)
        assert sum(row.macs for row in found[i][0]) == 8 * width + width * 4
        assert [part.training for part in m.modules()] == [True, True, m is not modules[0], True]
    assert sys.stdout is out
    assert nn.Module.__call__ is call
    assert torch.backends.mha.get_fastpath_enabled() is fast
    assert capfd.readouterr().out == ""


def test_all_that_runs_a_module_may_run_beside_each_other() -> None:
    module, x = Own(8), torch.zeros(1, 8)
    work: list[Callable[[], Any]] = [
        lambda: trace(module, (x,)).profile.macs,
        lambda: trace_training(module, (x,)).forward,
        lambda: memory(module, (x,)).params,
        lambda: build("lenet5", device="meta").training,
    ]
    expected = [each() for each in work]
    assert expected[:2] == [8 * 8 + 8 * 4] * 2
    found = together(lambda i: [work[(i + j) % 4]() for j in range(8)])
    assert found == [[expected[(i + j) % 4] for j in range(8)] for i in range(THREADS)]


class Waits(nn.Module):
    """Its forward waits for a thread that profiles."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        faults: list[BaseException] = []

        def other() -> None:
            try:
                profile(nn.Linear(8, 4), input=(8,))
            except ProfilerError as fault:
                faults.append(fault)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        raise faults[0]


def test_a_forward_that_waits_for_a_thread_that_profiles_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "BLOCKED_S", 0.3)
    with pytest.raises(ProfilerError, match=r"another thread is being profiled, which stands at threading\.py, line \d+"):
        profile(Waits(), input=(8,))
    assert profile(nn.Linear(8, 4), input=(8,)).macs == 8 * 4


class Nested(nn.Module):
    """Its forward profiles another module, in the same thread."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.found = profile(nn.Linear(8, 4), input=(8,)).macs
        assert self.found == 8 * 4
        return x


def test_a_forward_that_profiles_goes_on() -> None:
    profile(Nested(), input=(8,))
