"""What the program writes is what it wrote: each case of the table against its file in expected/.

After a change that is meant: python tests/golden/regenerate.py ID..., and read the difference with git.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator

import pytest

from tests.golden.cases import HERE, ROOT, SAVED, SAVED_BY, Case, cases
from tests.golden.masks import told
from tests.golden.runner import Runner

CASES = cases()


@pytest.fixture(scope="module", params=["plain", "torch"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    made = Runner(ROOT, request.param)
    yield made
    made.close()


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


def of_kind(kind: str) -> list[object]:
    return [pytest.param(kind, case, id=case.id) for case in CASES if case.torch == (kind == "torch")]


@pytest.mark.parametrize(("runner", "case"), [*of_kind("plain"), *of_kind("torch")], indirect=["runner"])
def test_it_writes_what_it_wrote(case: Case, runner: Runner) -> None:
    if any(word == "svg" or word.endswith(".svg") for word in case.words) and "xml" not in " ".join(case.words):
        if shutil.which("dot") is None:
            pytest.skip("Graphviz is not installed")
    compare(case.id, told(case, runner.run(case)))


@pytest.mark.parametrize("runner", ["plain"], indirect=True)
@pytest.mark.parametrize("name", SAVED_BY)
def test_a_saved_run_is_written_back_byte_by_byte(name: str, runner: Runner) -> None:
    found = runner.run(Case(f"again-{name}", ("report", f"saved/{name}.json", "-f", "json")))
    assert (found["exit"], found["stderr"]) == (0, "")
    assert found["stdout"] == (SAVED / f"{name}.json").read_text()


def test_every_case_has_its_file_and_every_file_its_case() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))
    files = {path.stem for path in (HERE / "expected").iterdir() if not path.stem.startswith("library-")}
    assert files == set(names)
