"""Nodes as their calls make them: with the attributes of a function's call, or as another operator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiler.onnx_graph.calls import Call

_OF_CONV = frozenset(("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"))


def as_conv(call: Call) -> Call:
    """The same call of Conv, of which it has the attributes and the first inputs."""
    from onnx import NodeProto

    node = NodeProto()
    node.CopyFrom(call.node)
    node.op_type, node.domain = "Conv", ""
    del node.input[3:]
    del node.output[1:]
    own = [each for each in node.attribute if each.name in _OF_CONV]
    del node.attribute[:]
    node.attribute.extend(own)
    return Call(node, "", call.inputs[:3])


def resolved(node: Any, given: Mapping[str, Any], left_out: set[str]) -> Any:
    """A node of a function with the attributes of its call in the place of references, without inputs that were left out."""
    refers = any(attribute.ref_attr_name for attribute in node.attribute)
    if not refers and not left_out.intersection(node.input):
        return node
    from onnx import NodeProto

    made = NodeProto()
    made.CopyFrom(node)
    del made.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            made.attribute.add().CopyFrom(attribute)
        elif attribute.ref_attr_name in given:
            added = made.attribute.add()
            added.CopyFrom(given[attribute.ref_attr_name])
            added.name = attribute.name
    for i, name in enumerate(made.input):
        if name in left_out:
            made.input[i] = ""
    return made
