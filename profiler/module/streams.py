"""What somebody's code writes to standard output, by Python or by descriptor 1, goes to standard error while it runs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

_redirected = False


@contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Standard output is standard error inside, which code there cannot close; afterwards both are what they were."""
    global _redirected
    out, err = sys.stdout, sys.stderr
    outermost, _redirected = not _redirected, True
    saved = _swap(out) if outermost else None
    if outermost and err is not None:
        sys.stderr = _Lent(err)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.__stdout__, out):
            _flush(stream)
        if outermost:
            _redirected = False
        if saved is not None:
            _flush_c()
            with suppress(OSError):  # code that closed every descriptor closed this one
                os.dup2(saved, 1)
                os.close(saved)
        sys.stdout, sys.stderr = out, err


class _Lent:
    """A stream that is closed by nobody who has it lent."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __enter__(self) -> _Lent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """In place of closing."""
        _flush(self._stream)

    def detach(self) -> Any:
        """In place of giving the buffer away."""
        raise io.UnsupportedOperation("detach")


def _swap(out: Any) -> int | None:
    """Descriptor 1 on what descriptor 2 is on; a descriptor of what it was on, None where it was closed."""
    _flush(out)
    _flush_c()
    try:
        saved = os.dup(1)
    except OSError:
        return None
    try:
        os.dup2(2, 1)
    except OSError:  # no standard error either
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    return saved


def _flush(stream: Any) -> None:
    with suppress(Exception):
        stream.flush()


def _flush_c() -> None:
    """What C code printed, which has a buffer of its own; only where ctypes is loaded, as torch does."""
    if "ctypes" in sys.modules:
        flush, stream = _c_stdout()
        if flush is not None:
            flush(stream)


@lru_cache(maxsize=1)
def _c_stdout() -> tuple[Any, Any]:
    ctypes = sys.modules["ctypes"]
    for name in ("stdout", "__stdoutp"):
        with suppress(Exception):  # Windows, or another C library
            library = ctypes.CDLL(None)
            return library.fflush, ctypes.c_void_p.in_dll(library, name)
    return None, None
