"""Numbers of other libraries in a profile: counts stay exact, and every part of it is JSON."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profiler import profile
from profiler.records.json_ready import json_ready

I64, I32, F32 = np.int64, np.int32, np.float32
IMAGE = torch.zeros(1, 3, 32, 32)
MODULES: dict[str, tuple[nn.Module, Tensor, int]] = {
    "stride": (nn.Conv2d(3, 8, 3, stride=(I64(2), I64(2))), IMAGE, 3 * 3 * 3 * 8 * 15 * 15),  # type: ignore[arg-type]
    "every argument": (nn.Conv2d(I64(3), I32(8), I32(3), padding=I64(1)), IMAGE, 3 * 3 * 3 * 8 * 32 * 32),  # type: ignore[arg-type]
    "reflected": (nn.Conv2d(3, 8, 3, padding=(I64(1), I64(1)), padding_mode="reflect"), IMAGE, 27 * 8 * 32 * 32),  # type: ignore[arg-type]
    "transposed": (nn.ConvTranspose2d(3, 4, I64(2), stride=I64(2)), IMAGE, 2 * 2 * 3 * 4 * 32 * 32),  # type: ignore[arg-type]
    "linear": (nn.Linear(I64(32), I64(7)), IMAGE, 32 * 7 * 3 * 32),  # type: ignore[arg-type]
    "pool": (nn.MaxPool2d(I64(2)), IMAGE, 0),  # type: ignore[arg-type]
    "average": (nn.AdaptiveAvgPool2d((I64(2), I64(2))), IMAGE, 0),  # type: ignore[arg-type]
    "norm": (nn.BatchNorm2d(I64(3), eps=F32(1e-5)), IMAGE, 0),  # type: ignore[arg-type]
    "groups": (nn.GroupNorm(I64(3), I64(3)), IMAGE, 0),  # type: ignore[arg-type]
    "resized": (nn.Upsample(scale_factor=I64(2)), IMAGE, 0),  # type: ignore[arg-type]
    "padded": (nn.ZeroPad2d((I64(1), I64(1), I64(2), I64(2))), IMAGE, 0),  # type: ignore[arg-type]
    "table": (nn.Embedding(I64(10), I64(4)), torch.zeros(1, 4, dtype=torch.long), 0),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_numpy_integers(name: str) -> None:
    module, given, macs = MODULES[name]
    found = profile(module, args=(given,))
    assert found.macs == macs
    plain = found.to_dict()
    assert json.loads(json.dumps(plain))["macs"] == macs
    for row in plain["rows"]:
        numbers = [row[key] for key in ("weights", "bias", "macs", "elementwise", "activations", "moved")]
        assert all(type(number) is int for number in numbers)
        assert all(type(side) is int for shape in (*row["inputs"], row["output"]) for side in shape)


def test_counts_beyond_what_an_int32_holds() -> None:
    wide = nn.Conv2d(I32(512), I32(512), (I32(3), I32(3)), padding=I32(1))  # type: ignore[arg-type]
    assert profile(wide, args=(torch.zeros(64, 512, 224, 224, device="meta"),)).macs == 64 * 9 * 512 * 512 * 224 * 224


def test_attention_of_numpy_integers() -> None:
    module = nn.MultiheadAttention(I64(8), I64(2), batch_first=True)
    found = profile(module, args=(torch.zeros(1, 3, 8),) * 3)
    assert found.macs == 4 * 3 * 8 * 8 + 2 * 3 * 3 * 8
    json.dumps(found.to_dict())


VALUES: list[tuple[Any, Any]] = [
    (I64(3), 3),
    (np.bool_(True), True),
    (F32(0.5), 0.5),
    (np.str_("same"), "same"),
    ((I64(1), [I32(2)]), (1, [2])),
    ({I64(1): {"a": I64(2)}}, {"1": {"a": 2}}),
    (torch.Size([2, 3]), (2, 3)),
    (torch.float16, "torch.float16"),
    (Fraction(1, 2), 0.5),
    (np.arange(3), "[0 1 2]"),
    (None, None),
    (float("nan"), "nan"),
    (F32("inf"), "inf"),
    ([-float("inf")], ["-inf"]),
]


@pytest.mark.parametrize(("value", "plain"), VALUES, ids=[str(i) for i in range(len(VALUES))])
def test_values_as_json_holds_them(value: object, plain: object) -> None:
    made = json_ready(value)
    assert made == plain
    assert type(made) is type(plain)
    json.dumps(made, allow_nan=False)
