"""Pages opened in a real browser, the system's headless Chromium: they are drawn, quiet, alone, and do what they offer."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from profiler import compare, fit, sweep
from profiler.records.columns import MEASURED_COLUMNS
from tests.report.pages import HOSTILE, NAMES, PAGES, Open, eventually, hostile, of, rows, swept
from tests.report.test_predicted_drawn import half_measured

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_page_is_drawn_and_fits_a_telephone(name: str, opened: Open) -> None:
    make, parts = PAGES[name]
    page = opened(make())
    plots = page.eval_on_selector_all("section:has(.plot)", "all => all.map(one => one.id)")
    assert plots == list(parts)
    for part, marks in parts.items():
        assert page.locator(f"#{part} {marks}").count() > 0, part
    assert page.locator(".plot:not(:has(svg))").count() == 0
    assert page.locator("h1").count() == 1
    page.set_viewport_size({"width": 400, "height": 800})
    eventually(page, lambda: page.evaluate("document.documentElement.scrollWidth"), 400)


def test_every_choice_of_a_plot_draws(opened: Open) -> None:
    page = opened(PAGES["layers"][0]())
    for choice in page.locator(".choices select").all():
        for i in range(choice.locator("option").count()):
            choice.select_option(index=i)
    assert page.locator("#layers .chart .part").count() > 0


def test_no_plot_offers_to_send_what_it_shows_anywhere(opened: Open) -> None:
    page = opened(PAGES["layers"][0]())
    buttons = page.eval_on_selector_all(".modebar-btn", "all => [...new Set(all.map(one => one.dataset.title))]")
    assert "Download plot" in buttons
    assert not [words for words in buttons if "share" in words.lower() or "cloud" in words.lower()]


def test_the_first_trade_off_is_one_that_enough_records_have_both_values_of(opened: Open) -> None:
    found = sweep("mobilenet_v1", alpha="0.25..1.0", resolution="96,224", engine="closed")  # nobody published a side of 96
    found.measured = True
    for i, record in enumerate(found):  # the budget ended before most of the published cells
        record.update(dict.fromkeys(MEASURED_COLUMNS))
        if i % 2 == 0 or i == 1:
            record.update({"latency_s": 0.01 + i, "latency_low_s": 0.01 + i, "latency_high_s": 0.01 + i, "grade": "A"})
    page = opened(of(found))
    assert page.locator("#tradeoff .ytitle").text_content() == "published top-1, %"
    assert page.locator("#tradeoff .xtitle").text_content() == "MACs, log"
    assert page.locator("#tradeoff .choices select").nth(1).locator("option:checked").text_content() == "MACs"


def test_predicted_points_are_hollow_with_their_intervals(opened: Open) -> None:
    page = opened(of(half_measured()))
    marks = """() => document.querySelector('#tradeoff .plot').data.flatMap((trace) => trace.x.map((at, i) => [
        at, Array.isArray(trace.marker?.symbol) ? trace.marker.symbol[i] : trace.marker?.symbol,
        Array.isArray(trace.error_x?.array) ? trace.error_x.array[i] : null])).filter(([at, symbol]) => at && symbol === 'diamond-open')"""
    drawn = sorted(page.evaluate(marks))
    assert [at for at, _, _ in drawn] == [1e-3 * i for i in range(2, 17, 2)], "every second cell, as it is predicted"
    assert [error for _, _, error in drawn] == pytest.approx([0.3e-3 * i for i in range(2, 17, 2)])
    assert "predicted" in page.locator("#tradeoff .legendtext").all_text_contents()
    said = page.locator("#tradeoff figcaption").text_content() or ""
    assert "Predicted latencies are hollow, with their 95 % intervals; the front is of what was measured." in said


def test_a_front_of_one_is_ringed_and_said_to_be_what(opened: Open) -> None:
    page = opened(of(compare("mobilenet_v2", "vgg16", "alexnet", engine="closed")))
    assert page.locator("#tradeoff .points path").count() == 3 + 1, "mobilenet_v2 beats both in both"
    said = page.locator("#tradeoff figcaption").text_content() or ""
    assert said == "Pareto front: no other point is better in both, with higher top-1 and lower MACs."


def test_the_front_is_a_staircase(opened: Open) -> None:
    page = opened(of(swept()))
    (path,) = page.eval_on_selector_all(
        "#tradeoff .scatterlayer .trace:has(.points path[d*='A']) .js-line[style*='dash']",
        "all => all.map(one => one.getAttribute('d'))",
    )
    corners = [
        tuple(map(float, found)) for found in re.findall(r"([-\d.]+),([-\d.]+)", re.sub(r"[HV]", lambda sign: sign[0], path))
    ]
    assert "H" in path
    assert "V" in path
    assert set(re.findall("[A-Z]", path)) <= {"M", "H", "V", "L"}
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(corners)), "no line of it is sloped"


def test_numbers_filter_the_table_and_the_plot(opened: Open) -> None:
    found = swept()
    page = opened(of(found))
    macs = page.get_by_label("Filter MACs")
    drawn = page.locator("#tradeoff .points path")
    # beaten are 0.5 at 192 by 0.75 at 128, 1 at 128 by 0.75 at 160, and 1 at 160 by 0.75 at 192
    assert drawn.count() == 16 + 13, "each of the 16 published points, and the ring of the Pareto front around 13"

    kept_by: dict[str, Callable[[int], bool]] = {
        "<200M": lambda n: n < 200e6,
        ">= 0.3G": lambda n: n >= 3e8,
        "100M..300M": lambda n: 1e8 <= n <= 3e8,
        "..50M": lambda n: n <= 5e7,
        "569M": lambda n: n == 568_740_352,
        "=568,740,352": lambda n: n == 568_740_352,
        "!=569 M": lambda n: n != 568_740_352,
    }
    for words, test in kept_by.items():
        kept = [record for record in found if test(record["macs"])]
        macs.fill(words)
        eventually(page, lambda: [row[4] for row in rows(page)], [f"{record['macs']:,}" for record in kept])
    macs.fill("<200M")
    eventually(page, drawn.count, 11 + 9)
    assert "filter of the table" in (page.locator("#tradeoff figcaption").text_content() or "")
    macs.fill("many")
    eventually(page, lambda: macs.get_attribute("aria-invalid"), "true")
    eventually(page, lambda: len(rows(page)), 16)
    macs.fill("")
    page.get_by_label("Filter records by words").fill("mobilenet 0.75")
    eventually(page, lambda: {row[1] for row in rows(page)}, {"0.75"})
    assert page.locator("#records .status").text_content() == "4 of 16 rows"


def test_the_limits_of_a_fit_move_and_the_table_and_the_plot_follow(opened: Open) -> None:
    found = fit("mobilenet_v1", "mobilenet_v2", max_macs="100M", max_params="3M")
    page = opened(of(found))
    assert page.locator("#tradeoff .shapelayer path").count() == 1, "the limit of the one axis that is limited"
    assert page.locator("#records .status").text_content() == f"{len(found.fitting)} of {len(found)} rows"
    slider = page.get_by_label("MACs ≤")
    assert page.locator("#limits output").first.text_content() == "100 M"
    slider.press("Home")
    least = [r for r in found if r["macs"] <= min(each["macs"] for each in found) and r["params"] <= 3_000_000]
    eventually(page, lambda: page.locator("#records .status").text_content(), f"{len(least)} of {len(found)} rows")
    slider.press("End")
    most = [r for r in found if r["params"] <= 3_000_000]
    eventually(page, lambda: page.locator("#records .status").text_content(), f"{len(most)} of {len(found)} rows")
    page.get_by_role("button", name="As asked").click()
    eventually(page, lambda: page.locator("#records .status").text_content(), f"{len(found.fitting)} of {len(found)} rows")
    assert page.locator("#limits output").first.text_content() == "100 M"


def test_an_option_that_is_run_over_is_an_axis_of_the_map(opened: Open) -> None:
    page = opened(PAGES["over"][0]())
    assert page.locator("#heat-h").text_content() == "groups × side"
    assert page.locator("#heat .xtitle").text_content() == "groups"
    chosen = page.locator("#heat .choices select").first.locator("option").all_text_contents()
    assert chosen == ["shufflenet_v1, batch 1", "shufflenet_v1, batch 8"]


def test_rows_are_called_by_their_labels(opened: Open) -> None:
    found = sweep(
        "Ours=mobilenet_v1", "mobilenet_v2", alpha="0.5..1.0", resolution="160..224", engine="closed",
        top1={"Ours@alpha=0.75,resolution=160": 66.6},
    )  # fmt: skip
    page = opened(of(found))
    chosen = page.locator("#heat .choices select").first.locator("option").all_text_contents()
    assert chosen == ["Ours", "mobilenet_v2"]
    assert rows(page)[0][:2] == ["Ours", "mobilenet_v1"]
    assert "top-1, published or given, %" in (page.locator("#tradeoff .ytitle").text_content() or "")
    assert {row[0] for row in rows(page)} == {"Ours", "mobilenet_v2"}


def test_headings_sort_by_click_and_by_key_with_unknowns_last(opened: Open) -> None:
    page = opened(of(sweep("mobilenet_v1", alpha="0.25..1.0", resolution="96..224", engine="closed")))
    heading = page.locator("#records th", has_text="top-1 %")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [row[6] for row in rows(page)][:2] == ["41.5", "45.5"]
    assert rows(page)[-1][6] == "–"
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert rows(page)[0][6] == "70.6"
    assert rows(page)[-1][6] == "–"
    heading.locator("button").press("Space")
    assert heading.get_attribute("aria-sort") == "none"
    assert rows(page)[0][1:3] == ["0.25", "96"]


def test_the_csv_is_of_the_rows_in_view_with_every_column(opened: Open) -> None:
    found = swept()
    page = opened(of(found))
    page.get_by_label("Filter side").fill("224")
    eventually(page, lambda: {row[2] for row in rows(page)}, {"224"})
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    file: Any = download.value
    text = Path(file.path()).read_text(encoding="utf-8")
    made = list(csv.DictReader(io.StringIO(text)))
    assert list(made[0]) == found.columns
    assert [int(row["macs"]) for row in made] == [record["macs"] for record in found if record["resolution"] == 224]
    assert made[0]["input"] == "3x224x224"


def test_columns_can_be_shown_and_hidden(opened: Open) -> None:
    page = opened(of(swept()))
    page.locator("#records summary").click()
    page.locator("#records .columns label", has_text="elementwise").click()
    page.locator("#records .columns label", has_text="params").first.click()
    heads = page.locator("#records thead th").all_text_contents()
    assert "elementwise" in heads
    assert "params" not in heads


def test_five_thousand_rows_are_windowed(opened: Open) -> None:
    page = opened(of(sweep("mobilenet_v1", alpha="0.02..1:0.02", resolution="32..824:8", engine="closed")))
    assert page.locator("#tradeoff .points path").count() >= 5_000
    assert len(rows(page)) < 200
    page.locator("#records .view").evaluate("view => { view.scrollTop = view.scrollHeight }")
    eventually(page, lambda: rows(page)[-1][1:3], ["1.00", "824"])
    assert page.locator("#records tbody tr:not(.space)").last.get_attribute("aria-rowindex") == "5002"
    page.emulate_media(media="print")
    eventually(page, lambda: len(rows(page)), 500)


def test_both_themes_and_the_button_between_them(opened: Open) -> None:
    def colors(page: Page) -> tuple[str, str]:
        ground: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        text: str = page.locator("#tradeoff .xtitle").evaluate("node => getComputedStyle(node).fill")
        return ground, text

    light = ("rgb(246, 247, 248)", "rgb(28, 33, 38)")
    dark = ("rgb(15, 17, 20)", "rgb(230, 232, 235)")
    page = opened(of(swept()), color_scheme="dark")
    assert colors(page) == dark
    button = page.locator("#theme")
    button.press("Enter")
    assert colors(page) == light
    assert button.text_content() == "Dark"
    button.click()
    assert colors(page) == dark
    page.emulate_media(media="print")
    eventually(page, lambda: colors(page)[1], light[1])  # paper is white


def test_hostile_names_are_shown_as_text_and_run_nothing(opened: Open) -> None:
    page = opened(of(hostile()))
    assert page.evaluate("window.ran") is None
    assert (page.locator("h1").text_content() or "").endswith(f": {HOSTILE}")
    assert page.locator("main img, main b, main a:not(.modebar-btn)").count() == 0
    assert rows(page)[0][0] == f"0{HOSTILE}{'x' * 10_000}"
    assert rows(page, "#layers")[0][0] == f"{HOSTILE}.stem.conv"
    assert HOSTILE in (page.locator(".warnings").text_content() or "")
    page.locator("#tradeoff .points path").first.hover(force=True)
    page.wait_for_selector("#tradeoff .hoverlayer text")
    assert "<b>bold</b>" in (page.locator("#tradeoff .hoverlayer").text_content() or "")
    assert "<b>bold</b></script>" in (page.locator("#shares .chart text").first.text_content() or "")
    assert page.evaluate("window.ran") is None
