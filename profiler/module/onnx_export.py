"""A module → an ONNX file, by torch's own exporter."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from profiler.errors import ProfilerError, Unavailable, shortened
from profiler.module.trees import tensors_of_call

NEEDED = ("onnx", "onnxscript")
LARGEST_FILE = 1_900_000_000
"""Bytes of weights that stand in the file itself: one message of protobuf holds 2 GB. Others stand beside it."""
STACK_TRACE = "pkg.torch.onnx.stack_trace"
"""What the exporter writes beside each node, with paths of this machine."""


def export_onnx(module: nn.Module, args: tuple[Any, ...], path: Path, kwargs: Mapping[str, Any] | None = None) -> None:
    """Write `module` as it is (mode, weights) to `path`, for inputs of the shapes of `args` and `kwargs`.

    By torch.export (`dynamo`), which refuses what it cannot follow; TorchScript, ten times as fast, would write the results of
    such code as constants. Weights of more than 1.9 GB go to `path` with `.data` after it. The inputs of the graph are called
    input_0, input_1 … in the order of the tensors of the call. Raises Unavailable where a package is absent, ProfilerError
    where torch cannot export it.
    """
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        raise Unavailable(f"exporting to ONNX needs {' and '.join(missing)}, not installed; pip install 'arch-profiler[onnx]'")
    names, others = input_names(args, kwargs or {}), dict(kwargs or {})
    try:
        with _quiet():
            program = torch.onnx.export(module, args, kwargs=others, input_names=names, dynamo=True, verbose=False)
            assert program is not None
            for node in program.model.graph.all_nodes():
                node.metadata_props.pop(STACK_TRACE, None)
            program.save(str(path), external_data=_weight_bytes(module) > LARGEST_FILE)
    except Exception as fault:  # the exporter has no one class for what it cannot export
        raise ProfilerError(f"torch cannot export it to ONNX: {_reason(fault)}") from None


def input_names(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """What the tensors of a call are called in the file, in their order."""
    return [f"input_{i}" for i, _ in enumerate(tensors_of_call(args, kwargs))]


def _weight_bytes(module: nn.Module) -> int:
    return sum(each.numel() * each.element_size() for each in (*module.parameters(), *module.buffers()))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the exporter prints, logs and warns of goes nowhere; no gradients are kept."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    said = io.StringIO()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _reason(fault: BaseException) -> str:
    """The first cause of a fault, without the exporter's advice around it."""
    while fault.__cause__ is not None:
        fault = fault.__cause__
    return shortened(str(fault) or type(fault).__name__, 200)
