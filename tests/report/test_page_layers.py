"""The layers of a network on a page, in a browser: folded, named on a telephone, entered and left by mouse and keys, saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
import torch

from profiler import compare
from profiler.report import palette
from profiler.report.answers import registry
from profiler.report.page import page as page_of
from profiler.study.show import show
from tests.report.pages import Open, eventually, of

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Decoder(torch.nn.Module):
    """Twelve equal blocks between a first layer and a last one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Linear(8, 64)
        self.layers = torch.nn.ModuleList(
            torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 64)) for _ in range(12)
        )
        self.head = torch.nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        made: torch.Tensor = self.head(x)
        return made


EMBED, BLOCKS, HEAD = 8 * 64, 12 * (64 * 256 + 256 * 64), 64 * 10


def decoder() -> str:
    return page_of(registry.answer(show(Decoder(), input=(8,))))


def parts(page: Page) -> list[str]:
    labels: list[str] = page.eval_on_selector_all(
        "#layers .chart .part", "all => all.map(one => one.getAttribute('aria-label'))"
    )
    return labels


def test_equal_neighbours_are_one_part_that_costs_what_they_all_do(opened: Open) -> None:
    page = opened(decoder())
    whole = EMBED + BLOCKS + HEAD
    folded = f"layers.0…11, 12 equal ones together, {BLOCKS:,} MACs, {100 * BLOCKS / whole:.2f} %"
    assert folded in parts(page)
    assert any(label.startswith(f"layers.0…11.0, 12 equal ones together, {BLOCKS // 2:,} MACs") for label in parts(page))
    assert "layers.0…11 ×12" in (page.locator("#layers .chart").text_content() or "")
    page.get_by_label("equal layers").select_option("each")
    labels = parts(page)
    assert len([label for label in labels if re.match(r"layers\.\d+, ", label)]) == 12
    assert not [label for label in labels if "equal ones" in label]


def test_parts_that_differ_in_anything_are_not_folded(opened: Open) -> None:
    """The blocks of resnet50's stages are equal but for the first of each, which has another stride, width and shortcut."""
    found = show("resnet50")
    page = opened(page_of(registry.answer(found)))
    folds = sorted({match[0] for label in parts(page) if (match := re.match(r"body\.\d\.\d…\d", label))})
    assert folds == ["body.0.1…2", "body.1.1…3", "body.2.1…5", "body.3.1…2"]
    for fold in folds:
        stage, first, last = fold[:6], int(fold[7]), int(fold[9])
        whole = sum(
            row.macs for k in range(first, last + 1) for row in found.profile.rows if row.path.startswith(f"{stage}.{k}.")
        )
        assert any(label.startswith(fold) and f"together, {whole:,} MACs" in label for label in parts(page))


def test_arrows_enter_and_backspace_go_through_the_layers(opened: Open) -> None:
    page = opened(decoder())

    def focused() -> str:
        label: str = page.evaluate("document.activeElement.getAttribute('aria-label') || ''")
        return label.split(",")[0]

    def press(*keys: str) -> str:
        for key in keys:
            page.keyboard.press(key)
        return focused()

    page.locator("#layers .chart [tabindex='0']").focus()
    assert focused() == "embed"
    assert press("ArrowDown") == "layers.0…11"
    assert press("ArrowDown") == "head"
    assert press("ArrowUp", "ArrowRight") == "layers.0…11.0"
    assert press("ArrowDown") == "layers.0…11.2"
    assert press("ArrowLeft") == "layers.0…11"
    assert page.locator(".tip").is_visible()
    assert press("Escape") == "layers.0…11"
    assert not page.locator(".tip").is_visible()
    assert press("Enter") == "layers.0…11.0", "entered: what is inside is all that is drawn"
    assert len(parts(page)) == 2
    assert press("Backspace") == "embed"
    page.locator("#layers .chart .inner").first.click()
    assert len(parts(page)) == 2
    page.locator("#layers .trail button").first.press("Enter")
    assert len(parts(page)) == 5


@pytest.mark.parametrize("drawn", ["icicle", "treemap"])
def test_areas_are_shares(drawn: str, opened: Open) -> None:
    page = opened(decoder())
    page.get_by_label("drawn as").select_option(drawn)
    boxes: list[Any] = page.eval_on_selector_all(
        "#layers .chart .part",
        "all => all.map(one => [one.getAttribute('aria-label'), +one.firstChild.getAttribute('width') + 1, +one.firstChild.getAttribute('height') + 1])",
    )
    sizes = {label.split(",")[0]: (width, height) for label, width, height in boxes}
    whole = EMBED + BLOCKS + HEAD
    (wide, high) = map(int, (page.locator("#layers .chart").get_attribute("viewBox") or "").split()[2:])
    width, height = sizes["layers.0…11"]
    share = height / high if drawn == "icicle" else width * height / (wide * high)
    assert share == pytest.approx(BLOCKS / whole, rel=0.01)


def test_names_stand_in_the_parts_on_a_telephone(opened: Open) -> None:
    page = opened(page_of(registry.answer(show("mobilenet_v2"))), viewport={"width": 400, "height": 800})
    words: list[str] = page.eval_on_selector_all("#layers .chart text", "all => all.map(one => one.textContent)")
    assert "body · 95.97 %" in words or "body" in words
    assert len([name for name in words if "expand" in name or "project" in name]) > 10
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.set_viewport_size({"width": 1000, "height": 800})
    eventually(
        page,
        lambda: any("expand.conv · pointwise · " in text for text in page.locator("#layers .chart text").all_text_contents()),
        True,
    )


def test_shares_are_said_in_full_and_drawn_by_kind(opened: Open) -> None:
    found = compare("mobilenet_v1", "vgg16", engine="closed")
    page = opened(of(found))
    labels: list[str] = page.eval_on_selector_all(
        "#shares .chart > .part", "all => all.map(one => one.getAttribute('aria-label'))"
    )
    assert labels[0] == "mobilenet_v1, conv 1.91 %, pointwise 94.86 %, depthwise 3.06 %, linear 0.18 %"
    fills = page.eval_on_selector_all(
        "#shares .chart > .part:first-of-type .share rect", "all => all.map(one => one.getAttribute('fill'))"
    )
    assert fills == [palette.KINDS[kind][0] for kind in ("conv", "pointwise", "depthwise", "linear")]


def test_what_is_drawn_is_saved_as_a_file_of_its_own(opened: Open) -> None:
    page = opened(page_of(registry.answer(show("mobilenet_v2"))), color_scheme="dark")
    with page.expect_download() as download:
        page.locator("#shares").get_by_role("button", name="Download SVG").click()
    file: Any = download.value
    drawing = ElementTree.fromstring(Path(file.path()).read_text(encoding="utf-8"))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    fills = {each.get("fill") for each in drawing.iter()}
    used = {fill[5:-1] for fill in fills if fill and fill.startswith("url(#")}
    assert used
    assert used <= {each.get("id") for each in drawing.iter()}, "its textures are in the file"
    assert palette.THEMES["dark"]["surface"] in fills, "and its ground"
