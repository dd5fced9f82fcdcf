"""The closed form: the walk over a value, one Row a leaf. No torch.

A leaf's cost is kept for every (leaf, input shapes) met, so a sweep pays for each shape once; it folds totals and makes no
rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from profiler.count import formulas  # noqa: F401  # registers every leaf
from profiler.count.leaves import Cost, described
from profiler.count.leaves import cost as cost_of
from profiler.count.moved import moved_by_leaf
from profiler.count.shapes import Inputs
from profiler.errors import ShapeError
from profiler.network import combinators as C
from profiler.network import layers as L
from profiler.records.profile import Row, Shape, Totals
from profiler.records.wiring import Wiring

Step = tuple[str, L.Layer, Inputs, Cost, bool, tuple[int, int]]
"""One leaf met on the walk: path, leaf, input shapes, its cost for one sample, whether it runs in training only, and the bytes
that it moves for each sample and for its parameters."""

_COMBINATORS = frozenset({C.Chain, C.Branches, C.Graph, C.Aside})


def walk(network: L.Layer, inputs: Inputs) -> tuple[Inputs, list[Step]]:
    """Shapes out and the steps on the way, for samples of shapes `inputs`. Raises ShapeError with the layer's path."""
    steps: list[Step] = []
    return _walk(network, inputs, None, "", False, steps), steps


@lru_cache(maxsize=1 << 16)
def met(leaf: L.Layer, inputs: Inputs, same: int | None) -> tuple[Cost, tuple[int, int]]:
    """What a leaf costs, and the bytes that it moves. Raises ShapeError where its inputs do not fit."""
    found = cost_of(leaf, inputs, same)
    return found, moved_by_leaf(leaf, inputs, found)


def _walk(layer: L.Layer, inputs: Inputs, same: int | None, path: str, side: bool, steps: list[Step]) -> Inputs:
    if type(layer) not in _COMBINATORS:
        try:
            found, moves = met(layer, inputs, same)
        except ShapeError as fault:
            raise ShapeError(fault.reason, path) from None
        steps.append((path, layer, inputs, found, side, moves))
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
                raise ShapeError(f"takes {len(names)} inputs ({', '.join(names)}) but is given {len(inputs)}", path)
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
        raise ShapeError(f"has {len(outputs)} outputs where one is expected; join them inside it", path)
    return outputs[0]


def totals(network: L.Layer, inputs: Inputs, batch: int = 1) -> Totals:
    """Sums over the network, without making rows."""
    _, steps = walk(network, inputs)
    main = [cost[1:] + moves for _, _, _, cost, side, moves in steps if not side]
    aside = [cost for _, _, _, cost, side, _ in steps if side]
    weights, bias, norm, buffers, macs, elementwise, activations, each, held = (
        map(sum, zip(*main, strict=True)) if main else [0] * 9
    )
    side_params = sum(c.weights + c.bias + c.norm for c in aside)
    side_macs = batch * sum(c.macs for c in aside)
    return Totals(
        weights, bias, norm, buffers, batch * macs, batch * elementwise, batch * activations, side_params, side_macs,
        batch * each + held,
    )  # fmt: skip


def rows(network: L.Layer, inputs: Inputs, batch: int = 1) -> tuple[Row, ...]:
    """One Row a leaf, in the order they run; params per network, everything else for the whole batch."""
    return rows_of(walk(network, inputs)[1], batch)


def rows_of(steps: Iterable[Step], batch: int = 1) -> tuple[Row, ...]:
    """The rows of these steps, whose numbers may be expressions in widths."""
    out = []
    for path, leaf, given, cost, side, (each, held) in steps:
        output, weights, bias, norm, buffers, macs, elementwise, activations = cost
        first = given[0]
        op, kind, module, facts = described(leaf, first)
        shapes = ((batch, *first),) if len(given) == 1 else tuple([(batch, *shape) for shape in given])
        shape = (batch, *output)
        counts = (weights, bias, norm, buffers, batch * macs, batch * elementwise, batch * activations)
        out.append(Row._make((path, op, kind, module, facts, shapes, shape, *counts, side, batch * each + held)))
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
