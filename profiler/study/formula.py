"""A network's counts as exact polynomials: one in α and the side, or one in the side at each α asked for. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from msgspec import structs

from profiler import grid
from profiler.checked import checked
from profiler.load.load import Network, in_closed_form, load
from profiler.records.polynomials import Formulas
from profiler.study.axes import points
from profiler.study.cells import Numbers
from profiler.study.polynomial import polynomials
from profiler.study.published import figures


def _grid(network: Network) -> Iterator[tuple[Fraction, int, int, int]]:
    """The counts at every α and side that figures of the network were published at, with its own options."""
    points = {(Fraction(f.alpha), int(f.resolution)) for f in figures() if f.model == network.name and f.resolution.isdecimal()}
    for alpha, side in sorted(points):
        totals = load(network.name, alpha=alpha, resolution=side, options=network.options).totals()
        yield alpha, side, totals.params, totals.macs


@checked
def formula(
    model: str, *, alpha: Numbers = None, resolution: object = None, options: Mapping[str, Any] | None = None
) -> Formulas:
    """The polynomials of `model`, for one sample, along the sides that leave the remainder of `resolution`.

    With `alpha`, one an α. Where widths are rounded there is no polynomial in α: then the exact counts on the published grid
    stand beside the one in the side. Raises as `load` does.
    """
    alphas = points(alpha, "alpha", grid.ALPHA_STEP, grid.alpha)
    if alphas is None:
        network = in_closed_form(model, resolution=resolution, options=options)
        by_stage = "stages" in network.options  # widths that were chosen, which no α is a multiple of
        found = polynomials(network, in_alpha=not by_stage)
        if found.domain.alpha_step is None and not by_stage:
            found = structs.replace(found, grid=tuple(_grid(network)), rounded=True)
        return Formulas([found])
    return Formulas(
        polynomials(in_closed_form(model, alpha=each, resolution=resolution, options=options), in_alpha=False)
        for each in alphas
    )
