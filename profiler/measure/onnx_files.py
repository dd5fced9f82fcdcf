"""A user's own ONNX file as the process that schedules tells a worker of it. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from profiler.network.layers import Shape


def digest_of(path: Path) -> str:
    """Of the bytes of a file."""
    with path.open("rb") as there:
        return hashlib.file_digest(there, "sha256").hexdigest()


class FileInput(NamedTuple):
    """An input of a file, batch axis included."""

    name: str
    shape: Shape
    dtype: str
    """As torch and numpy call it."""
    value: Any = None
    """The numbers that the user wrote out for it, in lists."""


@dataclass(frozen=True)
class OnnxFile:
    """A file, with what is needed to run it at the sizes that were asked for."""

    name: str
    path: str
    digest: str
    """Of its bytes, when it was counted."""
    bytes: int
    """Of the file and of its external data."""
    inputs: tuple[FileInput, ...]
    layers: Mapping[str, tuple[str, ...]]
    """The paths of the rows of each node, by its first output."""
    quantise: bool = False
    """Whether it is quantised to int8 first."""
