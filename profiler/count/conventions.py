"""What counts and how much: each convention a dict {op: Row → int}, so that one walk prints what any tool would.

`paper` counts multiply-adds of convolution, linear and matrix products, and nothing else: the "Mult-Adds" of the MobileNet
tables. The others give, to the integer, the total that the tool of that name prints in evaluation mode; the tests run the
tools. An operation that a convention has no rule for costs nothing under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

from profiler.errors import UnknownName
from profiler.records import Row

Rule = Callable[[Row], int]


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

    def of(self, row: Row) -> int:
        """What `row` counts under this convention; nothing for what runs in training only."""
        rule = self.rules.get(row.op)
        return 0 if rule is None or row.side else rule(row)

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
                reason = self.reasons[row.op].format(n=counted // prod(row.inputs[0]), m=counted // prod(row.output))
                found[reason] = found.get(reason, 0) + extra
        return found


def find(name: str) -> Convention:
    """The convention called `name`. Raises UnknownName."""
    if name not in CONVENTIONS:
        raise UnknownName("convention", name, CONVENTIONS)
    return CONVENTIONS[name]


def _macs(row: Row) -> int:
    return row.macs


def _zero(row: Row) -> int:
    return 0


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
    return _out(row) * {"nearest": 1, "bilinear": 4}[row.facts["mode"]]


FVCORE = Convention(
    "fvcore",
    "fvcore",
    "operations, a multiply-add as one",
    _PRODUCTS
    | {
        "attention": _zero,
        "batch_norm": _fvcore_batch_norm,
        "layer_norm": _fvcore_norm,
        "group_norm": _fvcore_norm,
        "instance_norm": _fvcore_norm,
        "adaptive_avg_pool": _fvcore_adaptive_pool,
        "upsample": _fvcore_resize,
        "resize": _fvcore_resize,
    },
    {
        "attention": "does not count the products of fused attention",
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
    n = row.inputs[0][1]
    return _in(row) // n * (3 * n - 1)


def _thop_adaptive_pool(row: Row) -> int:
    window = prod(a / b for a, b in zip(row.inputs[0][2:], row.output[2:], strict=True))
    return int((window + 1) * _out(row))


def _thop_upsample(row: Row) -> int:
    if row.facts["mode"] == "nearest":
        return _out(row)
    return _out(row) * {3: 5, 4: 11, 5: 0}[len(row.output)]  # linear, bilinear; trilinear it passes over


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
    },
)


def _twice(row: Row) -> int:
    return 2 * row.macs


TORCH = Convention(
    "torch",
    "torch's FlopCounterMode",
    "FLOPs, a multiply-add as two",
    dict.fromkeys(_PRODUCTS, _twice),
    dict.fromkeys(_PRODUCTS, "counts a multiply-add as two operations"),
)

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

PAPER = Convention("paper", "the papers", "multiply-adds", _PRODUCTS, {})

CONVENTIONS: dict[str, Convention] = {each.name: each for each in (PAPER, FVCORE, THOP, TORCH, TORCHINFO)}
