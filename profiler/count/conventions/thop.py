"""thop 0.1.1 (vision/basic_hooks.py, calc_func.py, rnn_hooks.py): modules of the classes on its list, by their shapes."""

from __future__ import annotations

from math import prod

from profiler.count.conventions.convention import Convention, Rule, elements_in, elements_out, zero
from profiler.records.profile import Row


def _conv(row: Row) -> int:
    """By its output, also transposed; the channels are its second axis, of a sample without a batch one of the picture's."""
    groups, kernel = row.facts["groups"], row.facts["kernel"]
    count: int = elements_out(row) * (row.inputs[0][1] // groups) * prod(kernel)
    return count


def _linear(row: Row) -> int:
    return row.macs // 4 if row.facts.get("complex") else row.macs


def _norm(row: Row) -> int:
    scaled = row.facts.get("affine") or row.facts.get("elementwise_affine")
    return elements_in(row) * (4 if scaled else 2)


def _softmax(row: Row) -> int:
    n: int = row.inputs[0][row.facts.get("dim", 1)]
    return elements_in(row) // n * (3 * n - 1)


def _adaptive_pool(row: Row) -> int:
    window = prod((a / b for a, b in zip(row.inputs[0][2:], row.output[2:], strict=True)), start=1.0)
    return int((window + 1) * elements_out(row))


_LINEAR = {3: 5, 4: 11, 5: 0}
"""Operations an output of linear resizing in one, two and three axes."""


def _upsample(row: Row) -> int:
    mode = row.facts["mode"]
    each = {"nearest": 1, "bicubic": 259}.get(mode, _LINEAR[len(row.output)] if mode == "bilinear" else 0)
    return elements_out(row) * each


def _cell(op: str, width: int, state: int, bias: bool) -> int:
    """One step of one sample: a bias twice, and the gates' products and sums."""
    gates, rest = {"lstm": (4, 4 * state), "gru": (3, 4 * state), "rnn": (1, 0)}[op]
    return gates * ((width + state) * state + state + (2 * state if bias else 0)) + rest


def _recurrent(row: Row) -> int:
    """Its cells at every step of every sample; steps and samples are the first two axes, whatever they are."""
    facts = row.facts
    m, h, bias, two = facts["input_size"], facts["hidden_size"], facts["bias"], 2 if facts["bidirectional"] else 1
    first, others = _cell(row.op, m, h, bias), _cell(row.op, two * h, h, bias)
    layers = two * first + (facts["num_layers"] - 1) * two * others
    count: int = layers * prod(facts.get("packed", row.inputs[0][:2]))
    return count


def _recurrent_cell(row: Row) -> int:
    facts = row.facts
    count: int = row.inputs[0][0] * _cell(
        row.op.removesuffix("_cell"), facts["input_size"], facts["hidden_size"], facts["bias"]
    )
    return count


def _exceptions(row: Row) -> tuple[int, str] | None:
    """A module that stands in several places has a hook, and is added up, for each of them."""
    places = row.facts.get("places")
    if not places:
        return None
    return places**2 * _RULES.get(row.op, zero)(row), "counts a module in several places once for each, squared"


_GATES = ("lstm", "gru", "rnn")
_CELLS = tuple(f"{name}_cell" for name in _GATES)
_RULES: dict[str, Rule] = {
    "conv": _conv,
    "linear": _linear,
    "conv_transpose": _conv,
    "batch_norm": _norm,
    "instance_norm": _norm,
    "layer_norm": _norm,
    "prelu": elements_in,
    "softmax": _softmax,
    "avg_pool": elements_out,
    "adaptive_avg_pool": _adaptive_pool,
    "upsample": _upsample,
    **dict.fromkeys(_GATES, _recurrent),
    **dict.fromkeys(_CELLS, _recurrent_cell),
}
_BY_RANK = ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm", "AvgPool", "AdaptiveAvgPool")
_SEES = frozenset(
    [f"{name}{rank}d" for name in _BY_RANK for rank in (1, 2, 3)]
    + ["SyncBatchNorm", "LayerNorm", "PReLU", "Softmax", "Linear", "RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"]
    + ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]
)

THOP = Convention(
    "thop",
    "thop",
    "operations, a multiply-add as one",
    _RULES,
    {
        "attention": "sees no attention that is not a module of its own list",
        "matmul": "sees no matrix product outside a Linear",
        "conv": "takes the second axis for the channels, of a sample without a batch too",
        "linear": "counts a complex multiply-add as one",
        "conv_transpose": "counts a transposed convolution by its output pixels instead of its input pixels",
        "batch_norm": "counts {n} operations per element of BatchNorm",
        "instance_norm": "counts {n} operations per element of InstanceNorm",
        "layer_norm": "counts {n} operations per element of LayerNorm",
        "prelu": "counts 1 operation per element of PReLU",
        "softmax": "counts 3n - 1 operations per row of n of a softmax",
        "avg_pool": "counts 1 operation per output element of average pooling",
        "adaptive_avg_pool": "counts k + 1 operations per output element of adaptive average pooling of k",
        "upsample": "counts {m} operations per output element of resizing",
        **dict.fromkeys((*_GATES, *_CELLS), "counts biases and the products of gates in recurrent layers"),
    },
    sees=_SEES,
    by_modules=True,
    exceptions=_exceptions,
)
