"""What a network's weights would take, and whether that is free, before anything is allocated. No torch for a closed form."""

from __future__ import annotations

from itertools import chain

from profiler.load.load import Counted, Network
from profiler.measure.host import available_memory
from profiler.report.units import count, size

MOST_MACS = 10**12
"""Multiply-adds of a run that is done unasked, a minute or less on most machines."""
SHARE = 2
"""One part in so many of the free memory is the most that weights are given without being asked for."""


def weight_bytes(network: Counted, copied: bool = False) -> int:
    """Bytes of the parameters and buffers that a network has when it stands on a real device.

    Those that stand on one already are only counted where the module is `copied`. A closed form is built in
    float32, and a file loaded as it is. Raises ProfilerError.
    """
    if isinstance(network, Network):
        totals = network.totals()
        return 4 * (totals.params + totals.side_params + totals.buffers)
    if not network.has_module:
        profile = network.profile()
        return sum(profile.bytes_by_dtype.values()) + 4 * (profile.buffers + profile.unread)
    module = network.module("meta")
    from torch.nn import UninitializedParameter

    tensors = {id(t): t for t in chain(module.parameters(), module.buffers()) if not isinstance(t, UninitializedParameter)}
    return sum(t.numel() * t.element_size() for t in tensors.values() if copied or t.is_meta)


def shortage(needed: int, what: str = "weights") -> str:
    """`25.1 GiB of weights and 22.4 GiB are free`, where that is too much to take unasked; empty where it is not."""
    free = available_memory()
    if free is None or needed <= free // SHARE:
        return ""
    return f"{size(needed)} of {what} and {size(free)} are free"


def too_long(macs: int) -> str:
    """`1.75 T multiply-adds`, where that is too much to run unasked; empty where it is not."""
    return f"{count(macs, 'auto')} multiply-adds" if macs > MOST_MACS else ""
