"""Exported networks of the zoo cost what their closed forms say, operator by operator, but for what the exporter folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from profiler import profile
from profiler.network.registry import names
from profiler.records.place import Place
from profiler.records.profile import Profile, Row
from profiler.study.exporting import LARGEST, exported

SEVERAL = (
    "lenet5",
    "mobilenet_v1",
    "mobilenet_v2_cifar",
    "resnet20_cifar",
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "vit_b_32",
    "hybridsn",
)
"""A convolution net, separable, residual, branching, shuffled, with attention, and of three axes."""


class Folded(NamedTuple):
    """What the exporter made of normalisations: their scale and shift went into the convolution before them."""

    norm: int
    bias: int
    paths: frozenset[str]


def products(rows: Iterable[Row]) -> dict[str, tuple[str, int, int, int, tuple[int, ...]]]:
    """Of each path, what it multiplies: kind, multiply-adds, weights, activations, shape; attention whole."""
    found: dict[str, tuple[str, int, int, int, tuple[int, ...]]] = {}
    for row in rows:
        if not row.macs or row.side:
            continue
        path = (
            row.path.rpartition(".")[0]
            if row.path.count(".") and row.path.rpartition(".")[2].startswith("scaled_dot")
            else row.path
        )
        kind, macs, weights, activations, _ = found.get(path, (row.kind, 0, 0, 0, ()))
        found[path] = (kind, macs + row.macs, weights + row.weights, activations + row.activations, row.output)
    return found


def folded(closed: Profile, file: Profile) -> Folded:
    """The normalisations that the file has no more, and the biases that it has instead."""
    there = {row.path for row in file.rows if row.kind == "norm"}
    gone = [row for row in closed.rows if row.kind == "norm" and row.norm and row.path not in there and not row.side]
    assert all(row.op == "batch_norm" for row in gone)
    own = {row.path: row.bias for row in closed.rows}
    grown = [row for row in file.rows if row.macs and row.bias > own.get(row.path, 0)]
    assert all(row.op in ("conv", "conv_transpose", "linear") for row in grown)
    return Folded(
        sum(row.norm for row in gone), sum(row.bias - own[row.path] for row in grown), frozenset(row.path for row in gone)
    )


def check(name: str, folder: Path) -> None:
    path = folder / f"{name}.onnx"
    path.write_bytes(exported(Place(name, {}, None, None, None, 1)))
    closed, file = profile(name), profile(str(path))
    assert file.uncounted == ()
    assert file.macs == closed.macs
    assert file.activations == closed.activations
    ours, theirs = products(closed.rows), products(file.rows)
    if any(row.kind == "attention" for row in closed.rows):
        ours = {path: found for path, found in ours.items() if found[0] != "attention"}
        theirs = {path: found for path, found in theirs.items() if found[0] != "attention"}
        scores = [sum(row.macs for row in each.rows if row.kind == "attention") for each in (closed, file)]
        assert scores[0] == scores[1] > 0
    assert Counter(found[:4] for found in ours.values()) == Counter(found[:4] for found in theirs.values())
    assert {each: found[:4] for each, found in ours.items()} == {each: found[:4] for each, found in theirs.items()}
    gone = folded(closed, file)
    assert file.weights == closed.weights
    assert file.params == closed.params - gone.norm + gone.bias
    # a normalisation of n channels is 2n numbers, and becomes n of bias, unless the convolution has a bias already
    assert gone.bias <= gone.norm // 2
    assert gone.paths <= {row.facts.get("folded") for row in file.rows}  # and each is named


@pytest.mark.parametrize("name", SEVERAL)
def test_several(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(set(names()) - set(SEVERAL)))
def test_the_zoo(name: str, tmp_path: Path) -> None:
    if profile(name).weight_bytes > LARGEST:
        pytest.skip("more than one file holds")
    check(name, tmp_path)
