"""Whether an ONNX file may be given to a runtime, which opens what it names: its weights beside it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, quoted
from profiler.onnx_graph.reading import File, subgraphs


class External(NamedTuple):
    """Files that hold tensors of a model."""

    paths: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        return sum(each.stat().st_size for each in self.paths)


def check_runnable(file: File, path: Path) -> External:
    """The files of external data, all in the folder of the model at `path`. Raises ProfilerError.

    Refused are data outside of that folder, also by a link, data of more bytes than its file has, and nodes that hold a binary
    for a device (EPContext), which a provider would run.
    """
    folder = path.resolve().parent
    found: dict[Path, None] = {}
    for tensor in _external_tensors(file.model):
        said = {entry.key: entry.value for entry in tensor.external_data}
        found[_inside(file, folder, tensor.name, said)] = None
    for node in _nodes(file.model):
        if node.op_type == "EPContext":
            raise ProfilerError(
                f"'{file.name}' holds a network that was compiled for a device (the node '{quoted(node.name)}'), which is code "
                "that nothing here looks at; give the file that it was compiled from"
            )
    return External(tuple(found))


def _inside(file: File, folder: Path, tensor: str, said: dict[str, str]) -> Path:
    """The file of a tensor's data, which lies in the folder of the model. Raises ProfilerError."""
    location = said.get("location", "")
    what = f"'{file.name}': the data of the tensor '{quoted(tensor)}' lies in '{quoted(location)}'"
    parts = PurePosixPath(location), PureWindowsPath(location)
    if not location or "\0" in location or any(".." in each.parts or each.anchor for each in parts):
        raise ProfilerError(f"{what}, outside of the folder of the file; save the model again with its data beside it")
    there = folder / location
    if not there.is_file():
        raise ProfilerError(f"{what}, and there is no such file beside it; copy it there")
    if not there.resolve().is_relative_to(folder):
        raise ProfilerError(f"{what}, a link out of the folder of the file; copy what it links to there")
    try:
        end = int(said.get("offset") or 0) + int(said.get("length") or 0)
    except ValueError:
        raise ProfilerError(f"{what} from an offset that is not a number; save the model again") from None
    if not 0 <= end <= there.stat().st_size:
        raise ProfilerError(f"{what}, which has {there.stat().st_size:,} bytes, and ends at {end:,}; save the model again")
    return there


def _graphs(model: Any) -> Iterator[Any]:
    waiting = [model.graph, *model.functions, *(each.initialization for each in model.training_info)]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += [inner for node in graph.node for inner in subgraphs(node)]


def _nodes(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.node


def _external_tensors(model: Any) -> Iterator[Any]:
    """Every tensor of a model whose data is elsewhere: initialisers, sparse ones, attributes of nodes and of functions."""
    for graph in _graphs(model):
        tensors = [*getattr(graph, "initializer", ())]
        sparse = [*getattr(graph, "sparse_initializer", ())]
        attributes = [each for node in graph.node for each in node.attribute] + [*getattr(graph, "attribute_proto", ())]
        for each in attributes:
            tensors += [*([each.t] if each.HasField("t") else []), *each.tensors]
            sparse += [*([each.sparse_tensor] if each.HasField("sparse_tensor") else []), *each.sparse_tensors]
        for pair in sparse:
            tensors += [pair.values, pair.indices]
        yield from (tensor for tensor in tensors if tensor.data_location == tensor.EXTERNAL or tensor.external_data)
