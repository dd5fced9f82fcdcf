"""The table between leaves and modules of torch: what its rule by names serves, what it passes over, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from torch import nn

from profiler.count import leaves as counted
from profiler.count.leaves import Cost, formula
from profiler.count.shapes import Inputs
from profiler.errors import ProfilerError
from profiler.module.build import build
from profiler.module.leaves import LEAVES, entry, leaf_of, read
from profiler.network import layers as L

IMAGE = (2, 8, 16, 16)


def test_most_leaves_need_no_entry() -> None:
    by_names_alone = {
        L.ConvTranspose,
        L.Linear,
        L.InstanceNorm,
        L.GroupNorm,
        L.LocalResponseNorm,
        L.MaxPool,
        L.AvgPool,
        L.Flatten,
    }
    for leaf in by_names_alone:
        assert entry(leaf).build is entry(L.Conv).build  # the rule
    assert by_names_alone.isdisjoint({leaf for leaf in LEAVES if entry(leaf).build is not entry(L.Conv).build})


def test_no_class_is_two_leaves() -> None:
    classes = [cls for leaf in counted.LEAVES for cls in entry(leaf).classes]
    assert len(classes) == len(set(classes))
    assert all(leaf_of(cls) is not None for cls in classes)


LISTS: Any = ([2, 2], [2, 1])  # which torch takes, and keeps as they are
READ: list[tuple[nn.Module, L.Layer]] = [
    (nn.Conv2d(8, 4, 3, padding="same"), L.Conv(4, (3, 3), (1, 1), (1, 1), (1, 1))),
    (nn.Conv1d(8, 4, 3, padding="valid", bias=False), L.Conv(4, (3,), (1,), (0,), (1,), bias=False)),
    (nn.ConvTranspose2d(8, 4, 2, 2), L.ConvTranspose(4, (2, 2), (2, 2), (0, 0), (0, 0), dilation=(1, 1))),
    (nn.SyncBatchNorm(8, affine=False), L.BatchNorm(affine=False)),
    (nn.InstanceNorm2d(8, momentum=0.5), L.InstanceNorm()),
    (nn.GroupNorm(2, 8, affine=False), L.GroupNorm(2, affine=False)),
    (nn.LayerNorm(8, elementwise_affine=False), L.LayerNorm(elementwise_affine=False)),
    (nn.MaxPool2d(*LISTS), L.MaxPool((2, 2), (2, 1))),
    (nn.Softmax(dim=1), L.Activation("Softmax")),
    (nn.ReLU(inplace=True), L.Activation("ReLU")),
    (nn.AlphaDropout(0.3), L.Dropout(0.3)),
    (nn.ZeroPad2d((1, 2, 3, 4)), L.Pad(((3, 4), (1, 2)))),
]  # fmt: skip


@pytest.mark.parametrize(("module", "leaf"), READ, ids=[repr(module) for module, _ in READ])
def test_a_module_is_read_as_a_leaf(module: nn.Module, leaf: L.Layer) -> None:
    assert read(module, type(module), IMAGE) == leaf


# what counts or shapes depend on and no field says: such a module is run
RUN: list[nn.Module] = [
    nn.Conv2d(8, 4, 3, padding_mode="reflect", padding=1),
    nn.Conv2d(8, 4, 2, padding="same"),
    nn.InstanceNorm2d(8, track_running_stats=True),
    nn.LayerNorm((16, 16)),
    nn.MaxPool2d(2, return_indices=True),
    nn.AdaptiveMaxPool2d(1, return_indices=True),
    nn.AdaptiveAvgPool2d((None, 2)),
    nn.AvgPool2d(2, divisor_override=3),
    nn.Upsample(scale_factor=1.5),
    nn.Flatten(0),
    nn.Softplus(),
]


@pytest.mark.parametrize("module", RUN, ids=repr)
def test_what_no_leaf_says_is_none(module: nn.Module) -> None:
    assert read(module, type(module), IMAGE) is None


@L.value_class
class Mystery(L.Layer):
    """A leaf whose name no class of torch has."""


@L.value_class
class Softshrink(L.Layer):
    """A leaf whose field torch.nn.Softshrink calls otherwise."""

    threshold: int = 1


def _same(leaf: Any, inputs: Inputs, same: int | None) -> Cost:
    return Cost(inputs[0])


@pytest.fixture
def registered() -> Iterator[None]:
    for cls in (Mystery, Softshrink):
        formula(cls, kind="reshape")(_same)
    yield
    for cls in (Mystery, Softshrink):
        del counted.LEAVES[cls]
        LEAVES.pop(cls, None)


@pytest.mark.usefixtures("registered")
def test_a_leaf_that_the_rule_does_not_serve_says_what_it_needs() -> None:
    with pytest.raises(ProfilerError, match=r"torch\.nn has no class Mystery; add an entry to profiler/module/leaves\.py"):
        build(Mystery(), ((4,),))
    with pytest.raises(
        ProfilerError, match=r"torch\.nn\.Softshrink takes no 'threshold'; a leaf with that field needs an entry"
    ):
        build(Softshrink(), ((4,),))


@pytest.mark.usefixtures("registered")
def test_a_leaf_has_one_formula() -> None:
    with pytest.raises(ValueError, match="Mystery has a formula already"):
        formula(Mystery, kind="reshape")(_same)
