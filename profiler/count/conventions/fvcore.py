"""fvcore 0.1.5 (nn/jit_handles.py): operators of the graph that torch.jit records; a multiply-add is one operation."""

from __future__ import annotations

from math import prod

from profiler.count.conventions.convention import (
    FUSED,
    GROUPED,
    Convention,
    Rule,
    elements_in,
    elements_out,
    is_grouped,
    macs,
    unfused,
    zero,
)
from profiler.records.profile import Row, Shape


def _batch_norm(row: Row) -> int:
    if not row.facts["track_running_stats"]:
        return _norm(row)  # without running statistics it runs as in training
    return elements_out(row) * (2 if row.facts["affine"] else 1)


def _norm(row: Row) -> int:
    scaled = row.facts.get("affine", row.facts.get("elementwise_affine"))
    return elements_out(row) * (5 if scaled else 4)  # as many as go in


def _adaptive_pool(row: Row) -> int:
    """It knows the operator of 2D features only."""
    two = row.facts["axes"] == 2 if "axes" in row.facts else len(row.output) == 4
    return elements_in(row) if two else 0


def _resize(row: Row) -> int:
    if len(row.output) != 4:
        return 0
    return elements_out(row) * {"nearest": 1, "bilinear": 4}.get(row.facts["mode"], 0)


def _exceptions(row: Row) -> tuple[int, str] | None:
    facts = row.facts
    if facts.get("within") == "einsum":
        equation = facts.get("equation")
        return 0 if equation is None else _einsum(equation, facts["operands"]), "counts einsum by numpy's path, to four digits"
    if is_grouped(row):
        return 0, GROUPED
    if (
        facts.get("masked") and "fused_macs" not in facts
    ):  # the scores are a baddbmm: embed_dim products for L·S of every sample
        scores: int = row.elementwise // facts["num_heads"] * facts["embed_dim"]
        return row.macs - scores, "does not count the scores that a mask is added to"
    if "within" in facts:
        return 0, f"passes over {facts['within']}"
    if "call" in facts:
        return 0, f"passes over {facts['call'].lstrip('_')}"
    if row.op in ("conv", "conv_transpose") and isinstance(facts.get("padding"), str):
        return 0, 'passes over convolutions whose padding is given by name, as "same"'
    if facts.get("complex") and row.macs:
        if row.op in ("conv", "conv_transpose"):
            return 3 * (row.macs // 4), "counts a complex convolution as three real ones"
        return row.macs // 4, "counts a complex multiply-add as one"
    if row.op in ("matmul", "linear") and "operands" in facts:
        a, b = facts["operands"]
        if row.op == "linear":  # a weight of one row
            return prod(a) * b[0], "counts a product with a vector of M as M products"
        return prod(a) * b[-1], "counts a matrix product by the batch of its first factor"
    return None


def _einsum(equation: str, operands: tuple[Shape, ...]) -> int:
    """As its handle does: two patterns by their shapes, others by the text that numpy prints of its path."""
    plain = equation.replace(" ", "")
    letters = {ord(letter): 97 + i for i, letter in enumerate(dict.fromkeys(c for c in plain if c.isalpha()))}
    plain = plain.translate(letters)
    if plain == "abc,abd->acd":
        return prod(operands[0]) * operands[-1][-1]
    if plain == "abc,adc->adb":
        return prod(operands[0]) * operands[-1][1]
    import numpy as np

    _, said = np.einsum_path(plain, *(np.broadcast_to(np.float32(0), shape) for shape in operands), optimize="optimal")
    line = next(line for line in str(said).lower().split("\n") if "optimized flop" in line)
    return int(float(line.split(":")[-1]) / 2)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv", "conv_transpose", "linear", "matmul"), macs),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_cell"), macs),  # which are recorded as the linear layers that they are
    "attention": zero,
    "multihead_attention": unfused,
    "batch_norm": _batch_norm,
    **dict.fromkeys(("layer_norm", "group_norm", "instance_norm"), _norm),
    "adaptive_avg_pool": _adaptive_pool,
    "upsample": _resize,
    "resize": _resize,
    "grid_sampler": lambda row: 4 * elements_out(row),
}

FVCORE = Convention(
    "fvcore",
    "fvcore",
    "operations, a multiply-add as one",
    _RULES,
    {
        "attention": FUSED,
        "multihead_attention": FUSED,
        "batch_norm": "counts {m} operations per element of BatchNorm",
        "layer_norm": "counts {m} operations per element of LayerNorm",
        "group_norm": "counts {m} operations per element of GroupNorm",
        "instance_norm": "counts {m} operations per element of InstanceNorm",
        "adaptive_avg_pool": "counts 1 operation per input element of adaptive average pooling",
        "upsample": "counts {m} operations per output element of resizing",
        "resize": "counts {m} operations per output element of resizing",
        "grid_sampler": "counts 4 operations per output element of grid sampling",
    },
    exceptions=_exceptions,
)
