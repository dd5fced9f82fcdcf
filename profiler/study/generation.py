"""A model that reads and writes text, step by step: prefill, decoding, cache, weights, and the least time that they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from profiler import grid
from profiler.count import stored_weights as on_disk
from profiler.count.weight_forms import WeightForm, weight_form
from profiler.errors import ProfilerError, UnknownName
from profiler.load.caches import layers_of
from profiler.load.decoding import filled_cache
from profiler.load.inputs import Input
from profiler.load.load import Counted, Network
from profiler.load.reference import Reference
from profiler.records.generation import (
    CACHE_DTYPES,
    CacheLayers,
    Generation,
    Limits,
    Longest,
    StepCost,
    StoredWeights,
    longest_context,
)  # fmt: skip
from profiler.records.profile import Profile, Row
from profiler.study.texts import tokens_of

if TYPE_CHECKING:
    from profiler.count.stored_weights import Stored

_DECODER = "decoder_input_ids"
_TEXT = "input_ids"
_POSITIONS = ("max_position_embeddings", "n_positions", "max_target_positions", "max_sequence_length")


class Asked(NamedTuple):
    """What is asked of a model, as the options of `show` say it; None is not asked."""

    prefill: object = None
    decode: object = None
    tokens: object = None
    weights: str | None = None
    cache_dtype: str | None = None
    memory: object = None
    """Bytes, as text with a unit."""
    peak_macs: object = None
    bandwidth: object = None
    roofs: str | None = None
    """A saved run that measured both."""

    @property
    def steps(self) -> bool:
        """Whether anything is asked that the steps of a model answer."""
        return any(each is not None for each in (self.prefill, self.decode, self.tokens, self.weights, self.cache_dtype))


def reading(network: Counted, asked: Asked) -> Counted:
    """The network with as many tokens as are asked for in place of its own. Raises ProfilerError where it reads none."""
    if asked.prefill is None and asked.tokens is None:
        return network
    model = _reference(network)
    name = _text_of(model)
    given = model.given
    if asked.tokens is not None:
        encodes = name == _DECODER and any(each.name == _TEXT for each in given)
        if name == _DECODER and not encodes:
            raise ProfilerError(f"{model.name}: its encoder reads no tokens of text; give its --input")
        if not encodes and asked.prefill is not None:
            raise ProfilerError(f"{model.name}: it has one text, which both --prefill and --tokens set; give one of them")
        given = _with_length(given, _TEXT, tokens_of(asked.tokens, "--tokens"))
    if asked.prefill is not None:
        given = _with_length(given, name, tokens_of(asked.prefill, "--prefill"))
    return replace(model, given=given)


def generation(network: Counted, batches: Sequence[int | None], asked: Asked) -> Generation:
    """The steps of a network that `reading` made, at each batch. Raises ProfilerError for what has no such steps."""
    model = _reference(network)
    name = _text_of(model)
    form = None if asked.weights is None else weight_form(asked.weights)
    bits = _bits(asked.cache_dtype)
    limits = limits_of(asked)
    context = _length(model, name)
    step = None if asked.decode is None else tokens_of(asked.decode, "--decode")
    module: Any = model.module()
    config: Any = getattr(module, "config", None)
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    cache: tuple[CacheLayers, ...] = ()
    dtype = ""
    if asked.decode is not None or asked.prefill is not None or asked.cache_dtype is not None or asked.memory is not None:
        made = _cache(model, context, required=asked.decode is not None or asked.cache_dtype is not None)
        cache = () if made is None else layers_of(made, getattr(text, "kv_lora_rank", None), bits)
        dtype = asked.cache_dtype or _dtype_of(cache)
    first = model.profile(batches[0])
    weights = on_disk_weights(module, first)
    steps: list[StepCost] = []
    for batch in batches:
        held = _Held(weights, form, cache, batch or 1)
        steps += _reads(model, batch, name, context, held, module, growing=bool(cache))
        if step is not None:
            given = _with_length(model.given, name, step)
            later = replace(model, given=(*given, Input("cache", (context,))))
            steps.append(_cost("decode", later.profile(batch), batch, step, context + step, held, read=context))
    stored = _stored(weights, form, first)
    memory = None if asked.memory is None else grid.size(asked.memory, "--memory")
    longest: tuple[Longest, ...] = ()
    if memory is not None and cache:
        longest = tuple(Longest(b or 1, longest_context(cache, b or 1, memory - stored.total)) for b in batches)
    positions = next((n for each in _POSITIONS if isinstance(n := getattr(text, each, None), int) and n > 0), None)
    routed = tuple(dict.fromkeys((row.facts["active"], row.facts["experts"]) for row in first.rows if "active" in row.facts))
    return Generation(tuple(steps), stored, cache, dtype, routed, memory, longest, positions, limits)


def limits_of(asked: Asked) -> Limits | None:
    """The roofs of a device. Raises ProfilerError for one without the other, or none above 0; as `measured_limits` does."""
    given = (asked.peak_macs, asked.bandwidth)
    if asked.roofs is not None:
        if given != (None, None):
            raise ProfilerError("--roofs gives both the peak and the bandwidth; leave out --peak-macs and --bandwidth")
        return measured_limits(asked.roofs)
    if given == (None, None):
        return None
    if None in given:
        have, lack = ("--peak-macs", "--bandwidth") if asked.bandwidth is None else ("--bandwidth", "--peak-macs")
        raise ProfilerError(f"{have} needs {lack} too; add it, e.g. {lack} {'3350GB' if lack == '--bandwidth' else '494T'}")
    peak, bandwidth = grid.count(asked.peak_macs, "--peak-macs"), grid.size(asked.bandwidth, "--bandwidth")
    if not peak or not bandwidth:
        raise ProfilerError("--peak-macs and --bandwidth must be above 0; write e.g. --peak-macs 494T --bandwidth 3350GB")
    return Limits(float(peak), float(bandwidth))


def measured_limits(file: str) -> Limits:
    """The roofs that a saved run of `bench --layers` measured: a large product, and a stream through memory.

    Raises Unavailable, ProfilerError for a file that holds none.
    """
    from profiler.records.measured import Measured
    from profiler.saved.results import read

    found = read(file)
    roofs = [each.roofs for each in found.layers] if isinstance(found, Measured) else []
    if not roofs:
        raise ProfilerError(
            f"'{file}' holds no measured peak and bandwidth; write one with profiler bench lenet5 --layers -o {file}"
        )
    return Limits(roofs[0].macs_per_s, roofs[0].streams[-1][1])


class _Held(NamedTuple):
    """What a step reads besides its tokens."""

    weights: Sequence[Stored]
    form: WeightForm | None
    cache: tuple[CacheLayers, ...]
    batch: int

    def least_bytes(self, tokens: int, read: int, context: int) -> int:
        """The weights once, the cache of `read` tokens, and what the cache gains up to `context`."""
        before, after = (self.batch * sum(each.bytes(n) for each in self.cache) for n in (read, context))
        grown = sum(self.batch * (each.bytes_a_token * (context - read)) for each in self.cache)
        written = min(after, round(grown) + self.batch * sum(each.fixed for each in self.cache if each.kind == "state"))
        return on_disk.least_read(self.weights, self.form, self.batch * tokens) + (before if read else 0) + written


def _reads(
    model: Reference, batch: int | None, name: str, context: int, held: _Held, module: Any, growing: bool
) -> Iterable[StepCost]:
    """The step that reads the whole text: of an encoder and a decoder one each."""
    profile = model.profile(batch)
    if name != _DECODER:
        yield _cost("prefill" if growing else "forward", profile, batch, context, context, held)
        return
    inside = _encoder_path(module)
    encoder = [row for row in profile.rows if inside and f"{row.path}.".startswith(f"{inside}.")]
    decoder = [row for row in profile.rows if not inside or not f"{row.path}.".startswith(f"{inside}.")]
    if encoder:
        read = _sequence(encoder)
        own = held._replace(cache=(), weights=[each for each in held.weights if each.name.startswith(f"{inside}.")])
        yield _summed("encode", encoder, batch, read, read, own.least_bytes(read, 0, 0))
        held = held._replace(weights=[each for each in held.weights if not each.name.startswith(f"{inside}.")])
    yield _summed("prefill", decoder, batch, context, context, held.least_bytes(context, 0, context))


def _cost(name: str, profile: Profile, batch: int | None, tokens: int, context: int, held: _Held, read: int = 0) -> StepCost:
    return _summed(name, profile.rows, batch, tokens, context, held.least_bytes(tokens, read, context))


def _summed(name: str, rows: Iterable[Row], batch: int | None, tokens: int, context: int, least: int) -> StepCost:
    counted = [row for row in rows if not row.side]
    macs = sum(row.macs for row in counted)
    useful = sum(row.facts.get("useful_macs", row.macs) for row in counted)
    sums = (sum(row.activations for row in counted), sum(row.moved for row in counted))
    return StepCost(name, batch or 1, tokens, context, macs, useful, *sums, least)


def _sequence(rows: Sequence[Row]) -> int:
    """How many tokens the rows of an encoder are of: the axis before the last of what comes out of it."""
    return next((row.output[-2] for row in reversed(rows) if len(row.output) > 2), 1)


def _encoder_path(module: Any) -> str:
    """Where the encoder of a model stands."""
    get = getattr(module, "get_encoder", None)
    encoder = get() if callable(get) else None
    return next((path for path, m in module.named_modules() if m is encoder and path), "")


# What it is asked of


def _reference(network: Counted) -> Reference:
    if isinstance(network, Network) or network.call is not None:
        raise ProfilerError(
            f"{network.name} reads no text; --prefill, --decode and --tokens are for models of transformers, as hf:llama"
        )
    return network


def _text_of(model: Reference) -> str:
    """The input that the model writes on: of a decoder behind an encoder the decoder's."""
    names = {each.name: each for each in model.given if each.shape}
    for name in (_DECODER, _TEXT):
        if name in names:
            return name
    read = " and ".join(str(each) for each in model.given) or "nothing"
    cure = "give --resolution" if any(len(each.shape or ()) == 3 for each in model.given) else "give --input"
    raise ProfilerError(
        f"{model.name} reads {read}, and no tokens of text; {cure} in place of --prefill, --decode and --tokens"
    )


def _with_length(given: Sequence[Input], name: str, tokens: int) -> tuple[Input, ...]:
    return tuple(
        replace(each, shape=(*each.shape[:-1], tokens)) if each.name == name and each.shape else each for each in given
    )


def _length(model: Reference, name: str) -> int:
    shape = next(each.shape for each in model.given if each.name == name)
    assert shape
    return shape[-1]


def _bits(dtype: str | None) -> int | None:
    if dtype is None:
        return None
    if dtype not in CACHE_DTYPES:
        raise UnknownName("cache dtype", dtype, CACHE_DTYPES)
    return CACHE_DTYPES[dtype]


def _dtype_of(cache: Sequence[CacheLayers]) -> str:
    """What keys and values are kept in, by its bits, as the model has them."""
    names = {8 * 4: "fp32", 16: "16 bits", 8: "8 bits"}
    return next((names.get(each.bits, f"{each.bits} bits") for each in cache if each.elements), "")


# Cache and weights


def _cache(model: Reference, tokens: int, required: bool) -> Any:
    """The cache that one sample fills, None where the model keeps none and none is required. Raises ProfilerError."""
    from profiler.module.user_code import quiet

    _, kwargs = model.example(1, "meta")
    try:
        with quiet():
            found = filled_cache(model.name, model.module(), kwargs, tokens)
    except ProfilerError as fault:
        if required:
            raise ProfilerError(
                f"{str(fault).partition(';')[0]}; give --tokens or --prefill alone, which count a whole text"
            ) from None
        return None
    if found is None and required:
        raise ProfilerError(
            f"{model.name} keeps no cache, and reads a whole text each time; give --tokens in place of --decode"
        )
    return found


def on_disk_weights(module: Any, profile: Profile) -> list[Stored]:
    """The parameters of a module by what they are for."""
    from profiler.tracing.held_weights import stored_weights

    return stored_weights(module, profile.rows)


def _stored(weights: Sequence[Stored], form: WeightForm | None, profile: Profile) -> StoredWeights:
    found = on_disk.whole(weights, form)
    dtype = "+".join(profile.bytes_by_dtype)
    name, said = (form.name, form.said) if form is not None else (dtype, "")
    kept = "" if form is None or form.floating else "16 bits"
    return StoredWeights(name, said, profile.params, profile.active_params, *found, kept)
