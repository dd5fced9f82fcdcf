"""What this device does at best, by a few kernels: the roofs that a layer is held against (Williams et al. 2009)."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from profiler.measure.device import Device
from profiler.measure.live import DTYPES
from profiler.records.timing import Roofs

WORKING_SETS = (1 << 20, 8 << 20, 64 << 20, 256 << 20)
"""Bytes that a stream reads and writes: what fits the near cache is faster than what does not."""
REPEATS = 9
LEAST_S = 2e-3


def roofs(device: Device, dtype: str) -> Roofs:
    """Multiply-adds a second of a large product, bytes a second by working set, seconds that the smallest calls take."""
    kind, where = DTYPES[dtype], device.torch_device
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(), device.products_as_convolutions():
        side = device.matrix_side
        a = torch.randn(side, side, generator=generator).to(where, kind)
        macs = side**3 / _seconds(lambda: torch.mm(a, a), device)
        streams = []
        for size in WORKING_SETS:
            x = torch.randn(size // 2 // a.element_size(), generator=generator).to(where, kind)
            y = torch.empty_like(x)
            streams.append((size, size / _seconds(lambda x=x, y=y: torch.mul(x, 1.5, out=y), device)))  # type: ignore[misc]
        small: dict[str, tuple[torch.nn.Module, tuple[int, ...]]] = {
            "conv": (torch.nn.Conv2d(1, 1, 1), (1, 1, 1, 1)),
            "linear": (torch.nn.Linear(1, 1), (1, 1)),
            "norm": (torch.nn.BatchNorm2d(1).eval(), (1, 1, 1, 1)),
            "other": (torch.nn.ReLU(), (1, 1, 1, 1)),
        }
        calls = {}
        for name, (module, shape) in small.items():
            placed, one = module.to(where, kind), torch.ones(shape, device=where, dtype=kind)
            calls[name] = _seconds(lambda placed=placed, one=one: placed(one), device)  # type: ignore[misc]
    return Roofs(macs, tuple(streams), calls)


def _seconds(work: Callable[[], object], device: Device) -> float:
    """Seconds of a call at best, in blocks long enough for the clock: a roof is what can be done, not what mostly is."""

    def block(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            work()
        device.synchronize()
        return time.perf_counter() - start

    block(1)
    calls = max(1, round(LEAST_S / max(block(1), 1e-7)))
    return min(block(calls) / calls for _ in range(REPEATS))
