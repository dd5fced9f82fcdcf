"""Giving back what was read of a mapped file: until then its pages count as this process's memory."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path
from typing import Any

DONT_NEED = 4
"""MADV_DONTNEED of Linux: pages of a file are read from it again where they are touched again."""


def give_back(array: Any, source: object) -> None:
    """Give back the pages of a numpy array whose bytes lie in the mapped file `source`; anything else stays as it is."""
    import numpy as np

    if isinstance(source, mmap.mmap) and array.nbytes:
        first = np.frombuffer(source, np.uint8, 1).__array_interface__["data"][0]
        _advise(array.__array_interface__["data"][0], array.nbytes, first, first + len(source))


def give_back_of_file(address: int, size: int, path: Path) -> None:
    """The same of bytes at an address, where they lie in a mapping of the file at `path`, which somebody else mapped."""
    for first, end in _mappings(path):
        if first <= address and address + size <= end:
            _advise(address, size, first, end)


def _mappings(path: Path) -> list[tuple[int, int]]:
    """Where this process has a file in its memory, as Linux says; nowhere on other systems."""
    found, there = [], str(path.resolve())
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            span, *_, name = line.split(maxsplit=5)
            if name == there:
                first, end = span.split("-")
                found.append((int(first, 16), int(end, 16)))
    return found


def _advise(address: int, size: int, least: int, most: int) -> None:
    """Tell the system that the pages from an address on are not needed, within the mapping from `least` to `most`."""
    page = mmap.PAGESIZE
    start = max(address // page * page, least // page * page)
    end = min(-(-(address + size) // page) * page, -(-most // page) * page)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), DONT_NEED)
