"""Folded trees: equal siblings in one line, their sums the same as without, nothing else touched."""

from __future__ import annotations

import pytest

from profiler import Profile, profile
from profiler.report.sheets.folded import Fold, Node, folded, nodes
from profiler.report.sheets.layers import layers_sheet


def paths(*lines: tuple[str, int]) -> list[str]:
    """The folded names of lines of a tree, each a (path, what must be equal)."""
    return [fold.name for fold in folded([Node(path, ((path, alike),)) for path, alike in lines])]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("a.0", 1), ("a.1", 1), ("a.2", 1)], ["a.0…2 ×3"]),
        ([("a.0", 1), ("a.1", 2), ("a.2", 2)], ["a.0", "a.1…2 ×2"]),
        ([("a.9", 1), ("a.10", 1)], ["a.9…10 ×2"]),
        ([("a.0", 1), ("a.2", 1)], ["a.0", "a.2"]),
        ([("a.0", 1), ("b.1", 1)], ["a.0", "b.1"]),
        ([("a.0", 1), ("x", 1), ("a.1", 1)], ["a.0", "x", "a.1"]),
        ([("a.x", 1), ("a.y", 1)], ["a.x", "a.y"]),
        ([("0.c", 1), ("0.n", 2), ("1.c", 1), ("1.n", 2)], ["0…1.c ×2", "0…1.n ×2"]),
        ([("0.c", 1), ("0.n", 2), ("1.n", 2), ("1.c", 1)], ["0.c", "0.n", "1.n", "1.c"]),
        ([("0.c", 1), ("0.n", 2), ("1.c", 1)], ["0.c", "0.n", "1.c"]),
        ([("0.0", 1), ("0.1", 1), ("1.0", 1), ("1.1", 1)], ["0…1.0…1 ×4"]),
        ([("", 1)], [""]),
        ([], []),
    ],
)
def test_what_folds(lines: list[tuple[str, int]], expected: list[str]) -> None:
    assert paths(*lines) == expected


@pytest.mark.parametrize("name", ["mobilenet_v1", "resnet50", "vit_b_16", "densenet121", "nasnet_mobile", "googlenet"])
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_every_line_is_in_one_fold_and_equal_to_its_neighbours(name: str, depth: int) -> None:
    tree = nodes(profile(name).rows, depth)
    folds = folded(tree)
    assert sorted(i for fold in folds for i in fold.members) == list(range(len(tree)))
    for fold in folds:
        assert len({tuple(alike for _, alike in tree[i].leaves) for i in fold.members}) == 1


def summed(found: Profile, depth: int, fold: bool) -> tuple[int, ...]:
    rows = layers_sheet(found, depth, fold=fold).rows
    return tuple(sum(int(row[i].replace(",", "")) for row in rows) for i in (2, 3, 5))


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_sums_stay_as_they_are(depth: int) -> None:
    found = profile("mobilenet_v1")
    assert summed(found, depth, True) == summed(found, depth, False) == (found.params, found.macs, found.activations)


def test_the_five_equal_blocks_of_the_paper() -> None:
    found = profile("mobilenet_v1")
    sheet = layers_sheet(found)
    row = next(row for row in sheet.rows if row[0] == "body.6…10 ×5")
    assert row[3] == f"{5 * (3 * 3 * 512 * 14 * 14 + 512 * 512 * 14 * 14):,}"
    assert sheet.title == "by layer, to a depth of 2, equal ones summed"
    assert len(layers_sheet(found, fold=False).rows) == len(sheet.rows) + 4


def test_the_costliest_stand_by_themselves() -> None:
    assert [row[0] for row in layers_sheet(profile("mobilenet_v1"), top=2).rows] == ["body.2", "body.4"]


def test_nothing_to_fold_is_not_said() -> None:
    sheet = layers_sheet(profile("vgg16"), 1)
    assert sheet.title == "by layer, to a depth of 1"
    assert Fold("a", (0,)).name == "a"
