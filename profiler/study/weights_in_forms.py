"""The bytes of a network's parameters in other forms, beside what they are: fp16, int8, int4 with its groups, codebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from profiler.count.weight_forms import StoredBytes, WeightForm, stored_tensor, weight_form
from profiler.load.load import Counted
from profiler.records.profile import Profile
from profiler.records.shown import FormBytes

if TYPE_CHECKING:
    from torch import nn

AS_IT_IS = "fp32"


def forms_of(texts: Iterable[str]) -> list[WeightForm]:
    """The forms that are named, one by one or with commas between them. Raises ProfilerError for an unknown form."""
    return [weight_form(each) for text in texts for each in text.split(",")]


def in_forms(network: Counted, profile: Profile, forms: Iterable[WeightForm]) -> tuple[FormBytes, ...]:
    """The bytes of the parameters that a network reads: in fp32, then in each form."""
    held = list(_parameters(network.module("meta"), profile))
    made = []
    for form in dict.fromkeys((weight_form(AS_IT_IS), *forms)):
        whole = StoredBytes(0)
        for shape, size, axis in held:
            whole = whole.plus(stored_tensor(form, shape, size, output_axis=axis))
        made.append(FormBytes(form.name, *whole, whole.total))
    return tuple(made)


def _parameters(module: nn.Module, profile: Profile) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """(shape, bytes an element, axis of the output channels) of each parameter that is read, a shared one once."""
    aside = tuple(f"{row.path}." for row in profile.rows if row.side)
    unread = tuple(profile.unread_at)
    transposed = {name for name, part in module.named_modules() if type(part).__name__.startswith("ConvTranspose")}
    for name, parameter in module.named_parameters():
        if name.startswith(aside) or any(name == each or name.startswith(f"{each}.") for each in unread):
            continue
        yield (
            tuple(parameter.shape),
            parameter.element_size(),
            int(name.rpartition(".")[0] in transposed and parameter.ndim > 1),
        )
