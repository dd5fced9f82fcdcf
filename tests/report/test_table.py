"""Tables: what is loud, what fits, what files get."""

from __future__ import annotations

import html
import os
import re
import stat
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from profiler import profile as count
from profiler.errors import ProfilerError
from profiler.records.agreement import Agreement, Difference
from profiler.records.results import Results
from profiler.report import files
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet, results_sheet
from profiler.report.terminal.table import MOST_ROWS, Fitted, results_table, show, table
from profiler.report.writers import plain
from profiler.study.compare import compare


def drawn(results: Results, width: int) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(results_table(results))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_a_disagreement_is_loud() -> None:
    results = compare("vgg16", engine="closed")
    places = tuple(Difference(f"body.{i}", 10, 12) for i in range(5))
    results.agreements = [Agreement("vgg16", "fvcore 0.1.5", 1, 2, (), places)]
    sheet = results_sheet(results)
    assert sheet.warnings[0] == "DISAGREEMENT vgg16, body.0: fvcore 0.1.5 counts 12 where its own rules make 10"
    assert sheet.warnings[-1] == "  … and 2 more layers of vgg16"
    assert not any("agrees" in note for note in sheet.notes)
    assert "DISAGREEMENT" in drawn(results, 80)


def test_a_witness_that_differs_shows_its_own_count() -> None:
    results = compare("vgg16", engine="closed")
    results[0]["fvcore_macs"] = 7
    assert results_sheet(results).rows[0][-1] == "7"


def test_integers_where_they_fit() -> None:
    results = compare("mobilenet_v1", "vgg16", engine="closed")
    assert "15,470,264,320" in drawn(results, 100)
    fewer = drawn(results, 76)
    assert "15,470,264,320" in fewer
    assert "Left out to fit the terminal: weights (fp32)" in fewer
    narrow = drawn(results, 50)
    assert "15.5 G" in narrow
    assert "Rounded to fit the terminal" in narrow


def test_csv_cells() -> None:
    record = {"a": None, "b": True, "c": {"k": 1, "on": False}, "d": (1, 2), "e": ((1, 2), (3,)), "f": 0.25, "g": "x,y"}
    assert plain.csv_text([record], list(record)) == 'a,b,c,d,e,f,g\n,true,"k=1,on=false",1x2,1x2 3,0.25,"x,y"\n'


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    files.write(files.file_at(path), "first\n")
    assert path.stat().st_mode & 0o777 == 0o666 & ~files._umask()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ProfilerError, match="cannot be written: No space left on device; nothing of it was changed"):
        files.write(files.file_at(path), "second\n")
    assert path.read_text() == "first\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_there_and_is_no_file_is_written_into(tmp_path: Path) -> None:
    """A named pipe, as /dev/null or /dev/stdout: it is not replaced by a file."""
    pipe, found = tmp_path / "pipe.csv", list[bytes]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    files.write(files.file_at(pipe), "a,b\n")
    reader.join(timeout=30)
    assert found == [b"a,b\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    results = compare("vgg16", engine="closed")
    results.agreements = [Agreement("vgg16", "fvcore 0.1.5", 1, 2, (), (Difference("body", 10, 12),))]
    for value, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        console = Console(file=StringIO(), force_terminal=True, color_system="standard")
        console.print(results_table(results))
        assert ("31m" in console.file.getvalue()) == coloured  # type: ignore[attr-defined]


def test_bars_of_share_stand_on_a_terminal_only() -> None:
    profile = count("mobilenet_v1")
    texts = []
    for terminal, width in ((True, 100), (False, 100), (True, 60)):
        console = Console(file=StringIO(), width=width, color_system=None, force_terminal=terminal)
        console.print(show(profile, unit="auto"))
        texts.append(console.file.getvalue())  # type: ignore[attr-defined]
    on, piped, narrow = texts
    most, least = (
        next(line for line in on.splitlines() if line.startswith(name)) for name in ("body.6…10 ×5", "head.classifier")
    )
    assert re.search(r" 45\.96  █{20} ", most)
    assert re.search(r" 0\.18  ▏ ", least)
    assert "█" not in piped
    assert "█" not in narrow
    assert max(map(len, on.splitlines())) <= 100


@pytest.mark.parametrize("width", [40, 60, 80])
def test_numbers_are_never_cut(width: int) -> None:
    results = compare(
        "mobilenet_v1@classes=10,separable=false,shallow=true", "inception_v3", engine="closed", convention="thop"
    )
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(results_table(results), crop=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    assert "23.8 M" in text


def test_a_name_does_not_command_the_terminal() -> None:
    results = compare("vgg16", "alexnet", engine="closed")
    results[0]["model"] = "\x1b[31mred\x07\x9b2J"
    results.notes.append("note \x1b]0;title\x07")
    console = Console(file=StringIO(), width=200, color_system=None, force_terminal=True)
    console.print(results_table(results))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert not re.search(r"[\x07\x9b]|\x1b[^\[]|\x1b\[31m", text)
    assert "[31mred" in text


def test_what_a_profile_does_not_count_is_loud_wherever_it_is_shown() -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return torch.fft.fft(x)

    console = Console(file=StringIO(), width=200, color_system=None)
    found = count(Spectrum(), input=(3, 8))
    console.print(found, count("lenet5"))
    line = "UNCOUNTED Spectrum: aten::_fft_r2c has no formula, and the counts are too low; profiler.register('aten::_fft_r2c') adds it"
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("UNCOUNTED") == 1
    assert line in shown
    assert html.escape(line) in found._repr_html_()
    assert repr(found) == "Profile(Spectrum: 0 params, 0 macs, 0 rows, UNCOUNTED aten::_fft_r2c)"


# Long tables


def long_sheet(rows: int) -> Sheet:
    cells = [[f"net{i % 7}", f"{i**3:,}", "–" if i % 5 else "71.8", "a×b"[: i % 4]] for i in range(rows)]
    return Sheet(
        [Heading("model", right=False), Heading("MACs"), Heading("top-1 %"), Heading("", right=False)], cells, "networks"
    )


def printed(content: Sheet, width: int = 10_000, terminal: bool = False) -> str:
    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=terminal)
    console.print(Fitted(lambda _: content, "auto"), crop=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_lines_are_what_rich_makes_of_a_table() -> None:
    content = long_sheet(MOST_ROWS + 1)
    by_rich = Console(file=StringIO(), width=10_000, color_system=None)
    by_rich.print(table(content), crop=False)
    assert printed(content) == f"networks\n{by_rich.file.getvalue()}"  # type: ignore[attr-defined]


def test_a_terminal_is_shown_the_first_of_many_rows_and_told_where_all_are() -> None:
    content = long_sheet(10_000)
    lines = [line.rstrip() for line in printed(content, 100, terminal=True).splitlines()]
    assert len(lines) == 3 + MOST_ROWS + 2
    assert lines[-1] == "9,700 more rows are not shown; --csv FILE has all."
    assert lines[3].split() == ["net0", "0", "71.8"]
    assert len(content.rows) == 10_000
    assert content.notes == []


def test_a_pipe_and_a_file_get_every_row() -> None:
    assert len(printed(long_sheet(10_000)).splitlines()) == 3 + 10_000


def test_as_many_rows_as_a_terminal_is_shown_are_not_cut() -> None:
    assert "not shown" not in printed(long_sheet(MOST_ROWS), 100, terminal=True)


def test_many_rows_still_fold_where_they_do_not_fit() -> None:
    content = Sheet([Heading("words", right=False)], [["a" * 30]] * (MOST_ROWS + 1))
    assert max(map(len, printed(content, 20).splitlines())) <= 20


NETWORKS = ("mobilenet_v1", "mobilenet_v3_large", "googlenet", "vgg16@classes=10")


@pytest.mark.parametrize(
    ("width", "gone"),
    [
        (140, ""),
        (120, "weights (fp32)"),
        (80, "weights (fp32), activations"),
        (66, "weights (fp32), activations, auxiliary MACs"),
        (44, "weights (fp32), activations, auxiliary MACs, auxiliary params, ×"),
    ],
)
def test_what_is_missed_least_is_left_out_first_and_named(width: int, gone: str) -> None:
    text = drawn(compare(*NETWORKS, engine="closed"), width)
    said = " ".join(text.split())
    assert ("Left out to fit the terminal: " in said) is bool(gone)
    named = said.partition("Left out to fit the terminal: ")[2].partition("; a wider one or --csv shows all.")[0]
    assert set(gone.split(", ")) <= set(named.split(", "))
    lines = [line for line in text.splitlines() if line.startswith(tuple(NETWORKS))]
    assert [line.split()[0] for line in lines] == list(NETWORKS), "no name is broken"
    assert max(map(len, text.splitlines())) <= width
    heads = text.splitlines()[0].split()
    assert {"model", "params", "MACs"} <= set(heads), "what was asked for stays"


def test_names_are_broken_behind_their_signs_and_only_where_nothing_else_folds() -> None:
    heads = [Heading("layer", right=False), Heading("what it is", right=False), Heading("MACs")]
    content = Sheet(heads, [["model.layers.0.self_attn.q_proj", "a linear layer of many words", "1,000,000"]])

    def lines(width: int) -> list[str]:
        console = Console(file=StringIO(), width=width, color_system=None)
        console.print(Fitted(lambda _: content, "auto"))
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return [line.rstrip() for line in text.partition("─\n")[2].splitlines()]

    whole = "model.layers.0.self_attn.q_proj"
    assert lines(80) == [f"{whole}  a linear layer of many words  1,000,000"]
    assert lines(60)[0].startswith(f"{whole}  a linear"), "words fold before a name does"
    assert [line.split()[0] for line in lines(40)][:2] == ["model.layers.0.self_", "attn.q_proj"]


def test_columns_of_one_word_keep_it_whole_beside_others_that_fold() -> None:
    heads = [Heading("count", right=False), Heading("source", right=False)]
    content = Sheet(heads, [["weights_share", "MobileNets Table 2 and the appendix of it"]])
    console = Console(file=StringIO(), width=30, color_system=None)
    console.print(Fitted(lambda _: content, "auto"))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "weights_share" in text
