"""The pages on notebooks, exports and settings say what the program does: their Python runs, their settings are tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_cli import run

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


PYTHON = [(page, i) for page in ("notebooks.md", "exports.md") for i in range(len(blocks(page, "python")))]


@pytest.mark.parametrize(("page", "number"), PYTHON, ids=[f"{page} {i}" for page, i in PYTHON])
def test_the_python_runs(page: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks(page, "python")[number]
    for package in set(re.findall(r"^import (\w+)", code, re.MULTILINE)):
        pytest.importorskip(package)
    if "parquet" in code:
        pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    exec(code, {})


def test_the_settings_do_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(blocks("settings.md", "toml")[0], encoding="utf-8")
    told, refused = blocks("settings.md", "text")
    command, said = told.split("\n", 1)
    ran = run(*command.split()[2:], cwd=tmp_path)
    assert ran.returncode == 0
    assert ran.stderr.replace(f"{tmp_path}/", "") == said
    assert ran.stdout.splitlines()[1].split() == ["path", "macs"]
    (tmp_path / "pyproject.toml").write_text('[tool.profiler.show]\ncolums = "path"\n', encoding="utf-8")
    command, said = refused.split("\n", 1)
    ran = run(*command.split()[2:], cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.replace(f"{tmp_path}/", "") == said
