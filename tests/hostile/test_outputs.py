"""Outputs: devices and pipes stay what they are, links are followed, nothing is lost to a full disk or a folder that moved."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from profiler import check, compare, write
from profiler.errors import ProfilerError
from profiler.records.events import Finished
from profiler.report import files
from profiler.report.answer import View
from profiler.report.output import Destinations
from tests.hostile.inside import ended, refused
from tests.test_cli import ROOT, run

LIST = ("list", "lenet5")
CHECK = ("check", "lenet5", "--max-macs", "1M", "-q")
ROOT_ONLY = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root makes devices")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@ROOT_ONLY
@pytest.mark.parametrize("words", [(*LIST, "-q", "--csv", "null"), (*LIST, "-q", "-o", "x.csv"), (*CHECK, "--junit", "null")])
def test_a_device_stays_one(words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mknod("null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    Path("x.csv").symlink_to("null")
    assert ended(monkeypatch, *words) == (0, "", "")
    assert stat.S_ISCHR(Path("null").lstat().st_mode)
    assert sorted(each.name for each in folder.iterdir()) == ["null", "x.csv"]


@pytest.mark.parametrize("name", ["pipe", "link.csv"])
@pytest.mark.parametrize("words", [(*LIST, "-q", "--csv"), (*CHECK, "--junit")], ids=["csv", "junit"])
def test_a_pipe_stays_one_and_its_reader_is_served(name: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo("pipe")
    Path("link.csv").symlink_to("pipe")
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append(Path("pipe").read_bytes()))
    reader.start()
    assert ended(monkeypatch, *words, name) == (0, "", "")
    reader.join(timeout=60)
    assert found[0].startswith((b"model,paper,", b"<?xml "))
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_file_is_written_behind_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("real.csv").write_text("old")
    Path("link.csv").symlink_to("real.csv")
    assert ended(monkeypatch, *LIST, "-q", "--csv", "link.csv").code == 0
    assert Path("link.csv").is_symlink()
    assert Path("real.csv").read_text().startswith("model,paper,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*LIST, "--csv", ".bashrc"), "--csv '.bashrc': comma-separated values need a file name that ends in .csv"),
        ((*LIST, "--csv", "run.json"), "ends in .csv; rename it"),
        ((*CHECK, "--junit", "net.py"), "--junit 'net.py': JUnit tests need a file name that ends in .xml"),
        ((*LIST, "-o", "net.py"), "unknown suffix '.py'"),
        ((*LIST, "--csv", "a/b.csv"), "there is no folder 'a'; create it first"),
        ((*LIST, "-o", "x" * 300 + ".csv"), "File name too long; choose another name"),
    ],
)
def test_another_file_is_not_taken_for_an_output(words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".bashrc", "run.json", "net.py"):
        Path(name).write_text("mine")
    refused(ended(monkeypatch, *words), said)
    assert {Path(name).read_text() for name in (".bashrc", "run.json", "net.py")} == {"mine"}


@pytest.mark.parametrize("length", [246, 251, 255])
def test_a_name_may_be_as_long_as_the_system_has_it(length: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "n" * (length - 4) + ".csv"
    assert ended(monkeypatch, *LIST, "-q", "-o", name).code == 0
    assert [each.name for each in folder.iterdir()] == [name]


MOVES = """
import os
from torch import nn

{at_import}
class Net(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
    def forward(self, x):
        {in_forward}
        return super().forward(x)
"""


@pytest.mark.parametrize("where", ["at_import", "in_forward"])
def test_code_that_moves_moves_no_output(where: str, folder: Path) -> None:
    (folder / "other").mkdir()
    for name in ("c.csv", "d.json"):
        (folder / "other" / name).write_text("mine")
    text = {"at_import": "", "in_forward": "pass"} | {where: f"os.chdir({str(folder / 'other')!r})"}
    (folder / "net.py").write_text(MOVES.format(**text))
    ran = run("show", f"{folder}/net.py:Net", "--input", "4", "-q", "--csv", "c.csv", "-o", "d.json", cwd=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (folder / "c.csv").read_text().startswith("path,")
    assert json.loads((folder / "d.json").read_text())["records"][0]["macs"] == 4 * 4
    assert {(folder / "other" / name).read_text() for name in ("c.csv", "d.json")} == {"mine"}


@pytest.mark.parametrize("words", [LIST, ("compare", "lenet5", "--engine", "closed", "-f", "csv")])
def test_stdout_is_written_when_no_file_can_be(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        found = ended(patch, *words, "-o", "a.json", "-o", "b.csv")
    assert found.code == 2
    assert "lenet5" in found.out
    assert found.err == (
        "error: output 'a.json' cannot be written: No space left on device; nothing of it was changed; "
        "output 'b.csv' cannot be written: No space left on device; nothing of it was changed\n"
    )
    assert list(Path().iterdir()) == []


def test_files_are_written_when_stdout_cannot_be(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "profiler", *LIST, "-o", "a.json"],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == "error: cannot write to stdout: No space left on device; free some space, or write elsewhere\n"
    assert json.loads((folder / "a.json").read_text())["command"] == "list"


def test_a_verdict_stands_whatever_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        found = ended(patch, "check", "lenet5", "--max-macs", "1", "--junit", "j.xml")
    assert found.code == 1
    assert "error: output 'j.xml' cannot be written" in found.err
    assert "error: 1 of 1 limit is not kept" in found.err


def test_half_of_a_run_does_not_replace_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from profiler.commands.watch import shown

    old = compare("lenet5", engine="closed")
    write(old, "run.json")
    before = Path("run.json").read_bytes()
    half = compare("vgg11", engine="closed")
    half[0] |= {"latency_s": None, "grade": None}
    for name, is_new in (("run.json", False), ("new.json", True)):
        to = Destinations.of("table", [Path(name)], None, quiet=True)
        with pytest.raises(KeyboardInterrupt):
            shown(iter([Finished(half, interrupted=True)]), to, View())
        assert [str(fault) for fault in to.failed] == (
            []
            if is_new
            else [
                "output 'run.json' was not written because not every cell was measured; carry on with --resume, or name another file"
            ]
        )
    assert Path("run.json").read_bytes() == before
    assert Path("new.json").exists()


def test_one_place_for_two_outputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("out.csv").open("w") as out:
        ran = subprocess.run(
            [sys.executable, "-m", "profiler", *LIST, "--csv", "out.csv"],
            stdout=out, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert ran.returncode == 2
    assert "output 'out.csv' is also where stdout goes; leave one of them out, or add -q" in ran.stderr


def test_half_of_a_surrogate_pair_is_written_as_its_escape() -> None:
    found = compare("lenet5", engine="closed")
    found[0]["model"] = "a\ud800b"
    for suffix in ("csv", "json", "jsonl", "md", "tex", "txt", "html"):
        write(found, f"x.{suffix}")
        assert "\\ud800" in Path(f"x.{suffix}").read_text(encoding="utf-8") or suffix == "tex"
    assert json.loads(Path("x.json").read_text())["records"][0]["model"] == "a\ud800b"


def test_the_library_resolves_and_refuses_alike() -> None:
    os.mkfifo("pipe.csv")
    assert files.file_at(Path("pipe.csv")).into
    with pytest.raises(ProfilerError, match="no name of a file"):
        write(check("lenet5", macs="1M"), "a\0b.csv")
    with pytest.raises(ProfilerError, match="no name of a file"):
        write(check("lenet5", macs="1M"), "\ud800.csv")
    assert files.file_at(Path("x.csv")).path == Path.cwd() / "x.csv"
