"""What each sort of layer makes of what its inputs see: one function a sort, by the op that its row is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from profiler.count.receptive import sights as s
from profiler.count.receptive.sights import Sights
from profiler.count.receptive.windows import Taps, adaptive, resized, shifted, transposed, window
from profiler.records.profile import Shape

Part = tuple[Sights | None, Shape]
"""What the elements of one tensor see, None where it does not depend on the input's positions, and its shape."""


class Layer(NamedTuple):
    """One layer as its row has it, on tensors whose sights are known."""

    op: str
    kind: str
    facts: Mapping[str, Any]
    parts: Sequence[Part]
    output: Shape

    @property
    def first(self) -> Sights | None:
        return self.parts[0][0] if self.parts else None

    @property
    def shape(self) -> Shape:
        return self.parts[0][1]


Rule = Callable[[Layer, Sights], Sights]
"""(layer, what the elements of its first input see) → what those of its output see."""
RULES: dict[str, Rule] = {}


def after(layer: Layer) -> Sights | None:
    """What the output of a layer sees; None where none of its inputs depends on the positions of the network's input."""
    known = [part for part, _ in layer.parts if part is not None]
    if not known:
        return None
    rule = RULES.get(layer.op) or (_elementwise if layer.kind == "activation" else None)
    unknown = tuple(s.Sight(everything=any(sight.everything for sight in each)) for each in zip(*known, strict=True))
    if rule is None:
        return unknown
    if rule in _OF_SEVERAL:
        return rule(layer, known[0])
    if layer.first is None or (len(known) > 1 and layer.op not in _LIKE):
        return unknown  # weights that are made of the input
    return rule(layer, layer.first)


def channel_axis(layer: Layer) -> int | None:
    """The axis of its first input over which a layer takes channels, or features; None where it is not said."""
    if layer.op in ("conv", "conv_transpose") and "kernel" in layer.facts:
        return len(layer.shape) - 1 - len(layer.facts["kernel"])
    if layer.op in ("batch_norm", "group_norm", "instance_norm"):
        return 1
    return len(layer.shape) - 1 if layer.op in ("linear", "layer_norm", "rms_norm") or layer.kind in _SEQUENCES else None


_SEQUENCES = ("attention", "recurrent")


def _of(*names: str) -> Callable[[Rule], Rule]:
    def keep(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return keep


_LIKE = ("crop", "resize")
"""Layers whose second input gives its sides alone."""


# Windows


def _axes(layer: Layer) -> range:
    """The axes that a window goes over: the last ones."""
    return range(len(layer.shape) - len(layer.facts["kernel"]), len(layer.shape))


def _before(layer: Layer, i: int) -> int:
    """Positions padded in front of axis `i` of the window."""
    padding, kernel = layer.facts.get("padding", 0), layer.facts["kernel"]
    if padding == "same":
        return int(layer.facts["dilation"][i] * (kernel[i] - 1) // 2)
    return 0 if padding == "valid" else int(padding if isinstance(padding, int) else padding[i])


@_of("conv", "max_pool", "avg_pool", "lp_pool", "conv_transpose")
def _windowed(layer: Layer, seen: Sights) -> Sights:
    facts = layer.facts
    if not all(isinstance(facts.get(name), tuple) for name in ("kernel", "stride")):
        return s.lost(seen)
    ones = (1,) * len(facts["kernel"])
    make = transposed if layer.op == "conv_transpose" else window
    taps: dict[int, Taps | None] = {
        axis: make(facts["kernel"][i], facts["stride"][i], _before(layer, i), facts.get("dilation", ones)[i])
        for i, axis in enumerate(_axes(layer))
    }
    seen = s.taken(seen, taps)
    if "groups" not in facts:
        return seen
    channels = len(layer.shape) - len(ones) - 1
    if facts["groups"] == 1:
        return s.mixed(seen, [channels])
    if facts["groups"] == layer.shape[channels]:
        return seen
    return tuple(s.Sight(everything=x.everything) if x.merged and x.axis == channels else x for x in seen)


@_of("adaptive_avg_pool", "adaptive_max_pool")
def _adaptive(layer: Layer, seen: Sights) -> Sights:
    spatial = range(2, len(layer.shape)) if len(layer.shape) == len(layer.output) else range(0)
    one = [axis for axis in spatial if layer.output[axis] == 1]
    return s.taken(s.mixed(seen, one), {axis: adaptive(layer.shape[axis], layer.output[axis]) for axis in spatial})


@_of("upsample", "resize")
def _resized(layer: Layer, seen: Sights) -> Sights:
    mode, corners = layer.facts.get("mode", "nearest"), bool(layer.facts.get("align_corners"))
    return s.taken(
        seen, {axis: resized(layer.shape[axis], layer.output[axis], mode, corners) for axis in range(2, len(layer.shape))}
    )


@_of("pad")
def _padded(layer: Layer, seen: Sights) -> Sights:
    padding, rank = layer.facts.get("padding"), len(layer.shape)
    if isinstance(padding, int):
        padding = ((padding, padding),) * (rank - 2)
    if not isinstance(padding, tuple) or len(padding) > rank or not all(isinstance(each, tuple) for each in padding):
        return s.lost(seen)
    return s.taken(seen, {rank - len(padding) + i: shifted(-before) for i, (before, _) in enumerate(padding)})


@_of("crop")
def _cropped(layer: Layer, seen: Sights) -> Sights:
    return s.taken(seen, {axis: shifted((layer.shape[axis] - layer.output[axis]) // 2) for axis in range(2, len(layer.shape))})


@_of("pixel_shuffle", "depth_to_space")
def _to_space(layer: Layer, seen: Sights) -> Sights:
    return s.taken(
        s.mixed(seen, [1]),
        {axis: resized(layer.shape[axis], layer.output[axis], "nearest") for axis in range(2, len(layer.shape))},
    )


@_of("pixel_unshuffle", "space_to_depth")
def _to_depth(layer: Layer, seen: Sights) -> Sights:
    # an element sees one position; what sees all its channels, as the next convolution does, sees all of the window
    steps = {axis: layer.shape[axis] // layer.output[axis] for axis in range(2, len(layer.shape))}
    return s.taken(seen, {axis: window(step, step) for axis, step in steps.items()})


@_of("unfold")
def _unfolded(layer: Layer, seen: Sights) -> Sights:
    def both(name: str, default: int) -> Sequence[int]:
        value = layer.facts.get(name, default)
        return (value, value) if isinstance(value, int) else tuple(value)

    taps = zip(both("kernel_size", 1), both("stride", 1), both("padding", 0), both("dilation", 1), strict=True)
    seen = s.taken(seen, {axis: window(*each) for axis, each in zip((2, 3), taps, strict=True)})
    return tuple(x._replace(axis=2, merged=True) if x.axis in (2, 3) else x for x in seen)


# Element by element


@_of(
    *("add", "subtract", "sub", "multiply", "mul", "divide", "div", "where", "maximum", "minimum", "pow", "clamp", "clip"),
    *("identity", "dropout", "batch_norm", "prelu", "local_response_norm", "channel_shuffle", "pad_channels", "channel_slice"),
    *("position_embedding", "alpha_dropout", "feature_dropout"),
)
def _elementwise(layer: Layer, seen: Sights) -> Sights:
    return s.joined([(part, shape) for part, shape in layer.parts if part is not None], layer.output)


@_of("softmax", "log_softmax", "softmin")
def _softmax(layer: Layer, seen: Sights) -> Sights:
    axis = layer.facts.get("dim")
    return s.statistics(seen, [(1 if axis is None else axis) % len(layer.shape)])


@_of("layer_norm", "rms_norm")
def _layer_norm(layer: Layer, seen: Sights) -> Sights:
    rank = len(layer.shape)
    return s.statistics(seen, range(rank - len(layer.facts.get("normalized_shape", (0,))), rank))


@_of("instance_norm", "group_norm")
def _per_sample_norm(layer: Layer, seen: Sights) -> Sights:
    return s.statistics(seen, range(1 if layer.op == "group_norm" else 2, len(layer.shape)))


# Along features and tokens


@_of("linear")
def _linear(layer: Layer, seen: Sights) -> Sights:
    return s.mixed(seen, [len(layer.shape) - 1])


@_of("matmul")
def _product(layer: Layer, seen: Sights) -> Sights:
    """(*, n, k)·(*, k, m): the rows of the first, the columns of the second, all of what is summed."""
    *added, (a, a_shape), (b, b_shape) = layer.parts if len(layer.parts) > 1 else [*layer.parts, (None, (1, 1))]
    made = [(part, shape) for part, shape in added if part is not None]
    if min(len(a_shape), len(b_shape)) < 2:
        return s.lost(seen)
    if a is not None:
        made.append((s.mixed(a, [len(a_shape) - 1]), (*a_shape[:-1], layer.output[-1])))
    if b is not None:
        made.append((s.mixed(b, [len(b_shape) - 2]), (*b_shape[:-2], layer.output[-2], b_shape[-1])))
    return s.joined(made, layer.output)


@_of("attention", "multihead_attention")
def _attention(layer: Layer, seen: Sights) -> Sights:
    """Each query sees all keys and values."""
    tokens = len(layer.shape) - 2
    if layer.op == "multihead_attention" and len(layer.shape) == 3 and not layer.facts.get("batch_first", False):
        tokens = 0
    others = [s.mixed(part, [tokens]) for part, _ in (layer.parts[1:3] or layer.parts) if part is not None]
    queries = [] if layer.first is None else [s.mixed(layer.first, [len(layer.shape) - 1])]
    return s.joined([(part, layer.output) for part in [*queries, *others]], layer.output)


@_of("lstm", "gru", "rnn")
def _recurrent(layer: Layer, seen: Sights) -> Sights:
    return s.mixed(seen, range(len(layer.shape)))


@_of("embedding", "class_token")
def _tokens(layer: Layer, seen: Sights) -> Sights:
    return seen if layer.op == "embedding" else tuple(x._replace(merged=True) if x.axis == 1 else x for x in seen)


# Cut anew


@_of("flatten", "fold", "unsqueeze", "squeeze", "reshape", "view")
def _reshaped(layer: Layer, seen: Sights) -> Sights:
    if layer.op == "fold" and len(layer.shape) != len(layer.output) + 1:
        return s.lost(seen)
    return s.reshaped(seen, layer.shape, layer.output)


@_of("tokens")
def _to_tokens(layer: Layer, seen: Sights) -> Sights:
    """Pixels to tokens: the channels become the last axis."""
    batch, channels, *spatial = layer.shape
    turned = s.moved(seen, lambda axis: len(spatial) + 1 if axis == 1 else axis - 1)
    return s.reshaped(turned, (batch, *spatial, channels), layer.output)


@_of("token")
def _one_token(layer: Layer, seen: Sights) -> Sights:
    picked = tuple(x._replace(axis=None, merged=False) if x.axis == 1 else x for x in seen)
    return s.moved(picked, lambda axis: axis - 1 if axis > 1 else axis)


@_of("concatenate", "cat")
def _side_by_side(layer: Layer, seen: Sights) -> Sights:
    """Along the axis that is longer than in any part, positions are no longer counted as they were."""
    shapes = [shape for _, shape in layer.parts]
    along = [
        i for i, n in enumerate(layer.output) if any(len(shape) == len(layer.output) and shape[i] != n for shape in shapes)
    ]
    apart = [
        tuple(x._replace(merged=True) if x.axis in along else x for x in part) for part, _ in layer.parts if part is not None
    ]
    return s.joined([(part, layer.output) for part in apart], layer.output)


_OF_SEVERAL = frozenset({_elementwise, _product, _attention, _recurrent, _side_by_side})
"""The rules that look at all inputs themselves."""
