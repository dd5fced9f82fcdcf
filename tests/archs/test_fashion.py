"""The networks for Fashion-MNIST, whose counts nobody prints: against plain modules written from their descriptions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

from profiler.load.load import load
from tests.archs.plain import counts


def lenet(pad: int, pool: nn.Module) -> nn.Sequential:
    flat = 16 * 5 * 5 if pad else 16 * 4 * 4
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=pad), nn.Sigmoid(), pool,
        nn.Conv2d(6, 16, 5), nn.Sigmoid(), pool, nn.Flatten(),
        nn.Linear(flat, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip


def alexnet(slim: bool) -> nn.Sequential:
    fourth = [] if slim else [nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()]
    seventh = [] if slim else [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), *fourth,
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(256 * 5 * 5, 4096), nn.ReLU(), nn.Dropout(0.5), *seventh, nn.Linear(4096, 10),
    )  # fmt: skip


def vgg11(a: int, b: int, c: int, d: int, side: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for m, n, pooled in [(1, a, 1), (a, b, 1), (b, c, 0), (c, c, 1), (c, d, 0), (d, d, 1), (d, d, 0), (d, d, 1)]:
        layers += [nn.Conv2d(m, n, 3, padding=1), nn.ReLU(), *[nn.MaxPool2d(2)] * pooled]
    flat = d * (side // 32) ** 2
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(flat, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )


def nin() -> nn.Sequential:
    def block(m: int, n: int, kernel: int, stride: int, pad: int) -> list[nn.Module]:
        return [nn.Conv2d(m, n, kernel, stride, pad), nn.ReLU(), nn.Conv2d(n, n, 1), nn.ReLU(), nn.Conv2d(n, n, 1), nn.ReLU()]

    return nn.Sequential(
        *block(1, 96, 11, 4, 0), nn.MaxPool2d(3, 2),
        *block(96, 256, 5, 1, 2), nn.MaxPool2d(3, 2),
        *block(256, 384, 3, 1, 1), nn.MaxPool2d(3, 2), nn.Dropout(0.5),
        *block(384, 10, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


CASES: list[tuple[str, Callable[[], nn.Module]]] = [
    ("lenet5", lambda: lenet(2, nn.AvgPool2d(2))),
    ("lenet_fashion", lambda: lenet(0, nn.MaxPool2d(2))),
    ("alexnet_fashion", lambda: alexnet(slim=False)),
    ("alexnet_fashion_slim", lambda: alexnet(slim=True)),
    ("vgg11_fashion", lambda: vgg11(8, 16, 32, 64, 224, 512)),
    ("vgg11_fashion@resolution=96", lambda: vgg11(8, 16, 32, 64, 96, 512)),
    ("vgg11_fashion@ratio=1", lambda: vgg11(64, 128, 256, 512, 224, 4096)),
    ("vgg11_fashion@divide_classifier=false", lambda: vgg11(8, 16, 32, 64, 224, 4096)),
    ("nin_fashion", lambda: nin()),
]


@pytest.mark.parametrize(("name", "plain"), CASES, ids=[case[0] for case in CASES])
def test_a_plain_module_counts_the_same(name: str, plain: Callable[[], nn.Module]) -> None:
    network = load(name)
    totals = network.totals()
    assert (totals.params, totals.macs) == counts(plain, *network.inputs)


def test_slim_is_without_two_layers() -> None:
    left_out = (3 * 3 * 384 + 1) * 384 + (4096 + 1) * 4096
    assert load("alexnet_fashion").totals().params - load("alexnet_fashion_slim").totals().params == left_out
