"""Heat tables: below a sweep of α and the side, legible whatever the terminal's colours."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from rich.color import Color
from rich.console import Console

from profiler import compare, sweep
from profiler.records.results import Results
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.palette import TERMINAL_HEAT, WHITE_FROM
from profiler.report.terminal.heat import Heat
from profiler.report.terminal.plot import plot


def drawn(found: Any, columns: tuple[str, ...] = (), **given: Any) -> str:
    settings: dict[str, Any] = {"file": StringIO(), "width": 80, "color_system": None, "force_terminal": True}
    console = Console(**settings | given)
    console.print(Heat(found, columns) if isinstance(found, Results) else found)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.fixture(scope="module")
def two_axes() -> Results:
    return sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed")


def test_alpha_goes_down_and_sides_across(two_axes: Results) -> None:
    assert drawn(two_axes) == (
        "\nMACs (M): α down, side across\n"
        "       128    160    192    224 \n"
        "0.25  13.6   21.1   30.2   41.0 \n"
        " 0.5  49.2   76.5  110.0  149.5 \n"
        "0.75 106.8  166.4  239.3  325.4 \n"
        "   1 186.4  290.7  418.1  568.7 \n"
    )


def test_options_that_are_run_over_are_axes_too() -> None:
    found = sweep("shufflenet_v1", over={"groups": "1,2"}, resolution="192,224", alpha="0.5,1", engine="closed")
    assert drawn(found) == (
        "\nshufflenet_v1, groups 1, batch 1: MACs (M): α down, side across\n"
        "      192    224 \n"
        "0.5  28.4   38.5 \n"
        "  1 105.3  143.1 \n"
        "\nshufflenet_v1, groups 2, batch 1: MACs (M): α down, side across\n"
        "      192    224 \n"
        "0.5  30.2   40.9 \n"
        "  1 103.7  140.8 \n"
    )
    words = sweep("mobilenet_v1", over={"separable": "true,false", "shallow": "false,true"}, engine="closed")
    assert drawn(words) == (
        "\nMACs (G): separable down, shallow across\n      false   true \n true 0.569  0.307 \nfalse 4.867  2.555 \n"
    )


def test_the_columns_that_were_asked_for(two_axes: Results) -> None:
    text = drawn(two_axes, ("model", "top1", "params"))
    assert [line for line in text.splitlines() if "α down" in line] == [
        "top-1 %: α down, side across", "params (M): α down, side across",
    ]  # fmt: skip
    assert re.search(r"^   1 +64.4 +67.2 +69.1 +70.6 $", text, re.MULTILINE)
    assert drawn(two_axes, ("model", "convention")) == ""


def test_latency_where_it_was_measured(two_axes: Results) -> None:
    found = two_axes.ordered(range(len(two_axes)))
    found.measured = True
    for i, record in enumerate(found):
        found[i] = {**record, "latency_s": (i + 1) / 1000, "latency_low_s": i / 1000, "latency_high_s": i + 1, "grade": "B"}
    found[3]["latency_s"] = None
    text = drawn(found)
    assert "latency (ms) and grade: α down, side across" in text
    assert re.search(r"^0.25 +1.00 B +2.00 B +3.00 B +– $", text, re.MULTILINE)


def test_it_is_for_terminals_and_sweeps_of_two_axes(two_axes: Results) -> None:
    assert drawn(two_axes, force_terminal=False) == ""
    assert drawn(plot(two_axes), force_terminal=False).count("α down") == 1
    assert "α down" not in drawn(plot(two_axes))  # where it stands below the list already
    assert drawn(sweep(engine="closed")) == ""
    assert drawn(compare("mobilenet_v1", "vgg16", engine="closed")) == ""
    assert "α down" not in written(registry.answer(two_axes), "table")


def test_a_large_sweep_is_thinned_to_the_screen() -> None:
    found = sweep("mobilenet_v1", alpha="0.05..2:0.05", resolution="32..512:16", engine="closed")
    text = drawn(found)
    assert re.search(r"24 × \d+ of 40 × 31", text)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split()[0] == "32"
    assert lines[2].split()[-1] == "512"
    assert lines[-1].startswith("   2 ")


def test_shades_only_where_there_are_colours(two_axes: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "48;5;17m" in drawn(two_axes, color_system="256")
    assert "48;" not in drawn(two_axes, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "48;" not in drawn(two_axes, color_system="256")


def luminance(colour: int) -> float:
    parts = [value / 255 for value in Color.from_ansi(colour).get_truecolor()]
    r, g, b = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("shade", range(len(TERMINAL_HEAT)))
def test_letters_stand_out_on_every_shade(shade: int) -> None:
    low, high = sorted((luminance(TERMINAL_HEAT[shade]), luminance(231 if shade >= WHITE_FROM else 16)))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # what WCAG asks of text
