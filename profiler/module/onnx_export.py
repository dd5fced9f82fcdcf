"""A module → an ONNX file, by torch's own exporter."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from profiler.errors import ProfilerError, Unavailable, shortened
from profiler.module.trees import tensors_of_call

NEEDED = ("onnx", "onnxscript")


def export_onnx(module: nn.Module, args: tuple[Any, ...], path: Path, kwargs: Mapping[str, Any] | None = None) -> None:
    """Write `module` as it is (mode, weights) to `path`, for inputs of the shapes of `args` and `kwargs`.

    Weights above 2 GB go to `path` with `.data` after it. The inputs of the graph are called input_0, input_1 … in the order of
    the tensors of the call, the outputs output_0 …. Raises Unavailable where a package is absent, ProfilerError where
    torch cannot export it.
    """
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        raise Unavailable(
            f"exporting to ONNX needs {' and '.join(missing)}, not installed here; pip install 'arch-profiler[onnx]'"
        )
    names = input_names(args, kwargs or {})
    said = io.StringIO()
    logged = logging.getLogger("torch.onnx"), logging.getLogger("onnxscript")
    levels = [logger.level for logger in logged]
    try:
        for logger in logged:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module, args, str(path), kwargs=dict(kwargs or {}), input_names=names, dynamo=True, external_data=False,
                verbose=False,
            )  # fmt: skip
    except Exception as fault:  # the exporter has no one class for what it cannot export
        raise ProfilerError(f"torch cannot export it to ONNX: {_reason(fault)}") from None
    finally:
        for logger, level in zip(logged, levels, strict=True):
            logger.setLevel(level)


def input_names(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """What the tensors of a call are called in the file, in their order."""
    return [f"input_{i}" for i, _ in enumerate(tensors_of_call(args, kwargs))]


def _reason(fault: BaseException) -> str:
    """The first cause of a fault, without the exporter's advice around it."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    return shortened(str(fault) or type(fault).__name__, 200)
