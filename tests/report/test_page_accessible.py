"""Pages for everybody: axe-core finds nothing to mend on any of them, in both themes; the keyboard reaches and does everything."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from profiler.report.answers import registry
from profiler.report.page import page as page_of
from profiler.study.inspect import inspect
from tests.report.colours import contrast
from tests.report.pages import NAMES, PAGES, Open, eventually, of, rows, swept

if TYPE_CHECKING:
    from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe() -> str:
    package = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed; pip install 'arch-profiler[test]'"
    )
    return (files(package) / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """Each rule that is broken, with the elements that break it."""
    page.evaluate(axe)  # which the page's own policy would not let a script element do
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    assert len(found["passes"]) > 15, "axe-core looked at the page"
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def mended(page: Page, axe: str) -> None:
    """Light on a desk, then dark on a telephone: contrast depends on the theme and not on the width, the rest on the width only."""
    assert violations(page, axe) == []
    page.set_viewport_size({"width": 400, "height": 800})
    darkened(page)
    assert violations(page, axe) == []


def darkened(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    eventually(page, lambda: page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(15, 17, 20)")


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_to_mend(name: str, axe: str, opened: Open) -> None:
    mended(opened(PAGES[name][0](), color_scheme="light"), axe)


def test_nor_on_the_page_of_a_checkpoint(axe: str, opened: Open, tmp_path: Path) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 4)).state_dict(), tmp_path / "net.pth")
    mended(opened(page_of(registry.answer(inspect(str(tmp_path / "net.pth")))), color_scheme="light"), axe)


@pytest.mark.parametrize("name", ["sweep", "fit", "layers"])
def test_every_table_has_a_caption(name: str, opened: Open) -> None:
    page = opened(PAGES[name][0]())
    captions = page.eval_on_selector_all("table", "all => all.map(one => one.caption?.textContent || '')")
    assert len(captions) >= 1
    assert all(len(caption) > 5 for caption in captions)
    assert len(set(captions)) == len(captions)


def test_tab_reaches_everything_and_shows_where_it_is(opened: Open) -> None:
    page = opened(PAGES["layers"][0]())
    wanted = page.locator("button:not(.modebar-btn), select, input:visible, summary, .scroll, .chart [tabindex='0']")
    total = wanted.count()
    seen = page.evaluate("[]")
    for _ in range(total + 40):
        page.keyboard.press("Tab")
        what: list[Any] = page.evaluate(SEEN)
        if what[0] == "BODY":
            break
        seen.append(what)
    assert len({each[0] for each in seen}) >= total
    assert [each for each in seen if not each[1]] == []


SEEN = """() => {
    const node = document.activeElement;
    if (node === document.body) return ['BODY', true];
    window.met ??= new Map();
    if (!window.met.has(node)) window.met.set(node, `${window.met.size} ${node.tagName} ${node.textContent.slice(0, 20)}`);
    const outline = parseFloat(getComputedStyle(node).outlineWidth) >= 1 && getComputedStyle(node).outlineStyle !== 'none';
    const stroke = node.querySelector('rect') && [...node.querySelectorAll('rect')].some((rect) => parseFloat(getComputedStyle(rect).strokeWidth) >= 2);
    return [window.met.get(node), Boolean(outline || stroke)];
}"""
"""What has the focus, and whether it can be seen that it has."""


def test_the_table_is_filtered_and_sorted_by_keys_alone(opened: Open) -> None:
    page = opened(of(swept()))
    page.get_by_label("Filter MACs").focus()
    page.keyboard.type("<100M")
    eventually(page, lambda: len(rows(page)) < 16, True)
    kept = {row[4] for row in rows(page)}
    page.locator("#records th button", has_text="MACs").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator("#records th[aria-sort='descending']").count() == 1
    assert [row[4] for row in rows(page)] == sorted(kept, key=lambda text: -int(text.replace(",", "")))
    page.locator("#records summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#records details[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#records details[open]").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_words_on_colours_can_be_read(opened: Open) -> None:
    """axe-core leaves text in SVG out: the colour of each label against that of the shape below it."""
    page = opened(PAGES["show"][0](), color_scheme="light")
    for theme in ("light", "dark"):
        if theme == "dark":
            darkened(page)
        pairs = page.eval_on_selector_all(".chart g:has(> rect):has(> text)", PAIRS)
        assert len(pairs) > 20
        assert [pair for pair in pairs if contrast(*pair) < 4.5] == []


PAIRS = """all => all.map((one) => {
    const fill = one.querySelector('rect').getAttribute('fill');
    const pattern = /^url\\(#(.*)\\)$/.exec(fill);
    return [pattern ? document.getElementById(pattern[1]).querySelector('rect').getAttribute('fill') : fill, one.querySelector('text').getAttribute('fill')];
})"""
