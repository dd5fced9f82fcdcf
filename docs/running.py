"""What the pages' blocks are, and how a page's commands are run: in order, in a folder of the page's own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\S+)[ ]*([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
HOME = "/home/you/work"
"""What a page's folder is called in its outputs."""
TITLE = re.compile(r'title="([^"]+)"')


class Block(NamedTuple):
    """A fenced block of a page: language, what stands behind it, text."""

    language: str
    info: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block shows: `title="net.py"`."""
        title = TITLE.search(self.info)
        return title[1] if title and re.fullmatch(r"[\w./-]+\.\w+", title[1]) else None

    @property
    def measured(self) -> bool:
        """Whether its figures are of a clock: `title="measured on …"`."""
        title = TITLE.search(self.info)
        return title is not None and title[1].startswith("measured")

    def commands(self) -> Iterator[tuple[str, str]]:
        """(command, what the page shows of its output), of each `$` of a console block."""
        if self.language == "console":
            for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def blocks(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [
        Block(language, info, "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True)))
        for indent, language, info, text in found
    ]


class Forks:
    """docs/forks.py, started once: what a command prints, without a new process's imports."""

    def __init__(self, out: Path, first: str = "") -> None:
        """`first` is Python that the process runs before it forks."""
        self.out = out
        answers, theirs = os.pipe()
        # the pages are not of a job of GitHub's, where checks write a summary
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        self.process = subprocess.Popen(
            [sys.executable, str(DOCS / "forks.py"), str(theirs), first],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(theirs,), text=True,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        os.close(theirs)
        self.answers = os.fdopen(answers)

    def __call__(self, cwd: Path, **what: str | list[str]) -> tuple[int, str]:
        """Exit code and output of `argv=` or `code=`, without the blanks at the ends of lines."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({**what, "cwd": str(cwd), "out": str(self.out)}) + "\n")
        self.process.stdin.flush()
        answer = self.answers.readline()
        assert answer, "the process that forks is gone"
        return int(answer), tidy(self.out.read_text(encoding="utf-8"))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.answers.close()
        self.process.wait()


def tidy(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def run(command: str, folder: Path, forks: Forks) -> tuple[int, str]:
    """What a line of a console block prints; a plain call of profiler in a fork, anything else by bash."""
    words = shlex.split(command)
    if words[0] == "profiler" and not any(sign in command for sign in ("|", ">", "<", ";", "&", "$", "*")):
        code, said = forks(folder, argv=words[1:])
        return code, said.replace(str(folder), HOME)
    script = f'profiler() {{ "{sys.executable}" -m profiler "$@"; }}\n{command}'
    ran = subprocess.run(
        ["bash", "-c", script], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return ran.returncode, tidy(ran.stdout).replace(str(folder), HOME)


def shape(output: str) -> list[tuple[str, ...]]:
    """The headings of an output's tables, with the number of rows: what does not depend on the clock."""
    lines, found = output.splitlines(), []
    for at, line in enumerate(lines):
        if at and line.startswith("─") and set(line) == {"─"}:
            rows = next((n for n, row in enumerate(lines[at + 1 :]) if not row.strip()), len(lines) - at - 1)
            found.append((*re.split(r"\s{2,}", lines[at - 1].strip()), str(rows)))
    return found
