"""The program inside the test's own process: what it writes to stdout and stderr, and the code that it ends in."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import pytest

import cli


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def ended(patch: pytest.MonkeyPatch, *words: str, terminal: bool = False) -> Ended:
    """`profiler WORDS`, with stdout a pipe or a terminal."""
    held, err = io.BytesIO(), io.StringIO()
    out = (_Terminal if terminal else io.TextIOWrapper)(held, encoding="utf-8", newline="")
    patch.setattr("sys.argv", ["profiler", *words])
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else -1
    out.flush()
    return Ended(code, held.getvalue().decode("utf-8", "replace"), err.getvalue())


def refused(found: Ended, *parts: str, code: int = 2) -> str:
    """The one sentence of a refusal, which holds `parts`."""
    assert (found.code, found.out) == (code, ""), found
    assert found.err.startswith("error: "), found
    assert found.err.count("\n") == 1, found
    assert "profiler has a bug" not in found.err
    for part in parts:
        assert part in found.err, found
    return found.err
