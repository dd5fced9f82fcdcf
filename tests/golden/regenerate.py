"""Write what golden cases are expected to write, as the program writes it now.

python tests/golden/regenerate.py            all cases, and the library's
python tests/golden/regenerate.py ID...      only these; an ID may be a pattern, as 'saved-*'
python tests/golden/regenerate.py --saved    first make the saved runs that are missing; those that are there are kept
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.golden import library, masks, runner  # noqa: E402  # the checkout is on the path only now
from tests.golden.cases import HERE, SAVED, SAVED_BY, SAVED_FILES, cases  # noqa: E402  # the checkout is on the path only now

EXPECTED = HERE / "expected"


def save_missing() -> None:
    """Make each saved run that is not there."""
    for name, line in SAVED_BY.items():
        if (SAVED / f"{name}.json").exists():
            continue
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "docs").symlink_to(ROOT / "docs")
            (folder / "saved").symlink_to(SAVED)
            for file, text in SAVED_FILES.get(name, {}).items():
                (folder / file).write_text(text)
            command = [sys.executable, "-m", "profiler", *shlex.split(line), "-q", "-o", "run.json"]
            ran = subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
            (SAVED / f"{name}.json").write_text((folder / "run.json").read_text())
            print(f"saved {name}: exit {ran.returncode}", file=sys.stderr)


def main(words: list[str]) -> int:
    if "--saved" in words:
        save_missing()
    patterns = [word for word in words if word != "--saved"] or ["*"]
    made = cases()
    runs = {"plain": runner.Runner(ROOT, "plain"), "torch": runner.Runner(ROOT, "torch")}
    chosen = [case for case in made if any(fnmatch(case.id, pattern) for pattern in patterns)]
    for case in chosen:
        text = masks.told(case, runs["torch" if case.torch else "plain"].run(case))
        (EXPECTED / f"{case.id}.txt").write_text(text)
    for run in runs.values():
        run.close()
    results = [name for name in library.CALLS if any(fnmatch(f"library-{name}", pattern) for pattern in patterns)]
    for name in results:
        (EXPECTED / f"library-{name}.txt").write_text(library.text(name))
    if patterns == ["*"]:
        known = {f"{case.id}.txt" for case in made} | {f"library-{name}.txt" for name in library.CALLS}
        for path in EXPECTED.iterdir():
            if path.name not in known:
                path.unlink()
    print(f"{len(chosen)} cases and {len(results)} results of the library written", file=sys.stderr)
    return 0 if chosen or results else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
