"""How far colours are apart, and for whom: colorspacious simulates colour-blindness (Machado et al. 2009) and measures distances."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

SIGHTS = ("normal", "protanomaly", "deuteranomaly", "tritanomaly")
"""Sights; a colour-blindness is simulated at its full severity: protanopia, deuteranopia, tritanopia."""


def _channels(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def contrast(one: str, other: str) -> float:
    """The ratio of contrast of WCAG 2.2, from 1 to 21."""

    def luminance(colour: str) -> float:
        c = _channels(colour)
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, sight: str) -> np.ndarray:
    """The colour, sRGB from 0 to 1, as it is with that sight."""
    colorspacious = pytest.importorskip(
        "colorspacious", reason="colorspacious is not installed; pip install 'arch-profiler[test]'"
    )
    if sight == "normal":
        return _channels(colour)
    space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
    clipped: np.ndarray = np.clip(colorspacious.cspace_convert(_channels(colour), space, "sRGB1"), 0, 1)
    return clipped


def nearest(colours: Sequence[str], sight: str) -> tuple[float, str, str]:
    """The two that are hardest to tell apart, and their distance in CAM02-UCS, in which about 1 can just be seen."""
    colorspacious = pytest.importorskip(
        "colorspacious", reason="colorspacious is not installed; pip install 'arch-profiler[test]'"
    )
    return min(
        (float(colorspacious.deltaE(seen(a, sight), seen(b, sight), input_space="sRGB1", uniform_space="CAM02-UCS")), a, b)
        for a, b in combinations(colours, 2)
    )


def lightness(colour: str, sight: str) -> float:
    """J′ of CAM02-UCS, from 0, black, to 100, white."""
    colorspacious = pytest.importorskip(
        "colorspacious", reason="colorspacious is not installed; pip install 'arch-profiler[test]'"
    )
    return float(colorspacious.cspace_convert(seen(colour, sight), "sRGB1", "CAM02-UCS")[0])
