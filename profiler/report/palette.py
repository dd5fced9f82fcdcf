"""The colours of everything that is drawn: pages, drawings and plots in the terminal, told apart with colour-blindness too."""

from __future__ import annotations

from typing import Any

THEMES = {
    "light": {
        "ground": "#f6f7f8",
        "surface": "#ffffff",
        "text": "#1c2126",
        "soft": "#545d67",
        "line": "#e1e4e8",
        "block": "#e7e9ec",
        "grey": "#d3d8dd",
        "accent": "#1f5f9f",
        "alarm": "#9d1c2b",
        "alarm-ground": "#fdeef0",
    },
    "dark": {
        "ground": "#0f1114",
        "surface": "#16191d",
        "text": "#e6e8eb",
        "soft": "#a3acb6",
        "line": "#2b3138",
        "block": "#2b3138",
        "grey": "#5c6670",
        "accent": "#7db8e8",
        "alarm": "#ff9aa5",
        "alarm-ground": "#3a1a1f",
    },
}
"""A page's own colours. Text has a contrast of at least 4.5 : 1 (WCAG 2.2, AA)."""

BLUE, SKY, GREEN, YELLOW = "#0072b2", "#56b4e9", "#009e73", "#f0e442"
ORANGE, VERMILLION, PURPLE = "#e69f00", "#d55e00", "#cc79a7"
TEXT, GREY = "text", "grey"
"""Colours that each theme has its own of: the eighth of the palette, black, and a grey beside its colours."""
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, TEXT, YELLOW)
"""Networks and families of points: the palette of Okabe and Ito, Color Universal Design (2008), as printed in Wong, Nature
Methods 8 (2011), 441."""

KINDS = {
    "conv": (BLUE, ""),
    "pointwise": (SKY, ""),
    "depthwise": (ORANGE, ""),
    "grouped": (PURPLE, ""),
    "conv_transpose": (BLUE, "falling"),
    "linear": (GREEN, ""),
    "matmul": (YELLOW, ""),
    "attention": (VERMILLION, ""),
    "recurrent": (TEXT, ""),
    "norm": (GREY, ""),
    "activation": (GREY, "rising"),
    "elementwise": (GREY, "falling"),
    "pool": (GREY, "dots"),
    "resize": (GREY, "upright"),
    "embedding": (GREY, "level"),
    "reshape": (GREY, "grid"),
}
"""{kind of layer: its colour and texture}. What has multiply-adds has a colour, all else is grey with a texture of its own."""

GRADES = {"A": GREEN, "B": SKY, "C": ORANGE, "D": VERMILLION}
"""{grade of a latency: its colour}; the letter always stands beside it."""

RAMPS = {
    "light": ("#440154", "#3e4a89", "#26828e", "#35b779"),
    "dark": ("#31688e", "#1f9e89", "#6dcd59", "#fde725"),
}
"""Values in an order, as α or the side: viridis (van der Walt and Smith, 2015) without the end that its ground swallows."""

HEATS = {
    "light": ("#eef4fa", "#a9cdea", "#4b93cf", "#164a7c"),
    "dark": ("#1c2733", "#1f4f7d", "#3d8ac4", "#a9d5f2"),
}
"""Cells of a map from little to much: one hue, whose lightness says it all."""

SHARES = ("#f4f4f4", "#d9e8f7", "#a9cdea", "#6fa8dc", "#2a6db0")
"""Boxes of a drawing: grey without multiply-adds, then the darker the larger their share of them."""

TERMINAL_HEAT = (231, 195, 159, 153, 117, 111, 75, 69, 33, 27, 26, 25, 18, 17)
"""The same in a terminal, of its 256 colours, the lightest first: letters on them are black or white, on any ground."""
WHITE_FROM = 9
"""From this one of them on letters are white."""
BARS = "cyan"
"""Bars of a terminal, all of one colour: the terminal's own, which suits its ground."""


def in_theme(colour: str, theme: str) -> str:
    """`#0072b2` as it is, `text` as the theme has it."""
    return THEMES[theme].get(colour, colour)


def plain() -> dict[str, Any]:
    """All that the scripts of a page draw with."""
    return {
        "themes": THEMES,
        "series": SERIES,
        "kinds": KINDS,
        "other": (GREY, ""),
        "grades": GRADES,
        "ramps": RAMPS,
        "heats": HEATS,
    }


def style() -> str:
    """The themes as the variables of a stylesheet."""
    pairs = zip(THEMES["light"].items(), THEMES["dark"].values(), strict=True)
    return ":root {\n" + "".join(f"  --{name}: light-dark({light}, {dark});\n" for (name, light), dark in pairs) + "}\n"


def rgb(colour: str) -> tuple[int, int, int]:
    """`#0072b2` → (0, 114, 178)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue
