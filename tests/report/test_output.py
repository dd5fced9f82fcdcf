"""Where answers go: files and stdout in text and in bytes, all of them or none."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from profiler.errors import ProfilerError
from profiler.report import files, forms
from profiler.report.answer import Answer
from profiler.report.answers import registry
from profiler.report.forms import Form
from profiler.report.output import Destinations
from profiler.study.compare import compare

DATA = b"\x00\xff\r\n"


@pytest.fixture
def answer() -> Answer:
    return registry.answer(compare("lenet5", engine="closed"))


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form of bytes, and one whose writer fails."""

    def failing(_: Answer) -> str:
        raise ProfilerError("it cannot be made")

    monkeypatch.setitem(forms.FORMS, "bytes", Form("bytes", (".bytes",), lambda _: DATA, binary=True))
    monkeypatch.setitem(forms.FORMS, "failing", Form("failing", (".failing",), failing))


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], io.BytesIO]:
    """stdout, as a pipe or as a terminal, and what reaches it."""

    def replaced(terminal: bool) -> io.BytesIO:
        written = io.BytesIO()
        made = io.TextIOWrapper(written, encoding="utf-8", newline="\n", write_through=False)
        monkeypatch.setattr(made, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stdout", made)
        return written

    return replaced


def to(form: str, *paths: Path, quiet: bool = False) -> Destinations:
    return Destinations.of(form, paths, None, quiet)


def test_bytes_reach_files_and_pipes_as_they_are(answer: Answer, stdout: Callable[[bool], io.BytesIO], tmp_path: Path) -> None:
    piped = stdout(False)
    print("before")
    to("bytes", tmp_path / "x.bytes").put(answer)
    sys.stdout.flush()
    assert piped.getvalue() == b"before\n" + DATA
    assert (tmp_path / "x.bytes").read_bytes() == DATA


def test_a_terminal_is_shown_no_bytes(answer: Answer, stdout: Callable[[bool], io.BytesIO], tmp_path: Path) -> None:
    shown = stdout(True)
    with pytest.raises(ProfilerError, match=r"'bytes' is binary, which a terminal cannot show; give -o FILE\.bytes, or a pipe"):
        to("bytes")
    to("bytes", tmp_path / "x.bytes", quiet=True).put(answer)
    to("csv").put(answer)
    sys.stdout.flush()
    assert shown.getvalue().startswith(b"model,options,")


@pytest.mark.parametrize(("form", "names"), [("csv", ["x.csv", "y.bytes", "z.failing"]), ("failing", ["x.csv", "z.failing"])])
def test_where_one_cannot_be_made_no_file_is_written(
    answer: Answer, stdout: Callable[[bool], io.BytesIO], tmp_path: Path, form: str, names: list[str]
) -> None:
    piped = stdout(False)
    (tmp_path / "x.csv").write_text("of before\n")
    there = to(form, *(tmp_path / name for name in names))
    there.put(answer)
    with pytest.raises(ProfilerError, match="it cannot be made"):
        there.check()
    sys.stdout.flush()
    assert piped.getvalue().startswith(b"model,options," if form == "csv" else b"")  # what was found is shown all the same
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x.csv", "of before\n")]


@pytest.mark.parametrize("content", ["text\n", DATA], ids=["text", "bytes"])
def test_a_file_that_cannot_be_finished_is_as_before(
    content: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.out"
    path.write_bytes(b"of before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(ProfilerError, match="nothing of it was changed"):
            files.write(files.file_at(path), content)
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, b"of before")]
    files.write(files.file_at(path), content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_what_was_found_is_on_stdout_though_no_file_can_be_written(
    answer: Answer, stdout: Callable[[bool], io.BytesIO], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other file is written too; even a quiet run shows what took hours to find."""

    def full(file: files.File, content: str | bytes) -> None:
        if file.path.name == "full.csv":
            raise ProfilerError(f"output '{file.name}' cannot be written: No space left on device; nothing of it was changed")
        written(file, content)

    written = files.write
    monkeypatch.setattr(files, "write", full)
    for quiet in (False, True):
        out = stdout(False)
        there = to("table", tmp_path / "full.csv", tmp_path / "run.csv", quiet=quiet)
        there.put(answer)
        with pytest.raises(ProfilerError, match="No space left on device"):
            there.check()
        sys.stdout.flush()
        assert out.getvalue().count(b"lenet5") == 1
        assert (tmp_path / "run.csv").read_text().startswith("model,")
        (tmp_path / "run.csv").unlink()


def test_an_unfinished_answer_replaces_no_file(answer: Answer, stdout: Callable[[bool], io.BytesIO], tmp_path: Path) -> None:
    out = stdout(False)
    (tmp_path / "old.csv").write_text("of the run before")
    there = to("table", tmp_path / "old.csv", tmp_path / "new.csv", quiet=True)
    there.put(answer, new_only=True)
    assert (tmp_path / "old.csv").read_text() == "of the run before"
    assert (tmp_path / "new.csv").read_text().startswith("model,")
    with pytest.raises(
        ProfilerError, match=r"old\.csv' was not written because not every cell was measured; carry on with --resume"
    ):
        there.check()
    sys.stdout.flush()
    assert b"lenet5" in out.getvalue()


def test_every_command_writes_what_is_not_only_of_some() -> None:
    assert [name for name in forms.FORMS if name not in forms.WRITERS] == [
        "table", "csv", "json", "jsonl", "parquet", "markdown", "latex", "bytes", "failing",
    ]  # fmt: skip
    with pytest.raises(ProfilerError, match="this command cannot write svg; show can"):
        forms.check_form("svg", ("html",), "format 'svg'")
