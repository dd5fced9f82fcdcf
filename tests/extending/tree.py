"""A copy of the package to which a section of CONTRIBUTING.md is added, and which runs as the program does."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ["tests/test_floors.py", "-k", "circles or point_down or rooms"]
"""The tests that no file imports from above, that there is no circle, and that files are as long as they may be."""


class Tree:
    """A checkout with what a section of CONTRIBUTING.md says."""

    def __init__(self, root: Path, section: str) -> None:
        self.root = root
        for name in ("profiler", "archs"):
            shutil.copytree(ROOT / name, root / name)
        (root / "tests").mkdir()
        for name in ("cli.py", "tests/test_floors.py"):
            shutil.copy2(ROOT / name, root / name)
        self.touched = tuple(self._add(language, *block.split("\n", 1)) for language, block in _blocks(section))
        """The files that it made or changed."""

    def _add(self, language: str, head: str, code: str) -> str:
        """A file of its own, or what a diff adds to one that is there; its name."""
        name = head.removeprefix("# ").removeprefix("--- ")
        path = self.root / name
        assert path.exists() == (language == "diff"), f"{name} is new in Python, and there already in a diff"
        if language == "python":
            path.write_text(code, encoding="utf-8")
            return name
        above, *tables = re.split(r"^ (\w+).*\n", code, flags=re.MULTILINE)
        for table, entries in zip(tables[::2], tables[1::2], strict=True):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            begin, end = _lines_of(table, "".join(lines))
            added = [*lines[:begin], *_added(above), *lines[begin:end], *_added(entries), *lines[end:]]
            path.write_text("".join(added), encoding="utf-8")
            above = ""
        return name

    def run(self, *words: str, code: int = 0, **env: str) -> str:
        """What `profiler WORDS` says on stdout, or where it ends in another code than 0 on stderr."""
        ran = self.python("-m", "profiler", *words, **env)
        assert ran.returncode == code, ran.stderr.decode()
        return (ran.stderr if code else ran.stdout).decode()

    def python(self, *words: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """Python with the copy in the place of the package."""
        environment = {**os.environ, "PYTHONPATH": str(self.root), "XDG_CACHE_HOME": str(self.root), **env}
        return subprocess.run([sys.executable, *words], capture_output=True, cwd=self.root, env=environment, check=False)

    def offered(self, line: str) -> list[str]:
        """What bash is offered after `line`."""
        program = "import sys; sys.argv = ['profiler']; from profiler.__main__ import main; main()"
        asked = {"_PROFILER_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        ran = self.python("-c", program, **asked)
        assert ran.stderr == b""
        return ran.stdout.decode().split()

    def check_floors(self) -> None:
        """The imports of the copy point down, and in no circle."""
        ran = self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *FLOORS)
        assert ran.returncode == 0, ran.stdout.decode()


def _blocks(section: str) -> list[tuple[str, str]]:
    """(language, code) of the blocks of the section that begins with these bold words."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n**{section}**")
    assert rest, f"CONTRIBUTING.md has no section **{section}**"
    rest = re.split(r"^(?:\*\*|House rules)", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```(python|diff)\n(.*?)^```", rest, re.DOTALL | re.MULTILINE)


def _added(diff: str) -> list[str]:
    """The lines that a diff adds."""
    lines = diff.splitlines(keepends=True)
    assert all(line.startswith("+") for line in lines), diff
    return [line.removeprefix("+") for line in lines]


def _lines_of(table: str, source: str) -> tuple[int, int]:
    """The lines before which the statement that makes the table begins, and the table's own bracket closes."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        names = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(name, ast.Name) and name.id == table for name in names):
            assert node.value is not None
            made = next(each for each in ast.walk(node.value) if isinstance(each, ast.Tuple | ast.Dict))
            return node.lineno - 1, (made.end_lineno or node.lineno) - 1
    raise AssertionError(f"there is no table {table}")
