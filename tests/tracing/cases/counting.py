"""What the cases share: small modules made of functions, a count with nothing uncounted and nothing changed, and the same on meta."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from profiler.module.copying import copied
from profiler.records.traced import Traced
from profiler.tracing.traced import trace


class Run(nn.Module):
    """A module that runs a function of its arguments and of its parts: modules or parameters, by attribute."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.function(self, *inputs, **named)


def parameter(*shape: int, dtype: torch.dtype = torch.float32) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape, dtype=dtype))


def meta(value: Any) -> Any:
    """`value` on the meta device: a tensor, or tuples, lists and dicts of them."""
    if isinstance(value, Tensor):
        return torch.empty_like(value, device="meta")
    if isinstance(value, dict):
        return {key: meta(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(meta, value))
    return value


def count(module: nn.Module, *inputs: Any, **named: Any) -> Traced:
    """A trace in which nothing is uncounted and which found nothing changed."""
    found = trace(module, inputs, named, batch=None)
    assert found.profile.uncounted == (), found.profile.uncounted
    assert found.harm == (), found.harm
    assert found.profile.macs == sum(row.macs for row in found.profile.rows if not row.side)
    assert type(found.profile.macs) is int
    return found


def count_on_both(make: Callable[[], nn.Module], *inputs: Any, **named: Any) -> Traced:
    """The count of a module on the CPU, which is that of the same module on meta: rows, totals, and the way it ran."""
    here = count(make(), *inputs, **named)
    module = copied(make(), meta)  # Module.to unties what is tied
    there = count(module, *meta(inputs), **meta(named))
    assert here.profile.rows == there.profile.rows
    assert here.profile.totals == there.profile.totals
    assert (here.rung, here.reason, here.useful_macs) == (there.rung, there.reason, there.useful_macs)
    again = count(make(), *meta(inputs), **meta(named))
    assert again.profile.rows == here.profile.rows
    return here


def by_torch(module: nn.Module, *inputs: Any, **named: Any) -> int:
    """Half of what torch's own counter makes of a run on these arguments."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        copy.deepcopy(module).eval()(*inputs, **named)
    return int(counter.get_total_flops()) // 2
