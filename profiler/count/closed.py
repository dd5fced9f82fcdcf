"""The closed form: the walk over a value, one Row a leaf. No torch.

A leaf's cost is kept for every (leaf, input shapes) met, so a sweep pays for each shape once; it folds totals and makes no
rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from math import prod
from typing import Any

from profiler.count import formulas
from profiler.count.formulas import Cost
from profiler.count.shapes import Inputs, spread
from profiler.errors import ShapeError
from profiler.network import combinators as C
from profiler.network import layers as L
from profiler.records.profile import Row, Shape, Totals
from profiler.records.wiring import Wiring

Step = tuple[str, L.Layer, Inputs, Cost, bool]
"""One leaf met on the walk: path, leaf, input shapes, its cost for one sample, and whether it runs in training only."""

cost_of = lru_cache(maxsize=1 << 16)(formulas.cost)
_CONVOLUTIONS = frozenset({L.Conv, L.ConvTranspose})
_COMBINATORS = frozenset({C.Chain, C.Branches, C.Graph, C.Aside})


def walk(network: L.Layer, inputs: Inputs) -> tuple[Inputs, list[Step]]:
    """Shapes out and the steps on the way, for samples of shapes `inputs`. Raises ShapeError with the layer's path."""
    steps: list[Step] = []
    return _walk(network, inputs, None, "", False, steps), steps


def _walk(layer: L.Layer, inputs: Inputs, same: int | None, path: str, side: bool, steps: list[Step]) -> Inputs:
    if type(layer) not in _COMBINATORS:
        try:
            found = cost_of(layer, inputs, same)
        except ShapeError as fault:
            raise ShapeError(fault.reason, path) from None
        steps.append((path, layer, inputs, found, side))
        return (found[0],)
    prefix = f"{path}." if path else ""
    match layer:
        case C.Chain(parts):
            for name, part in parts:
                inputs = _walk(part, inputs, same, prefix + name, side, steps)
            return inputs
        case C.Branches(parts, join):
            outputs: Inputs = ()
            for name, part in parts:
                outputs += (_single(_walk(part, inputs, same, prefix + name, side, steps), prefix + name),)
                same = outputs[0][0]  # what same() stands for in the parts after the first
            return _walk(join, outputs, None, f"{prefix}join", side, steps)
        case C.Graph(names, nodes, results):
            if len(inputs) != len(names):
                raise ShapeError(f"takes {len(names)} inputs ({', '.join(names)}) and is given {len(inputs)}", path)
            known = dict(zip(names, inputs, strict=True))
            for name, part, sources in nodes:
                given = tuple(known[source] for source in sources)
                known[name] = _single(_walk(part, given, same, prefix + name, side, steps), prefix + name)
            return tuple(known[name] for name in results)
        case C.Aside(part):
            try:
                _walk(part, inputs, same, path, True, steps)
            except ShapeError as fault:
                raise ShapeError(f"{fault.reason} in a branch that runs in training only", fault.path) from None
            return inputs
    raise AssertionError(layer)


def _single(outputs: Inputs, path: str) -> Shape:
    if len(outputs) != 1:
        raise ShapeError(f"has {len(outputs)} outputs where one is joined or named; join them inside", path)
    return outputs[0]


def totals(network: L.Layer, inputs: Inputs, batch: int = 1) -> Totals:
    """Sums over the network, without making rows."""
    _, steps = walk(network, inputs)
    main = [cost[1:] for _, _, _, cost, side in steps if not side]
    aside = [cost for _, _, _, cost, side in steps if side]
    weights, bias, norm, buffers, macs, elementwise, activations = map(sum, zip(*main, strict=True)) if main else [0] * 7
    side_params = sum(c.weights + c.bias + c.norm for c in aside)
    side_macs = batch * sum(c.macs for c in aside)
    return Totals(weights, bias, norm, buffers, batch * macs, batch * elementwise, batch * activations, side_params, side_macs)


def rows(network: L.Layer, inputs: Inputs, batch: int = 1) -> tuple[Row, ...]:
    """One Row a leaf, in the order they run; params per network, everything else for the whole batch."""
    _, steps = walk(network, inputs)
    out = []
    for path, leaf, given, (output, weights, bias, norm, buffers, macs, elementwise, activations), side in steps:
        first = given[0]
        channels = first[0] if type(leaf) in _CONVOLUTIONS else 0
        op, kind, module, facts = described(leaf, len(first) - 1, channels)
        shapes = ((batch, *first),) if len(given) == 1 else tuple([(batch, *shape) for shape in given])
        shape = (batch, *output)
        counts = (weights, bias, norm, buffers, batch * macs, batch * elementwise, batch * activations)
        out.append(Row._make((path, op, kind, module, facts, shapes, shape, *counts, side)))
    return tuple(out)


# Which row takes whose output


Wires = tuple[int, ...]


def wiring_of(network: L.Layer, inputs: Inputs, batch: int = 1) -> Wiring:
    """Which row takes whose output, of the rows that `rows` makes of the same value, in their order."""
    sources: list[Wires] = []
    outputs = _fold(network, tuple(-1 - i for i in range(len(inputs))), sources)
    return Wiring(tuple((batch, *shape) for shape in inputs), tuple(sources), outputs)


def _fold(layer: L.Layer, given: Wires, sources: list[Wires]) -> Wires:
    match layer:
        case C.Chain(parts):
            for _, part in parts:
                given = _fold(part, given, sources)
            return given
        case C.Branches(parts, join):
            return _fold(join, tuple(wire for _, part in parts for wire in _fold(part, given, sources)), sources)
        case C.Graph(names, nodes, results):
            known = dict(zip(names, given, strict=True))
            for name, part, taken in nodes:
                (known[name],) = _fold(part, tuple(known[source] for source in taken), sources)
            return tuple(known[name] for name in results)
        case C.Aside(part):
            _fold(part, given, sources)
            return given
        case _:
            sources.append(given)
            return (len(sources) - 1,)


# What a leaf is called


@lru_cache(maxsize=1 << 14)
def described(leaf: L.Layer, rank: int, channels: int) -> tuple[str, str, str, Mapping[str, Any]]:
    """op, kind, torch.nn class and facts, for an input of `rank` spatial axes; only convolutions ask for its channels."""
    name = type(leaf).__name__
    facts: dict[str, Any] = {f.name: getattr(leaf, f.name) for f in fields(leaf)}
    op = _OPS.get(name) or "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    kind, module = _KINDS[name], name
    match leaf:
        case L.Conv() | L.ConvTranspose():
            facts = _spread_facts(facts, rank)
            if facts["groups"] == "each":
                facts["groups"] = channels
            if name == "Conv":
                kind = conv_kind(channels, facts["groups"], facts["kernel"])
            module = f"{name}{rank}d"
        case L.Activation(which):
            op = module = which
            op = op.lower()
        case L.MaxPool() | L.AvgPool() | L.AdaptiveAvgPool() | L.AdaptiveMaxPool():
            facts = _spread_facts(facts, rank)
            module = f"{name}{rank}d"
        case L.BatchNorm() | L.InstanceNorm():
            module = f"{name}{rank or 1}d"
        case L.Pad():
            module = f"ZeroPad{rank}d"
    for gone in ("out", "dim"):  # a width is in the output's shape
        facts.pop(gone, None)
    return op, kind, module, facts


def _spread_facts(facts: dict[str, Any], rank: int) -> dict[str, Any]:
    if "stride" in facts and facts["stride"] is None:
        facts["stride"] = facts["kernel"]
    per_axis = ("kernel", "stride", "padding", "dilation", "output_padding", "output")
    return {key: spread(value, rank) if key in per_axis else value for key, value in facts.items()}


def conv_kind(channels: int, groups: int, kernel: Shape) -> str:
    if groups > 1:
        return "depthwise" if groups == channels else "grouped"
    return "pointwise" if prod(kernel) == 1 else "conv"


_OPS = {"PReLU": "prelu", "MatMul": "matmul"}

_KINDS = {
    "Conv": "conv", "ConvTranspose": "conv_transpose", "Linear": "linear", "MatMul": "matmul", "Attention": "attention",
    "BatchNorm": "norm", "InstanceNorm": "norm", "GroupNorm": "norm", "LayerNorm": "norm", "LocalResponseNorm": "norm",
    "Activation": "activation", "PReLU": "activation", "Embedding": "embedding", "PositionEmbedding": "embedding",
    "MaxPool": "pool", "AvgPool": "pool", "AdaptiveAvgPool": "pool", "AdaptiveMaxPool": "pool",
    "Upsample": "resize", "Resize": "resize", "Add": "elementwise", "Multiply": "elementwise", "Dropout": "elementwise",
    "ClassToken": "reshape", "Identity": "reshape", "Pad": "reshape", "Crop": "reshape", "Flatten": "reshape",
    "Fold": "reshape", "Tokens": "reshape", "Token": "reshape", "ChannelShuffle": "reshape", "ChannelSlice": "reshape",
    "Concatenate": "reshape", "Unsqueeze": "reshape",
    "PadChannels": "reshape",
}  # fmt: skip
