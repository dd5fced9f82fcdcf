"""The library's one-network calls: `profile` and `build`. No torch until `build` is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.network.layers import Layer, Shape
from profiler.network.load import load
from profiler.records import Profile

if TYPE_CHECKING:
    from torch import nn


def profile(
    network: str | Layer,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: str | Shape | None = None,
    batch: int = 1,
    **options: Any,
) -> Profile:
    """What a network costs, by closed form; no torch.

    `network` is a name of the zoo, which may carry its own options (`"mobilenet_v1@alpha=0.5"`), or a Layer with `input`, the
    shape `(C, *spatial)` of one sample. `options` are the architecture's own (`classes=10`, `separable=False`). Counts are
    for the whole batch. Raises UnknownName, ShapeError, ProfilerError.
    """
    found = load(network, alpha=alpha, resolution=resolution, rho=rho, input=input, options=options)
    return found.profile(grid.batch(batch))


def build(
    network: str | Layer,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: str | Shape | None = None,
    seed: int = 0,
    device: str = "cpu",
    **options: Any,
) -> nn.Module:
    """The nn.Module of a network, in evaluation mode, from stock torch.nn leaves; parameter names are the row paths.

    The same `seed` gives the same weights, and the global generator is left as it was; `device="meta"` allocates nothing.
    In training mode a network with auxiliary branches returns `(output, {path: output})`. Raises as `profile` does.
    """
    found = load(network, alpha=alpha, resolution=resolution, rho=rho, input=input, options=options)
    found.totals()  # a network that does not fit its input is refused in the network's words
    from profiler.network.build import build as built

    return built(found.value, found.inputs, seed=seed, device=device)
