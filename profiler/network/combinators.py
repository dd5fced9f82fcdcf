"""What a network is: leaves put together by Chain, Branches, Graph and Aside. No torch here, no arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from profiler.network.layers import Layer, value_class

Part = tuple[str, Layer]


@value_class
class Chain(Layer):
    """One after the other. `Chain(a, b)` names its parts 0, 1, …; `Chain(stem=a, head=b)` by the keywords."""

    parts: tuple[Part, ...]

    def __init__(self, *parts: Layer | Part, **named: Layer) -> None:
        object.__setattr__(self, "parts", _parts(parts, named))

    def __repr__(self) -> str:
        return _tree_text("Chain", self.parts)


@value_class
class Branches(Layer):
    """Every part on the same inputs, their outputs joined by `join`, a leaf of several inputs."""

    parts: tuple[Part, ...]
    join: Layer

    def __init__(self, *parts: Layer | Part, join: Layer, **named: Layer) -> None:
        object.__setattr__(self, "parts", _parts(parts, named))
        object.__setattr__(self, "join", join)
        if any(name == "join" for name, _ in self.parts):
            raise ValueError("a branch is called 'join', which is what the join is called; give it another name")

    def __repr__(self) -> str:
        return _tree_text("Branches", (*self.parts, ("join", self.join)))


@value_class
class Graph(Layer):
    """Named nodes, each a layer with the names of its inputs, in an order in which they can run.

    For cells that use a node twice, and for several inputs or outputs:
    `Graph(inputs=("x",), nodes={"a": (Conv(8, 3), "x"), "sum": (Add(), "a", "x")}, outputs=("sum",))`.
    """

    inputs: tuple[str, ...]
    nodes: tuple[tuple[str, Layer, tuple[str, ...]], ...]
    outputs: tuple[str, ...]

    def __init__(self, *, inputs: tuple[str, ...], nodes: Mapping[str, tuple[Any, ...]], outputs: tuple[str, ...]) -> None:
        known = set(inputs)
        for name, (_, *sources) in nodes.items():
            _check_name(name)
            if name in known:
                raise ValueError(f"the graph has two nodes called '{name}'; give one another name")
            for source in sources:
                if source not in known:
                    raise ValueError(f"node '{name}' takes '{source}', which no input or earlier node is called")
            known.add(name)
        for name in outputs:
            if name not in known:
                raise ValueError(f"the output '{name}' is not an input or node of the graph")
        object.__setattr__(self, "inputs", tuple(inputs))
        object.__setattr__(self, "nodes", tuple((name, layer, tuple(s)) for name, (layer, *s) in nodes.items()))
        object.__setattr__(self, "outputs", tuple(outputs))

    def __repr__(self) -> str:
        body = _tree_text("Graph", tuple((f"{name}({', '.join(sources)})", layer) for name, layer, sources in self.nodes))
        return f"{body[:-1]}  inputs={', '.join(self.inputs)}; outputs={', '.join(self.outputs)}\n)"


@value_class
class Aside(Layer):
    """A branch that runs only in training (an auxiliary classifier); what passes by it goes on unchanged."""

    part: Layer

    def __repr__(self) -> str:
        return f"Aside({self.part!r})"


def parts_of(layer: Layer) -> Iterator[Layer]:
    """The direct parts of a combinator, joins included; none of a leaf."""
    match layer:
        case Chain(parts):
            yield from (part for _, part in parts)
        case Branches(parts, join):
            yield from (part for _, part in parts)
            yield join
        case Graph(_, nodes, _):
            yield from (part for _, part, _ in nodes)
        case Aside(part):
            yield part


def leaves_of(layer: Layer) -> Iterator[Layer]:
    """Every leaf of a value, in the order they are written."""
    if isinstance(layer, Chain | Branches | Graph | Aside):
        for part in parts_of(layer):
            yield from leaves_of(part)
    else:
        yield layer


def rebuilt(layer: Layer, change: Callable[[Layer], Layer]) -> Layer:
    """The same value with every leaf replaced by `change(leaf)`, in the order they are written."""
    match layer:
        case Chain(parts):
            return Chain(*((name, rebuilt(part, change)) for name, part in parts))
        case Branches(parts, join):
            changed_parts = [(name, rebuilt(part, change)) for name, part in parts]
            return Branches(*changed_parts, join=change(join))
        case Graph(inputs, nodes, outputs):
            changed = {name: (rebuilt(part, change), *sources) for name, part, sources in nodes}
            return Graph(inputs=inputs, nodes=changed, outputs=outputs)
        case Aside(part):
            return Aside(rebuilt(part, change))
        case _:
            return change(layer)


def _check_name(name: str) -> None:
    if not name or "." in name:
        raise ValueError(f"a part cannot be called '{name}': names become paths, so they are not empty and have no dot")


def _parts(given: tuple[Layer | Part, ...], named: dict[str, Layer]) -> tuple[Part, ...]:
    pairs = [part if isinstance(part, tuple) else (str(i), part) for i, part in enumerate(given)]
    pairs += named.items()
    for name, part in pairs:
        _check_name(name)
        if not isinstance(part, Layer):
            raise TypeError(f"the part '{name}' is {type(part).__name__}; parts are layers, as Conv(8, 3) or Chain(...)")
    if given and len(dict(pairs)) != len(pairs):  # keywords alone have a name each
        raise ValueError(f"two parts have one name among {', '.join(name for name, _ in pairs)}")
    return tuple(pairs)


def _tree_text(name: str, parts: tuple[Part, ...]) -> str:
    lines = [f"{key}={part!r},".replace("\n", "\n  ") for key, part in parts]
    return "\n  ".join([f"{name}(", *lines]) + "\n)"
