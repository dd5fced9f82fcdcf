"""ONNX files that the user gives to be measured: what runs them, and in which precision. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

from msgspec import structs

from profiler.errors import ProfilerError
from profiler.load.load import Counted
from profiler.load.onnx_file import OnnxNetwork
from profiler.measure.onnx_files import FileInput, digest_of
from profiler.measure.plan import Setting
from profiler.measure.runtimes.registry import KINDS, OF_ONNX
from profiler.measure.visits import FUSED
from profiler.measure.workloads import FileWorkload
from profiler.records.notes import Title
from profiler.study.cells import Cell
from profiler.witness.memory import shortage

PRECISIONS = {"float16": "fp16", "bfloat16": "bf16"}
FLOAT_BYTES = 4
WHOLE_BYTE = ("int8", "uint8", "int4", "uint4")


def in_file(network: Counted, batch: int | None, setting: Setting) -> Setting:
    """The setting that a network is measured in: of a file, fp32 stands for the precision that the file holds.

    Raises ProfilerError for a file that torch is to run, or in a precision that its runtime cannot make of it.
    """
    if not isinstance(network, OnnxNetwork):
        return setting
    if setting.runtime not in OF_ONNX:
        runs = setting.runtime if setting.runtime in KINDS else "torch"
        raise ProfilerError(f"{network.name} is an ONNX file, which {runs} does not run; give --runtime {' or '.join(OF_ONNX)}")
    own = precision_of(network, batch)
    asked = own if setting.dtype == "fp32" else setting.dtype
    runtime = KINDS[setting.runtime]
    if asked != own and not (own == "fp32" and (asked == "int8" or asked in runtime.converts)):
        cure = f"export it in {asked}, or leave out --dtype"
        raise ProfilerError(f"{network.name} holds {own}, and {setting.runtime} makes no {asked} of it; {cure}")
    return replace(setting, dtype=asked)


def in_settings(cells: Sequence[Cell], settings: Sequence[Setting]) -> list[tuple[Cell, Setting]]:
    """Every cell in every setting, the settings of a cell together. Raises ProfilerError where one cannot be.

    A file of ONNX is in the precision that it holds, where no other was asked for.
    """
    return [(cell, in_file(cell.network, cell.batch, setting)) for cell in cells for setting in settings]


def in_dtypes(title: Title | str, placed: Sequence[tuple[Cell, Setting]]) -> Title | str:
    """The title with the precisions that the cells are measured in."""
    if isinstance(title, str) or title.measured_in is None:
        return title
    dtypes = tuple(dict.fromkeys(setting.dtype for _, setting in placed))
    return structs.replace(title, measured_in=structs.replace(title.measured_in, dtypes=dtypes))


def precision_of(network: OnnxNetwork, batch: int | None) -> str:
    """The dtype of most bytes of its parameters: fp32, fp16, bf16 or int8, which stands for fewer bits too."""
    sizes: dict[str, int] = {}
    for name, size in network.profile(batch).bytes_by_dtype.items():
        known = "int8" if name in WHOLE_BYTE else PRECISIONS.get(name, "fp32")
        sizes[known] = sizes.get(known, 0) + size
    return max(sizes, key=lambda name: sizes[name], default="fp32")


def workload_of_file(network: OnnxNetwork, batch: int | None, setting: Setting) -> FileWorkload:
    """What the workers load and run. Raises ProfilerError where the file may not be given to a runtime."""
    from profiler.onnx_graph.counting import largest_tensor
    from profiler.onnx_graph.external import check_runnable

    path = Path(network.name).expanduser().resolve()
    external = check_runnable(network.file, path)
    shapes, sizes = network.whole_inputs(network.batched(batch))
    values = {each.name: each.value for each in network.given if each.name and each.value is not None}
    largest = max(
        [largest_tensor(network.file, shapes, sizes, values), *(FLOAT_BYTES * prod(each) for each in shapes.values())]
    )
    if short := shortage(largest, "one of its tensors"):
        raise ProfilerError(f"{network.name} needs {short}; measuring takes at most half of that: give smaller inputs")
    return FileWorkload(
        network.name,
        str(path),
        digest_of(path),
        path.stat().st_size + external.bytes,
        tuple(FileInput(each.name, shape, each.dtype, values.get(each.name)) for each, shape in shapes.items()),
        _layers(network, batch),
        quantise=setting.dtype == "int8" and precision_of(network, batch) != "int8",
    )


def _layers(network: OnnxNetwork, batch: int | None) -> dict[str, tuple[str, ...]]:
    """The paths of the rows of each node, by its first output: its own, and that of a normalisation that was folded into it."""
    from profiler.onnx_graph.paths import folded_into, path_of

    rows = {row.path for row in network.profile(batch).rows if FUSED not in row.path and not row.path.startswith("(")}
    found = {}
    for node in network.file.model.graph.node:
        mine = tuple(path for path in dict.fromkeys((path_of(node), folded_into(node))) if path in rows)
        if mine and node.output:
            found[str(node.output[0])] = mine
    return found
