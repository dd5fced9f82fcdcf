"""docs/design.md says which files three calls pass: they do pass them, and no call of theirs climbs to a higher floor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
WALKS = {
    "profiler compare mobilenet_v1 vgg16 --engine closed": "compare mobilenet_v1 vgg16 --engine closed",
    "profiler bench lenet5 --layers -o run.html": "bench lenet5 --layers -o run.html --time 3s --device cpu --threads 1 -q",
    "profiler.profile(module, input=(3, 32, 32))": "profile",
}
HANDED_DOWN = {
    "cli._root": "typer calls the app's own options before the command's",
    "profiler.study.measuring.starting": "the study hears from the pool when a worker starts",
    "profiler.study.measuring.begun": "and when its networks stand",
    "profiler.study.measuring._say": "and when another process has the device",
    "profiler.commands.streams.write": "what is said on stderr while a busy machine builds slowly; a command puts its own stream there",
    "profiler.tracing.fallbacks.to_meta": "what is done to each tensor of a tree",
    "profiler._renderer": "a note as text: the package sets what puts records in words",
    "profiler.report.titles.title": "a title as text, for the document",
    "profiler.report.words._": "a note as text, for the document",
}
"""Functions that were handed down as arguments, and may be called from below."""
DECORATORS = ("profiler.checked.held", "profiler.module.user_code.run")
"""What a decorator calls was handed to it."""


@cache
def walk(words: str, folder: Path) -> Any:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "walk.py"), *words.split()],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def listed(title: str) -> list[str]:
    """Files in the numbered list below a title, by their paths from the checkout."""
    (text,) = re.findall(rf"^`{re.escape(title)}`\n\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(r"`(cli\.py|profiler/[\w/]+\.py)`", text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("walks")


@pytest.mark.parametrize("title", WALKS)
def test_the_files_on_the_page_are_passed(title: str, folder: Path) -> None:
    names = listed(title)
    assert len(names) > 8
    passed = walk(WALKS[title], folder)["files"]
    assert [name for name in names if name not in passed] == []


@pytest.mark.parametrize(
    ("title", "row"),
    [
        ("profiler compare mobilenet_v1 vgg16 --engine closed", "compare"),
        ("profiler.profile(module, input=(3, 32, 32))", "profile(module)"),
    ],
)
def test_the_page_says_how_many_they_are(title: str, row: str, folder: Path) -> None:
    (now,) = re.findall(rf"^\| files that `{re.escape(row)}.*\| (\d+) \|$", PAGE, re.MULTILINE)
    assert len(set(walk(WALKS[title], folder)["files"]) - {"cli.py"}) == int(now)


@pytest.mark.parametrize("title", WALKS)
def test_no_call_climbs(title: str, folder: Path) -> None:
    assert [
        f"{caller} calls {callee}"
        for caller, callee in walk(WALKS[title], folder)["climbs"]
        if callee not in HANDED_DOWN and caller not in DECORATORS
    ] == []
