"""Commands that run networks elsewhere: how they are written, filled in, called and read, broken ones above all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from profiler.errors import ProfilerError, UnknownName
from profiler.measure import command
from profiler.measure.command import command_of, filled, for_cell, plain
from profiler.measure.command_call import RUNNING, called, read
from profiler.measure.plan import Command, Setting, Spec
from profiler.study.bench_options import BenchOptions

ROOT = Path(__file__).resolve().parents[2]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_it_is_split_as_a_shell_would_and_run_without_one() -> None:
    made = command_of("""ssh board "cd /data && ./run '{name}' $HOME" {runs}""", "scp '{file}' board:/data/")
    assert made == Command(("ssh", "board", "cd /data && ./run '{name}' $HOME", "{runs}"), ("scp", "{file}", "board:/data/"))
    assert command.takes_file(made)
    assert command.takes_runs(made)
    assert not command.takes_threads(made)
    assert command_of(None) is None
    assert called([sys.executable, "-c", "import sys; print(sys.argv[1:])", "$HOME; ls", "*"], 60) == "['$HOME; ls', '*']\n"


def test_what_awk_has_between_braces_is_left_to_it() -> None:
    made = command_of("sh -c \"adb shell run {name} | awk '/avg/ {print $1 / 1e6; n++} {{print}} END {print n}'\"")
    assert made is not None
    words = plain(filled(made.words, {"name": "a.onnx", "runs": "5"}))
    assert words == ("sh", "-c", "adb shell run a.onnx | awk '/avg/ {print $1 / 1e6; n++} {print} END {print n}'")


@pytest.mark.parametrize(
    ("text", "push", "said"),
    [
        ("", None, "--exec is empty; give a command"),
        ("run 'it", None, "cannot be split into words \\(No closing quotation\\); close its quotes"),
        ("run {thread}", None, "unknown placeholder of --exec 'thread'; did you mean threads\\?"),
        ("run {name}", "push {runs}", "--exec-push has \\{runs\\}, and runs nothing; write it in --exec"),
        (None, "push {file}", "--exec-push says how the file of a network gets to a device; give --exec"),
    ],
)
def test_what_is_no_command_is_refused(text: str | None, push: str | None, said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        command_of(text, push)


def test_a_cell_has_a_file_of_its_own_and_its_values_in_its_words() -> None:
    made = command_of("run {model} {alpha} {input} {batch} {threads} {dtype} {file} {name} {runs}")
    assert made is not None
    about = {"model": "nets/net.py:Net", "alpha": 0.5, "input": "3x32x32", "options": {}}
    setting = Setting("external", 4, command=made, runtime="exec")
    one, other = (for_cell(made, {**about, "alpha": alpha}, 8, setting) for alpha in (0.5, 1.0))
    assert one.words == ("run", "nets/net.py:Net", "0.5", "3x32x32", "8", "4", "fp32", "{file}", "{name}", "{runs}")
    assert one.name.startswith("nets_net.py_Net-")
    assert one.name.endswith(".onnx")
    assert one.name != other.name
    assert for_cell(made, about, 8, setting) == one  # the same in every run, which --resume asks for


def test_the_key_of_a_cell_has_the_command_and_others_are_as_they_were() -> None:
    def key(setting: Setting) -> str:
        return Spec(workload=None, batch=1, setting=setting).key  # type: ignore[arg-type]

    assert "command" not in key(Setting())
    assert key(Setting(command=Command(("a", "{runs}")))) != key(Setting(command=Command(("b", "{runs}"))))


def test_numbers_are_seconds_and_comments_facts() -> None:
    found = read("# device: Pixel 7\n\n0.0123\n 1e-3 \n# warm\n#governor : performance\n4\n")
    assert found.seconds == [0.0123, 0.001, 4.0]
    assert found.facts == {"device": "Pixel 7", "governor": "performance"}
    assert read("# x: \x1b[31mred\n1\n").facts == {"x": "[31mred"}  # nothing of it can colour a terminal


@pytest.mark.parametrize("line", ["12 ms", "nan", "inf", "0", "-1", "0,5", "Segmentation fault", "1 2"])
def test_any_other_line_is_the_reason(line: str) -> None:
    with pytest.raises(
        ProfilerError, match=f"prints '{line}' where a number of seconds above 0 is expected; print one number per line"
    ):
        read(f"0.5\n{line}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/no/such/adb", "shell"], "there is no command '/no/such/adb'; install it, or give its whole path"),
        (
            python("import sys; print('error: no devices', file=sys.stderr); sys.exit(7)"),
            "ended with exit code 7: error: no devices",
        ),
        (python("import sys; print('on stdout'); sys.exit(1)"), "ended with exit code 1: on stdout"),
        (python("raise SystemExit(2)"), "ended with exit code 2: it says nothing"),
        (python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), "ended with signal 9: it says nothing"),
    ],
    ids=["absent", "exit code", "its last word", "silent", "killed"],
)
def test_a_command_that_fails_is_a_sentence(words: list[str], said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        called(words, 60)


def test_a_folder_is_no_command(tmp_path: Path) -> None:
    with pytest.raises(ProfilerError, match="cannot be run: Permission denied; check its path and its rights"):
        called([str(tmp_path)], 60)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")
def test_a_command_that_hangs_is_ended_with_what_it_began(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}.')\n"
        "time.sleep(600)"
    )
    with pytest.raises(ProfilerError, match=r"its command did not end within 8 s .*; a longer --time waits longer"):
        called(python(code), 8.0)
    for pid in (tmp_path / "pids").read_text().rstrip(".").split():
        while _runs(int(pid)):  # for ever, if it does not end
            time.sleep(0.05)
    assert not RUNNING


def test_a_command_that_prints_without_end_is_ended() -> None:
    with pytest.raises(ProfilerError, match="its command prints more than 16 MiB"):
        called(python("while True: print('0.001')"), 600)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")
def test_what_a_command_leaves_behind_is_not_waited_for() -> None:
    """As `adb` leaves its server, which may hold the command's stdout open."""
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('0.5'); print(f'# child: {child.pid}')"
    )
    found = read(called(python(code), 300))
    assert found.seconds == [0.5]
    child = int(found.facts["child"])
    assert _runs(child)  # it is the command's own affair
    os.kill(child, signal.SIGKILL)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train": True}, "--exec runs a forward pass alone; leave out --train"),
        ({"dtype": "bf16"}, "--exec is given no file in bf16; use fp32, fp16 or int8"),
        ({"memory_format": "channels_last"}, "channels_last is a memory format of torch, which --exec does not run"),
        ({"runtime": "openvino"}, "--exec runs each network by its command, and openvino runs it here; measure them apart"),
        ({"compile": True}, "--exec runs each network by its command, and compile runs it here; measure them apart"),
        ({"device": "cpu"}, "--exec runs networks on a device of its own; leave out --device"),
        ({"energy": True}, "--energy reads a counter of this machine, and --exec runs elsewhere; leave one of the two out"),
        (
            {"threads": 4},
            "--threads has no effect on a command of --exec without {threads}; add it there, or leave out --threads",
        ),
        ({"threads": 4000, "exec": "run {threads}"}, "threads '4000' is not a whole number from 1 to 1024, as many as"),
        ({"exec": None, "runtime": "exec"}, "runtime exec is a command of yours; give it, as --exec"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_no_command_can_be_asked_for_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        BenchOptions(**{"exec": "run {file} {runs}", **given}).settings()  # type: ignore[arg-type]


def test_its_threads_are_those_of_the_device_and_one_unless_they_are_given() -> None:
    (setting,) = BenchOptions(exec="run {name} {runs}").settings()
    assert (setting.device, setting.threads, setting.runtime) == ("external", 1, "exec")
    settings = BenchOptions(exec="run --threads {threads}", threads="1,64").settings()
    assert [each.threads for each in settings] == [1, 64]


def test_placeholders_that_are_unknown_are_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="write \\{\\{x\\}\\} for the braces themselves"):
        command_of("run {x}")


@pytest.mark.parametrize("key", ["exec", "exec-push"])
def test_no_file_of_settings_names_a_command(tmp_path: Path, key: str) -> None:
    """Whoever works in a folder did not write its settings: what they name must not be run."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.profiler.bench]\n{key} = "touch ran"\n')
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "bench", "lenet5"], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert f"it says what code is run, so that it is given on the command line alone, as --{key}; take it out" in ran.stderr
    assert not (tmp_path / "ran").exists()
