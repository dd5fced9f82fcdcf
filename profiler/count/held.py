"""The bytes of activations that stand at once while a network runs, layer by layer, as eager torch holds them. No torch.

The module that a value builds keeps a tensor as long as something that runs refers to it: a chain what it was given and what
its next part takes, branches what they were given and every output up to the join, a graph all its nodes. Views share what
they look at. The inputs of the network are the caller's, and are not counted here; neither are parameters. Numbers may be
expressions in widths, as in every formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

from profiler.count import closed
from profiler.count.leaves import LEAVES, Cost
from profiler.count.moved import INDEX_BYTES, VIEWS
from profiler.count.shapes import Inputs
from profiler.network import combinators as C
from profiler.network import layers as L
from profiler.records.profile import FLOAT32_BYTES

Shape = tuple[Any, ...]


class Met(NamedTuple):
    """A leaf that was met on the walk, with shapes of one sample."""

    leaf: L.Layer
    inputs: tuple[Shape, ...]
    output: Shape


def standing(leaf: L.Layer, cost: Cost) -> Any:
    """Bytes of the parameters and buffers of a leaf; BatchNorm counts the batches that it saw in an int64."""
    counter = 4 if isinstance(leaf, L.BatchNorm) and leaf.track_running_stats else 0
    return FLOAT32_BYTES * (cost.weights + cost.bias + cost.norm + cost.buffers) + counter


def peak(network: L.Layer, inputs: Inputs, batch: int = 1) -> int:
    """Bytes at the peak of one evaluation: parameters, buffers, the network's inputs, and activations where they are most.

    All as float32. What `memory` finds by running the module that the value builds. Raises ShapeError as the walk does.
    """
    _, steps = closed.walk(network, inputs)
    moments = held(network, len(inputs), [Met(leaf, given, cost.output) for _, leaf, given, cost, *_ in steps])
    fixed = sum(standing(leaf, cost) for _, leaf, _, cost, *_ in steps)
    return int(fixed + batch * (given_bytes(network, inputs) + max(moments, default=0)))


def given_bytes(network: L.Layer, inputs: Inputs) -> int:
    """Bytes of one sample's inputs: float32, and int64 of what is looked up in a table."""
    sizes = [FLOAT32_BYTES if vectors is None else INDEX_BYTES for vectors in closed.tables_read(network, len(inputs))]
    return sum(size * prod(shape) for size, shape in zip(sizes, inputs, strict=True))


def held(network: L.Layer, inputs: int, steps: Sequence[Met]) -> list[Any]:
    """Bytes of activations, as float32 and for one sample, at each of the leaves that run in evaluation.

    `steps` are all leaves in the order of the walk, those of training branches too; `inputs` is how many the network has.
    """
    found = _Held(iter(steps), inputs)
    found.run(network, tuple(range(inputs)))
    return found.moments


Extra = Callable[[Any, tuple[Shape, ...], Shape], tuple[Any, ...]]
"""(leaf, shapes in, shape out) → elements of float32 that its operators hold beside its inputs and as much as its output, at
those of its moments that may be the most."""


def _partial(leaf: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[Any, ...]:
    """The sum, or product, of the inputs before the last; and of a scaled sum what was scaled."""
    return (prod(output) * ((len(inputs) > 2) + (getattr(leaf, "scale", 1.0) != 1.0)),)


def _indices(leaf: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[Any, ...]:
    """torch finds the positions of the largest too."""
    return (prod(output) * (INDEX_BYTES // FLOAT32_BYTES),)


def _heads(leaf: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[Any, ...]:
    """The heads apart, before they are put side by side; those of one head, or of one element, lie side by side already."""
    t, c = output
    return (0 if leaf.heads == 1 or t == 1 or c == leaf.heads else prod(output),)


def _turned(leaf: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[Any, ...]:
    """Queries and keys, turned, before the values are put beside them."""
    t, packed = output
    heads, kv_heads = leaf.heads, leaf.kv_heads or leaf.heads
    return (t * (packed // (heads + 2 * kv_heads)) * (heads + kv_heads),)


def _neighbours(leaf: Any, inputs: tuple[Shape, ...], output: Shape) -> tuple[Any, ...]:
    """The means of the squares, times α, plus k; and before that the squares beside themselves with zeros around."""
    return 2 * prod(output), prod(output) + (leaf.size - 1) * prod(output[1:])


EXTRA: dict[type[L.Layer], Extra] = {
    L.Add: _partial,
    L.Multiply: _partial,
    L.AdaptiveMaxPool: _indices,
    L.Attention: _heads,
    L.LocalResponseNorm: _neighbours,
    L.RotaryEmbedding: _turned,
}
"""What some leaves hold for a moment."""


def _looks(met: Met) -> bool:
    """Whether a leaf looks at its input and makes nothing; a shuffle of one group, or of groups of one channel, does."""
    if isinstance(met.leaf, L.ChannelShuffle):
        return met.leaf.groups == 1 or met.inputs[0][0] == met.leaf.groups
    return LEAVES[type(met.leaf)].op in VIEWS


class _Held:
    def __init__(self, steps: Iterator[Met], inputs: int) -> None:
        self.steps = steps
        self.sizes: list[Any] = [0] * inputs
        """Bytes of each storage; none of the caller's."""
        self.stack: list[tuple[int, ...]] = []
        """The storages that each running module refers to."""
        self.moments: list[Any] = []

    def run(self, layer: L.Layer, given: tuple[int, ...]) -> tuple[int, ...]:
        match layer:
            case C.Chain(parts):
                self.stack.append(given)
                for _, part in parts:
                    given = self.run(part, given)
                self.stack.pop()
                return given
            case C.Branches(parts, join):
                outputs: tuple[int, ...] = ()
                for _, part in parts:
                    self.stack.append(given + outputs)
                    outputs += self.run(part, given)
                    self.stack.pop()
                self.stack.append(given)
                given = self.run(join, outputs)
                self.stack.pop()
                return given
            case C.Graph(names, nodes, results):
                known = dict(zip(names, given, strict=True))
                for name, part, sources in nodes:
                    self.stack.append(tuple(known.values()))
                    (known[name],) = self.run(part, tuple(known[source] for source in sources))
                    self.stack.pop()
                return tuple(known[name] for name in results)
            case C.Aside(part):
                for _ in C.leaves_of(part):
                    next(self.steps)
                return given
        return (self.leaf(next(self.steps), given),)

    def leaf(self, met: Met, given: tuple[int, ...]) -> int:
        out = given[0]
        if not _looks(met):
            out = len(self.sizes)
            self.sizes.append(FLOAT32_BYTES * prod(met.output))
        standing = {out, *given, *(storage for each in self.stack for storage in each)}
        extra = EXTRA.get(type(met.leaf))
        for beside in extra(met.leaf, met.inputs, met.output) if extra else (0,):
            self.moments.append(sum((self.sizes[storage] for storage in sorted(standing)), start=FLOAT32_BYTES * beside))
        return out
