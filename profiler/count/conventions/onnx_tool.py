"""onnx-tool 1.0.1 (node.py): nodes of an ONNX file, by weights of its own; its count of each is in the facts of the rows."""

from __future__ import annotations

from profiler.count.conventions.convention import Convention
from profiler.records.profile import Row


def _counted(row: Row) -> int:
    count: int = row.facts.get("onnx_tool", 0)
    return count


def _every(row: Row) -> tuple[int, str] | None:
    return _counted(row), "counts every node by weights of its own, an exponential as 32 operations, a division as 4"


ONNX_TOOL = Convention(
    "onnx-tool",
    "onnx-tool",
    "operations, by weights of its own",
    {},
    {},
    _counted,
    exceptions=_every,
    counts="onnx",
)
