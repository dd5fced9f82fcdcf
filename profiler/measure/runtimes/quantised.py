"""An exported file in int8, by ONNX Runtime's static quantisation on random inputs: for its time, not for its outputs."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError, shortened
from profiler.measure.runtimes.runtime import Inputs

BATCHES = 4
"""Random inputs whose smallest and largest values set the scales."""
SEED = 0


class _Random:
    """Normal values of the shapes of the inputs, a batch at a time; what is no float stays as it is."""

    def __init__(self, inputs: Inputs) -> None:
        self.batches = self._made(inputs)

    def _made(self, inputs: Inputs) -> Iterator[dict[str, Any]]:
        import numpy as np

        generator = np.random.default_rng(SEED)
        for _ in range(BATCHES):
            yield {
                name: generator.standard_normal(value.shape, dtype=np.float32) if value.dtype == np.float32 else value
                for name, value in inputs.items()
            }

    def get_next(self) -> dict[str, Any] | None:
        return next(self.batches, None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.batches


def quantise(source: Path, path: Path, inputs: Inputs) -> None:
    """Write the file at `source` to `path`, weights by channel and activations by tensor in 8 bits. Raises ProfilerError."""
    from onnxruntime import quantization

    quiet = logging.getLogger()
    level = quiet.level
    said = io.StringIO()
    try:
        quiet.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            warnings.simplefilter("ignore")
            quantization.quantize_static(
                str(source), str(path), _Random(inputs), quant_format=quantization.QuantFormat.QDQ, per_channel=True
            )
    except Exception as fault:  # the quantiser has no one class for what it cannot quantise
        raise ProfilerError(f"onnxruntime cannot quantise its export: {shortened(str(fault), 200)}") from None
    finally:
        quiet.setLevel(level)
