"""A file of weights by its suffix: the one way in."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from profiler.errors import ProfilerError

if TYPE_CHECKING:
    from profiler.checkpoint.tensors import Checkpoint

READERS = {
    ".safetensors": "safetensors",
    ".pt": "torch_file",
    ".pth": "torch_file",
    ".onnx": "onnx_file",
    ".npz": "numpy_file",
    ".pb": "tensorflow",
    ".tflite": "tflite",
}
"""{suffix: the file of this folder that reads it}."""


def read(name: str) -> Checkpoint:
    """The tensors of a file, of which only headers are read. Nothing in it is unpickled or run.

    Raises Unavailable if the file does not exist, ProfilerError for a file of another kind or a malformed one.
    """
    path = Path(name).expanduser()
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise ProfilerError(f"'{name}' is not a file of weights that can be read; use one of {', '.join(READERS)}")
    from profiler.checkpoint.tensors import existing

    found: Checkpoint = import_module(f"profiler.checkpoint.{READERS[suffix]}").read(existing(path))
    return found
