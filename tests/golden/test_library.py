"""What the library returns is what it returned: each call of the table against its file in expected/."""

from __future__ import annotations

import pytest

from tests.golden.cases import HERE
from tests.golden.library import CALLS, text
from tests.golden.test_golden import compare


@pytest.mark.parametrize("name", CALLS)
def test_it_returns_what_it_returned(name: str) -> None:
    compare(f"library-{name}", text(name))


def test_every_call_has_its_file() -> None:
    assert {path.stem for path in (HERE / "expected").glob("library-*.txt")} == {f"library-{name}" for name in CALLS}
