"""A convolution whose weight is normalised first has its weight as weight, in its own row; a norm is a norm whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from profiler.records.traced import Traced
from tests.tracing.cases.counting import Run, count_on_both, parameter


class ByBatchNorm(nn.Conv2d):
    """As timm's: the weight goes through batch_norm, with or without a gain."""

    def __init__(self, inputs: int, outputs: int, window: int, gain: bool = False) -> None:
        super().__init__(inputs, outputs, window)
        self.gain = nn.Parameter(torch.ones(outputs, 1, 1, 1)) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        gain = None if self.gain is None else self.gain.view(-1)
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = F.batch_norm(flat, None, None, weight=gain, training=True, momentum=0.0, eps=1e-6)
        return F.conv2d(x, weight.reshape_as(self.weight), self.bias)


class ByHand(nn.Conv2d):
    """As BiT's: mean and variance of each filter."""

    def forward(self, x: Tensor) -> Tensor:
        v, m = torch.var_mean(self.weight, dim=[1, 2, 3], keepdim=True, unbiased=False)
        return F.conv2d(x, (self.weight - m) / torch.sqrt(v + 1e-5), self.bias)


class ByLayerNorm(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, F.layer_norm(self.weight, (self.in_features,)), self.bias)


class ByLength(nn.Linear):
    """As cosine classifiers do: each row of length 1."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.normalize(x), F.normalize(self.weight), self.bias)


def row_of_the_product(found: Traced) -> tuple[str, int, int]:
    (row,) = [row for row in found.profile.rows if row.macs]
    return row.path, row.weights, row.bias


CASES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int, int, int, int]] = [
    ("batch_norm", lambda: ByBatchNorm(3, 4, 3), (1, 3, 8, 8), 27 * 4 * 36, 108, 4, 112),
    ("batch_norm with a gain", lambda: ByBatchNorm(3, 4, 3, gain=True), (1, 3, 8, 8), 27 * 4 * 36, 108 + 4, 4, 116),
    ("mean and variance", lambda: ByHand(3, 4, 3), (1, 3, 8, 8), 27 * 4 * 36, 108, 4, 112),
    ("layer_norm", lambda: ByLayerNorm(8, 4), (3, 8), 96, 32, 4, 36),
    ("length", lambda: ByLength(8, 4), (3, 8), 96, 32, 4, 36),
]


@pytest.mark.parametrize(
    ("make", "shape", "macs", "weights", "bias", "params"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_weight_stands_in_the_row_of_the_product(
    make: Callable[[], nn.Module], shape: tuple[int, ...], macs: int, weights: int, bias: int, params: int
) -> None:
    found = count_on_both(lambda: nn.Sequential(make()), torch.randn(shape))
    assert found.profile.macs == macs
    assert found.profile.params == params
    _, in_row, bias_in_row = row_of_the_product(found)
    assert (in_row, bias_in_row) == (weights, bias)
    assert found.profile.totals.norm == params - weights - bias


def test_a_network_of_them() -> None:
    def make() -> nn.Module:
        return nn.Sequential(
            ByBatchNorm(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), ByHand(8, 4, 1), nn.Flatten(), nn.Linear(4 * 36, 5)
        )

    found = count_on_both(make, torch.randn(2, 3, 8, 8))
    assert found.profile.macs == 2 * (27 * 8 * 36 + 32 * 36 + 144 * 5)
    totals = found.profile.totals
    assert (totals.weights, totals.bias, totals.norm) == (216 + 32 + 720, 8 + 4 + 5, 16)


PARAMETRISED: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int, int, int]] = [
    (
        "weight_norm of a convolution",
        lambda: parametrizations.weight_norm(nn.Conv1d(4, 6, 3)),
        (2, 4, 10),
        2 * 72 * 8,
        72,
        72 + 6 + 6,
    ),
    ("weight_norm of a linear layer", lambda: parametrizations.weight_norm(nn.Linear(8, 4)), (3, 8), 96, 32, 32 + 4 + 4),
    ("spectral_norm", lambda: parametrizations.spectral_norm(nn.Linear(8, 4)), (3, 8), 96, 32, 36),
]


@pytest.mark.parametrize(
    ("make", "shape", "macs", "elements", "params"), [case[1:] for case in PARAMETRISED], ids=[case[0] for case in PARAMETRISED]
)
def test_parametrised_layers(
    make: Callable[[], nn.Module], shape: tuple[int, ...], macs: int, elements: int, params: int
) -> None:
    found = count_on_both(lambda: nn.Sequential(make()).eval(), torch.randn(shape))
    product = [row for row in found.profile.rows if row.kind in ("conv", "linear")]
    assert [row.macs for row in product] == [macs]
    assert found.profile.params == params
    assert product[0].weights >= elements  # those of its length may stand beside


class OfParts(nn.Module):
    """RMSNorm as language models write it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class LlamaRMSNorm(OfParts):
    pass


class FusedRMSNorm(OfParts):
    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (8,), self.weight)


@pytest.mark.parametrize("make", [lambda: nn.RMSNorm(8), LlamaRMSNorm, FusedRMSNorm, lambda: nn.LayerNorm(8, bias=False),
                                  lambda: Run(lambda m, x: F.rms_norm(x, (8,), m.w), w=parameter(8))],
                         ids=["nn.RMSNorm", "of parts", "fused", "LayerNorm", "a function"])  # fmt: skip
def test_the_scale_of_a_norm_is_norm(make: Callable[[], nn.Module]) -> None:
    found = count_on_both(lambda: nn.Sequential(make(), nn.Linear(8, 4, bias=False)), torch.randn(3, 8))
    totals = found.profile.totals
    assert (totals.weights, totals.norm) == (32, 8)
    assert "norm" in {row.kind for row in found.profile.rows}
