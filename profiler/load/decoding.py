"""A decoding step: `cache=2047` as the cache that a transformers model fills itself from so many tokens, on the meta device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError, shortened
from profiler.load.inputs import Input
from profiler.load.signature import parameters

if TYPE_CHECKING:
    from torch import nn

NAMES = ("cache", "past_key_values", "cache_params")
"""What transformers calls the cache in a forward and in what it gives back, by version and model."""
_TEXT = ("decoder_input_ids", "input_ids")
_OF_THE_STEP = ("attention_mask", "decoder_attention_mask", "position_ids", "decoder_position_ids", "cache_position", "labels")
"""Arguments as long as the step or its context, which are not those of the tokens before it."""


def cache_given(given: Sequence[Input]) -> Input | None:
    """The input that a cache may be meant by: one of its names, with a shape."""
    return next((each for each in given if each.name in NAMES and each.shape is not None), None)


def with_cache(name: str, module: nn.Module, given: Input, kwargs: Mapping[str, Any], device: str) -> dict[str, Any]:
    """`kwargs` with a cache of as many tokens as `given` says, where the forward of `module` takes one.

    Raises ProfilerError for a cache of another shape, or one that cannot be filled.
    """
    takes = parameters(module)
    key = next((key for key in NAMES if "Cache" in str(getattr(takes.get(key), "annotation", ""))), None)
    of_transformers = any(kind.__module__.startswith("transformers.") for kind in type(module).__mro__)
    if key is None or not of_transformers:
        return dict(kwargs)
    cure = f"give the number of tokens that the cache holds, as --input {key}=2047, beside --input 1"
    if given.shape is None or len(given.shape) != 1 or given.dtype not in (None, "int64", "float32"):
        raise ProfilerError(f"{name}: '{given}' is not a cache; {cure}")
    if device != "meta":
        raise ProfilerError(
            f"{name}: a step with a cache can be counted, but not measured or checked by other counters; leave {given.name} out"
        )
    rest = {each: value for each, value in kwargs.items() if each not in NAMES}
    text = next((each for each in _TEXT if each in rest and hasattr(rest[each], "new_empty")), None)
    if text is None:
        raise ProfilerError(f"{name}: a cache needs text to fill it, and no input_ids are given; {cure}")
    step = rest[text]
    before = {each: value for each, value in rest.items() if each not in _OF_THE_STEP}
    before[text] = step.new_empty((*step.shape[:1], given.shape[0], *step.shape[2:]))
    cache, encoded = _filled(name, module, before, takes)
    if encoded is not None and "encoder_outputs" in takes:  # the encoder has read its text, and reads it no more
        rest = {each: value for each, value in rest.items() if each == text or each.startswith("decoder_") or each not in takes}
        rest["encoder_outputs"] = (encoded,)
    return {**rest, key: cache}


def filled_cache(name: str, module: nn.Module, kwargs: Mapping[str, Any], tokens: int) -> Any:
    """The cache of so many tokens of each sample of `kwargs`, as `with_cache` makes it; None where the model takes none.

    Raises ProfilerError where it cannot be filled.
    """
    given = Input("cache", (tokens,))
    made = with_cache(name, module, given, kwargs, "meta")
    return next((made[key] for key in NAMES if key in made), None)


def _filled(name: str, module: nn.Module, before: dict[str, Any], takes: Mapping[str, Any]) -> tuple[Any, Any]:
    """The cache that the model gives back when it has read these tokens, and what its encoder said, where it has one."""
    asked = {key: True for key in ("use_cache", "return_dict") if key in takes}
    try:
        output = _output(module, {**before, **asked})
    except Exception as fault:  # whatever a model of somebody else's raises
        raise ProfilerError(
            f"{name}: its cache cannot be filled without values ({type(fault).__name__}: {shortened(str(fault), 120)}); "
            "count the whole text, without a cache"
        ) from None
    found = next((held for key in NAMES if (held := getattr(output, key, None)) is not None), None)
    if found is None:
        raise ProfilerError(f"{name}: it returns no cache; count the whole text, without one")
    return found, getattr(output, "encoder_last_hidden_state", None)


def _output(module: nn.Module, kwargs: dict[str, Any]) -> Any:
    """What the module gives back, on the meta device: as a trace runs it, which is the quickest, else as torch does."""
    import torch

    from profiler.tracing.traced import trace

    outputs: list[Any] = []
    hook = module.register_forward_hook(lambda _module, _args, output: outputs.append(output))
    try:
        rung = trace(module, (), kwargs).rung
    except ProfilerError:
        rung = ""
    finally:
        hook.remove()
    if rung == "meta":  # on a later rung a copy has run, or values were needed
        return outputs[-1]
    with torch.no_grad():
        return module(**kwargs)
