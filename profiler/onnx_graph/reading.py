"""A file of ONNX as its protobuf, looked at before anything trusts it. Nothing beside the file is opened, nothing in it runs.

What is refused here would crash or hang what reads on: claims of data that is not there, negative sizes, tensors of more
elements than any has, graphs within graphs without an end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, Unavailable, quoted
from profiler.onnx_graph.values import DTYPES, Held

LARGEST_FILE = (1 << 31) - 1
"""Bytes: protobuf reads no larger message."""
MOST_NODES = 100_000
"""Of a graph with its subgraphs and functions, and of what functions expand to."""
DEEPEST = 16
"""Graphs within graphs."""
MOST_ELEMENTS = 1 << 56
"""Of a tensor, as of an input."""
MOST_AXES = 64
STANDARD = ("", "ai.onnx")
"""The domain of ONNX's own operators, as files write it."""


class File(NamedTuple):
    """A file that was looked at."""

    name: str
    model: Any
    """Its ModelProto."""
    opsets: dict[str, int]
    """The version of each domain's operators."""
    functions: dict[tuple[str, str, str], Any]
    """FunctionProto by domain, name and overload."""
    large: int
    """Bytes of the file."""


def read(name: str, path: Path) -> File:
    """The model in a file. Raises Unavailable without the onnx package, ProfilerError for a file that is not an ONNX model."""
    found = path.stat()
    if found.st_size > LARGEST_FILE:
        raise ProfilerError(f"'{name}' has {found.st_size:,} bytes, and protobuf reads 2 GB; save its weights as external data")
    return _read(name, os.fspath(path.resolve()), (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=2)
def _read(name: str, path: str, stamp: tuple[int, ...]) -> File:
    try:
        import onnx
    except ImportError:
        raise Unavailable(f"'{name}' needs the package onnx; pip install 'arch-profiler[onnx]'") from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(Path(path).read_bytes())
    except Exception:  # DecodeError of protobuf, which onnx brings; RuntimeError of its older versions
        raise ProfilerError(
            f"'{name}' is not an ONNX model, or is truncated; export it again, as torch.onnx.export does"
        ) from None
    return _checked(name, model, stamp[1])


def _checked(name: str, model: Any, large: int) -> File:
    if not model.graph.node and not model.graph.output:
        raise ProfilerError(f"'{name}' holds no graph of ONNX; name a file that torch.onnx.export or onnx.save wrote")
    functions: dict[tuple[str, str, str], Any] = {}
    for function in model.functions:
        key = (domain_of(function), function.name, getattr(function, "overload", ""))
        if key in functions:
            raise ProfilerError(f"'{name}' defines the function {quoted(function.name)} twice; export it again")
        functions[key] = function
    nodes = 0
    for graph, depth in _graphs(model):
        nodes += len(graph.node)
        if nodes > MOST_NODES:
            raise ProfilerError(f"'{name}' has more than {MOST_NODES:,} nodes; export a part of the network")
        if depth > DEEPEST:
            raise ProfilerError(f"'{name}' has graphs within graphs more than {DEEPEST} deep, which no exporter writes")
        if not all(isinstance(text, str) for node in graph.node for text in _texts(node)):
            raise ProfilerError(f"'{name}' is not an ONNX model: it holds a name that is not text; export it again")
        held = [tensor.name for tensor in getattr(graph, "initializer", ())]
        made = [output for node in graph.node for output in node.output if output]
        _refuse_twice(name, held, "initialisers")
        _refuse_twice(name, made, "outputs of nodes")
        for tensor in getattr(graph, "initializer", ()):
            check_tensor(name, tensor)
    opsets = {"" if each.domain in STANDARD else each.domain: each.version for each in model.opset_import}
    return File(name, model, opsets, functions, large)


def _texts(item: Any) -> Iterator[object]:
    """The names that a node is made of; protobuf gives bytes where one is no text."""
    yield item.op_type
    yield item.domain
    yield item.name
    yield from item.input
    yield from item.output


def domain_of(item: Any) -> str:
    """The domain of a node or function, empty for ONNX's own."""
    return "" if item.domain in STANDARD else str(item.domain)


def _graphs(model: Any) -> Iterator[tuple[Any, int]]:
    """Every graph and function of a model, with how deep it lies; the walk is a list, whatever the depth."""
    waiting: list[tuple[Any, int]] = [(model.graph, 0), *((function, 0) for function in model.functions)]
    while waiting:
        graph, depth = waiting.pop()
        yield graph, depth
        for node in graph.node:
            waiting += [(inner, depth + 1) for inner in subgraphs(node)]


def subgraphs(node: Any) -> Iterator[Any]:
    """The graphs in the attributes of a node: branches, bodies of loops."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _refuse_twice(name: str, names: list[str], what: str) -> None:
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(each for each in names if each in seen or seen.add(each))  # type: ignore[func-returns-value]
        raise ProfilerError(f"'{name}' has two {what} called '{quoted(twice)}'; export it again")


def check_tensor(name: str, tensor: Any) -> Held:
    """A tensor of the file by its claims, which its data must bear out, unless it is external. Raises ProfilerError."""
    shape, dtype = tuple(tensor.dims), DTYPES.get(tensor.data_type)
    if dtype is None:
        raise ProfilerError(
            f"'{name}': the tensor '{quoted(tensor.name)}' has a dtype that ONNX does not define; export it again"
        )
    check_shape(name, tensor.name, shape)
    elements = prod(shape)
    if tensor.data_location != tensor.EXTERNAL:
        there = _elements_there(tensor, dtype.bits, elements)
        if there != elements:
            raise ProfilerError(
                f"'{name}': the tensor '{quoted(tensor.name)}' has {elements:,} elements by its shape but holds {there:,}; "
                "export it again"
            )
    return Held(tensor.name, shape, dtype, elements)


def check_shape(name: str, tensor: str, shape: Iterable[int]) -> None:
    """Refuse sizes below 0, and more axes or elements than a tensor has. Raises ProfilerError."""
    sides = tuple(shape)
    written = "x".join(map(str, sides[:8])) + ("x…" if len(sides) > 8 else "")
    if any(side < 0 for side in sides):
        raise ProfilerError(f"'{name}': the tensor '{quoted(tensor)}' is {written}, with a size below 0; export it again")
    if len(sides) > MOST_AXES or prod(sides) > MOST_ELEMENTS:
        raise ProfilerError(f"'{name}': the tensor '{quoted(tensor)}' is {written}, more than a tensor holds; export it again")


def _elements_there(tensor: Any, bits: int, claimed: int) -> int:
    """How many elements a tensor holds; those of fewer than 8 bits share bytes, so as many as claimed where the bytes do."""
    packed = -(-claimed * bits // 8)
    if tensor.HasField("raw_data"):
        there = len(tensor.raw_data)
        return claimed if there == packed else there * 8 // bits
    fields = (
        tensor.float_data,
        tensor.int32_data,
        tensor.int64_data,
        tensor.double_data,
        tensor.uint64_data,
        tensor.string_data,
    )
    there = next((len(field) for field in fields if len(field)), 0)
    if tensor.data_type in (14, 15):  # complex: two numbers an element
        return there // 2
    return claimed if bits < 8 and there == packed else there


def small_data(tensor: Any, most: int) -> Any:
    """The elements of a small tensor as a numpy array; None of a large one, of external data and of other dtypes."""
    if tensor.data_location == tensor.EXTERNAL or prod(tensor.dims) > most or tensor.data_type not in _NUMERIC:
        return None
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor)


_NUMERIC = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13))
"""Dtypes of numpy's own."""
