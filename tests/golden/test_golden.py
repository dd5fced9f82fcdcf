"""What the program writes is what it wrote: each case of the table against its file in expected/.

After a change that is meant: python tests/golden/regenerate.py ID..., and read the difference with git.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.golden.cases import HERE, ROOT, SAVED_BY, Case, cases
from tests.golden.masks import told
from tests.golden.runner import Runner

CASES = cases()


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Case], dict[str, Any]]]:
    """Runs a case in the process for its kind, which is started with its first."""
    started: dict[str, Runner] = {}

    def one(case: Case) -> dict[str, Any]:
        kind = "torch" if case.torch else "plain"
        if kind not in started:
            started[kind] = Runner(ROOT, kind)
        return started[kind].run(case)

    yield one
    for runner in started.values():
        runner.close()


def compare(name: str, found: str) -> None:
    """Fail with the difference as a patch, the first 80 lines of it."""
    expected = (HERE / "expected" / f"{name}.txt").read_text()
    if found == expected:
        return
    lines = list(
        difflib.unified_diff(expected.splitlines(), found.splitlines(), f"expected/{name}.txt", "now", lineterm="", n=1)
    )
    shown = [line if len(line) <= 400 else f"{line[:400]} …" for line in lines[:80]]
    left = f"\n… {len(lines) - 80} more lines" if len(lines) > 80 else ""
    pytest.fail("\n".join(shown) + left, pytrace=False)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_it_writes_what_it_wrote(case: Case, run: Callable[[Case], dict[str, Any]]) -> None:
    if {"svg", "run.svg"} & set(case.words) and shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    compare(case.id, told(case, run(case)))


@pytest.mark.parametrize("name", SAVED_BY)
def test_a_saved_run_is_written_back_byte_by_byte(name: str) -> None:
    assert f"(what saved/{name}.json holds, byte by byte)" in (HERE / "expected" / f"saved-{name}.txt").read_text()


def test_every_case_has_its_file_and_every_file_its_case() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))
    files = {path.stem for path in (HERE / "expected").iterdir() if not path.stem.startswith("library-")}
    assert files == set(names)
