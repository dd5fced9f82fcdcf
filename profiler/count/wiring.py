"""Which row takes whose output: a fold over a value, beside the walk that counts it. No torch."""

from __future__ import annotations

from profiler.count.shapes import Inputs
from profiler.forms import Wiring
from profiler.network import combinators as C
from profiler.network import layers as L

Wires = tuple[int, ...]


def of_value(network: L.Layer, inputs: Inputs, batch: int = 1) -> Wiring:
    """The wiring of the rows that `closed.rows` makes of the same value, in their order."""
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
