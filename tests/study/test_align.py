"""Layers aligned: each case by hand, and that nothing is lost or told twice whatever changed."""

from __future__ import annotations

import random

import pytest
from torch import nn

from profiler import profile
from profiler.records.profile import Row
from profiler.study.align import align


def rows(*widths: int | str) -> tuple[Row, ...]:
    """A Sequential of 3×3 convolutions of these widths; `r` is a ReLU, `5` and a colon before a width its kernel."""
    layers: list[nn.Module] = []
    channels = 3
    for width in widths:
        if width == "r":
            layers.append(nn.ReLU())
            continue
        kernel, _, n = str(width).rpartition(":")
        k = int(kernel or 3)
        layers.append(nn.Conv2d(channels, int(n), k, padding=k // 2))
        channels = int(n)
    return profile(nn.Sequential(*layers), input=(3, 8, 8)).rows


CASES: list[tuple[str, tuple[int | str, ...], tuple[int | str, ...], list[tuple[str | None, str | None, str]]]] = [
    ("nothing", (8, "r", 4), (8, "r", 4), []),
    ("a kernel", (8, "r", 4), ("5:8", "r", 4), [("0", "0", "changed")]),
    ("a width", (8, "r", 4), (6, "r", 4), [("0", "0", "changed"), ("1", "1", "changed"), ("2", "2", "changed")]),
    ("one more at the end", (8, "r"), (8, "r", 4), [(None, "2", "added")]),
    ("one less at the end", (8, "r", 4), (8, "r"), [("2", None, "removed")]),
    (
        "one more in the middle renames the rest",
        (8, "r", 8, 16, 32),
        (8, "r", 8, "1:8", 16, 32),
        [(None, "3", "added"), ("3", "4", "renamed"), ("4", "5", "renamed")],
    ),
    (
        "one less in the middle",
        (8, "r", 8, "1:8", 16, 32),
        (8, "r", 8, 16, 32),
        [("3", None, "removed"), ("4", "3", "renamed"), ("5", "4", "renamed")],
    ),
    ("one of several alike", (8, 8, 8, 8), (8, 8, 8), [("3", None, "removed")]),
    ("another operation in its place", (8, "r", 8), (8, 8, 8), [("1", "1", "changed")]),
    ("all of it", (), (8, "r"), [(None, "0", "added"), (None, "1", "added")]),
]


@pytest.mark.parametrize(("before", "after", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_by_hand(
    before: tuple[int | str, ...], after: tuple[int | str, ...], expected: list[tuple[str | None, str | None, str]]
) -> None:
    found = [
        (pair.before and pair.before.path, pair.after and pair.after.path, pair.word)
        for pair in align(rows(*before) if before else (), rows(*after))
        if pair.word != "unchanged"
    ]
    assert found == expected


def test_renamed_as_a_whole() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    found = align(profile(net, input=(3, 8, 8)).rows, profile(nn.ModuleDict({"body": net})["body"], input=(3, 8, 8)).rows)
    assert {pair.word for pair in found} == {"unchanged"}
    found = align(profile(net, input=(3, 8, 8)).rows, profile(nn.Sequential(nn.Sequential(net)), input=(3, 8, 8)).rows)
    assert [pair.word for pair in found] == ["renamed"] * 3


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("mobilenet_v1", "mobilenet_v1@alpha=0.5", {"changed": 84}),  # a layer is never taken for another of its width
        ("resnet18", "resnet18@classes=10", {"unchanged": 73, "changed": 1}),
        ("resnet50", "resnet50@resolution=192", None),
        ("densenet121", "densenet201", None),
        ("mobilenet_v1", "vgg16", None),
    ],
)
def test_of_the_zoo(before: str, after: str, words: dict[str, int] | None) -> None:
    old, new = profile(before).rows, profile(after).rows
    found = align(old, new)
    assert tuple(pair.before for pair in found if pair.before is not None) == old
    assert tuple(pair.after for pair in found if pair.after is not None) == new
    if words is not None:
        told = [pair.word for pair in found]
        assert {word: told.count(word) for word in dict.fromkeys(told)} == words


def test_backwards_it_is_the_same_with_added_and_removed_exchanged() -> None:
    chance = random.Random(6)
    layers: list[int | str] = [4, 8, "r", "5:8"]
    for _ in range(30):
        before: list[int | str] = [chance.choice(layers) for _ in range(chance.randint(1, 9))]
        after = [each for each in before if chance.random() > 0.2] or [4]
        there = [pair.word for pair in align(rows(*before), rows(*after))]
        back = [pair.word for pair in align(rows(*after), rows(*before))]
        assert there.count("added") == back.count("removed")
        assert there.count("unchanged") == back.count("unchanged")


def test_long_networks_are_aligned_whole() -> None:
    row = rows(8)[0]
    before = [row._replace(path=f"a.{i}", weights=i % 7) for i in range(3000)]
    after = [row._replace(path=f"b.{i}", weights=i % 5) for i in range(3000)]
    pairs = align(before, after)
    assert [pair.before for pair in pairs if pair.before] == before
    assert [pair.after for pair in pairs if pair.after] == after
