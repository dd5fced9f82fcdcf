"""Why a module cannot be counted, in a sentence: an input that does not fit, values that are lacking, or our own fault."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError, shortened
from profiler.module.decorators import a_decorator_takes

_ASKS_FOR_VALUES = (
    "Cannot copy out of meta tensor", "cannot be called on meta tensors", "can't convert meta", "torch.nonzero()",
    "data-dependent", "Cannot get value", "aten::_local_scalar_dense", "_to_numpy", "repeat_interleave", "aten::nonzero",
    "aten::unique", "aten::bincount", "aten::masked_select", "expected a value", "need to be passed",
)  # fmt: skip
_MIXES_DEVICES = ("expected device", "on the same device", "same device", "different from other tensors on", "is on cpu")
_ASKS_FOR_GRADIENTS = ("nference", "require grad", "requires grad", "version counter", "version_counter", "requires_grad")


def asks_for_values(fault: BaseException) -> bool:
    """Whether a fault is that of an operation that needs the values of a tensor, which the meta device has not."""
    text = str(fault)
    return any(words in text for words in _ASKS_FOR_VALUES)


def asks_for_gradients(fault: BaseException) -> bool:
    """Whether a fault is that of a forward which differentiates, where gradients are switched off."""
    text = str(fault)
    return isinstance(fault, RuntimeError) and any(words in text for words in _ASKS_FOR_GRADIENTS)


def refuses_hooks(fault: BaseException) -> bool:
    """Whether torch.func met the hooks of a checkpoint, which it does not take; without autograd a checkpoint sets none."""
    return isinstance(fault, RuntimeError) and "saved tensor hooks" in str(fault)


def mixes_devices(fault: BaseException) -> bool:
    """Whether torch met tensors of a module that stand on another device than those of the run, where nobody could step in."""
    text = str(fault)
    return isinstance(fault, RuntimeError) and any(words in text for words in _MIXES_DEVICES)


def check_arguments(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> None:
    """Raises ProfilerError where the forward does not take such arguments, before anything is run."""
    if module._forward_pre_hooks:  # which may give it others
        return
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):  # a forward of no Python code
        return
    if any(a_decorator_takes(module.forward, key) for key in kwargs):
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as fault:
        raise ProfilerError(f"{name}: its forward{signature_text(signature)} cannot be called so: {fault}") from None


def signature_text(signature: inspect.Signature) -> str:
    """`(x, mask=None)`, cut where it is long."""
    names = [
        f"{'*' * (p.kind is p.VAR_POSITIONAL) + '**' * (p.kind is p.VAR_KEYWORD)}{p.name}"
        + ("" if p.default is p.empty else "=…")
        for p in signature.parameters.values()
    ]
    return f"({', '.join(names[:8])}{', …' if len(names) > 8 else ''})"


def sentence(fault: BaseException, most: int = 300) -> str:
    """The first lines of a fault, cut between words."""
    text = " ".join(line.strip() for line in str(fault).strip().splitlines()[:2]) or type(fault).__name__
    return shortened(text, most).rstrip(" .;:")


def refused(name: str, path: str, fault: BaseException, runs: Callable[[], bool]) -> ProfilerError:
    """The refusal of a module whose run under the tracer raised `fault`; `runs` tells whether it runs without it."""
    at = f"{name}, in {path}" if path else name
    said = f"{type(fault).__name__}: {sentence(fault)}"
    if runs():
        return ProfilerError(
            f"{at}: it runs, and counting it raises {said}; this is a bug in profiler, please report it with the module"
        )
    return ProfilerError(f"{at}: its forward raises {said}; check the input that is given, or the model")


def has_no_meta_form(given: Iterable[Tensor]) -> str:
    """What of these tensors has no form on the meta device: "a sparse tensor" …; empty where nothing is."""
    for t in given:
        if t.is_nested:
            return "a nested tensor"
        if t.layout is not torch.strided:
            return "a sparse tensor"
        if t.is_quantized:
            return "a quantised tensor"
        if type(t).__name__ == "MaskedTensor":
            return "a masked tensor"
    return ""
