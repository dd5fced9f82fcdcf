"""What counts and how much: each convention a dict {op: Row → int}, so that one walk prints what any tool would.

`paper` counts multiply-adds of convolution, linear and matrix products, and nothing else: the "Mult-Adds" of the MobileNet
tables. The others give, to the integer, the total that the tool of that name prints in evaluation mode; the tests run the
tools. An operation that a convention has no rule for costs what its `rest` says, nothing for most.
"""

from __future__ import annotations

from profiler.count.conventions.convention import Convention, macs
from profiler.count.conventions.flop_counter import TORCH, TORCH_ON_CPU
from profiler.count.conventions.fvcore import FVCORE
from profiler.count.conventions.thop import THOP
from profiler.count.conventions.torchinfo import TORCHINFO
from profiler.errors import UnknownName

__all__ = ["CONVENTIONS", "FVCORE", "PAPER", "THOP", "TORCH", "TORCHINFO", "TORCH_ON_CPU", "Convention", "find"]

PAPER = Convention("paper", "the papers", "multiply-adds", {}, {}, macs)

CONVENTIONS: dict[str, Convention] = {each.name: each for each in (PAPER, FVCORE, THOP, TORCH, TORCHINFO)}


def find(name: str) -> Convention:
    """The convention called `name`. Raises UnknownName."""
    if name not in CONVENTIONS:
        raise UnknownName("convention", name, CONVENTIONS)
    return CONVENTIONS[name]
