"""Writes into the pages what their commands print now.

python docs/refresh.py PAGE...               what the tests compare: every console block but the measured ones
python docs/refresh.py --measured PAGE...    these only, in the time that they take
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.running import DOCS, FENCE, Forks, blocks, run  # the checkout is on the path only now


def refreshed(page: Path, measured: bool, folder: Path, forks: Forks) -> str:
    """The page's text with the outputs of now."""
    shutil.copytree(DOCS / "examples", folder / "docs" / "examples", dirs_exist_ok=True)
    text = page.read_text(encoding="utf-8")
    made: list[str] = []
    for block in blocks(page):
        made.append(block.text)
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python" and not measured:
            forks(folder, code=block.text)
        elif block.language == "console" and block.measured == measured:
            made[-1] = "".join(f"$ {command}\n{run(command, folder, forks)[1]}" for command, _ in block.commands())
    for match, output in reversed([*zip(FENCE.finditer(text), made, strict=True)]):
        text = text[: match.start(4)] + output + text[match.end(4) :]
    return text


def main() -> None:
    measured = "--measured" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as out:
        forks = Forks(Path(out) / "out")
        for name in (word for word in sys.argv[1:] if not word.startswith("-")):
            with tempfile.TemporaryDirectory() as folder:
                page = Path(name)
                page.write_text(refreshed(page, measured, Path(folder), forks), encoding="utf-8")
        forks.close()


if __name__ == "__main__":
    main()
