"""An `.npz` of numpy.savez: arrays of numbers, compressed or not, streamed; arrays of objects are pickles, and refused."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import IO

from profiler.checkpoint.tensors import (
    BLOCK,
    ITEM_BYTES,
    Array,
    Blocks,
    Checkpoint,
    StoredTensor,
    checked_names,
    checked_shape,
    refuse,
)
from profiler.errors import quoted, shortened

MOST_RATIO = 200
"""Times as many bytes as the file has that its arrays may claim; weights do not compress so well."""
BROKEN = (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read(path: Path) -> Checkpoint:
    """The arrays of a file, none of them read yet. Raises ProfilerError for a file of another kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MOST_RATIO * path.stat().st_size:
                refuse(path, f"its arrays are more than {MOST_RATIO} times as large as the file")
            tensors = [_array(path, archive, entry) for entry in entries]
    except BROKEN as fault:
        refuse(path, f"it is not an archive of numpy.savez ({shortened(str(fault), 100)})")
    return Checkpoint(str(path), "npz", checked_names(path, tensors))


def _array(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> StoredTensor:
    name = entry.filename.removesuffix(".npy")
    with archive.open(entry) as file:
        shape, dtype, order, start = _header(path, name, file)
    if start + prod(shape) * ITEM_BYTES[dtype.name] != entry.file_size:
        refuse(path, f"array {quoted(name)} has the shape {quoted(list(shape))} but only {entry.file_size - start:,} bytes")
    blocks = partial(_blocks, path, entry.filename, start, dtype)
    if order and len(shape) > 1:
        return StoredTensor(name, shape, dtype.name, lambda: _reordered(blocks, shape))
    return StoredTensor(name, shape, dtype.name, blocks)


def _header(path: Path, name: str, file: IO[bytes]) -> tuple[tuple[int, ...], Array, bool, int]:
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        refuse(
            path,
            f"array {quoted(name)} is in version {version} of numpy's format, which is not supported",
            "save it with numpy.savez",
        )
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    if dtype.hasobject or dtype.name not in ITEM_BYTES:
        what = "objects, which are pickles and are not read" if dtype.hasobject else f"the dtype {dtype}"
        refuse(path, f"array {quoted(name)} is of {what}", "save arrays of numbers")
    return checked_shape(path, name, shape), dtype, bool(fortran), file.tell()


def _reordered(blocks: Blocks, shape: tuple[int, ...]) -> Iterator[Array]:
    """The values of an array in Fortran's order, put in C's; the whole array stands in memory."""
    import numpy as np

    whole = np.concatenate(list(blocks())).reshape(shape, order="F").reshape(-1)
    yield from (whole[start : start + BLOCK] for start in range(0, len(whole), BLOCK))


def _blocks(path: Path, member: str, start: int, dtype: Array) -> Iterator[Array]:
    import numpy as np

    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            file.read(start)
            while data := file.read(BLOCK * dtype.itemsize):
                yield np.frombuffer(data, dtype)
    except BROKEN as fault:
        refuse(path, f"array {quoted(member)} cannot be read ({shortened(str(fault), 100)})")
