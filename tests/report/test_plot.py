"""Plots in the terminal: what they show, how wide they are, what stands for colours and signs that are not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from profiler import compare, sweep
from profiler.records.columns import Record
from profiler.records.measured import Measured
from profiler.records.profile import Row
from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.records.timing import Layers, LayerTiming, Roofs, Timing
from profiler.report.encoding import ERRORS
from profiler.report.terminal.bars import Bars, Length, bar
from profiler.report.terminal.plot import plot
from profiler.report.terminal.scatter import Point, Scatter, pareto, stairs, steps
from profiler.study.show import show

ROOT = Path(__file__).resolve().parents[2]


def drawn(subject: Any, **given: Any) -> str:
    settings: dict[str, Any] = {"file": StringIO(), "width": 80, "color_system": None, "force_terminal": True}
    console = Console(**settings | given)
    console.print(subject)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def timed(found: Results) -> Results:
    found.measured = True
    for i, record in enumerate(found):
        seconds = (i + 1) * 10e-3
        clock: Record = {"latency_s": seconds, "latency_low_s": 0.8 * seconds, "latency_high_s": 1.1 * seconds, "grade": "D"}
        record.update(clock)
    return found


def on_the_clock() -> Measured:
    rows = [row for row in show("lenet5").profile.rows if isinstance(row, Row)]
    clocked = tuple(LayerTiming(row, (i + 1) * 1e-4, 0.1, 10, "memory", 1e-5) for i, row in enumerate(rows))
    timing = Timing(
        "lenet5", 1, "cpu", 1, "fp32", "contiguous", False, "inference", None, 1e-3, 0.9e-3, 1.1e-3, "C", "", 10, 10,
        None, None, None, None,
    )  # fmt: skip
    roofs = Roofs(1e9, ((1000, 1e9),), {"other": 1e-6})
    return Measured(Results([], "bench"), (Layers("lenet5", timing, clocked, roofs, 1.1),))


SUBJECTS: dict[str, Callable[[], Results | Shown | Measured]] = {
    "compare": lambda: compare("mobilenet_v1", "vgg16", "resnet50", "squeezenet1_0", "alexnet", engine="closed"),
    "compare_timed": lambda: timed(compare("mobilenet_v1", "vgg16", "resnet50", engine="closed")),
    "one": lambda: compare("vgg16", engine="closed"),
    "sweep": lambda: sweep(engine="closed"),
    "sweep_of_two": lambda: timed(sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed")),
    "sweep_without_top1": lambda: sweep("resnet18", resolution="32..224", engine="closed"),
    "sweep_many": lambda: sweep("mobilenet_v1", alpha="0.05..1:0.05", resolution="128..224", engine="closed"),
    "show": lambda: show("mobilenet_v1"),
    "show_deep": lambda: show("resnet152"),
    "layers": on_the_clock,
}


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = drawn(plot(SUBJECTS[name]()), width=width).splitlines()
    assert max(map(len, lines), default=0) <= width
    assert name == "one" or len(lines) > 5


@pytest.mark.parametrize("name", SUBJECTS)
def test_eighty_letters_without_colour_where_it_is_piped(name: str) -> None:
    text = drawn(plot(SUBJECTS[name]()), width=10_000, force_terminal=False, color_system="auto")
    assert max(map(len, text.splitlines()), default=0) <= 80
    assert "\x1b" not in text


@pytest.mark.parametrize("name", SUBJECTS)
def test_ascii_where_there_is_no_more(name: str) -> None:
    raw = BytesIO()
    file = TextIOWrapper(raw, encoding="ascii", errors=ERRORS)
    Console(file=file, width=80, force_terminal=True, color_system=None).print(plot(SUBJECTS[name]()))
    file.flush()
    text = raw.getvalue().decode("ascii")
    assert "?" not in text
    assert name == "one" or re.search(r"#|\+-", text)


def test_a_trade_off_has_families_and_its_front() -> None:
    text = drawn(plot(sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed")))
    assert "published top-1 % against MACs (log scale)" in text
    assert text.splitlines()[-1] == "● α 0.25  ▲ α 0.5  ■ α 0.75  ◆ α 1  · Pareto front"
    # four sides each, all published; 0.5 at 192 (110 M, 61.7 %) is behind 0.75 at 128 (107 M, 62.1 %)
    for mark, times in (("●", 4), ("▲", 3), ("■", 4), ("◆", 4)):
        assert text.count(mark) == times + 1


def test_colours_of_families_and_none_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plot(sweep(engine="closed"))
    assert "\x1b[3" in drawn(found, color_system="256")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[(?:3|4|9)\d", drawn(found, color_system="256"))


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    lines = drawn(plot(compare("mobilenet_v1", "vgg16", engine="closed"))).splitlines()
    vgg, mobilenet = (next(line for line in lines if line.startswith(name)) for name in ("vgg16", "mobilenet_v1"))
    full = vgg.count("█")
    assert mobilenet.count("█") == int(full * 568_740_352 / 15_470_264_320)
    assert vgg.endswith("  15.5 G")


def test_an_interval_is_shaded() -> None:
    text = drawn(Bars("latency", [Length("a", 10, "10 ms", (8, 11)), Length("b", 11, "11 ms", (10.99, 11))]), width=60)
    a, b = text.splitlines()[-2:]
    assert (a.count("█"), a.count("▒")) == (round(50 * 8 / 11), 50 - round(50 * 8 / 11))
    assert (b.count("█"), b.count("▒")) == (50, 0)


@pytest.mark.parametrize(
    ("share", "text", "plain"),
    [(0, "", ""), (1, "████", "####"), (0.5, "██", "##"), (0.001, "▏", "#"), (0.9, "███▋", "####"), (2, "████", "####")],
)
def test_bar(share: float, text: str, plain: str) -> None:
    assert bar(share, 4) == text
    assert bar(share, 4, plain=True) == plain


def test_hostile_names_are_kept_in_their_place() -> None:
    found = compare("vgg16", "mobilenet_v1", engine="closed")
    for record, name in zip(found, ("[red]" + "x" * 500, "a\nb\x1b[31m 日本"), strict=True):
        record["model"] = name
    text = drawn(plot(found))
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "[red]xxx" in text


def test_the_front_is_a_staircase() -> None:
    """Between two points of it there is no more to be had than the first gives: right first, then up."""
    assert stairs([(1, 50), (2, 60), (4, 70)]) == [(1, 50), (2, 50), (2, 60), (4, 60), (4, 70)]
    assert stairs([(1, 50)]) == [(1, 50)]
    assert stairs([]) == []
    points = [Point(0, 0, ""), Point(100, 100, "")]
    text = drawn(Scatter("", points, "{:g}".format, "{:g}".format, front=True), width=60)
    inside = [re.split("[┤│]", line)[1] for line in text.splitlines() if line.endswith("│")]
    dotted = [row for row in inside if "·" in row]
    level = max(dotted, key=lambda row: row.count("·"))
    assert level.count("·") > 40, "one level stretch of it, as wide as the plot"
    assert {row.index("·") for row in dotted if row != level} == {max(row.rindex("·") for row in dotted)}, "and one upright"


def test_pareto() -> None:
    points = [Point(1, 5, ""), Point(1, 4, ""), Point(2, 5, ""), Point(3, 9, ""), Point(0.5, 1, "")]
    assert [(point.x, point.y) for point in pareto(points)] == [(0.5, 1), (1, 5), (3, 9)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [((50.6, 70.6), [50, 55, 60, 65, 70, 75]), ((0.013, 0.09), [0, 0.02, 0.04, 0.06, 0.08, 0.1]), ((3, 3), [3])],
)
def test_steps(values: tuple[float, ...], expected: list[float]) -> None:
    assert steps(values) == expected


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "profiler", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def test_a_plot_stands_below_the_table_and_nowhere_else(tmp_path: Path) -> None:
    file = tmp_path / "run.txt"
    ran = run("sweep", "--engine", "closed", "--plot", "-o", str(file))
    assert ran.stdout.index("568,740,352") < ran.stdout.index("against MACs")
    assert "\x1b" not in ran.stdout
    assert "against MACs" not in file.read_text(encoding="utf-8")
    assert "against MACs" not in run("sweep", "--engine", "closed", "--plot", "-q").stdout


def test_a_plot_in_csv_is_refused_before_any_work() -> None:
    ran = run("sweep", "--engine", "closed", "--plot", "-f", "csv")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: --plot needs a table on stdout, not csv; leave one of them out\n"


def test_a_saved_list_has_no_plot(tmp_path: Path) -> None:
    run("list", "vgg*", "-q", "-o", str(tmp_path / "list.json"))
    ran = run("report", str(tmp_path / "list.json"), "--plot")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "this result has no plot" in ran.stderr


def test_no_fold_and_the_plot_of_a_saved_network(tmp_path: Path) -> None:
    file = str(tmp_path / "show.json")
    folded = run("show", "mobilenet_v1", "-o", file).stdout
    assert "body.6…10 ×5" in folded
    assert "body.7 " in run("show", "mobilenet_v1", "--no-fold").stdout
    again = run("report", file, "--plot").stdout
    assert again.startswith(folded)
    assert "MACs by kind" in again
