"""A `.pt2` of torch.export → a module with the paths that it was exported with, and the inputs that it was exported for.

Nothing in the file runs: nothing is unpickled without torch's `weights_only`, and what torch would evaluate, import or write
into code is looked at first (exported_text.py).
"""

from __future__ import annotations

import logging
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError, Unavailable
from profiler.load.code import file_named
from profiler.load.exported_text import check_archive
from profiler.load.inputs import Input
from profiler.load.recipe import Recipe
from profiler.module.user_code import said

_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def exported(name: str, options: Mapping[str, Any]) -> Recipe:
    """How an exported program is loaded. Raises Unavailable where there is no such file, ProfilerError."""
    if not file_named(name).is_file():
        raise Unavailable(f"there is no file '{name}'; check its path")
    path = Path(name).expanduser()
    if options:
        raise ProfilerError(f"{name} is exported and takes no options ({', '.join(options)}); set them where it is exported")
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(name, archive)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        raise ProfilerError(
            f"'{name}' is not a file of torch.export.save; export it with torch.export.save(program, '{name}')"
        ) from None
    program = _loaded(path)
    return Recipe(lambda: _module(program), {}, _inputs(program))


def _loaded(path: Path) -> Any:
    import torch

    with _safely():
        try:
            return torch.export.load(path)
        except Exception as fault:
            raise ProfilerError(
                f"'{path}' does not load with torch {torch.__version__}: {said(fault)}; export it again"
            ) from None


@contextmanager
def _safely() -> Iterator[None]:
    """torch.load with weights_only whatever its caller asks for; torch.export's talk about it unheard."""
    before, level = os.environ.get(_FORCE), logging.root.manager.disable
    os.environ[_FORCE] = "1"
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        del os.environ[_FORCE]
        if before is not None:
            os.environ[_FORCE] = before


def _module(program: Any) -> Any:
    """The program as modules with the paths of the original, or as one graph where they cannot be told apart any more."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module: Any = torch.export.unflatten(program)
        except Exception:
            module = program.module()
    for part in module.modules():
        for node in getattr(getattr(part, "graph", None), "nodes", ()):
            node.meta.clear()  # fake tensors of the export, which warn when they are copied
    return module


def _inputs(program: Any) -> tuple[Input, ...]:
    """The example that it was exported with, or the shapes that it declares; whole, the batch axis included."""
    import torch
    from torch.utils import _pytree as pytree

    if program.example_inputs is not None:
        args, kwargs = program.example_inputs
    else:
        wanted = set(program.graph_signature.user_inputs)
        declared = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in wanted]
        args, kwargs = pytree.tree_unflatten(declared, program.call_spec.in_spec)

    def given(name: str | None, value: Any) -> Input:
        if not isinstance(value, torch.Tensor):
            return Input(name, value=value)
        shape = tuple(size if isinstance(size, int) else size.node.hint or 1 for size in value.shape)
        return Input(name, shape, str(value.dtype).removeprefix("torch."), whole=True)

    return (*(given(None, value) for value in args), *(given(name, value) for name, value in (kwargs or {}).items()))
