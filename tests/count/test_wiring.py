"""Which row takes whose output: the fold over a value, and the same followed through the module that it builds."""

from __future__ import annotations

import json

import pytest
import torch
from msgspec import structs
from torch import nn

from profiler.count.closed import wiring_of
from profiler.load.load import load
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Activation, Add, Concatenate, Conv, Identity
from profiler.records.profile import Row
from profiler.records.wiring import Wiring
from profiler.saved.decode import decode
from profiler.tracing.traced import trace

X = ((3, 8, 8),)
VALUES = [
    ("a chain", Chain(Conv(4, 3), Activation("ReLU")), ((-1,), (0,)), (1,)),
    ("branches", Branches(Conv(3, 1), Identity(), join=Add()), ((-1,), (-1,), (0, 1)), (2,)),
    ("an aside", Chain(Conv(4, 3), Aside(Conv(2, 1)), Activation("ReLU")), ((-1,), (0,), (0,)), (2,)),
    (
        "a graph that uses a node twice",
        Graph(inputs=("x",), nodes={"a": (Conv(4, 1), "x"), "b": (Conv(4, 1), "a"), "c": (Concatenate(), "a", "b", "x")}, outputs=("c",)),
        ((-1,), (0,), (0, 1, -1)),
        (2,),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "sources", "outputs"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_value_knows_its_wires(value, sources, outputs) -> None:  # type: ignore[no-untyped-def]
    assert wiring_of(value, X) == Wiring(((1, 3, 8, 8),), sources, outputs)


@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "resnet18", "googlenet", "unet", "densenet121", "shufflenet_v2_x1_0", "vit_b_16", "nasnet_mobile"]
)
def test_a_trace_finds_the_wires_of_the_value_that_the_module_was_built_from(name: str) -> None:
    network = load(name)
    closed = [(row.path, row.side) for row in network.profile().rows]
    value = wiring_of(network.value, network.inputs)  # type: ignore[union-attr]
    args, kwargs = network.example(1, "meta")
    found = trace(network.module("meta"), args, kwargs, wired=True)
    assert found.wiring is not None
    ours = {
        path: _ends(wires, value, [p for p, _ in closed])
        for (path, side), wires in zip(closed, value.sources, strict=True)
        if not side
    }
    rows = found.profile.rows
    theirs = {
        row.path: _ends(wires, found.wiring, [r.path for r in rows])
        for row, wires in zip(rows, found.wiring.sources, strict=True)
        if not row.side
    }
    # what costs nothing has a row in a value and none in a trace
    assert theirs.keys() <= ours.keys()
    seen = set(theirs)
    for path, wires in theirs.items():
        assert wires == _through(ours, ours[path], seen), path


def _ends(wires: tuple[int, ...], wiring: Wiring, paths: list[str]) -> set[str]:
    return {paths[wire] if wire >= 0 else f"input {-wire}" for wire in wires}


def _through(sources: dict[str, set[str]], ends: set[str], seen: set[str]) -> set[str]:
    """The ends, those that are not `seen` replaced by what they take."""
    found = set()
    for end in ends:
        found |= {end} if end in seen or end.startswith("input ") else _through(sources, sources[end], seen)
    return found


def test_a_trace_follows_views_and_operators_written_in_place() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(2, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x)
            left, _ = y.chunk(2, 1)
            z = self.b(left.contiguous()).relu_()
            made: torch.Tensor = z + y.flip(2)
            return made

    found = trace(Net(), (torch.zeros(1, 3, 8, 8),), wired=True)
    assert found.wiring is not None
    assert [row.path for row in found.profile.rows] == ["a", "b", "relu", "add"]
    assert found.wiring == Wiring(((1, 3, 8, 8),), ((-1,), (0,), (1,), (2, 0)), (3,))


def test_nothing_is_followed_unless_asked() -> None:
    assert trace(nn.Linear(2, 2), (torch.zeros(1, 2),)).wiring is None


def test_a_wiring_comes_back_from_json() -> None:
    wiring = Wiring(X, ((-1,), (0, -1)), (1,))
    assert decode(json.loads(json.dumps(structs.asdict(wiring))), Wiring) == wiring
    wiring.check(2)


@pytest.mark.parametrize(
    ("wiring", "reason"),
    [
        (Wiring(X, ((-1,),), (0,)), "a wiring of 1 rows where there are 2"),
        (Wiring(X, ((-1,), (1,)), (1,)), "the wires of row 1 lead to none before it"),
        (Wiring(X, ((-1,), (-2,)), (1,)), "the wires of row 1 lead to none before it"),
        (Wiring(X, ((-1,), (0,)), (2,)), "the wires of row 2 lead to none before it"),
    ],
)
def test_wires_that_lead_nowhere_are_refused(wiring: Wiring, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        wiring.check(2)


def test_rows_and_sources_are_parallel_across_the_zoo() -> None:
    from profiler.network.registry import names

    for name in names():
        network = load(name)
        rows: tuple[Row, ...] = network.profile().rows
        wiring = wiring_of(network.value, network.inputs)  # type: ignore[union-attr]
        assert len(wiring.sources) == len(rows)
        for row, wires in zip(rows, wiring.sources, strict=True):
            given = [(rows[wire].output if wire >= 0 else wiring.inputs[-1 - wire]) for wire in wires]
            assert tuple(given) == row.inputs, f"{name}: {row.path}"
