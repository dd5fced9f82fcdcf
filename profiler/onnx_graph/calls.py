"""One node of a graph as it is called: its attributes by name, its inputs and outputs as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from profiler.onnx_graph.values import Value
from profiler.records.profile import Shape


class ShapeUnknown(Exception):
    """A shape that depends on values which are not in the file."""


class Call:
    """A node with its values."""

    __slots__ = ("_attributes", "domain", "inputs", "node", "op", "outputs")

    def __init__(self, node: Any, domain: str, inputs: Sequence[Value | None]) -> None:
        self.node = node
        """Its NodeProto, references to the attributes of a function resolved."""
        self.domain = domain
        self.op: str = node.op_type
        self.inputs = inputs
        """None where an input is left out."""
        self.outputs: list[Value] = []
        self._attributes: dict[str, Any] | None = None

    @property
    def attributes(self) -> Mapping[str, Any]:
        """By name: numbers, bytes as text, lists of them; tensors and graphs as they are in the file."""
        if self._attributes is None:
            self._attributes = {each.name: plain(each) for each in self.node.attribute}
        return self._attributes

    def number(self, name: str, default: int) -> int:
        """An attribute that is one whole number."""
        found = self.attributes.get(name, default)
        return found if isinstance(found, int) else default

    def numbers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers."""
        found = self.attributes.get(name)
        return tuple(found) if isinstance(found, list) and all(isinstance(n, int) for n in found) else tuple(default)

    def has(self, i: int) -> bool:
        return i < len(self.inputs) and self.inputs[i] is not None

    def value(self, i: int) -> Value:
        """An input. Raises ShapeUnknown where it is left out."""
        found = self.inputs[i] if i < len(self.inputs) else None
        if found is None:
            raise ShapeUnknown
        return found

    def shape(self, i: int) -> Shape:
        """The shape of an input. Raises ShapeUnknown."""
        found = self.value(i).shape
        if found is None:
            raise ShapeUnknown
        return found

    @property
    def made(self) -> Shape:
        """The shape of the first output. Raises ShapeUnknown."""
        found = self.outputs[0].shape if self.outputs else None
        if found is None:
            raise ShapeUnknown
        return found

    @property
    def elements(self) -> int:
        """Of the first output. Raises ShapeUnknown."""
        return prod(self.made)


def plain(attribute: Any) -> Any:
    """The value of an attribute: tensors and graphs as they are."""
    kind = attribute.type
    if kind == attribute.INT:
        return attribute.i
    if kind == attribute.INTS:
        return list(attribute.ints)
    if kind == attribute.FLOAT:
        return attribute.f
    if kind == attribute.FLOATS:
        return list(attribute.floats)
    if kind == attribute.STRING:
        return attribute.s.decode("utf-8", "replace")
    if kind == attribute.STRINGS:
        return [each.decode("utf-8", "replace") for each in attribute.strings]
    return attribute.t if kind == attribute.TENSOR else attribute.g if kind == attribute.GRAPH else None
