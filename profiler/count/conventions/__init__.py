"""What counts and how much: each convention a dict {op: Row → int}, so that one walk prints what any tool would.

`paper` counts multiply-adds of convolution, linear and matrix products, and nothing else: the "Mult-Adds" of the MobileNet
tables. The others give, to the integer, the total that the tool of that name prints in evaluation mode; the tests run the
tools. An operation that a convention has no rule for costs what its `rest` says, nothing for most.
"""

from __future__ import annotations

from profiler.count.conventions.convention import Convention, macs
from profiler.count.conventions.flop_counter import TORCH, TORCH_ON_CPU
from profiler.count.conventions.fvcore import FVCORE
from profiler.count.conventions.onnx_tool import ONNX_TOOL
from profiler.count.conventions.thop import THOP
from profiler.count.conventions.torchinfo import TORCHINFO
from profiler.errors import ProfilerError, UnknownName

__all__ = ["CONVENTIONS", "FVCORE", "ONNX_TOOL", "PAPER", "THOP", "TORCH", "TORCHINFO", "TORCH_ON_CPU", "Convention", "find"]

PAPER = Convention("paper", "the papers", "multiply-adds", {}, {}, macs, counts="any")

CONVENTIONS: dict[str, Convention] = {each.name: each for each in (PAPER, FVCORE, THOP, TORCH, TORCHINFO, ONNX_TOOL)}


def find(name: str) -> Convention:
    """The convention called `name`. Raises UnknownName."""
    if name not in CONVENTIONS:
        raise UnknownName("convention", name, CONVENTIONS)
    return CONVENTIONS[name]


def check(rule: Convention, name: str, modules: bool) -> None:
    """Refuse a convention that does not count such a network as the one called `name`. Raises ProfilerError."""
    if rule.counts == "modules" and not modules:
        raise ProfilerError(
            f"convention '{rule.name}' is for torch modules, and {name} is an ONNX file; use paper or {ONNX_TOOL.name}"
        )
    if rule.counts == "onnx" and modules:
        known = ", ".join(each.name for each in CONVENTIONS.values() if each.counts != "onnx")
        raise ProfilerError(
            f"convention '{rule.name}' is for ONNX files, and {name} is not one; export it first, "
            f"as profiler show {name} -o {name}.onnx, or use one of {known}"
        )
