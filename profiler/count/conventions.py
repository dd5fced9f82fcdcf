"""What counts and how much: each convention a dict {op: Row → int}, so that one walk prints what any tool would.

`paper` counts multiply-adds of convolution, linear and matrix products, and nothing else: the "Mult-Adds" of the MobileNet
tables. The others give, to the integer, the total that the tool of that name prints in evaluation mode; the tests run the
tools. An operation that a convention has no rule for costs what its `rest` says, nothing for most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod

from profiler.errors import UnknownName
from profiler.records.profile import Row

Rule = Callable[[Row], int]


def _macs(row: Row) -> int:
    return row.macs


def _zero(row: Row) -> int:
    return 0


@dataclass(frozen=True)
class Convention:
    """How one tool or paper counts."""

    name: str
    title: str
    unit: str
    """What its total is a number of."""
    rules: Mapping[str, Rule]
    reasons: Mapping[str, str]
    """Why an operation's count is not its multiply-adds, as the rest of a sentence that begins "it"; {n} is the count an
    element of the first input, {m} of the output."""
    rest: Rule = _zero
    """The rule of operations that have none of their own."""
    sees: frozenset[str] | None = None
    """The classes of the modules that it looks at; None where it looks at operations, wherever they run."""

    def of(self, row: Row) -> int:
        """What `row` counts under this convention; nothing for what runs in training only."""
        if row.side or (self.sees is not None and row.module not in self.sees):
            return 0
        return self.rules.get(row.op, self.rest)(row)

    def total(self, rows: Iterable[Row]) -> int:
        """What the tool prints."""
        return sum(map(self.of, rows))

    def differences(self, rows: Iterable[Row]) -> dict[str, int]:
        """What it adds to the multiply-adds, or leaves out, by reason."""
        found: dict[str, int] = {}
        for row in rows:
            extra = self.of(row) - (0 if row.side else row.macs)
            if extra:
                counted = self.of(row)
                each = {"n": counted // (prod(row.inputs[0]) or 1), "m": counted // (prod(row.output) or 1)}
                reason = self._reason(row).format(**each)
                found[reason] = found.get(reason, 0) + extra
        return found

    def _reason(self, row: Row) -> str:
        if "experts" in row.facts and row.op in self.reasons:
            return _GROUPED
        if self.sees is not None and row.macs and row.module not in self.sees and row.op not in ("attention", "matmul"):
            return f"sees no {row.op.replace('_', ' ')} that is not a module of its own list"
        return self.reasons.get(row.op, f"passes over {row.op.replace('_', ' ')}")


def find(name: str) -> Convention:
    """The convention called `name`. Raises UnknownName."""
    if name not in CONVENTIONS:
        raise UnknownName("convention", name, CONVENTIONS)
    return CONVENTIONS[name]


def _single(row: Row) -> int:
    """Nothing of a product in groups, which its formulas do not know."""
    return 0 if "experts" in row.facts else row.macs


def _unfused(row: Row) -> int:
    """A whole attention module, without the products of its fused kernel."""
    fused: int = row.facts.get("fused_macs", 0)
    return row.macs - fused


_FUSED = "does not count the products of fused attention"
_GROUPED = "does not count the grouped products of experts"


def _in(row: Row) -> int:
    """Elements of the first input."""
    return prod(row.inputs[0])


def _out(row: Row) -> int:
    """Elements of the output."""
    return prod(row.output)


_PRODUCTS: dict[str, Rule] = {
    "conv": _macs,
    "conv_transpose": _macs,
    "linear": _macs,
    "matmul": _macs,
    "attention": _macs,
}

_RECURRENT = ("lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell")

# fvcore 0.1.5: nn/jit_handles.py


def _fvcore_batch_norm(row: Row) -> int:
    if not row.facts["track_running_stats"]:
        return _fvcore_norm(row)  # without running statistics it runs as in training
    return _in(row) * (2 if row.facts["affine"] else 1)


def _fvcore_norm(row: Row) -> int:
    return _in(row) * (5 if row.norm else 4)


def _fvcore_adaptive_pool(row: Row) -> int:
    return _in(row) if len(row.output) == 4 else 0  # it knows the operator of 2D features only


def _fvcore_resize(row: Row) -> int:
    if len(row.output) != 4:
        return 0
    return _out(row) * {"nearest": 1, "bilinear": 4}.get(row.facts["mode"], 0)


FVCORE = Convention(
    "fvcore",
    "fvcore",
    "operations, a multiply-add as one",
    _PRODUCTS
    | {
        "attention": _zero,
        "multihead_attention": _unfused,
        "matmul": _single,
        "batch_norm": _fvcore_batch_norm,
        "layer_norm": _fvcore_norm,
        "group_norm": _fvcore_norm,
        "instance_norm": _fvcore_norm,
        "adaptive_avg_pool": _fvcore_adaptive_pool,
        "upsample": _fvcore_resize,
        "resize": _fvcore_resize,
    },
    {
        "attention": _FUSED,
        "multihead_attention": _FUSED,
        "matmul": _GROUPED,
        "batch_norm": "counts {n} operations per element of BatchNorm",
        "layer_norm": "counts {n} operations per element of LayerNorm",
        "group_norm": "counts {n} operations per element of GroupNorm",
        "instance_norm": "counts {n} operations per element of InstanceNorm",
        "adaptive_avg_pool": "counts 1 operation per input element of adaptive average pooling",
        "upsample": "counts {m} operations per output element of resizing",
        "resize": "counts {m} operations per output element of resizing",
    },
)

# thop 0.1.1: vision/basic_hooks.py and vision/calc_func.py


def _thop_transposed(row: Row) -> int:
    groups, kernel = row.facts["groups"], row.facts["kernel"]
    count: int = _out(row) * (row.inputs[0][1] // groups) * prod(kernel)
    return count


def _thop_norm(row: Row) -> int:
    return _in(row) * (4 if row.norm else 2)


def _thop_softmax(row: Row) -> int:
    n: int = row.inputs[0][row.facts.get("dim", 1)]
    return _in(row) // n * (3 * n - 1)


def _thop_adaptive_pool(row: Row) -> int:
    window = prod(a / b for a, b in zip(row.inputs[0][2:], row.output[2:], strict=True))
    return int((window + 1) * _out(row))


def _thop_upsample(row: Row) -> int:
    if row.facts["mode"] == "nearest":
        return _out(row)
    return _out(row) * {3: 5, 4: 11, 5: 0}[len(row.output)]  # linear, bilinear; trilinear it passes over


def _thop_recurrent(row: Row) -> int:
    """Its cells once a step and a sample: a bias twice, and the gates' products and sums (rnn_hooks.py)."""
    facts = row.facts
    m, h, two = facts["input_size"], facts["hidden_size"], 2 if facts["bidirectional"] else 1
    gates, rest = {"lstm": (4, 4 * h), "gru": (3, 4 * h), "rnn": (1, 0)}[row.op]

    def cell(width: int) -> int:
        state: int = (width + h) * h + h + (2 * h if facts["bias"] else 0)
        found: int = gates * state + rest
        return found

    layers = two * cell(m) + (facts["num_layers"] - 1) * two * cell(two * h)
    count: int = layers * (_in(row) // m)
    return count


_BY_RANK = ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm", "AvgPool", "AdaptiveAvgPool")
_THOP_SEES = frozenset(
    [f"{name}{rank}d" for name in _BY_RANK for rank in (1, 2, 3)]
    + ["SyncBatchNorm", "LayerNorm", "PReLU", "Softmax", "Linear", "RNN", "GRU", "LSTM"]
    + ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]
)

THOP = Convention(
    "thop",
    "thop",
    "operations, a multiply-add as one",
    {
        "conv": _macs,
        "linear": _macs,
        "conv_transpose": _thop_transposed,
        "batch_norm": _thop_norm,
        "instance_norm": _thop_norm,
        "layer_norm": _thop_norm,
        "prelu": _in,
        "softmax": _thop_softmax,
        "avg_pool": _out,
        "adaptive_avg_pool": _thop_adaptive_pool,
        "upsample": _thop_upsample,
        **dict.fromkeys(("lstm", "gru", "rnn"), _thop_recurrent),
    },
    {
        "attention": "sees no attention that is not a module of its own list",
        "matmul": "sees no matrix product outside a Linear",
        "conv_transpose": "counts a transposed convolution by its output pixels instead of its input pixels",
        "batch_norm": "counts {n} operations per element of BatchNorm",
        "instance_norm": "counts {n} operations per element of InstanceNorm",
        "layer_norm": "counts {n} operations per element of LayerNorm",
        "prelu": "counts 1 operation per element of PReLU",
        "softmax": "counts 3n - 1 operations per row of n of a softmax",
        "avg_pool": "counts 1 operation per output element of average pooling",
        "adaptive_avg_pool": "counts k + 1 operations per output element of adaptive average pooling of k",
        "upsample": "counts {m} operations per output element of resizing",
        **dict.fromkeys(("lstm", "gru", "rnn"), "counts biases and the products of gates in recurrent layers"),
    },
    sees=_THOP_SEES,
)


def _twice(row: Row) -> int:
    return 2 * row.macs


_TWO = "counts a multiply-add as two operations"
TORCH = Convention(
    "torch",
    "torch's FlopCounterMode",
    "FLOPs, a multiply-add as two",
    dict.fromkeys(_PRODUCTS, _twice) | {"matmul": lambda row: 2 * _single(row)},
    dict.fromkeys((*_PRODUCTS, *_RECURRENT, "bilinear", "multihead_attention"), _TWO),
    _twice,
)
TORCH_ON_CPU = replace(
    TORCH,
    rules={
        **TORCH.rules,
        **dict.fromkeys(("attention", *_RECURRENT), _zero),
        "multihead_attention": lambda row: 2 * _unfused(row),
    },
    reasons={
        **TORCH.reasons,
        **dict.fromkeys(_RECURRENT, "does not count the fused recurrent layers of the CPU"),
        "attention": _FUSED,
    },
)
"""What FlopCounterMode sees where a module does not run on the meta device: fused kernels hide their products."""

# torchinfo 1.8: layer_info.py, calculate_size and calculate_macs


def _torchinfo_conv(row: Row) -> int:
    """By its output pixels, also transposed, and the bias at each of them."""
    return (row.weights + row.bias) * row.output[0] * prod(row.output[2:])


def _torchinfo_rest(row: Row) -> int:
    """Its parameters once a sample, however many positions it works on."""
    return row.params * row.output[0]


_WITH_PARAMETERS = (
    "linear", "batch_norm", "instance_norm", "group_norm", "layer_norm", "prelu", "embedding", "class_token",
    "position_embedding",
)  # fmt: skip
_ONCE = "counts {op} as its parameters, once a sample"

TORCHINFO = Convention(
    "torchinfo",
    "torchinfo",
    "mult-adds",
    {"conv": _torchinfo_conv, "conv_transpose": _torchinfo_conv} | dict.fromkeys(_WITH_PARAMETERS, _torchinfo_rest),
    {
        "conv": "counts a bias as an operation an output",
        "conv_transpose": "counts a transposed convolution by its output pixels, and a bias as an operation an output",
        "matmul": "sees no matrix product outside a module",
        "attention": "sees no attention that is not a module with parameters",
    }
    | {op: _ONCE.replace("{op}", op) for op in _WITH_PARAMETERS},
)

PAPER = Convention("paper", "the papers", "multiply-adds", _PRODUCTS, {}, _macs)

CONVENTIONS: dict[str, Convention] = {each.name: each for each in (PAPER, FVCORE, THOP, TORCH, TORCHINFO)}
