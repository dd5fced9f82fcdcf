"""Figures of tensors against numpy on the whole tensor, whatever its layout, its blocks and its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from profiler.checkpoint import statistics as S
from profiler.checkpoint.inspecting import dead_by_norm, dead_by_scale, dead_by_variance, records
from profiler.checkpoint.tensors import Checkpoint, StoredTensor

RNG = np.random.default_rng(1)


def stored(array: Any, axis: int = 0, name: str = "a.weight", size: int = 7, role: str = "") -> StoredTensor:
    """A tensor whose values come in blocks of a few, that break channels anywhere."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return StoredTensor(
        name, array.shape, array.dtype.name, lambda: (flat[i : i + size] for i in range(0, len(flat), size)), axis, role
    )


@pytest.mark.parametrize("size", [1, 7, 10**6])
@pytest.mark.parametrize(
    ("shape", "axis"), [((6, 5, 3, 3), 0), ((3, 3, 5, 6), 3), ((3, 3, 6, 1), 2), ((4, 6, 2), 1), ((6,), 0), ((), 0)]
)
@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "i1", "i4"])
def test_channels(shape: tuple[int, ...], axis: int, kind: str, size: int) -> None:
    array = (10 * RNG.standard_normal(shape)).astype(kind)
    found = S.statistics(stored(array, axis, size=size))
    rows = (
        np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1).astype(float) if shape else array.reshape(1, 1).astype(float)
    )
    np.testing.assert_allclose(found.ranges, np.abs(rows).max(1), rtol=1e-6)
    np.testing.assert_allclose(found.norms, np.linalg.norm(rows, axis=1), rtol=1e-6)
    assert (found.zeros, found.low, found.high) == (int((rows == 0).sum()), float(rows.min()), float(rows.max()))
    assert found.norm == pytest.approx(np.linalg.norm(rows), rel=1e-6)
    assert found.histogram.sum() == rows.size


def test_not_finite() -> None:
    found = S.statistics(stored(np.array([[1.0, np.nan], [-np.inf, 0.0], [-3.0, 2.0]], "f4"), size=2))
    assert (found.nonfinite, found.zeros, found.low, found.high) == (2, 1, -3.0, 2.0)
    np.testing.assert_array_equal(found.ranges, [1.0, 0.0, 3.0])
    assert found.histogram.sum() == 4
    none = S.statistics(stored(np.full((2, 2), np.nan, "f4")))
    assert (none.nonfinite, none.low, none.high, none.norm, none.entropy()) == (4, None, None, 0.0, None)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty(shape: tuple[int, ...]) -> None:
    (record,) = records(Checkpoint("f", "npz", (stored(np.zeros(shape, "f4")),)))
    assert (record.elements, record.low, record.entropy_bits, record.effective_rank) == (0, None, None, None)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_entropy_is_that_of_the_quantised_values(bits: int) -> None:
    """Of int8 exactly as quantised here; of fewer bits from its steps, within what these are coarse by."""
    array = RNG.standard_normal((40, 50)).astype("f4")
    most = 2 ** (bits - 1) - 1
    codes = np.rint(array.astype(float) / np.abs(array).max() * 127)
    counts = np.unique(np.rint(codes / 127 * most), return_counts=True)[1] / array.size
    assert S.statistics(stored(array)).entropy(bits) == pytest.approx(-(counts * np.log2(counts)).sum(), rel=1e-9)


def test_no_huffman_code_is_shorter_than_the_entropy() -> None:
    import heapq

    array = RNG.standard_normal((64, 64)).astype("f4")
    found = S.statistics(stored(array))
    heap = [int(n) for n in found.histogram if n]
    heapq.heapify(heap)
    length = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        length += both
        heapq.heappush(heap, both)
    bound = found.entropy()
    assert bound is not None
    assert bound <= length / array.size < bound + 1


@pytest.mark.parametrize(("shape", "axis"), [((6, 5, 3, 3), 0), ((3, 3, 8, 1), 2), ((9, 4), 0)])
def test_effective_rank(shape: tuple[int, ...], axis: int) -> None:
    array = RNG.standard_normal(shape)
    matrix = np.moveaxis(array, axis, 0).reshape(shape[axis], -1)
    shares = np.linalg.svd(matrix, compute_uv=False) ** 2
    shares /= shares.sum()
    assert S.effective_rank(stored(array, axis)) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-6)


def test_effective_rank_of_what_is_known_by_hand() -> None:
    assert S.effective_rank(stored(np.eye(5))) == pytest.approx(5)
    assert S.effective_rank(stored(np.ones((4, 7)))) == pytest.approx(1)
    assert S.effective_rank(stored(np.zeros((3, 3)))) is None
    assert S.effective_rank(stored(np.eye(8)), side=7) is None


def test_ratio_of_ranges() -> None:
    array = np.diag([1.0, 2.0, 3.0, 30.0]).astype("f4")
    assert S.statistics(stored(array)).ratio == 30 / 2.5


def test_planted_dead_channels_are_all_found_and_no_other() -> None:
    norms = np.array([5.0, 0.0, 0.05, 0.051, 1.0])  # the third is 1 % of the largest
    np.testing.assert_array_equal(dead_by_norm(norms), [False, True, True, False, False])
    np.testing.assert_array_equal(dead_by_scale(np.array([-2.0, 0.0, 0.002, -0.0021])), [False, True, True, False])
    np.testing.assert_array_equal(
        dead_by_variance(np.array([1.0, 0.0, 1e-5, 1.1e-5, 2.0, 1.0, 1.0])), [False, True, True, False, False, False, False]
    )
    np.testing.assert_array_equal(dead_by_variance(np.zeros(3)), [True] * 3)


def test_records_of_a_layer() -> None:
    weight = RNG.standard_normal((8, 1, 3, 3)).astype("f4")
    weight[2] = 0
    variance = np.array([1, 1, 1, 0, 1, 1, 1, 1], "f4")
    tensors = (
        stored(weight, name="conv.weight"), stored(np.ones(8, "f4"), name="bn.weight"), stored(np.zeros(8, "f4"), name="bn.bias"),
        stored(np.zeros(8, "f4"), name="bn.running_mean"), stored(variance, name="bn.running_var"),
    )  # fmt: skip
    found = {each.name: each for each in records(Checkpoint("f", "torch", tensors))}
    conv = found["conv.weight"]
    assert (conv.kind, conv.role, conv.channels, conv.dead_norm, conv.dead, conv.zeros) == ("depthwise", "weight", 8, 1, [2], 9)
    assert (conv.fp32_bytes, conv.fp16_bytes, conv.int8_bytes, conv.int4_bytes) == (4 * 72, 2 * 72, 72 + 4 * 8, 36 + 2 * 8)
    assert conv.full_rank == 8
    assert sum(conv.histogram) == 72
    assert (found["bn.running_var"].dead_variance, found["bn.running_var"].dead) == (1, [3])
    assert (found["bn.weight"].role, found["bn.weight"].dead_scale, found["bn.bias"].role) == ("scale", 0, "shift")
