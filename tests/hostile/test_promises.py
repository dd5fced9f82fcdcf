"""SECURITY.md names the test that holds each of its lines: the files are there, and hold the tests of those names."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "SECURITY.md"


def test_every_promise_names_tests_that_are_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    source = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")}
    rows = [line.split(" | ")[-1] for line in page.splitlines() if line.startswith("|") and not line.startswith("| :")][1:]
    assert len(rows) > 10
    for held in (*rows, *(line for line in page.splitlines() if line.startswith("- ") and "test" in line)):
        files = re.findall(r"`([\w/]+\.py)`", held)
        assert files, held
        assert [file for file in files if file not in source] == [], held
    for name in re.findall(r"`(test_\w+)`", page):
        assert any(f"def {name}(" in text for text in source.values()), name
