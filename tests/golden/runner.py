"""Runs `python -m profiler` many times at the price of one start: a process that has the heavy imports forks for every run.

A run sees a folder of its own, streams of its own and a fresh interpreter state but for third-party modules already loaded.
Nothing of profiler is imported before the fork, so that every run loads the program as a user's does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pty
import runpy
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

COMMON = ("numpy", "pydantic", "typer.main", "rich.console", "rich.live", "rich.progress", "rich.table")
PRELOADED = {
    "plain": (*COMMON, "jinja2", "plotext", "plotly.offline"),
    "torch": (*COMMON, "torch", "fvcore.nn", "thop"),
}
UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE")
TERMINAL = {"COLUMNS": "80", "LINES": "50", "TERM": "xterm-256color"}


class Runner:
    """The process that forks; one with torch, one without."""

    def __init__(self, root: Path, kind: str) -> None:
        env = {key: value for key, value in os.environ.items() if key not in UNSET}
        env |= {"PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8", "TERM": "dumb", "OMP_NUM_THREADS": "1"}
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, __file__, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def run(self, case: Any) -> dict[str, Any]:
        """What the case wrote and how it ended: `folder`, `exit`, `stdout`, `stderr`, `files`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({**asdict(case), "root": str(self.root)}) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def serve(kind: str) -> None:
    """One case a line on stdin, what came of it a line on stdout."""
    for name in PRELOADED[kind]:
        with contextlib.suppress(ImportError):  # a run that needs it says so itself
            importlib.import_module(name)
    gc.disable()  # and so no run copies pages to mark what it shares with this process
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(case: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="golden-") as made:
        folder = Path(made).resolve()
        links = {"docs": Path(case["root"]) / "docs", "saved": Path(__file__).resolve().parent / "saved"}
        for name, target in links.items():
            (folder / name).symlink_to(target)
        for name, text in case["files"].items():
            (folder / name).write_text(text)
        before = set(links) | set(case["files"]) | {"__pycache__"}
        code, out, err = forked(case, folder)
        files = {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.name not in before}
        return {"folder": str(folder), "exit": code, "stdout": out, "stderr": err, "files": files}


def forked(case: dict[str, Any], folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the run; on a terminal the two are one."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        leader, follower = pty.openpty() if case["terminal"] else (-1, -1)
        child = os.fork()
        if child == 0:
            with open(folder / case["stdin"] if case["stdin"] else os.devnull, "rb") as given:
                streams = (follower, follower, follower) if case["terminal"] else (given.fileno(), out.fileno(), err.fileno())
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
            begin(case, folder)
        seen = b""
        if case["terminal"]:
            os.close(follower)
            seen = read_terminal(leader)
        _, status = os.waitpid(child, 0)
        texts = [seen.decode().replace("\r\n", "\n"), ""] if case["terminal"] else [whole(out), whole(err)]
        return os.waitstatus_to_exitcode(status), *texts  # type: ignore[return-value]


def begin(case: dict[str, Any], folder: Path) -> None:
    """In the child: become `python -m profiler WORDS`, and end as it does."""
    os.chdir(folder)
    os.environ.update(case["env"] | (TERMINAL if case["terminal"] else {}))
    on_terminal = case["terminal"]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), encoding="utf-8")
    sys.stdout = written_to(1, on_terminal)
    sys.stderr = written_to(2, True)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.path[0] = str(folder)  # `python -m` puts the working folder there
    sys.argv = ["profiler", *case["words"]]
    code = 0
    try:
        runpy.run_module("profiler", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def written_to(number: int, by_line: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), encoding="utf-8", line_buffering=by_line)


def read_terminal(leader: int) -> bytes:
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the other end closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(leader)
    return seen


def whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    serve(sys.argv[1])
