"""torch's FlopCounterMode (torch/utils/flop_counter.py): the operators that run on the meta device; a multiply-add is two."""

from __future__ import annotations

from dataclasses import replace

from profiler.count.conventions.convention import FUSED, GROUPED, Convention, Rule, is_grouped, unfused, zero
from profiler.records.profile import Row

_TWO = "counts a multiply-add as two operations"
_ATTENTION = tuple(f"_scaled_dot_product_{name}_attention" for name in ("flash", "efficient", "cudnn"))
_COUNTED_CALLS = frozenset(
    (
        *("inner", "baddbmm", "_scaled_mm", "cudnn_convolution", "convolution_overrideable", "convolution_backward"),
        *_ATTENTION,
        *(f"{name}_backward" for name in _ATTENTION),
    )
)
"""Operators that it has a formula for, beside those that torch.nn calls."""


def _twice(row: Row) -> int:
    return 2 * row.macs


def _exceptions(row: Row) -> tuple[int, str] | None:
    facts = row.facts
    if "flops" in facts:
        return facts["flops"], _TWO
    if is_grouped(row):
        return 0, GROUPED
    if facts.get("runs") in ("mv", "dot"):
        return 0, "has no formula for products of a matrix and a vector"
    if "call" in facts and facts["call"] not in _COUNTED_CALLS:
        return 0, f"has no formula for {facts['call']}"
    if facts.get("complex") and row.macs:
        if row.op in ("conv", "conv_transpose"):
            return 6 * (row.macs // 4), "counts a complex convolution as three real ones, a multiply-add as two operations"
        return 2 * (row.macs // 4), "counts a complex multiply-add as two operations"
    return None


_RULES: dict[str, Rule] = {"bilinear": zero, "cdist": zero}
_PRODUCTS = ("conv", "conv_transpose", "linear", "matmul", "attention", "multihead_attention")
_RECURRENT = ("lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell")

TORCH = Convention(
    "torch",
    "torch's FlopCounterMode",
    "FLOPs, a multiply-add as two",
    _RULES,
    dict.fromkeys((*_PRODUCTS, *_RECURRENT), _TWO)
    | {"bilinear": "has no formula for bilinear layers", "cdist": "has no formula for distances of pairs"},
    _twice,
    exceptions=_exceptions,
)


def _lstm_on_cpu(row: Row) -> int:
    """One fused operator, unless it projects its state."""
    return _twice(row) if row.facts.get("proj_size") else 0


TORCH_ON_CPU = replace(
    TORCH,
    rules={
        **TORCH.rules,
        "attention": zero,
        "lstm": _lstm_on_cpu,
        "multihead_attention": lambda row: 2 * unfused(row),
    },
    reasons={**TORCH.reasons, "lstm": "does not count the fused LSTM of the CPU", "attention": FUSED},
)
"""What FlopCounterMode sees where a module does not run on the meta device: fused kernels hide their products."""
