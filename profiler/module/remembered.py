"""What importing and building a network changed of the process: put back at once, and there again whenever its code runs.

A file that sets a default dtype, or puts a folder on sys.path, was written to run with that; the rest of the program was not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profiler.module.process_state import Changes, ProcessState, make_again

_LEFT: dict[str, list[Changes]] = {}
"""By the name of a network, or the key of its import."""
_IMPORTS: dict[str, str] = {}
"""By the name of a network, the key of its import."""
_OURS: set[str] = set()
"""Keys of imports that put nothing on sys.path but the folder that they were found in."""
_stay = False


def leave_changes() -> None:
    """From now on what networks change stays: this process exists to run them."""
    global _stay
    _stay = True


def imported_as(what: str, key: str) -> None:
    """The network called `what` came with the import `key`."""
    _IMPORTS[what] = key


def path_is_ours(key: str) -> None:
    """The import `key` put nothing on sys.path but the folder that it was found in."""
    _OURS.add(key)


def names_of_changes(what: str) -> tuple[str, ...]:
    """What the import and the construction of `what` changed."""
    imported = _IMPORTS.get(what, "")
    found = [
        name for changes in _LEFT.get(imported, ()) for name in changes.names if name != "sys.path" or imported not in _OURS
    ]
    return tuple(dict.fromkeys([*found, *(name for changes in _LEFT.get(what, ()) for name in changes.names)]))


def _left(what: str) -> list[Changes]:
    return [*_LEFT.get(_IMPORTS.get(what, ""), ()), *_LEFT.get(what, ())]


@contextmanager
def as_built(what: str, building: str = "", preserves: bool = True) -> Iterator[None]:
    """The process as it was when `what` was built; afterwards as it was before.

    What changes inside is remembered under the key `building`, if any. Without `preserves` nothing is put back where nothing is
    remembered: the caller does that.
    """
    left = _left(what)
    if _stay or not (left or building or preserves):
        yield
        return
    state = ProcessState()
    try:
        for changes in left:
            make_again(changes)
        begun = ProcessState() if building else None
        try:
            yield
        finally:
            if begun is not None:
                found = begun.put_back(_is_of_library)
                if found.names:
                    _LEFT.setdefault(building, []).append(found)
    finally:
        state.put_back(_is_of_library)


def _is_of_library(value: Any) -> bool:
    """Whether a library patched something: it does so when it is first imported, and would not do it again."""
    name = str(getattr(value, "__module__", ""))
    file = getattr(sys.modules.get(name), "__file__", None)
    return name.partition(".")[0] != "torch" and file is not None and is_installed(Path(file))


def is_installed(file: Path) -> bool:
    """Whether a file is of an installed package."""
    return bool({"site-packages", "dist-packages"} & set(file.parts))
