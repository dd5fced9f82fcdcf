"""The library's one-network calls: `profile` and `build`. No torch until a module is built or traced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.checked import checked
from profiler.errors import ProfilerError, Unavailable, quoted, shortened
from profiler.load.load import Counted, Model, is_module, load_at
from profiler.load.placing import of_module
from profiler.load.reference import Reference
from profiler.network.layers import Layer
from profiler.records.place import Place
from profiler.records.profile import Profile

if TYPE_CHECKING:
    from torch import nn


@checked
def profile(
    network: Model,
    *,
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = 1,
    **options: Any,
) -> Profile:
    """What a network costs: one of the zoo by closed form, without torch; any other module by tracing it.

    `network` is a name of the zoo, which may carry its own options (`"mobilenet_v1@alpha=0.5"`); a Layer with `input`, the
    shape `(C, *spatial)` of one sample; a reference (`"timm:resnet18"`, `"package.module:factory"`), whose code is run; or
    an nn.Module, with `args` (a tuple) and `kwargs` for its forward, tensors of any device, meta included, or anything; or with
    `input`: a shape, several, or a dict of them by name, each a tuple or a text as `"128:int64"`. With `batch=None` these
    shapes are whole. `options` are the architecture's or the factory's own (`classes=10`). Counts are for the whole batch.
    Raises UnknownName, ShapeError, ProfilerError, and Unavailable where a reference needs what is not here.
    """
    place = Place(network, options, alpha, resolution, input, batch, rho)
    return counted(place, args, kwargs).profile(grid.batch(batch))


def counted(place: Place, args: tuple[Any, ...] | None, kwargs: Mapping[str, Any] | None) -> Counted:
    """The network of a place, or the module with its own arguments. Raises as `profile` does."""
    if args is None and kwargs is None:
        return load_at(place)
    if not is_module(place.model):
        raise ProfilerError(
            "args and kwargs need a torch.nn.Module; for a name or a reference pass input, e.g. input=(3, 224, 224)"
        )
    if place.options:
        raise ProfilerError(f"a module takes no options ({', '.join(place.options)}); set them where the module is created")
    given = args if isinstance(args, tuple) else () if args is None else (args,)
    return of_module(place, (given, dict(kwargs or {})))


@checked
def build(
    network: str | Layer,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    seed: int = 0,
    device: str = "cpu",
    **options: Any,
) -> nn.Module:
    """The nn.Module of a network, in evaluation mode, from stock torch.nn leaves; parameter names are the row paths.

    The same `seed` gives the same weights, and the global generator is left as it was; `device="meta"` allocates nothing.
    In training mode a network with auxiliary branches returns `(output, {path: output})`. A reference gives the module that it
    names, under seed 0. Raises as `profile` does.
    """
    found = load_at(Place(network, options, alpha, resolution, input, rho=rho))
    if isinstance(found, Reference):
        return _on(device, found.module)
    return _on(device, lambda where: found.module(where, seed=grid.whole(seed, "seed")))


def _on(device: str, make: Callable[[str], nn.Module]) -> nn.Module:
    """What `make` makes on a device. Raises ProfilerError for what torch knows no device by, Unavailable for one not here."""
    import torch

    try:
        torch.device(device)
    except RuntimeError:
        raise ProfilerError(f"unknown device '{quoted(device)}'; use cpu, meta, cuda or mps") from None
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError) as fault:
        words = shortened(str(fault), 80).rstrip(". …") or type(fault).__name__
        raise Unavailable(f"device '{device}' is not available ({words}); use cpu or meta") from None
    return make(device)
