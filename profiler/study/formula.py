"""A network's counts as exact polynomials: one in α and the side, or one in the side at each α asked for. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from msgspec import structs

from profiler import grid
from profiler.checked import checked
from profiler.load.load import Model, Network, load, load_at
from profiler.records.place import Place
from profiler.records.polynomials import Formulas, Polynomials
from profiler.study.axes import points
from profiler.study.cells import Numbers
from profiler.study.polynomial import polynomials
from profiler.study.published import figures
from profiler.study.text_polynomial import reads_text, text_polynomials


def _grid(network: Network) -> Iterator[tuple[Fraction, int, int, int]]:
    """The counts at every α and side that figures of the network were published at, with its own options."""
    points = {(Fraction(f.alpha), int(f.resolution)) for f in figures() if f.model == network.name and f.resolution.isdecimal()}
    for alpha, side in sorted(points):
        totals = load(network.name, alpha=alpha, resolution=side, options=network.options).totals()
        yield alpha, side, totals.params, totals.macs


@checked
def formula(
    model: Model,
    *,
    alpha: Numbers = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    options: Mapping[str, Any] | None = None,
) -> Formulas:
    """The polynomials of `model`, for one sample, along the sides that leave the remainder of `resolution`, or of ρ.

    With `alpha`, one an α. Where widths are rounded there is no polynomial in α: then the exact counts on the published grid
    stand beside the one in the side. Those of a reference or a module are found from traces at a few points and held to more of
    them, as `points` says; α is a variable where its factory takes a width multiplier. Raises as `load` does.
    """
    place = Place(model, options or {}, None, resolution, input, rho=rho)
    alphas = points(alpha, "alpha", grid.ALPHA_STEP, grid.alpha)
    return Formulas(_polynomials(place._replace(alpha=each), alphas is None) for each in (alphas or [None]))


def _polynomials(place: Place, in_alpha: bool) -> Polynomials:
    """Those of the network at a place, `in_alpha` also in α."""
    network = load_at(place)
    if isinstance(network, Network):
        in_alpha = in_alpha and "stages" not in network.options  # widths that were chosen, which no α is a multiple of
        if reads_text(network):
            found = text_polynomials(network, in_alpha)
            return structs.replace(found, rounded=in_alpha and found.domain.alpha_step is None)
        found = polynomials(network, in_alpha)
        if in_alpha and found.domain.alpha_step is None:
            found = structs.replace(found, grid=tuple(_grid(network)), rounded=True)
        return found
    from profiler.study.token_polynomial import reads_text_alone, token_polynomials
    from profiler.study.traced_polynomial import traced_polynomials

    if network.recipe.width is None and reads_text_alone(network):
        return token_polynomials(network)
    found = traced_polynomials(network, lambda at: load_at(place._replace(alpha=at)), in_alpha)
    rounded = in_alpha and found.domain.alpha_step is None and network.recipe.width is not None
    return structs.replace(found, rounded=rounded)
