"""How many mutants the nearest test file kills: python benchmarks/mutants.py [--count 62] [--seed 11] [FILE...]

A mutant is the file with one operator, comparison, number, condition, loop or keyword changed, by cosmic-ray's operators
(`pip install cosmic-ray`). Each runs against the test file that mirrors it, in a copy of the checkout in a temporary folder;
the checkout itself is never written. A mutant that no test fails on has survived, and is printed with its change.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FILES = ["profiler/grid.py", "profiler/report/units.py", "profiler/measure/statistics.py", "profiler/count/*.py"]
COPIED = ["profiler", "tests", "archs", "cli.py", "docs", "pyproject.toml", "README.md", "benchmarks"]
LIMIT_S = 120.0
"""A mutant that runs this long is in an endless loop, and counts as killed."""


NO_TESTS = 3
"""pytest's exit statuses above this one say that it found no tests to run."""


class Mutant(NamedTuple):
    """One change of one file: an operator of cosmic-ray at its n-th place there."""

    file: str
    line: int
    operator: str
    occurrence: int

    def code(self) -> str:
        """The whole file, changed."""
        from cosmic_ray import plugins
        from cosmic_ray.mutating import mutate_code

        made: str = mutate_code(source_of(self.file), plugins.get_operator(self.operator)(), self.occurrence)
        return made

    def change(self) -> str:
        """The lines before and after."""
        lines = difflib.unified_diff(source_of(self.file).splitlines(), self.code().splitlines(), n=0, lineterm="")
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def source_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def nearest(file: str) -> str:
    """The tests nearest to a source file: tests/count/test_shapes.py for profiler/count/shapes.py, else the folder."""
    path = Path(file)
    tests = Path("tests", *path.parent.parts[1:], f"test_{path.name}")
    return (tests if (ROOT / tests).exists() else tests.parent).as_posix()


def sites(file: str) -> Iterator[list[Mutant]]:
    """The places of a file that can be changed, each with its mutants."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    source = source_of(file)
    nodes = list(ast_nodes(get_ast(source)))
    unread = _unread(source)
    found: dict[tuple[Any, ...], list[Mutant]] = {}
    for name in sorted(plugins.operator_names()):
        try:
            operator: Any = plugins.get_operator(name)()
        except TypeError:  # an operator that has to be told what to change
            continue
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(places):
            if start[0] not in unread:
                family = name.removeprefix("core/").split("_")[0]
                found.setdefault((family, start, end), []).append(Mutant(file, start[0], name, occurrence))
    yield from found.values()


def _unread(source: str) -> set[int]:
    """Lines whose change changes no answer: annotations, which nothing evaluates, and caches."""
    lines = {i for i, line in enumerate(source.splitlines(), start=1) if "lru_cache" in line}
    for node in ast.walk(ast.parse(source)):
        notes = [getattr(node, name, None) for name in ("annotation", "returns")]
        lines |= {line for note in notes if note is not None for line in range(note.lineno, (note.end_lineno or 0) + 1)}
    return lines


def copy_to(folder: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, folder / name)
    return folder


def passes(tree: Path, tests: str, write: bool = False) -> bool:
    """Whether the tests pass in `tree`."""
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests]
    own = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "" if write else "1"}
    try:
        ran = subprocess.run(words, cwd=tree, env=os.environ | own, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return False
    if ran.returncode > NO_TESTS or (write and ran.returncode):
        sys.exit(f"{tests} does not run, or fails on the unchanged file; fix it first\n{ran.stdout}{ran.stderr}")
    return ran.returncode == 0


def survives(mutant: Mutant, trees: Queue[Path]) -> bool:
    tree = trees.get()
    file = tree / mutant.file
    whole = file.read_text(encoding="utf-8")
    try:
        for cached in file.parent.glob(f"__pycache__/{file.stem}.*"):
            cached.unlink()
        file.write_text(mutant.code(), encoding="utf-8")
        return passes(tree, nearest(mutant.file))
    finally:
        file.write_text(whole, encoding="utf-8")
        trees.put(tree)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, help="files or patterns, from the top of the checkout")
    parser.add_argument("--count", type=int, default=62, help="mutants to try, 0 for one at every place")
    parser.add_argument("--seed", type=int, default=11, help="of the choice")
    parser.add_argument("--workers", type=int, default=2, help="mutants tried at a time")
    given = parser.parse_args()
    files = [path.relative_to(ROOT).as_posix() for pattern in given.files for path in sorted(ROOT.glob(pattern))]
    files = [file for file in files if not file.endswith("__init__.py")]
    chance = random.Random(given.seed)
    every = [chance.choice(site) for file in files for site in sites(file)]  # one of each place's changes
    chosen = sorted(chance.sample(every, min(given.count or len(every), len(every))))
    print(f"{len(chosen)} mutants of {len(every)} places in {len(files)} files, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.workers) as pool:
        trees: Queue[Path] = Queue()
        for i in range(given.workers):
            tree = copy_to(Path(folder, str(i)))
            for tests in sorted({nearest(mutant.file) for mutant in chosen}):
                passes(tree, tests, write=True)
            trees.put(tree)
        answers = list(pool.map(lambda mutant: survives(mutant, trees), chosen))
    for mutant, alive in zip(chosen, answers, strict=True):
        if alive:
            print(f"\n{mutant.file}:{mutant.line} survives {nearest(mutant.file)}\n{mutant.change()}")
    print("\n| file | killed | tried |\n| :--- | ---: | ---: |")
    for file in files:
        tried = [alive for mutant, alive in zip(chosen, answers, strict=True) if mutant.file == file]
        print(f"| {file} | {tried.count(False)} | {len(tried)} |")
    print(f"| all | {answers.count(False)} | {len(answers)} |")


if __name__ == "__main__":
    main()
