"""Exported files, kept in the user's cache under what they are made from: weights, code, inputs, versions. No torch."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from profiler.measure import own_folder

if TYPE_CHECKING:
    from torch import nn

FOLDER = "exports"
FILE = "model.onnx"
FORMS = {".onnx": "ONNX", ".tflite": "LiteRT", ".pte": "ExecuTorch"}
MOST_BYTES = 2 << 30
"""What is kept together, those deleted first that were used longest ago."""


class Export(NamedTuple):
    """An exported file."""

    path: Path
    seconds: float | None
    """What exporting took; None where an earlier run had kept it."""
    size: int
    """Bytes, with those of its weights where they stand beside it."""


@dataclass
class Exports:
    """The exports of this process: whether they are kept for later runs, where the others are, and who hears of an export."""

    keep: bool = False
    scratch: Path | None = None
    """A folder that is deleted when the run ends; one of this process's own unless given."""
    say: Callable[[str], None] | None = None

    def export(self, key: str, write: Callable[[Path], None], file: str = FILE, anew: bool = False) -> Export:
        """The file of that key and name, by `write` where none is kept or `anew` is asked for. Raises what `write` raises."""
        home = _home() if self.keep else None
        if home is not None and not anew and _is_kept(home / key / file):
            with suppress(OSError):
                os.utime(home / key)
            return Export(home / key / file, None, _size(home / key))
        self._says(f"exporting to {FORMS.get(Path(file).suffix, file)}")
        with TemporaryDirectory(prefix=".making-", dir=home or self.folder()) as folder:
            made, start = Path(folder), perf_counter()
            write(made / file)
            seconds, size = perf_counter() - start, _size(made)
            if home is not None and size <= MOST_BYTES:
                _make_room(home, MOST_BYTES - size)
                kept = _put(made, home / key)
            else:
                kept = _put(made, self.folder() / key)
        self._says("loading its export")
        return Export(kept / file, seconds, size)

    def _says(self, text: str) -> None:
        if self.say is not None:
            self.say(text)

    def folder(self) -> Path:
        """Where files of this run stand, which are deleted when it ends."""
        if self.scratch is None:
            self.scratch = Path(mkdtemp(prefix="profiler-"))
            atexit.register(shutil.rmtree, self.scratch, ignore_errors=True)
        return self.scratch


HERE = Exports()
"""Of this process."""


def _is_kept(file: Path) -> bool:
    return file.exists() and not file.parent.is_symlink() and not any(map(own_folder.what_else, file.parent.iterdir()))


def _home() -> Path | None:
    cache = own_folder.cache_folder()
    if cache is None:
        return None
    with suppress(OSError):
        (cache / FOLDER).mkdir(mode=0o700, exist_ok=True)
        if not (cache / FOLDER).is_symlink():
            return cache / FOLDER
    return None


def _put(made: Path, kept: Path) -> Path:
    """Move the files of a folder into another, in the place of what is there."""
    if kept.is_symlink():
        kept.unlink()
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(mode=0o700)
    for each in made.iterdir():
        shutil.move(each, kept / each.name)
    return kept


def _make_room(home: Path, most: int) -> None:
    """Delete those used longest ago until no more than `most` bytes are left."""
    found = []
    for each in home.iterdir():
        with suppress(OSError):
            if each.is_dir() and not each.is_symlink() and not each.name.startswith("."):
                found.append((each.stat().st_mtime, _size(each), each))
    left = sum(size for _, size, _ in found)
    for _, size, each in sorted(found):
        if left <= most:
            return
        shutil.rmtree(each, ignore_errors=True)
        left -= size


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


def key_of(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], how: str) -> str:
    """What an export is kept under: everything that it is made from, and `how`, which says by what.

    Weights and buffers by their bytes, code by the files of the modules' classes, inputs by their shapes and dtypes.
    """
    import torch

    from profiler.module.trees import map_tensors

    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(repr(values).encode())

    add(how, torch.__version__, module)
    add(map_tensors((args, dict(kwargs)), lambda x: (str(x.dtype), tuple(x.shape))))
    for name, tensor in (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)):
        add(name, tensor.dtype, tuple(tensor.shape))
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    for file in sorted({file for part in module.modules() if (file := _file(type(part))) is not None}):
        with suppress(OSError):
            digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:32]


def _file(kind: type) -> str | None:
    """The file of a class's code; None of torch's own, whose version says enough."""
    if kind.__module__.partition(".")[0] == "torch":
        return None
    found = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return found if isinstance(found, str) else None
