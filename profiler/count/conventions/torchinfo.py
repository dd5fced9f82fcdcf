"""torchinfo 1.8 (layer_info.py, calculate_macs): the parameters of modules without modules below them, at every call."""

from __future__ import annotations

from math import prod

from profiler.count.conventions.convention import Convention
from profiler.records.profile import Row

_RANKED = ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm")
_SEES = frozenset(
    [f"{name}{rank}d" for name in _RANKED for rank in (1, 2, 3)]
    + ["Linear", "Bilinear", "SyncBatchNorm", "GroupNorm", "LayerNorm", "RMSNorm", "PReLU", "Embedding", "EmbeddingBag"]
    + ["ClassToken", "PositionEmbedding"]
)
"""Modules whose parameters are called weight and bias, and stand in their rows at the first call."""


def _counted(row: Row) -> int:
    """Of a convolution by its output pixels, the bias at each of them; of others once a sample, whatever they work on.

    Parameters of other names that have weight or bias in them, as recurrent layers have, by the first two axes of the output.
    """
    held = row.facts.get("parameters")
    if held is None:
        if row.module not in _SEES:
            return 0
        held = (row.params, 0)
    plain, other = held
    shape = row.facts.get("returns", row.output)
    times = 0
    if plain:
        times = prod(shape[:1] + shape[2:]) if "Conv" in row.module.rpartition(".")[2] else shape[0]
    return int(plain * times + other * prod(shape[:2]))


def _exceptions(row: Row) -> tuple[int, str] | None:
    if "parameters" in row.facts:
        return None if row.op in TORCHINFO.reasons else (_counted(row), "counts the parameters of a module once a sample")
    if row.module in _SEES or row.op in ("matmul", "attention"):
        return None
    return 0, f"sees no {row.op.replace('_', ' ')} that is not a module with parameters of its own"


_ONCE = "counts {op} as its parameters, once a sample"
_ROUGH = (
    "linear", "bilinear", "batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm", "prelu", "embedding",
    "embedding_bag", "class_token", "position_embedding", "parameter",
)  # fmt: skip
_STEPS = "counts the parameters of recurrent layers at every step"

TORCHINFO = Convention(
    "torchinfo",
    "torchinfo",
    "mult-adds",
    {},
    {
        "conv": "counts a bias as an operation an output",
        "conv_transpose": "counts a transposed convolution by its output pixels, and a bias as an operation an output",
        "matmul": "sees no matrix product outside a module",
        "attention": "sees no attention that is not a module with parameters",
        **dict.fromkeys(_ROUGH, _ONCE),
        **dict.fromkeys(("lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell"), _STEPS),
    },
    _counted,
    by_modules=True,
    exceptions=_exceptions,
)
