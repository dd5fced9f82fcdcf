"""Pages of every kind to open in a browser, and what is read of them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from profiler import compare, fit, sweep
from profiler.load.load import load
from profiler.records.columns import MEASURED_COLUMNS
from profiler.records.measured import Measured
from profiler.records.results import Results
from profiler.records.timing import Layers, LayerTiming, Roofs, Timing
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.page import page as page_of
from profiler.study.show import show
from tests.report.test_predicted_drawn import half_measured

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = (
    "<b>bold</b></script><script>window.ran=1</script><img src=x onerror='window.ran=2'>${x}{{7*7}} 💥 \u202eleft \"=1+1\""
)


def bench() -> Results:
    """A bench of three cells as it would have been measured."""
    found = compare("mobilenet_v1", "lenet5", "squeezenet1_0", engine="closed")
    found.command, found.measured, found.profiles = "bench", True, []
    for i, record in enumerate(found):
        middle = 0.004 * (i + 1)
        clock = {
            "latency_s": middle,
            "latency_low_s": 0.98 * middle,
            "latency_high_s": 1.03 * middle,
            "grade": "B",
            "reason": "",
        }
        record.update(
            {**dict.fromkeys(MEASURED_COLUMNS), **clock, "images_per_second": 1 / middle, "device": "cpu", "threads": 1}
        )
        found.rounds.append([middle * (1 + 0.01 * ((7 * k) % 5 - 2)) for k in range(20)])
    return found


def measured() -> Measured:
    """Two networks' layers as they would have been clocked."""
    results = bench()
    roofs = Roofs(5e10, ((2**20, 6e10), (2**28, 2e10)), {"conv": 7e-6, "linear": 5e-6, "norm": 8e-6, "other": 2e-6})
    layers = []
    for name in ("mobilenet_v1", "squeezenet1_0"):
        rows = load(name).profile().rows
        timing = Timing(
            name,
            1,
            "cpu",
            1,
            "fp32",
            "contiguous",
            False,
            "infer",
            None,
            0.01,
            0.0098,
            0.0103,
            "B",
            "",
            20,
            200,
            0.1,
            0.1,
            None,
            None,
        )
        taken = 0.01 / len(rows)
        timed = tuple(LayerTiming(row, taken, 1 / len(rows), 4 * (row.params + 10), "memory", taken / 2) for row in rows)
        layers.append(Layers(name, timing, timed, roofs, 1.02))
    return Measured(results, tuple(layers))


def hostile() -> Results:
    found = compare("mobilenet_v1", "lenet5", "squeezenet1_0", engine="closed")
    for i, record in enumerate(found):
        record["model"], record["options"] = f"{i}{HOSTILE}{'x' * 10_000}", {HOSTILE: HOSTILE}
    found.title, found.notes, found.warnings = HOSTILE, [HOSTILE], [HOSTILE]
    found.profiles = [
        structs.replace(
            p, model=record["model"], rows=tuple(row._replace(path=f"{HOSTILE}.{row.path}", op=HOSTILE) for row in p.rows)
        )
        for p, record in zip(found.profiles, found, strict=True)
    ]
    return found


def swept() -> Results:
    return sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed")


def of(found: Results) -> str:
    return page_of(registry.answer(found))


POINTS, BARS, SHARES, AREAS = ".scatterlayer .points path", ".barlayer .point path", ".chart .share rect", ".chart .part rect"
PAGES: dict[str, tuple[Callable[[], str], dict[str, str]]] = {
    "sweep": (lambda: of(swept()), {"tradeoff": POINTS, "heat": ".heatmaplayer image"}),
    "several": (
        lambda: of(sweep("mobilenet_v1", "mobilenet_v2", alpha="0.5,1.0", resolution="192,224", engine="closed")),
        {"tradeoff": POINTS, "heat": ".heatmaplayer image"},
    ),
    "over": (
        lambda: of(sweep("shufflenet_v1", over={"groups": [1, 2, 4]}, resolution="192,224", batch="1,8", engine="closed")),
        {"tradeoff": POINTS, "heat": ".heatmaplayer image"},
    ),
    "fit": (lambda: of(fit("mobilenet_v1", "mobilenet_v2", max_macs="100M")), {"tradeoff": POINTS, "heat": ".heatmaplayer image"}),
    "compare": (lambda: of(compare("mobilenet_v1", "vgg16", "resnet50", engine="closed")), {"tradeoff": POINTS, "shares": SHARES, "layers": AREAS}),
    "bench": (lambda: of(bench()), {"tradeoff": POINTS, "latency": BARS}),
    "predicted": (lambda: of(half_measured()), {"tradeoff": POINTS, "heat": ".heatmaplayer image"}),
    "show": (
        lambda: page_of(registry.answer(show("mobilenet_v2", training=True, memory=True), View(formulas=True))),
        {"shares": SHARES, "layers": AREAS},
    ),
    "layers": (
        lambda: page_of(registry.answer(measured(), View(depth=2, top=1000, unit="raw"))),
        {"tradeoff": POINTS, "latency": BARS, "shares": SHARES, "roofline": POINTS, "layers": AREAS},
    ),
    "hostile": (lambda: of(hostile()), {"tradeoff": POINTS, "shares": SHARES, "layers": AREAS}),
}  # fmt: skip

NAMES = [pytest.param(name, marks=pytest.mark.full) if name in ("several", "over") else name for name in PAGES]
"""Of a test over all pages; two have the parts that a sweep's has, and tests of their own."""

Open = Callable[..., "Page"]
PATIENCE_MS = 300_000
"""How long a page may take to draw: a machine may be busy."""


def eventually(page: Page, read: Callable[[], Any], wanted: Any) -> None:
    """Wait until the page has drawn what is wanted."""
    for _ in range(PATIENCE_MS // 50):
        if read() == wanted:
            return
        page.wait_for_timeout(50)
    assert read() == wanted


def rows(page: Page, part: str = "#records") -> list[list[str]]:
    cells: list[list[str]] = page.eval_on_selector_all(
        f"{part} tbody tr:not(.space)", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return cells
