"""Bytes that a layer reads and writes, each as the sum that it is: at 4 an element, indices at 8."""

from __future__ import annotations

import pytest

from profiler import build, trace
from profiler.count import closed
from profiler.count.moved import moved
from profiler.load.load import load
from profiler.network import layers as L
from profiler.network.combinators import Branches, Chain
from profiler.network.layers import Layer

IMAGE = ((3, 8, 8),)
CASES = [
    (L.Conv(4, 3), IMAGE, (3 * 64 + 4 * 36) * 4, (4 * 3 * 9 + 4) * 4),
    (L.Conv(4, 3, bias=False), IMAGE, (3 * 64 + 4 * 36) * 4, 4 * 3 * 9 * 4),
    (L.Linear(10), ((7,),), (7 + 10) * 4, (7 * 10 + 10) * 4),
    (L.BatchNorm(), IMAGE, 2 * 3 * 64 * 4, 2 * 3 * 4),
    (L.Activation("ReLU"), IMAGE, 2 * 3 * 64 * 4, 0),
    (L.MaxPool(2), IMAGE, (3 * 64 + 3 * 16) * 4, 0),
    (L.Upsample(2), IMAGE, (3 * 64 + 3 * 256) * 4, 0),
    (L.Pad(1), IMAGE, (3 * 64 + 3 * 100) * 4, 0),
    (L.PadChannels(5), IMAGE, (3 * 64 + 5 * 64) * 4, 0),
    (L.ChannelShuffle(3), IMAGE, 2 * 3 * 64 * 4, 0),
    (L.Concatenate(), ((3, 8, 8), (5, 8, 8)), 2 * 8 * 64 * 4, 0),
    (L.Add(), ((3, 8, 8), (3, 8, 8)), 3 * 3 * 64 * 4, 0),
    (L.Multiply(), ((3, 8, 8), (3, 1, 1)), (2 * 3 * 64 + 3) * 4, 0),
    (L.Resize(), ((3, 4, 4), (5, 8, 8)), (3 * 16 + 3 * 64) * 4, 0),  # of the second input only the sides are looked at
    (L.Attention(2), ((16, 24),), (16 * 24 + 16 * 8) * 4, 0),
    (L.MatMul(), ((2, 3), (3, 5)), (6 + 15 + 10) * 4, 0),
    # 16 indices, 16 rows of the table of 1,000, 16 vectors out
    (L.Embedding(1000, 64), ((16,),), 16 * 8 + 2 * 16 * 64 * 4, 0),
    (L.PositionEmbedding(), ((16, 64),), 2 * 16 * 64 * 4, 16 * 64 * 4),
    (L.ClassToken(), ((16, 64),), (16 + 17) * 64 * 4, 64 * 4),
    (L.Flatten(), IMAGE, 0, 0),
    (L.Identity(), IMAGE, 0, 0),
    (L.Dropout(0.5), IMAGE, 0, 0),
    (L.Fold(), ((3, 2, 8, 8),), 0, 0),
    (L.Tokens(), IMAGE, 0, 0),
    (L.Token(0), ((16, 64),), 0, 0),
    (L.Unsqueeze(), IMAGE, 0, 0),
    (L.ChannelSlice(1, 3), IMAGE, 0, 0),
    (L.Crop(), ((3, 8, 8), (5, 4, 4)), 0, 0),
]  # (leaf, inputs, bytes of one sample, bytes of its parameters)


@pytest.mark.parametrize(
    ("leaf", "inputs", "each", "held"), CASES, ids=[type(case[0]).__name__ + str(i) for i, case in enumerate(CASES)]
)
@pytest.mark.parametrize("batch", [1, 5])
def test_bytes_by_hand(leaf: Layer, inputs: tuple[tuple[int, ...], ...], each: int, held: int, batch: int) -> None:
    (row,) = closed.rows(leaf, inputs, batch)
    assert row.moved == batch * each + held
    assert closed.totals(leaf, inputs, batch).moved == batch * each + held
    # and of the row itself, as whoever has another dtype asks
    assert moved(row.op, row.kind, row.params, row.inputs, row.output) == row.moved
    halves = moved(row.op, row.kind, row.params, row.inputs, row.output, itemsize=2, index_size=4)
    assert 2 * halves == row.moved


def test_what_runs_in_training_only_is_not_in_the_sum() -> None:
    network = load("googlenet")
    rows = network.profile().rows
    assert any(row.side and row.moved for row in rows)
    assert network.totals().moved == sum(row.moved for row in rows if not row.side)


@pytest.mark.parametrize("name", ["lenet5", "squeezenet1_0", "shufflenet_v2_x0_5", "vit_b_16", "unet"])
def test_a_trace_moves_the_same(name: str) -> None:
    network = load(name)
    args, kwargs = network.example(2, "meta")
    found = trace(network.module(), args, kwargs, batch=2).profile
    assert found.moved == network.totals(2).moved
    assert [row.moved for row in found.rows] == [row.moved for row in network.profile(2).rows]


def test_a_second_call_reads_the_parameters_again() -> None:
    from torch import nn, zeros

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 6)

        def forward(self, x: object) -> object:
            return self.fc(self.fc(x))

    found = trace(Twice(), (zeros(2, 6),)).profile
    assert [row.params for row in found.rows] == [6 * 6 + 6, 0]
    assert [row.moved for row in found.rows] == 2 * [4 * (6 * 6 + 6 + 2 * 12)]


def test_a_built_chain() -> None:
    value = Chain(L.Conv(4, 3), Branches(L.Conv(2, 1), L.Identity(), join=L.Concatenate()), L.Flatten(), L.Linear(3))
    from torch import zeros

    found = trace(build(value, input=(3, 8, 8)), (zeros(1, 3, 8, 8),)).profile
    assert found.moved == closed.totals(value, IMAGE).moved
