"""Whether a runtime runs the same network: its outputs beside those of eager torch, on the same input and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError

if TYPE_CHECKING:
    import numpy as np

MOST = 1e-2
"""A larger difference, at fp32, is another network."""


def largest_difference(found: Sequence[np.ndarray[Any, Any]], expected: Sequence[np.ndarray[Any, Any]]) -> float:
    """The largest absolute difference over the largest absolute value of the output that it is of, over all outputs.

    Values that are not finite in `expected` are left out. Raises ProfilerError for outputs of another number or shape, and for
    values that are not finite where they should be.
    """
    import numpy as np

    if len(found) != len(expected):
        raise ProfilerError(f"it has {len(found)} outputs, and in eager torch {len(expected)}")
    largest = 0.0
    for i, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        if mine.shape != theirs.shape:
            raise ProfilerError(f"output {i} is of shape {mine.shape}, and in eager torch of {theirs.shape}")
        kind = complex if np.iscomplexobj(theirs) else float
        known = theirs.astype(kind).ravel()
        finite = np.isfinite(known)
        known, made = known[finite], mine.astype(kind).ravel()[finite]
        if not np.isfinite(made).all():
            raise ProfilerError(f"output {i} holds values that are not finite, where those of eager torch are")
        if known.size:
            scale = float(np.abs(known).max()) or 1.0
            largest = max(largest, float(np.abs(made - known).max()) / scale)
    return largest


def check_same(difference: float | None, dtype: str) -> None:
    """Refuse a network whose outputs are not eager's; unknown is no difference. Raises ProfilerError with the figure."""
    if difference is not None and dtype == "fp32" and difference > MOST:
        raise ProfilerError(
            f"its outputs differ from those of eager torch by {100 * difference:.3g} % of their largest value, "
            f"more than {100 * MOST:g} %"
        )
