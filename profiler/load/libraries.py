"""Libraries of others: imported without the user's folder and without the hub, each fault one sentence."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError, Unavailable, shortened
from profiler.load import code
from profiler.module.user_code import quiet

_COMPILED = ("torchvision", "torchaudio")
"""Packages whose compiled part fits one build of torch."""
_NEEDS = re.compile(r"requires the (\S+) library but it was not found")
_SITES = {"site-packages", "dist-packages"}


def imported(distribution: str, name: str) -> Any:
    """A library that is not one of this program's own needs. Raises Unavailable with what to install or mend."""
    with library(distribution):
        return importlib.import_module(name)


@contextmanager
def library(distribution: str, kinds: type[Exception] = Exception) -> Iterator[None]:
    """Ask a library for what it may import only now. Raises Unavailable where that does not load, naming what does not.

    Faults that are not of `kinds` are let through, where more than imports may fail.
    """
    try:
        with code.elsewhere(), quiet(distribution, preserves=False), offline():
            yield
    except ProfilerError:
        raise
    except kinds as fault:
        raise _unavailable(distribution, fault) from None


def broken_library(fault: BaseException) -> Unavailable | None:
    """The sentence for a fault that came up while torch, or what it is imported with, was loaded; None for any other."""
    chain = _chain(fault)
    if isinstance(chain[-1], ModuleNotFoundError):
        missing = (chain[-1].name or "").partition(".")[0]
        return _absent(missing, missing) if missing else None
    package = _culprit(chain)
    return None if package is None else _unavailable(package, fault)


def _unavailable(distribution: str, fault: BaseException) -> Unavailable:
    chain = _chain(fault)
    for each in chain:
        if isinstance(each, ModuleNotFoundError) and each.name:
            return _absent(distribution, each.name)
        if named := _NEEDS.search(str(each)):
            return _absent(distribution, named[1])
    package = _culprit(chain) or distribution
    if package in _COMPILED:
        of = "" if package == distribution else f"{distribution} cannot be imported: "
        return Unavailable(
            f"{of}{package} {_version(package)} is built for another version of torch than the installed {_version('torch')}; "
            f"install the {package} that matches it"
        )
    of = distribution if package == distribution else f"{package}, which {distribution} needs,"
    said = f"{type(chain[-1]).__name__}: {shortened(str(chain[-1])) or 'no reason given'}"
    return Unavailable(f"{of} cannot be imported ({said}); reinstall it")


def _absent(distribution: str, module: str) -> Unavailable:
    top = module.partition(".")[0]
    if top in (distribution, distribution.replace("-", "_")):
        if top == "torch":
            return Unavailable("torch is not installed; pip install torch")
        return Unavailable(
            f"a model of {distribution} needs the package {distribution}, which is not installed; pip install {top}"
        )
    return Unavailable(f"a model of {distribution} needs the package {module}, which is not installed; pip install {top}")


def _chain(fault: BaseException) -> list[BaseException]:
    """A fault and what it came from, the first cause last."""
    found = [fault]
    while (before := found[-1].__cause__ or found[-1].__context__) is not None and before not in found:
        found.append(before)
    return found


def _culprit(chain: list[BaseException]) -> str | None:
    """The installed package whose module was being imported, the innermost, when the first cause arose."""
    for frame in reversed(traceback.extract_tb(chain[-1].__traceback__)):
        parts = Path(frame.filename).parts
        sites = [i for i, part in enumerate(parts) if part in _SITES]
        if frame.name == "<module>" and sites and sites[-1] + 1 < len(parts):
            return parts[sites[-1] + 1].removesuffix(".py")
    return None


def _version(package: str) -> str:
    """The version with its build, as `0.28.0+cu130`, which the package's own file says and its metadata may not."""
    try:
        files = [Path(place) / package / "version.py" for place in sys.path]
        text = next(file for file in files if file.is_file()).read_text(encoding="utf-8")
        if named := re.search(r"__version__\s*=\s*['\"]([^'\"]+)", text):
            return named[1]
    except (StopIteration, OSError, ValueError):
        pass
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


@contextmanager
def offline() -> Iterator[None]:
    """Without the hub, whoever asks for it: its own switch, put back afterwards."""
    try:
        constants: Any = importlib.import_module("huggingface_hub.constants")
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
