"""What leaves a network with planted channels, and that the smaller one gives the same outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from profiler.pruning.smaller import without_constants
from profiler.pruning.walk import walked
from tests.pruning.networks import CASES, seeded, separable, zero


def widths(module: nn.Module) -> dict[str, int]:
    return {name: part.weight.shape[0] for name, part in module.named_modules() if isinstance(part, nn.Conv2d | nn.Linear)}


@pytest.mark.parametrize(("case", "shape"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_same_outputs_by_fewer_channels(case: Callable[[], Any], shape: tuple[int, ...]) -> None:
    """In float64 within 1e-12 of the largest output, which is rounding: sums of fewer terms, and biases that hold a constant."""
    module, left = case()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    cut = without_constants(module, walked(module, (torch.zeros(1, *shape, dtype=torch.float64),)))
    assert widths(cut.module) == left
    given = torch.randn(6, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, less = module(given), cut.module(given)
    assert whole.abs().max() > 0.01
    assert (whole - less).abs().max() <= 1e-12 * whole.abs().max()
    assert not cut.inferred
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())  # the user's is as it was


def test_bit_equal_where_what_leaves_is_zero() -> None:
    """A channel of zeros adds nothing to a sum: with integers for weights, no rounding hides a difference."""
    module: Any = seeded(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.Flatten())).float()
    with torch.no_grad():
        for part in module.parameters():
            part.copy_((part * 10).round())
    zero(module[0], 1, 2, 6)
    cut = without_constants(module, walked(module, (torch.zeros(1, 3, 9, 9),)))
    given = torch.randint(-9, 9, (4, 3, 9, 9)).float()
    assert widths(cut.module) == {"0": 5, "2": 4}
    assert torch.equal(module(given), cut.module(given))


def test_what_leaves_by_statistics_alone_is_said() -> None:
    module, left = separable()
    plain: Any = module
    with torch.no_grad():
        plain[7].running_var[5] = 1e-30  # its weights are alive
    cut = without_constants(module, walked(module, (torch.zeros(1, 3, 16, 16, dtype=torch.float64),)))
    assert widths(cut.module) == left | {"6": left["6"] - 1}
    assert cut.inferred
    given = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        still = plain[:7](given)
        plain[7].running_mean[5] = still[:, 5].mean()
    assert cut.module(given).shape == (2, 5)


def test_why_channels_stay() -> None:
    reasons = {}
    for case, shape in CASES:
        module, _ = case()
        layers = without_constants(module, walked(module, (torch.zeros(1, *shape, dtype=torch.float64),))).layers
        reasons[case.__name__] = {layer.path: layer.reason for layer in layers if layer.reason}
    assert reasons == {
        "separable": {},
        "padded": {"0": "3 pads its input with zeros, and the value is none"},
        "unpadded": {},
        "residual": {"stem": "head reads it, and it varies", "conv": "head reads it, and it varies"},
        "joined": {},
        "excited": {},
        "grouped": {"0": "2 has 2 groups, which are of one width", "2": "2 has 2 groups, which are of one width"},
        "scaled": {},
        "flattened": {},
        "all_dead": {"0": "a layer keeps one channel", "2": "it is an output of the network"},
        "twice": {"0": "1 runs more than once", "1": "1 runs more than once"},
        "unknown": {"0": "1 mixes them, or is not known"},
    }


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_random_channels_of_a_network_of_the_zoo(fraction: float) -> None:
    """MobileNet v2, with sums and depthwise layers: dead channels at random, outputs the same."""
    from profiler.load.load import load

    module: Any = load("mobilenet_v2", alpha=0.25, resolution=64).module("cpu").double()
    generator = torch.Generator().manual_seed(5)
    planted = 0
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                dead = torch.rand(len(part.weight), generator=generator) < fraction
                part.weight[dead] = 0
                planted += int(dead.sum())
    cut = without_constants(module, walked(module, (torch.zeros(1, 3, 64, 64, dtype=torch.float64),)))
    assert planted > 0
    assert sum(layer.removed for layer in cut.layers) > planted / 4
    given = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=generator)
    with torch.no_grad():
        whole, less = module(given), cut.module(given)
    assert (whole - less).abs().max() <= 1e-10 * whole.abs().max()
