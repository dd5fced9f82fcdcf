"""Seconds to write a page, its bytes, and seconds until a headless Chromium has drawn it: python benchmarks/page.py"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from profiler import compare, sweep
from profiler.report.answer import Answer
from profiler.report.answers import registry
from profiler.report.page import page
from profiler.study.listing import listing
from profiler.study.show import show

ROUNDS = 5
AIM_S, AIM_BYTES = 3.0, 6_000_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def swept(alpha: str, resolution: str) -> Answer:
    return registry.answer(sweep("mobilenet_v1", alpha=alpha, resolution=resolution, engine="closed"))


def zoo() -> Answer:
    return registry.answer(compare(*(each["model"] for each in listing()), engine="closed"))


PAGES: dict[str, Callable[[], Answer]] = {
    "a sweep of 5,000 cells": lambda: swept("0.02..1.00:0.02", "32..824:8"),
    "a sweep of 16 cells": lambda: swept("0.25..1.0", "128..224"),
    "a comparison of the whole zoo, with all layers": zoo,
    "one network, mobilenet_v2": lambda: registry.answer(show("mobilenet_v2")),
}


def main() -> None:
    from playwright.sync_api import sync_playwright

    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        sys.exit("no chromium, chromium-browser or google-chrome on PATH; apt-get install chromium")
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(executable_path=found[0], args=FLAGS)
        versions = f"Chromium {chromium.version}, Python {platform.python_version()}"
        print(f"{ROUNDS} rounds; {platform.machine()}, {cpu_count()} cores, load {getloadavg()[0]:.1f}; {versions}\n")
        aims = f"aims: {AIM_S:g} s each, {AIM_BYTES:,} bytes"
        print(f"| page | written: median, slowest | bytes | opened: median, slowest | {aims} |")
        print("| :--- | ---: | ---: | ---: | :--- |")
        for name, make in PAGES.items():
            answer, file = make(), Path(folder) / "run.html"
            written, drawn = [], []
            for _ in range(ROUNDS):
                start = perf_counter()
                file.write_text(page(answer), encoding="utf-8")
                written.append(perf_counter() - start)
                tab = chromium.new_page(viewport={"width": 1280, "height": 900})
                tab.goto(file.as_uri())
                tab.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
                drawn.append(float(tab.evaluate("performance.getEntriesByName('ready')[0].startTime")) / 1e3)
                tab.close()
            size = file.stat().st_size
            held = max(median(written), median(drawn)) < AIM_S and size <= AIM_BYTES
            both = [f"{median(seconds):.2f} s, {max(seconds):.2f} s" for seconds in (written, drawn)]
            print(f"| {name} | {both[0]} | {size:,} | {both[1]} | {'held' if held else 'missed'} |")
        chromium.close()


if __name__ == "__main__":
    main()
