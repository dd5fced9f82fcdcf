"""The bytes of weights in the forms that they are stored in: fp16, bf16, fp8, int8, int4, codebooks. No torch.

A form is of weights, tensors of two or more axes: what stands beside them, biases and the parameters of normalisation, stays as
it is in all forms but the plain floating-point ones. Scales and codebooks are counted:

    fp32, fp16, bf16   every parameter
    fp8                8 bits per weight, one fp32 scale a tensor (e4m3 or e5m2, which are of one size)
    int8               8 bits per weight, one fp32 scale an output channel, as TFLite and ONNX store it
    int8:G, int4:G     one fp16 scale for each G weights of a channel; a shorter last group has its own (GGUF's Q8_0 and Q4_0
                       are int8:32 and int4:32: 8.5 and 4.5 bits per weight)
    int4               int4:128, the group of GPTQ and AWQ
    bits=K             K bits per weight, an index into a codebook of fp32 values, one a tensor (Deep Compression, 1510.00149)

All integers are symmetric, without zero points; the values of one tensor are packed without gaps into whole bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from profiler.errors import ProfilerError, quoted

KNOWN = "fp32, fp16, bf16, fp8, int8, int8:GROUP, int4, int4:GROUP, bits=K"
INT4_GROUP = 128
MOST_CODE_BITS = 16
_FORM = re.compile(r"(?P<name>fp32|fp16|bf16|fp8|int8|int4)(?::(?P<group>\d{1,9}))?|bits=(?P<bits>\d{1,2})", re.ASCII)
_FLOATS = {"fp32": 32, "fp16": 16, "bf16": 16}


class WeightForm(NamedTuple):
    """How the weights of a network are stored."""

    name: str
    """As `weight_form` takes it: `int4:128`."""
    bits: int
    """Of one weight."""
    scale_bytes: int = 0
    """Of one scale."""
    group: int | None = None
    """Weights of a channel that share a scale; None where all of a channel do, or all of the tensor."""
    scaled: str = ""
    """What has a scale: `tensor`, `channel`, `group`, or nothing."""
    codebook: bool = False
    """Whether a weight is an index into a codebook of 2^bits values in fp32, one a tensor."""
    floating: bool = False
    """Whether biases and the parameters of normalisation have it too."""

    @property
    def said(self) -> str:
        """What it is, in words."""
        if self.codebook:
            return f"{self.bits} bits per weight, an index into a codebook of {1 << self.bits:,} fp32 values per tensor"
        if not self.scaled:
            return f"{self.bits} bits a parameter"
        of = (
            f"group of {self.group} weights"
            if self.group is not None
            else "output channel"
            if self.scaled == "channel"
            else "tensor"
        )
        return f"{self.bits} bits per weight, one fp{8 * self.scale_bytes} scale per {of}"


class StoredBytes(NamedTuple):
    """What one tensor, or several, take in a form."""

    values: int
    """Bytes of the weights themselves."""
    scales: int = 0
    codebooks: int = 0
    rest: int = 0
    """Bytes of what has no such form: biases and the parameters of normalisation."""

    @property
    def total(self) -> int:
        return sum(self)

    def plus(self, other: StoredBytes) -> StoredBytes:
        """Both together."""
        return StoredBytes(*(a + b for a, b in zip(self, other, strict=True)))


def weight_form(text: str) -> WeightForm:
    """The form that `int8`, `int4:128`, `fp8` or `bits=5` names. Raises ProfilerError for another."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ProfilerError(f"unknown form of weights '{quoted(text)}'; use {KNOWN}")
    if found["bits"] is not None:
        bits = int(found["bits"])
        if not 1 <= bits <= MOST_CODE_BITS:
            raise ProfilerError(f"weights in bits={bits}: a codebook has 1 to {MOST_CODE_BITS} bits; use bits=5, say")
        return WeightForm(f"bits={bits}", bits, codebook=True)
    name, group = found["name"], None if found["group"] is None else int(found["group"])
    if name in _FLOATS or name == "fp8":
        if group is not None:
            raise ProfilerError(f"weights in {text.strip()}: {name} has no groups, which int8 and int4 have; use {name}")
        return WeightForm(name, _FLOATS[name], floating=True) if name in _FLOATS else WeightForm(name, 8, 4, None, "tensor")
    if group == 0:
        raise ProfilerError(f"weights in {text.strip()}: a group has 1 weight or more; use {name}:{INT4_GROUP}")
    if name == "int8" and group is None:
        return WeightForm(name, 8, 4, None, "channel")
    group = INT4_GROUP if group is None else group
    return WeightForm(f"{name}:{group}", int(name[3:]), 2, group, "group")


def stored(form: WeightForm, channels: int, each: int) -> StoredBytes:
    """Bytes of a weight of `channels` output channels with `each` weights in every one."""
    weights = channels * each
    values = -(-weights * form.bits // 8)
    if form.codebook:
        return StoredBytes(values, codebooks=4 * min(1 << form.bits, weights))
    scales = {
        "": 0,
        "tensor": 1 if weights else 0,
        "channel": channels if each else 0,
        "group": channels * -(-each // (form.group or 1)),
    }
    return StoredBytes(values, scales=form.scale_bytes * scales[form.scaled])


def stored_tensor(form: WeightForm, shape: Sequence[int], bytes_each: int = 4, *, output_axis: int = 0) -> StoredBytes:
    """Bytes of a tensor of a network, whose elements have `bytes_each` as it is.

    One of fewer than two axes is a bias or a parameter of normalisation, and stays as it is unless the form is a plain
    floating-point one. `output_axis` is the axis of its output channels.
    """
    if len(shape) < 2:
        return StoredBytes(0, rest=prod(shape) * (form.bits // 8 if form.floating else bytes_each))
    channels = shape[output_axis]
    return stored(form, channels, prod(shape) // channels if channels else 0)
