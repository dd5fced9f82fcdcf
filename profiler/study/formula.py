"""A network's counts as exact polynomials: one in α and the side, or one in the side at each α asked for. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiler import grid
from profiler.count.polynomial import polynomials
from profiler.forms import Polynomials
from profiler.network.load import load
from profiler.study.cells import Numbers, points


def formula(
    model: str, *, alpha: Numbers = None, resolution: object = None, options: Mapping[str, Any] | None = None
) -> list[Polynomials]:
    """The polynomials of `model`, for one sample, along the sides that leave the remainder of `resolution`.

    With `alpha`, or where widths are rounded so that there is no polynomial in α, one an α. Raises as `load` does.
    """
    alphas = points(alpha, "alpha", grid.ALPHA_STEP, grid.alpha)
    if alphas is None:
        return [polynomials(load(model, resolution=resolution, options=options))]
    return [polynomials(load(model, alpha=each, resolution=resolution, options=options), in_alpha=False) for each in alphas]
