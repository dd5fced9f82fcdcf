"""Command lines that nobody means: one sentence with a cure, the right exit code, nothing taken in silence."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.commands import faults
from tests.hostile.inside import ended, refused
from tests.test_cli import ROOT, run

DIGITS = "9" * 5000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


USAGE = [
    ("show", "missing argument MODEL; write profiler show mobilenet_v1"),
    ("diff lenet5", "missing argument AFTER; write profiler diff "),
    ("show lenet5 vgg16", "unexpected argument 'vgg16'; profiler show takes no more"),
    ("show lenet5 --depth x", "--depth: 'x' is not a whole number; write it as --depth 2"),
    ("show lenet5 --top 1.5", "--top: '1.5' is not a whole number; write it as --top 2"),
    ("show lenet5 --alpha", "option --alpha needs a value; write it as --alpha ALPHA"),
    ("list -q=1 --quiet=1", "; "),
    ("show lenet5 --alhpa 1", "unknown option '--alhpa'; did you mean --alpha?"),
    ("show lenet5 --zzz", "unknown option '--zzz'; `profiler show --help` lists the options"),
    ("--zzz", "unknown option '--zzz'; `profiler --help` lists the options"),
    ("shwo", "unknown command 'shwo'; did you mean show?"),
    ("zzzzz", "unknown command 'zzzzz'; `profiler --help` lists the commands"),
    ("list --csv a.csv --csv b.csv", "--csv is given twice; give it once, or several files as -o"),
    ("show lenet5 --alpha 1 --alpha 2", "--alpha is given twice; give it once"),
    ("predict lenet5 --from a.csv --from b.csv", "--from is given twice; give it once"),
    ("fit lenet5 --max-macs 1M --time 1s", "--time has no effect without --max-latency; add --max-latency, or leave it out"),
    ("show lenet5@alpha=1,alpha=2", "model 'lenet5@alpha=1,alpha=2': alpha is given twice, as 1 and 2; give it once"),
    ("show lenet5 --set classes=3 --set classes=4", "--set classes is given twice, as 3 and 4; give it once"),
    ("compare lenet5 --dtype zzz", "--dtype has no effect without --bench; add --bench, or leave it out"),
    ("compare lenet5 --device zzz --time zzz", "--device and --time have no effect without --bench; add --bench, or leave them out"),
    ("sweep lenet5 --threads zzz", "--threads has no effect without --bench"),
    ("check lenet5 --max-macs 1M --dtype zzz", "--dtype has no effect without --bench or --max-latency; add --bench"),
    ("bench lenet5 --depth 3", "--depth has no effect without --layers; add --layers, or leave it out"),
    ("bench lenet5 --optimizer adam", "--optimizer has no effect without --train; add --train, or leave it out"),
    ("selftest --threads 1,2", "--threads 1,2 is a range; this command takes one value"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), USAGE, ids=[words for words, _ in USAGE])
def test_a_fault_of_usage_is_one_sentence_with_its_cure(words: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "; " in refused(ended(monkeypatch, *words.split()), said)


def test_what_a_file_sets_may_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that several commands share is no slip of the one that has no use for it."""
    Path("pyproject.toml").write_text('[tool.profiler]\ndtype = "bf16"\nthreads = 1\n')
    assert ended(monkeypatch, "compare", "lenet5", "--engine", "closed", "-q") == (0, "", "")
    Path("pyproject.toml").write_text('[tool.profiler.budgets.lenet5]\nlatency = "1s"\n')
    refused(ended(monkeypatch, "check", "lenet5", "--dtype", "zzz"), "unknown dtype 'zzz'")


LONG = [
    ("show lenet5 --input N", "is not a shape"),
    ("show lenet5 --input 1xNxN", "is not a shape"),
    ("show lenet5 --set classes=N", "classes must be a whole number from 1"),
    ("show lenet5@classes=N", "classes must be a whole number from 1"),
    ("show lenet5 --alpha N", "is too large or too small"),
    ("show lenet5 --alpha 0.N", "alpha"),
    ("show lenet5 --batch N", "is too large or too small"),
    ("show lenet5 --depth N", "is not a whole number"),
    ("show lenet5 --rho N", "is too large or too small"),
    ("sweep lenet5 --resolution 1..N", "is too large or too small"),
    ("list --year N", "is not a number"),
    ("list --max-macs NM", "is too large or too small"),
    ("check lenet5 --max-memory NMiB", "is too large or too small"),
    ("check lenet5 --max-macs 1M --tolerance N%", "is too large or too small"),
    ("bench lenet5 --threads N", "is not a whole number from 1"),
    ("bench lenet5 --time N", "is not"),
]


@pytest.mark.parametrize(("words", "said"), LONG, ids=[words for words, _ in LONG])
def test_a_number_of_5000_digits_is_refused_in_a_sentence(words: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(ended(monkeypatch, *words.replace("N", DIGITS).split()), said)
    assert len(told) < 400


SETTINGS = [
    (f"[tool.profiler]\nbatch = {DIGITS}\n", "pyproject.toml cannot be read: "),
    ("[tool.profiler]\nx = " + "[" * 5000, "pyproject.toml is nested too deeply"),
    ('[tool.profiler]\ncsv = "../out.csv"\n', "csv in [tool.profiler] of pyproject.toml is '../out.csv', but settings in a file may only write below"),
    ('[tool.profiler]\noutput = ["ok.json", "/tmp/out.json"]\n', "output in [tool.profiler]"),
    ('[tool.profiler.check]\njunit = "link.xml"\n', "junit in [tool.profiler.check]"),
    ('[tool.profiler.bench]\nresume = "../x.samples.jsonl"\n', "resume in [tool.profiler.bench]"),
    ('[tool.profiler]\ncsv = "a\\u0000b.csv"\n', "may only write below its folder"),
    ('[tool.profiler]\ncsv = ".bashrc"\n', "need a file name that ends in .csv"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), SETTINGS)
@pytest.mark.parametrize("below", [False, True])
def test_settings_of_somebody_else(text: str, said: str, below: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = folder / "checkout"
    (own / "sub").mkdir(parents=True)
    (own / "pyproject.toml").write_text(text)
    (own / "link.xml").symlink_to("../victim.xml")
    for name in ("out.csv", "victim.xml"):
        (folder / name).write_text("mine")
    (own / ".bashrc").write_text("mine")
    monkeypatch.chdir(own / "sub" if below else own)
    found = ended(monkeypatch, "list", "lenet5")
    refused(found, said.replace("pyproject.toml", str(own / "pyproject.toml")) if below else said)
    assert (folder / "out.csv").read_text() == (folder / "victim.xml").read_text() == (own / ".bashrc").read_text() == "mine"


# Streams, and the system


def test_a_working_folder_that_is_gone(folder: Path) -> None:
    code = (
        "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); sys.argv = ['profiler', *sys.argv[1:]]; "
        "from profiler.__main__ import main; main()"
    )
    for words in (["list"], ["show", "lenet5"], ["check", "lenet5", "--max-macs", "1"]):
        ran = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == "error: the working folder no longer exists; change to another\n"


CLOSED = [
    ("report - <&-", 2, "stdin is closed; pipe a saved run into it, or name its file"),
    ("show nonesuch 2>/dev/full", 2, ""),
    ("show nonesuch 2>&-", 2, ""),
    ("list >&-", 0, ""),
    ("check lenet5 --max-macs 1 >/dev/full", 1, "cannot write to stdout: No space left on device"),
    ("check lenet5 --max-macs 1M >/dev/full", 2, "cannot write to stdout: No space left on device"),
    ("diff lenet5 vgg11 --exit-code -f json >/dev/full", 1, "cannot write to stdout: No space left on device"),
    ("--version >/dev/full", 2, "cannot write to stdout: No space left on device"),
    ("show --help >/dev/full", 2, "cannot write to stdout: No space left on device"),
    ("list --csv x.csv <&- >&- 2>&-", 0, ""),
]


@pytest.mark.parametrize(("line", "code", "said"), CLOSED, ids=[line for line, *_ in CLOSED])
def test_streams_that_are_closed_or_full(line: str, code: int, said: str, folder: Path) -> None:
    ran = subprocess.run(
        f"{sys.executable} -m profiler {line}", shell=True, cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == code, ran
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_reader_that_leaves_is_no_fault(folder: Path) -> None:
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m profiler list | head -1; echo ${{PIPESTATUS[0]}}"], cwd=folder,
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.stdout.splitlines()[-1] == "0"
    assert ran.stderr == ""


def test_only_a_fault_of_stdout_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other says what and where the system says it is, and what helps."""
    known = [
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files; allow more open files, e.g. with ulimit -n 1024"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "'/x': permission denied; change its permissions, or name another file"),
        (OSError(errno.ENOSPC, "No space left on device", "/cache"), "'/cache': no space left on device; free some space there"),
        (OSError("odd"), "odd; fix that, and try again"),
    ]  # fmt: skip
    for fault, said in known:
        assert str(faults.described(fault)) == said


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (MemoryError(), 3, "out of memory; free some memory, or ask for less at once"),
        (
            ModuleNotFoundError("No module named 'jinja2'"),
            3,
            "cannot import a package (ModuleNotFoundError: No module named 'jinja2')",
        ),
        (SystemExit(0), 2, "the network's code exits the program (SystemExit: 0)"),
        (GeneratorExit(), 2, "profiler has a bug (GeneratorExit: )"),
        (Unspeakable(), 2, "profiler has a bug (Unspeakable: no message)"),
        (ValueError("a\nb\x1b"), 2, "profiler has a bug (ValueError: a b\ufffd)"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_whatever_ends_a_command_is_a_sentence_and_never_0_or_1(
    fault: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("profiler.study.listing.listing", raising)
    found = ended(monkeypatch, "list")
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"error: {said}")
    assert found.err.count("\n") == 1


def test_a_traceback_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("profiler.study.listing.listing", raising)
    monkeypatch.setenv("PROFILER_TRACEBACK", "1")
    err = ended(monkeypatch, "list").err
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith("error: profiler has a bug (KeyError: 'x')")


def test_code_that_empties_the_path_of_imports(folder: Path) -> None:
    (folder / "net.py").write_text("import sys\nfrom torch import nn\nsys.path.clear()\nNet = lambda: nn.Linear(4, 4)\n")
    ran = run("show", "net.py:Net", "--input", "4", "-q", "-o", "x.html", "-o", "x.json", cwd=folder)
    assert ran.returncode in (0, 3), ran.stderr
    assert "Traceback" not in ran.stderr


def test_stdin_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    refused(ended(monkeypatch, "report", "-"), "stdin: line 1: expected JSON in UTF-8")
    monkeypatch.setattr("sys.stdin", None)
    refused(ended(monkeypatch, "report", "-"), "stdin is closed")


LATER = {
    "when it is freed": "class Net(nn.Linear):\n    def __del__(self):\n        os._exit(0)",
    "at the end of the program": "import atexit\natexit.register(os._exit, 0)\nNet = nn.Linear",
    "in a thread": "Net = nn.Linear\nthreading.Timer(5, lambda: os._exit(0)).start()",
    "by a name of its own": "from os import _exit\nNet = nn.Linear\nthreading.Timer(5, lambda: _exit(0)).start()",
    "never": "sys.exit = lambda *_: None\nNet = nn.Linear",
    "by another program": "class Net(nn.Linear):\n    def forward(self, x):\n        os.execv('/bin/true', ['true'])",
}


# by whichever name, a thread waits five seconds
@pytest.mark.parametrize(
    "when", [pytest.param(each, marks=pytest.mark.full) if each == "in a thread" else each for each in LATER]
)
def test_code_that_ends_the_program_later_opens_no_gate(when: str, folder: Path) -> None:
    """The verdict stands, whatever is done with os._exit once it is found."""
    (folder / "net.py").write_text(
        f"import os, sys, threading\nfrom torch import nn\n\n{LATER[when]}\n\ndef net():\n    return Net(4, 4)\n"
    )
    ran = run("check", "net.py:net", "--input", "4", "--max-macs", "1", cwd=folder)
    assert ran.returncode == (2 if when == "by another program" else 1), ran
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1


def test_code_that_ends_the_program_while_a_command_runs(folder: Path) -> None:
    """Before there is a verdict it is neither 0 nor 1, and said in a sentence."""
    code = "import os; from profiler.commands import ending; ending.keep(); os._exit(%d)"
    for status in (0, 1):
        ran = subprocess.run([sys.executable, "-c", code % status], capture_output=True, text=True, check=False, cwd=ROOT)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == "error: the network's code exits the program (os._exit); let it raise an error or return instead\n"
    child = "import os; from profiler.commands import ending; ending.keep(); pid = os.fork() or os._exit(7); print(os.waitpid(pid, 0)[1] >> 8)"
    ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (0, "7\n")


def test_every_option_that_is_a_path_is_seen_from_its_file() -> None:
    """Of a pyproject.toml: what is read stands beside it, and what is written below it."""
    import typer.main

    import cli
    from profiler.commands.defaults import PATHS, WRITTEN

    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    options = [param for command in commands.values() for param in command.params if param.param_type_name == "option"]
    files = {
        param.name
        for param in options
        if param.type.name in ("path", "file", "filename") or str(param.metavar).startswith(("PATH", "FILE"))
    }
    assert files == set(PATHS)
    assert set(WRITTEN) == {param.name for param in options if param.type.name == "path"}
