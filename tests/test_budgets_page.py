"""The pytest fixture of docs/budgets.md, run by pytest in a folder that has the page's files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from docs.running import DOCS, ROOT, blocks


def test_the_fixture_of_the_page(tmp_path: Path) -> None:
    for block in blocks(DOCS / "budgets.md"):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")

    def outcome() -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600)
        return ran.returncode, ran.stdout

    code, said = outcome()
    assert code == 0, said
    assert "2 passed" in said
    own = tmp_path / "test_net.py"
    own.write_text(own.read_text().replace('macs="5M"', 'macs="4M"'))
    code, said = outcome()
    assert code == 1
    assert "Net (64): MACs 4,063,232, over the budget of 4,000,000 (1.58 % over)" in said
