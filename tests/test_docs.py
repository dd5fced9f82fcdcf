"""The docs say what the program does: every console example is run, every command has its page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str, str]]:
    """(page, command, output) of every console block."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            command, _, output = block.partition("\n")
            found.append((page.name, command.removeprefix("$ "), output))
    return found


def output_of(command: str) -> str:
    """What a console example prints, stdout and stderr together."""
    words = shlex.split(command)
    assert words[0] == "profiler"
    ran = subprocess.run(
        [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    return "".join(f"{line.rstrip()}\n" for line in ran.stdout.splitlines())


@pytest.mark.parametrize(
    ("page", "command", "output"), examples(), ids=[f"{page}: {command}" for page, command, _ in examples()]
)
def test_an_example_prints_what_the_page_shows(page: str, command: str, output: str) -> None:
    assert output_of(command) == output


def test_every_command_has_a_fresh_page() -> None:
    ran = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "docs" / "commands" / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["README.md", "docs/start.md", "docs/your-own-model.md", "docs/traced.md"])
def test_the_python_in_the_docs_runs(page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})


def test_the_numbers_in_the_docs_python_are_true() -> None:
    from profiler import profile

    assert profile("mobilenet_v1", alpha=0.5, resolution=192).macs == 109_970_432
    start = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    own = next(block for block in re.findall(r"```python\n(.*?)```", start, re.DOTALL) if "block = " in block)
    space: dict[str, object] = {}
    exec(own.replace("profile(Chain", "answer = profile(Chain"), space)
    assert space["answer"] == 7 * 7 * 3 * 64 * 112 * 112 + 2 * 9 * 64 * 64 * 112 * 112
