"""Bytes of weights in each form, against products worked out by hand and the published bits of known formats."""

from __future__ import annotations

import pytest

from profiler.count.weight_forms import StoredBytes, stored, stored_tensor, weight_form
from profiler.errors import ProfilerError

FORMS = {  # a weight of 64 channels with 3·3·32 weights each: 18,432
    "fp32": StoredBytes(18_432 * 4),
    "fp16": StoredBytes(18_432 * 2),
    "bf16": StoredBytes(18_432 * 2),
    "fp8": StoredBytes(18_432, scales=4),
    "int8": StoredBytes(18_432, scales=64 * 4),
    "int8:32": StoredBytes(18_432, scales=64 * 9 * 2),
    "int4": StoredBytes(18_432 // 2, scales=64 * 3 * 2),  # 288 in groups of 128: 128 + 128 + 32
    "int4:32": StoredBytes(18_432 // 2, scales=64 * 9 * 2),
    "int4:1000": StoredBytes(18_432 // 2, scales=64 * 2),
    "bits=5": StoredBytes(18_432 * 5 // 8, codebooks=32 * 4),
}


@pytest.mark.parametrize("name", FORMS)
def test_bytes_of_a_convolution(name: str) -> None:
    assert stored_tensor(weight_form(name), (64, 32, 3, 3)) == FORMS[name]


@pytest.mark.parametrize(("name", "bits"), [("int8:32", 8.5), ("int4:32", 4.5), ("int4:128", 4.125)])
def test_bits_a_weight_of_known_formats(name: str, bits: float) -> None:
    """GGUF's Q8_0 and Q4_0 store 34 and 18 bytes for 32 weights; GPTQ's groups of 128 add one fp16 scale each."""
    assert stored(weight_form(name), 4096, 4096).total * 8 / 4096**2 == bits


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_int8_of_torch_has_a_scale_a_channel() -> None:
    import torch

    weight = torch.arange(64 * 9.0).reshape(64, 9) + 1
    kept = torch.quantize_per_channel(weight, weight.abs().amax(1) / 127, torch.zeros(64), 0, torch.qint8)
    scales = kept.q_per_channel_scales().float()
    found = stored_tensor(weight_form("int8"), (64, 9))
    assert (found.values, found.scales) == (kept.int_repr().nbytes, scales.nbytes)


@pytest.mark.parametrize("name", FORMS)
def test_biases_stay_but_for_plain_floats(name: str) -> None:
    each = {"fp32": 4, "fp16": 2, "bf16": 2}
    assert stored_tensor(weight_form(name), (64,)) == StoredBytes(0, rest=64 * each.get(name, 4))
    assert stored_tensor(weight_form(name), (64,), 2) == StoredBytes(0, rest=64 * each.get(name, 2))


def test_what_does_not_fill_a_byte_is_rounded_up_once_a_tensor() -> None:
    assert stored(weight_form("bits=5"), 3, 1) == StoredBytes(2, codebooks=3 * 4)  # 15 bits; three weights need three entries
    assert stored(weight_form("int4:128"), 3, 3) == StoredBytes(5, scales=3 * 2)  # 36 bits


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
@pytest.mark.parametrize("name", FORMS)
def test_an_empty_tensor_takes_nothing(name: str, shape: tuple[int, ...]) -> None:
    assert stored_tensor(weight_form(name), shape).total == 0


def test_the_output_channels_of_a_transposed_convolution() -> None:
    assert stored_tensor(weight_form("int8"), (16, 8, 2, 2), output_axis=1) == StoredBytes(16 * 8 * 4, scales=8 * 4)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_says_itself(name: str) -> None:
    form = weight_form(f" {name} ")
    assert weight_form(form.name) == form
    assert str(form.bits) in form.said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("int3", "unknown form of weights 'int3'; use fp32, fp16"),
        ("int4:", "unknown form"),
        ("int4:-1", "unknown form"),
        ("int4:٣", "unknown form"),
        ("int4:0", "a group has 1 weight or more"),
        ("fp8:128", "fp8 has no groups"),
        ("bits=0", "1 to 16 bits"),
        ("bits=17", "1 to 16 bits"),
        ("", "unknown form"),
        ("int4:" + "9" * 40, "unknown form"),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        weight_form(text)
