"""The zoo by depth: what every run of the tests counts, and the deeper networks, which repeat the blocks of shallower ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from profiler.load.load import in_closed_form
from profiler.network.registry import names

MOST_ROWS = 200


@cache
def rows_of() -> dict[str, int]:
    """How many rows each network of the zoo has."""
    return {name: len(in_closed_form(name).profile().rows) for name in names()}


def family(name: str) -> str:
    """What a name has before its size: `resnet` of resnet50_v1, `mobilenet_v3` of mobilenet_v3_large."""
    return re.split(r"(?<!_v)\d|_(?:small|medium|large|mobile|[bhl]_)", name)[0]


def deeper_in_full(given: Iterable[str]) -> list[Any]:
    """The names as parameters; deep ones run under -m full, but for the shallowest of each family."""
    rows, chosen = rows_of(), list(given)
    least = {family(name): name for name in sorted(chosen, key=lambda name: -rows[name])}
    return [
        name if rows[name] <= MOST_ROWS or name == least[family(name)] else pytest.param(name, marks=pytest.mark.full)
        for name in chosen
    ]
