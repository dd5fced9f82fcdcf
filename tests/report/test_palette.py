"""The palette: colours that people with colour-blindness can tell apart, and text that everybody can read, in both themes."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from profiler.report import palette
from tests.report.colours import SIGHTS, contrast, lightness, nearest

REPORT = Path(palette.__file__).parent
HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
LEAST = 10.0
"""The least distance of two colours in CAM02-UCS: ten times what can just be seen side by side."""


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", palette.THEMES)
@pytest.mark.parametrize("name", ["series", "kinds", "grades", "ramps"])
def test_colours_are_told_apart_with_every_sight(name: str, theme: str, sight: str) -> None:
    colours = {
        "series": palette.SERIES,
        "kinds": tuple(dict.fromkeys(colour for colour, _ in palette.KINDS.values())),
        "grades": tuple(palette.GRADES.values()),
        "ramps": palette.RAMPS[theme],
    }[name]
    distance, *pair = nearest([palette.in_theme(colour, theme) for colour in colours], sight)
    assert distance >= LEAST, pair


def test_the_test_finds_colours_that_look_the_same() -> None:
    """The red and the green of matplotlib's own charts: far apart for most people, nearly one colour with deuteranopia."""
    pair = ["#d62728", "#2ca02c"]
    assert nearest(pair, "normal")[0] > 30
    assert nearest(pair, "deuteranomaly")[0] < LEAST


@pytest.mark.parametrize("theme", palette.THEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_what_has_an_order_grows_lighter_or_darker_all_the_way(sight: str, theme: str) -> None:
    for colours in (palette.RAMPS[theme], palette.HEATS[theme], palette.SHARES):
        steps = [lightness(b, sight) - lightness(a, sight) for a, b in pairwise(colours)]
        assert all(step > 3 for step in steps) or all(step < -3 for step in steps)


def test_no_two_kinds_of_layers_look_the_same() -> None:
    """Each kind has a colour and a texture of its own, together; what has no multiply-adds is grey."""
    assert len(set(palette.KINDS.values())) == len(palette.KINDS)
    grey = {kind for kind, (colour, _) in palette.KINDS.items() if colour == palette.GREY}
    assert grey == {"norm", "activation", "elementwise", "pool", "resize", "embedding", "reshape"}


@pytest.mark.parametrize("theme", palette.THEMES)
def test_text_can_be_read(theme: str) -> None:
    colours = palette.THEMES[theme]
    for text in ("text", "soft", "accent"):
        for ground in ("ground", "surface", "block"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["alarm"], colours["alarm-ground"]) >= 4.5


def test_colours_are_named_in_one_place_alone() -> None:
    """No other file of the report, a page's included, has a colour of its own; black and white on a colour excepted."""
    texts = {path: path.read_text(encoding="utf-8") for path in [*REPORT.rglob("*.py"), *REPORT.glob("page/assets/*")]}
    elsewhere = {path.name: found for path, text in texts.items() if (found := HEX.findall(text)) and path.name != "palette.py"}
    assert {colour for found in elsewhere.values() for colour in found} <= {"#000000", "#ffffff"}, elsewhere
