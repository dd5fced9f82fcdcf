"""Modules that are spread over processes, here over one: sharded, replicated and made of distributed tensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from profiler import trace

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not dist.is_available(), reason="torch without distributed"),
]


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Any]:
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'rendezvous'}", rank=0, world_size=1)
    try:
        yield init_device_mesh("cpu", (1,))
    finally:
        dist.destroy_process_group()


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


EXPECTED = 3 * (8 * 16 + 16 * 4)
PARAMS = 8 * 16 + 16 + 16 * 4 + 4


def sharded(mesh: Any) -> nn.Module:
    from torch.distributed.fsdp import fully_shard

    m = network()
    fully_shard(m[0], mesh=mesh)
    fully_shard(m, mesh=mesh)
    return m


def test_freshly_sharded(mesh: Any) -> None:
    """fully_shard sets itself up at the first call: before it and after it the count is the same."""
    x = torch.randn(3, 8)
    fresh, ran = sharded(mesh), sharded(mesh)
    ran(x)
    for module in (fresh, ran, fresh):
        found = trace(module, (x,), batch=None)
        assert (found.profile.macs, found.profile.params) == (EXPECTED, PARAMS)
    assert fresh(x).shape == (3, 4)


def test_replicated(mesh: Any) -> None:
    module = nn.parallel.DistributedDataParallel(network())
    found = trace(module, (torch.randn(3, 8),), batch=None)
    assert (found.profile.macs, found.profile.params) == (EXPECTED, PARAMS)


def test_parallel_by_tensors(mesh: Any) -> None:
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    module = parallelize_module(network(), mesh, {"0": ColwiseParallel(), "2": RowwiseParallel()})
    found = trace(module, (torch.randn(3, 8),), batch=None)
    assert (found.profile.macs, found.profile.params) == (EXPECTED, PARAMS)


def test_distributed_tensors(mesh: Any) -> None:
    from torch.distributed.tensor import Shard, distribute_module, distribute_tensor

    module = distribute_module(nn.Linear(8, 4), mesh)
    x = distribute_tensor(torch.randn(3, 8), mesh, [Shard(0)])
    found = trace(module, (x,), batch=None)
    assert (found.profile.macs, found.profile.params) == (3 * 8 * 4, 36)
    assert module(x).to_local().shape == (3, 4)


def test_data_parallel_without_devices() -> None:
    found = trace(nn.DataParallel(network()), (torch.randn(3, 8),), batch=None)
    assert (found.profile.macs, found.profile.params) == (EXPECTED, PARAMS)
