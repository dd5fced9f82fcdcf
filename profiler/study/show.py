"""One network in full: its profile, its total under a convention, how its counts are made. No torch for a closed form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from profiler import grid
from profiler.checked import checked
from profiler.count import conventions, rewriting
from profiler.count.closed import wiring_of
from profiler.count.derivation import derivation, separable_pairs
from profiler.errors import ProfilerError
from profiler.load.load import Counted, Model, Network, load_at
from profiler.module.user_code import quiet
from profiler.records.generation import Generation
from profiler.records.place import Place, shape
from profiler.records.profile import Row
from profiler.records.sharding import TrainingMemory
from profiler.records.shown import Changed, Shown, WhatIf
from profiler.records.traced import Traced
from profiler.records.training import Memory, TrainingCost
from profiler.study import weights_in_forms

if TYPE_CHECKING:
    from profiler.load.inputs import Input
    from profiler.load.reference import Reference
    from profiler.study.generation import Asked
    from profiler.study.training_memory import Step

OPTIMIZERS = ("sgd", "adam")


@checked
def show(
    model: Model,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = 1,
    options: Mapping[str, Any] | None = None,
    convention: str = "paper",
    what_if: str | None = None,
    training: bool = False,
    memory: bool | str = False,
    weights: str | Sequence[str] | None = None,
    widths_of: str | None = None,
    prefill: object = None,
    decode: object = None,
    tokens: object = None,
    cache_dtype: str | None = None,
    peak_macs: object = None,
    bandwidth: object = None,
    roofs: str | None = None,
    train: bool = False,
    optimizer: str = "adamw",
    zero: object = 0,
    devices: object = 1,
    checkpointing: bool = False,
    wired: bool = True,
) -> Shown:
    """What one network costs, in full: the keywords are those of `compare`.

    With `what_if` (`separable` or `folded`) it is also rewritten, with `training` and `memory` also counted in a training step;
    `weights` names forms (`int8`, `int4:128`, `fp8`, `bits=5`) that the bytes of its parameters are told in as well; with
    `widths_of` each layer is as wide as its weights in that file, which `inspect` writes of a smaller network; unless `wired`
    is False it holds which row takes whose output, of which drawings are made.

    Of a model of transformers that reads text, `prefill` is how many tokens it reads, `decode` how many at once it goes on by,
    `tokens` how many its encoder reads; `batch` may then be several, as "1,8,32". `weights` is then the one form that its
    weights are stored in; `cache_dtype` that of its cache; `memory` may be the bytes to fit, as "80GiB"; `peak_macs` a second
    ("494T") and `bandwidth` a second ("3350GB") bound the steps, or `roofs`, a file of a run that measured both. With `train` a
    step with `optimizer` is weighed on each of so many `devices` that share it by ZeRO's stage `zero` (3 is FSDP's too), with
    `checkpointing` of the blocks that the model marks; `memory` then says how many samples fit.

    Raises UnknownName for the convention and the rewriting, ShapeError and ProfilerError as `profile` does, ProfilerError for
    a form of weights or such a file.
    """
    from profiler.study.generation import Asked
    from profiler.study.training_memory import Step

    place = Place(model, options or {}, alpha, resolution, input, batch, rho)
    forms = (weights,) if isinstance(weights, str) else weights or ()
    size = memory if isinstance(memory, str) else None
    asked = Asked(prefill, decode, tokens, None, cache_dtype, None if train else size, peak_macs, bandwidth, roofs)
    step = Step(optimizer, zero, devices, checkpointing, size) if train else None
    return in_full(
        place, convention, what_if=what_if, training=training, memory=memory is True, weights=forms, widths_of=widths_of,
        asked=asked, step=step, wired=wired,
    )  # fmt: skip


def in_full(
    place: Place,
    convention: str = "paper",
    *,
    what_if: str | None = None,
    training: bool = False,
    memory: bool = False,
    weights: Sequence[str] = (),
    widths_of: str | None = None,
    asked: Asked | None = None,
    step: Step | None = None,
    wired: bool = False,
) -> Shown:
    """What the network of a place costs, in full. Raises as `show` does."""
    asked = asked if asked is not None and any(each is not None for each in asked) else None
    forms = weights_in_forms.forms_of(weights)
    if asked is not None and forms:
        if len(forms) > 1:
            names = ", ".join(form.name for form in forms)
            raise ProfilerError(f"--weights names {len(forms)} forms ({names}), and --prefill and --decode take one; give one")
        asked, forms = asked._replace(weights=forms[0].name), forms[:0]
    batches = _batches(place.batch, asked)
    network, batch = load_at(place), batches[0]
    if asked is not None:
        from profiler.study.generation import reading

        network = reading(network, asked)
    rule = conventions.find(convention)
    conventions.check(rule, network.name, network.has_module)
    if what_if is not None:
        rewriting.known(what_if)
    if widths_of is not None:
        from profiler.study.widths_of import with_widths_of

        network = with_widths_of(network, widths_of)
    wiring = None
    if wired:  # before the profile, which is then not traced twice
        wiring = (
            wiring_of(network.value, network.inputs, network.batched(batch))
            if isinstance(network, Network)
            else network.traced(batch, True).wiring
        )
    profile = network.profile(batch)
    return Shown(
        profile,
        rule.name,
        rule.unit,
        tuple(rule.of(row) for row in profile.rows),
        tuple(None if row.side else derivation(row) for row in profile.rows),
        tuple(separable_pairs(profile.rows)),
        None if isinstance(network, Network) else _traced(network, batch),
        None if what_if is None else rewritten(network, batch, what_if),
        _training(network, batch) if training else None,
        _memory(network, batch) if memory else (),
        wiring,
        weight_forms=weights_in_forms.in_forms(network, profile, forms) if forms else (),
        generation=None if asked is None else _generation(network, batches, asked),
        sharding=None if step is None else _sharding(network, batch, step),
    )


def _generation(network: Counted, batches: Sequence[int | None], asked: Asked) -> Generation:
    from profiler.study.generation import generation

    return generation(network, batches, asked)


def _sharding(network: Counted, batch: int | None, step: Step) -> TrainingMemory:
    from profiler.study.training_memory import training_memory

    return training_memory(network, batch, step)


def _batches(given: object, asked: Asked | None) -> list[int | None]:
    """One batch, or of the steps of a language model several. Raises ProfilerError."""
    if asked is None or not asked.steps or not isinstance(given, str):
        return [grid.batch(given)]
    return grid.batches(given)


def rewritten(network: Counted, batch: int | None, name: str) -> WhatIf:
    """`network` as the rewriting `name` makes it, beside itself. Raises UnknownName, ProfilerError."""
    before = [row for row in network.profile(batch).rows if not row.side]
    if not isinstance(network, Network):
        fed = {}
        if rewriting.known(name) == "folded":
            from profiler.tracing.batchnorm_folding import foldable_batchnorms

            args, kwargs = network.example(batch, "meta")
            fed = foldable_batchnorms(network.module("meta"), args, kwargs, network.name)
        found = rewriting.rows(before, name, fed)
    else:
        value = rewriting.value(network.value, name)
        after = type(network)(network.name, None, network.options, network.alpha, value, network.inputs).profile(batch).rows
        found = rewriting.pairs(before, [row for row in after if not row.side])
    layers = [_changed(path, a, b) for path, a, b in found]
    whole = _changed(None, before, before)
    sums = {key: getattr(whole, key) + sum(getattr(each, key) - getattr(each, key[:-6]) for each in layers) for key in _AFTER}
    return WhatIf(name, rewriting.REWRITINGS[name], tuple(layers), structs.replace(whole, **sums))


_AFTER = tuple(name for name in Changed.__struct_fields__ if name.endswith("_after"))


def _changed(path: str | None, before: Iterable[Row], after: Iterable[Row]) -> Changed:
    a, b = list(before), list(after)
    counts = [
        sum(getattr(row, key) for row in rows) for key in ("params", "macs", "elementwise", "activations") for rows in (a, b)
    ]
    return Changed(path, *counts)


def _traced(network: Reference, batch: int | None) -> Traced:
    return structs.replace(network.traced(batch), inputs=tuple(map(_in_title, network.given)))


def _in_title(given: Input) -> str:
    """`3×32×32:complex64`, `ids=128:int64`: an input as `--input` takes it, with a cross between the sides of its shape."""
    text, name = str(given), f"{given.name}=" if given.name else ""
    if not given.shape:
        return text
    return name + "×".join(map(str, given.shape)) + text[len(name) + len(shape(given.shape)) :]


def _training(network: Counted, batch: int | None) -> TrainingCost:
    from profiler.tracing.training.training import trace_training

    args, kwargs = network.example(batch, "meta")
    with quiet():
        return trace_training(network.module("meta"), args, kwargs, name=network.name)


def _memory(network: Counted, batch: int | None) -> tuple[Memory, ...]:
    """Of an evaluation, and of a training step with each optimiser; of weights of fewer bits also with fp32 master copies."""
    import torch

    weights = network.module("meta").parameters()
    short = any(p.is_floating_point() and p.element_size() < torch.float32.itemsize for p in weights)
    return memories_of(network, batch, ("", *OPTIMIZERS, *(("adam-mixed",) if short else ())))


def memories_of(network: Counted, batch: int | None = 1, optimizers: Sequence[str] = ("",)) -> tuple[Memory, ...]:
    """The bytes of one evaluation (`""`), or with an optimiser of a training step. Raises ProfilerError as `memory` does."""
    from profiler.tracing.training.memory import memories

    args, kwargs = network.example(batch, "meta")
    with quiet():
        return memories(network.module("meta"), args, kwargs, optimizers=optimizers, name=network.name)


def memory_of(network: Counted, batch: int | None = 1, optimizer: str = "") -> Memory:
    """As `memories_of`, of one of them."""
    return memories_of(network, batch, (optimizer,))[0]
