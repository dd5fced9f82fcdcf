"""Modules that FSDP shards: gathered for a run, since it sets itself up at a first call that inference mode does not allow."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


def sharded(modules: Iterable[nn.Module]) -> list[Any]:
    """Those that `fully_shard` was called on, where some of their parameters stand in parts."""
    kind = getattr(sys.modules.get("torch.distributed.fsdp"), "FSDPModule", None)
    if kind is None:
        return []
    parts = sys.modules["torch.distributed.tensor"].DTensor
    found: list[Any] = [m for m in modules if isinstance(m, kind)]
    return found if any(isinstance(p, parts) for m in found for p in m.parameters()) else []


@contextmanager
def gathered(modules: list[Any]) -> Iterator[None]:
    """With their whole parameters; sharded again afterwards."""
    for m in modules:
        m.unshard()
    try:
        yield
    finally:
        for m in modules:
            m.unshard()  # whatever the run left of them
            m.reshard()
