"""Graphs of a few nodes, and what counting them gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from profiler.load.load import load
from profiler.records.traced import Traced

Dims = Sequence[int | str | None]
FLOAT, INT64, INT8, UINT8, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL


def held(name: str, shape: Sequence[int], code: int = FLOAT) -> Any:
    """An initialiser of zeros."""
    size = 1
    for side in shape:
        size *= side
    return helper.make_tensor(name, code, list(shape), [0] * size)


def numbers(name: str, values: Sequence[int]) -> Any:
    """An initialiser of whole numbers."""
    return helper.make_tensor(name, INT64, [len(values)], list(values))


def node(op: str, inputs: str, outputs: str = "y", domain: str = "", name: str = "", **attributes: Any) -> Any:
    """A node; `_` is an input that is left out."""
    names = ["" if each == "_" else each for each in inputs.split()]
    return helper.make_node(op, names, outputs.split(), name=name, domain=domain, **attributes)


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Dims | tuple[Dims, int]],
    initialisers: Sequence[Any] = (),
    opset: int = 21,
    functions: Sequence[Any] = (),
    outputs: Sequence[str] = ("y",),
    domains: Sequence[str] = (),
) -> Any:
    """A model of these nodes; an input is its sides, or its sides and its dtype."""
    infos = []
    for name, given in inputs.items():
        sides, code = (given[0], given[1]) if len(given) == 2 and isinstance(given[0], tuple | list) else (given, FLOAT)
        infos.append(helper.make_tensor_value_info(name, code, list(sides)))  # type: ignore[arg-type]
    made = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph(list(nodes), "g", infos, made, list(initialisers))
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions))


def counted(made: Any, folder: Path, batch: int | None = 1, **point: Any) -> Traced:
    """What the file of a model is counted as."""
    path = folder / "net.onnx"
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    network = load(str(path), **point)
    return network.traced(batch)  # type: ignore[union-attr]


def saved(made: Any, path: Path) -> Path:
    onnx.save_model(made, str(path))
    return path
