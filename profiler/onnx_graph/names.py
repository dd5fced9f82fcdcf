"""ONNX operators without multiply-adds, by name: elementwise ones with their kind, free ones, and what rows call them.

Elementwise operators cost the elements of their output, where that is of floating point; free ones move or name data. An
operator in none of the tables is reported, never counted as nothing.
"""

from __future__ import annotations

_ELEMENTWISE: dict[str, str] = {
    "norm": "BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization LRN "
    "LpNormalization MeanVarianceNormalization SimplifiedLayerNormalization",
    "activation": "Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softmax LogSoftmax Hardmax "
    "Softplus Softsign ThresholdedRelu Shrink Mish Gelu Swish SwiGLU",
    "pool": "MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool GlobalLpPool MaxRoiPool RoiAlign ReduceMean",
    "resize": "Resize Upsample GridSample MaxUnpool AffineGrid",
    "elementwise": "Add Sub Mul Div Pow Sqrt Exp Log Abs Neg Erf Floor Ceil Round Reciprocal Sign Mod Sin Cos Tan Asin "
    "Acos Atan Sinh Cosh Asinh Acosh Atanh Clip Where Sum Mean Max Min ReduceSum ReduceProd ReduceMax "
    "ReduceMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare CumSum CumProd TopK ArgMax "
    "ArgMin Equal Less LessOrEqual Greater GreaterOrEqual Not And Or Xor IsNaN IsInf BitShift BitwiseAnd "
    "BitwiseOr BitwiseXor BitwiseNot QuantizeLinear DequantizeLinear DynamicQuantizeLinear "
    "NonMaxSuppression SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss RotaryEmbedding",
}
ELEMENTWISE: dict[str, str] = {name: kind for kind, names in _ELEMENTWISE.items() for name in names.split()}

_FREE: dict[str, str] = {
    "views and shapes": "Reshape Flatten Squeeze Unsqueeze Identity Shape Size Dropout BitCast",
    "movement": "Transpose Concat Split Slice Pad Gather GatherElements GatherND Scatter ScatterElements ScatterND "
    "TensorScatter Expand Tile Cast CastLike DepthToSpace SpaceToDepth Compress NonZero Unique "
    "ReverseSequence Trilu CenterCropPad Col2Im OneHot",
    "creation": "Constant ConstantOfShape Range EyeLike RandomNormal RandomNormalLike RandomUniform RandomUniformLike "
    "Multinomial Bernoulli HannWindow HammingWindow BlackmanWindow MelWeightMatrix",
    "sequences and optionals, made and opened": "SequenceConstruct SequenceEmpty SequenceInsert SequenceErase SequenceAt "
    "SequenceLength SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement",
}
FREE = frozenset(name for names in _FREE.values() for name in names.split())
VIEWS = frozenset(_FREE["views and shapes"].split())
"""Those that look at the same memory in another way."""
JOINED = frozenset(
    ["Concat", "ScatterElements", "ScatterND", "Scatter", "TensorScatter", "SequenceConstruct", "SequenceInsert"]
)
"""Those that make their output of other inputs too; of the rest, inputs beside the first are shapes and positions."""
FROM_SHAPES = frozenset(["Shape", "Size", "Range", "EyeLike", "OneHot", "ConstantOfShape"])
"""Those that make nothing of the values of a weight."""
RANDOM = frozenset(["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"])
"""Those that make something else each time, whatever they are given."""

CONTROL = frozenset(["If", "Loop", "Scan", "SequenceMap"])
"""Those that run graphs of their own: how often depends on values."""
UNCOUNTED = (
    frozenset(
        [
            "DFT",
            "LinearAttention",
            "STFT",
            "Det",
            "ImageDecoder",
            "StringConcat",
            "StringNormalizer",
            "StringSplit",
            "RegexFullMatch",
            "TfIdfVectorizer",
        ]
    )
    | CONTROL
)
"""ONNX's own operators that have no formula here."""

ROLES: dict[str, str] = {
    "BatchNormalization": "xnnqq", "InstanceNormalization": "xnn", "GroupNormalization": "xnn", "LayerNormalization": "xnn",
    "RMSNormalization": "xn", "SimplifiedLayerNormalization": "xn", "PRelu": "xw", "QuantizeLinear": "xqq",
    "DequantizeLinear": "wqq", "Clip": "x..", "Resize": "x...", "Upsample": "x.", "Pad": "x...", "RotaryEmbedding": "xqq.",
    "Where": ".xx", "Pow": "x.", "OneHot": "...", "Tile": "x.", "Expand": "x.", "RoiAlign": "xxx",
}  # fmt: skip
"""Which part the inputs of an operator play (operators.py); a point is no parameter, whatever it holds."""

_CALLED: dict[str, str] = {
    "BatchNormalization": "batch_norm", "InstanceNormalization": "instance_norm", "GroupNormalization": "group_norm",
    "LayerNormalization": "layer_norm", "RMSNormalization": "rms_norm", "SimplifiedLayerNormalization": "rms_norm",
    "LRN": "local_response_norm", "HardSwish": "hardswish", "HardSigmoid": "hardsigmoid", "PRelu": "prelu",
    "AveragePool": "avg_pool", "GlobalAveragePool": "adaptive_avg_pool", "GlobalMaxPool": "adaptive_max_pool",
    "Mul": "multiply",
    "ReduceMean": "mean", "Sub": "subtract", "Div": "divide", "Concat": "concatenate", "ReduceSum": "sum", "Pad": "pad",
    "ReduceL2": "reduce_l2", "ReduceL1": "reduce_l1", "Clip": "clamp", "TopK": "topk", "Upsample": "resize",
}  # fmt: skip


def row_name(op: str) -> str:
    """`LeakyRelu` → `leaky_relu`; the names of a tracing's rows where an operator has one there."""
    if op in _CALLED:
        return _CALLED[op]
    made = "".join(f"_{c.lower()}" if c.isupper() and i and not op[i - 1].isupper() else c.lower() for i, c in enumerate(op))
    return made.strip("_")
