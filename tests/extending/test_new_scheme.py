"""A scheme of references is two files: that of CONTRIBUTING.md is added, and its references are counted like any other."""

from __future__ import annotations

import csv

import pytest

from tests.extending.tree import Tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("scheme"), "A scheme of references")


def test_it_is_two_files_without_a_circle(tree: Tree) -> None:
    assert tree.touched == ("profiler/load/double.py", "profiler/load/schemes.py")
    tree.check_floors()


def test_shown(tree: Tree) -> None:
    (row,) = csv.DictReader(tree.run("show", "double:8", "--set", "bias=false", "-f", "csv").splitlines())
    assert (row["op"], row["output"], row["params"], row["macs"]) == ("linear", "1x16", str(8 * 16), str(8 * 16))


def test_compared(tree: Tree) -> None:
    found = tree.run("compare", "double:8", "double:64@bias=false", "lenet5", "--engine", "closed,torch", "-f", "csv")
    assert [
        (row["model"], row["options"], row["params"], row["macs"], row["torch_macs"])
        for row in csv.DictReader(found.splitlines())
    ] == [
        ("double:8", "", str(8 * 16 + 16), str(8 * 16), str(8 * 16)),
        ("double:64", "bias=false", str(64 * 128), str(64 * 128), str(64 * 128)),
        ("lenet5", "", "61706", "416520", "416520"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["double:"], "model 'double:' names no network; write double:64"),
        (["double:many"], "double:many: 'many' is not a number of features; write double:64"),
        (["double:8@bais=false"], "option of double:8"),
        (["double:8", "--set", "bias=perhaps"], "double:8: bias must be true or false, not perhaps"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_refused(tree: Tree, words: list[str], said: str) -> None:
    assert said in tree.run("show", *words, code=2)
