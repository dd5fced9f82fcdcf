"""Predicted latencies have a mark of their own wherever they are drawn: plots, heat tables, pages, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler import sweep
from profiler.records.columns import MEASURED_COLUMNS, PREDICTED
from profiler.records.results import Results
from profiler.report.page.content import content
from profiler.report.terminal.bars import Bars, Length
from profiler.report.terminal.heat import Heat
from profiler.report.terminal.plot import plot
from tests.report.test_plot import drawn


def half_measured(*models: str) -> Results:
    """A sweep of which every second cell was measured and the others predicted."""
    found = sweep(*(models or ("mobilenet_v1",)), alpha="0.25..1.0", resolution="128..224", engine="closed")
    found.measured = True
    for i, record in enumerate(found):
        middle = 1e-3 * (i + 1)
        measured: dict[str, Any] = dict.fromkeys(MEASURED_COLUMNS)
        predicted: dict[str, Any] = dict.fromkeys(column.name for column in PREDICTED)
        if i % 2:
            what = {"predicted_low_s": 0.8 * middle, "predicted_high_s": 1.3 * middle, "predicted_from": "8 cells"}
            predicted |= {"predicted_s": middle, **what}
        else:
            measured |= {"latency_s": middle, "latency_low_s": 0.99 * middle, "latency_high_s": 1.01 * middle, "grade": "A"}
        found[i] = {**record, **measured, **predicted}
    return found


def predicted(count: int = 4) -> Results:
    """What `predict` gives: nothing is measured."""
    found = half_measured()
    keep = [{k: v for k, v in record.items() if k not in MEASURED_COLUMNS} for record in found]
    for i, record in enumerate(keep):
        record |= {"predicted_s": 1e-3 * (i + 1), "predicted_low_s": 0.9e-3 * (i + 1), "predicted_high_s": 1.2e-3 * (i + 1)}
    return Results(keep[:count], "predict")


def test_a_plot_marks_what_nobody_measured() -> None:
    text = drawn(plot(half_measured())).split("latency against MACs")[1]
    frame, legend = text[: text.rindex("┘")], text[text.rindex("┘") :]
    for solid, hollow in zip("●▲■◆", "○△□◇", strict=True):  # four values of α
        assert solid in frame
        assert hollow in frame
    assert "│" in frame.replace("┤", "")
    assert "● α 0.25" in legend
    assert "○△□◇ predicted, │ its 95 % interval" in legend


def test_a_plot_in_ascii() -> None:
    text = drawn(plot(half_measured()), legacy_windows=False, file=_Ascii()).split("latency against MACs")[1]
    frame, legend = text.split("\n\n")
    assert frame.isascii()
    assert set("OX#@ox+a|") <= set(frame)
    assert "ox+a predicted, | its 95 % interval" in legend


class _Ascii(io.StringIO):
    encoding = "ascii"


def test_a_plot_of_measured_points_alone_is_as_it_was() -> None:
    found = half_measured()
    for record in found:
        record.update(dict.fromkeys(column.name for column in PREDICTED))
    text = drawn(plot(found)).split("latency against MACs")[1]
    assert "predicted" not in text
    assert not set("○△□◇") & set(text)


def test_a_prediction_has_plots() -> None:
    text = drawn(plot(predicted()))
    assert "latency, with its 95 % interval, ≈ predicted" in text
    assert "░" in text
    assert "≈ 1.00 ms [" in text
    assert "○ mobilenet_v1  ○ predicted, │ its 95 % interval" in text
    assert "\nMACs\n" not in text, "a prediction is about latency"


def test_bars_of_what_is_predicted_are_in_outline() -> None:
    text = drawn(Bars("latency", [Length("a", 10, "A", (9, 11)), Length("b", 10, "B", (9, 11), predicted=True)]), width=60)
    solid, outline = text.splitlines()[-2:]
    assert solid.count("█") == outline.count("░") > 10
    assert solid.count("▒") == outline.count("▒") > 1


def test_a_heat_table_has_the_sign_where_the_grade_is() -> None:
    text = drawn(Heat(half_measured()))
    assert "latency (ms) and grade, ≈ predicted: α down, side across" in text
    assert [line.split() for line in text.splitlines()[3:5]] == [
        ["0.25", "1.00", "A", "2.00", "≈", "3.00", "A", "4.00", "≈"],
        ["0.5", "5.00", "A", "6.00", "≈", "7.00", "A", "8.00", "≈"],
    ]


def test_a_heat_table_of_a_prediction() -> None:
    text = drawn(Heat(predicted(16)))
    assert "predicted (ms): α down, side across" in text
    assert text.splitlines()[3].split() == ["0.25", "1.00", "2.00", "3.00", "4.00"]


def test_a_page_draws_both_on_one_axis() -> None:
    made = content(half_measured())
    assert made.axes[:2] == ["top1", "latency_s"]
    assert "predicted_s" not in made.axes, "which is drawn among the latencies"
    assert "predicted_s" in made.columns
    assert content(predicted()).axes[0] in ("predicted_s", "top1")


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_files_hold_the_columns(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"run.{form}"
    profiler.write(half_measured(), path)
    if form == "csv":
        records: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    elif form == "json":
        records = json.loads(path.read_text(encoding="utf-8"))["records"]
    else:
        records = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    assert [float(each["predicted_s"]) if each["predicted_s"] else None for each in records[:2]] == [None, 2e-3]
    assert float(records[1]["predicted_low_s"]) == pytest.approx(1.6e-3)
    assert float(records[1]["predicted_high_s"]) == pytest.approx(2.6e-3)
    assert records[1]["predicted_from"] == "8 cells"
