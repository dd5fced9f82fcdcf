"""What a cache of transformers holds, layer by layer: by the tensors that the model's own classes made. No torch at import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from profiler.records.generation import CacheLayers

if TYPE_CHECKING:
    from torch import Tensor

_GROWS = ("keys", "values", "indexer_keys")
"""Tensors of a layer that have a place for every token, on the axis before the last."""


def layers_of(cache: Any, latent_width: int | None = None, bits: int | None = None) -> tuple[CacheLayers, ...]:
    """The layers of a filled cache by kind, of one sample, in the order in which they come.

    `latent_width` is the width of what an attention compresses keys and values into, where a model does so. `bits` replaces
    those of keys and values. Layers that hold nothing are left out.
    """
    found: dict[tuple[str, int | None, int], list[int]] = {}
    for layer, cross in _layers(cache):
        grows = _growing(layer)
        fixed = sum(t.numel() * t.element_size() // t.shape[0] for t in _others(layer, grows))
        if not grows and not fixed:
            continue
        held = [t.numel() // t.shape[0] // t.shape[-2] for t in grows]
        each = bits or (8 * grows[0].element_size() if grows else 16)
        if cross:
            key, elements = ("cross", None, each), 0
            fixed += sum(-(-(t.numel() // t.shape[0]) * each // 8) for t in grows)
        elif not grows:
            key, elements = ("state", None, each), 0
        else:
            window = getattr(layer, "sliding_window", None) if getattr(layer, "is_sliding", False) else None
            kind = "sliding" if window else "latent" if latent_width and _is_latent(grows, latent_width) else "full"
            # of a window of n tokens the cache keeps n - 1, beside the token that comes
            key, elements = (kind, window - 1 if window else None, each), sum(held)
        known = found.setdefault(key, [0, 0, 0])
        for i, more in enumerate((1, elements, fixed)):
            known[i] += more
    return tuple(
        CacheLayers(kind, layers, window, elements, each, fixed)
        for (kind, window, each), (layers, elements, fixed) in found.items()
    )


def bytes_held(cache: Any) -> int:
    """Bytes of all the tensors that a cache has made, of all samples."""
    total = 0
    for layer, _ in _layers(cache):
        grows = _growing(layer)
        total += sum(t.numel() * t.element_size() for t in (*grows, *_others(layer, grows)))
    return total


def _layers(cache: Any) -> Iterator[tuple[Any, bool]]:
    """Every layer, and whether it holds what an encoder said."""
    for part, cross in ((cache, False), *((getattr(cache, name, None), name.startswith("cross")) for name in _PARTS)):
        for layer in getattr(part, "layers", None) or ():
            yield layer, cross


_PARTS = ("self_attention_cache", "cross_attention_cache")


def _growing(layer: Any) -> list[Tensor]:
    """The tensors of a layer that have a place for every token."""
    found = [getattr(layer, name, None) for name in _GROWS]
    return [t for t in found if t is not None and _filled(t)]


def _filled(t: Any) -> bool:
    return bool(hasattr(t, "numel") and t.ndim > 1 and t.numel() > 0)


def _others(layer: Any, known: Iterable[Tensor]) -> list[Tensor]:
    """What a layer holds besides: convolution and recurrence states. A number that it keeps for itself is none."""
    taken = {id(t) for t in known}
    values: list[Any] = []
    for value in vars(layer).values():
        values += value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    return [t for t in values if _filled(t) and id(t) not in taken]


def _is_latent(grows: list[Tensor], width: int) -> bool:
    """Whether one head of what was compressed is held in place of the heads."""
    return any(t.shape[1] == 1 and t.shape[-1] == width for t in grows)
