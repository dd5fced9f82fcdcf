"""A network as it was in a revision of the user's git repository: `HEAD~1:net.py:Net`. It is counted by a process of its own.

The files of the revision are written into a folder of their own, by an index of their own, so that neither the working tree nor
git's index changes and no hook runs; the folder is gone afterwards. The process imports from there, so that both versions of a
module can be counted side by side. What a revision holds is the user's code and is run, as `net.py:Net` is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, Unavailable
from profiler.load.schemes import SCHEMES
from profiler.measure.start import PACKAGE
from profiler.records.place import Place
from profiler.saved.read import Saved

# this package is the one that runs here; what else is imported comes from the revision, or from where it is installed
BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
sys.path[:] = {path!r}
spec = spec_from_file_location("profiler", {init!r}, submodule_search_locations=[{package!r}])
sys.modules["profiler"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from profiler.study.at_revision import main
main({root!r}, {tree!r}, {answer!r})
"""


class Revision(NamedTuple):
    """A network, and the revision that it is in."""

    name: str
    """`HEAD~1`, a branch, a tag, a hash."""
    model: str
    """As it would be named in the folder where the user stands: `net.py:Net@width=8`."""

    def __str__(self) -> str:
        return f"{self.name}:{self.model}"


def revision_of(given: object) -> Revision | None:
    """The revision that a text names before a reference to code, None where it names none."""
    if not isinstance(given, str):
        return None
    name, _, model = given.partition(":")
    place = model.partition("@")[0]
    if not name or ":" not in place or name in SCHEMES or place.startswith(("\\", "/")) or place.partition(":")[0] in SCHEMES:
        return None
    return Revision(name, model)


def counted_at(revision: Revision, at: Place, known: Mapping[str, Sequence[Any]]) -> Saved:
    """The network as a saved run of `show`, at a place whose model is left out; `known` are inputs by the names of networks.

    Raises ProfilerError for a revision that there is not and as `load` does, Unavailable where there is no git or no such file.
    """
    with TemporaryDirectory(prefix="profiler-revision-") as kept:
        tree, answer = Path(kept, "tree"), Path(kept, "show.json")
        root, folder = _written(revision, tree)
        request = json.dumps({"model": revision.model, "place": _plain(at, revision), "known": _listed(known)})
        boot = BOOT.format(
            path=_path(root, tree), init=str(PACKAGE / "__init__.py"), package=str(PACKAGE), root=str(root), tree=str(tree),
            answer=str(answer),
        )  # fmt: skip
        if not folder.is_dir():
            raise Unavailable(f"'{revision}': there is no folder '{folder.relative_to(tree)}' in {revision.name}")
        run = subprocess.run([sys.executable, "-P", "-c", boot], input=request, text=True, cwd=folder, check=False)
        if not answer.is_file():
            raise ProfilerError(f"'{revision}': its process ended with {run.returncode} and no count; check its code")
        document = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in document:
            kind = Unavailable if document["code"] == Unavailable.exit_code else ProfilerError
            raise kind(f"in {revision.name}: {document['error']}")
    document["records"][0]["model"] = str(revision)
    return Saved(str(revision), document)


def _git(*words: str, at: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command of git. Raises Unavailable where there is no git."""
    try:
        return subprocess.run(
            ["git", "-C", at, *words], capture_output=True, text=True, check=False, env={**os.environ, **environment}
        )
    except FileNotFoundError:
        raise Unavailable("a revision is read by git, which is not installed here; install git, or name a saved run") from None


def _written(revision: Revision, tree: Path) -> tuple[Path, Path]:
    """The files of a revision below `tree`; gives back the repository, and the folder that stands for the user's own."""
    here = os.getcwd()
    found = _git("rev-parse", "--show-toplevel", "--show-prefix", at=here)
    if found.returncode:
        raise ProfilerError(f"'{revision}' names the revision '{revision.name}', and {here} is in no working tree of git")
    root, prefix = (*found.stdout.splitlines(), "")[:2]
    cure = "name a commit, a branch or a tag, as in HEAD~1:net.py:Net"
    if not re.fullmatch(r"[^\s\x00-\x1f-][^\s\x00-\x1f]*", revision.name):
        raise ProfilerError(f"'{revision.name}' is not the name of a revision; {cure}")
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision.name}^{{commit}}", at=root)
    if commit.returncode:
        raise ProfilerError(f"there is no revision '{revision.name}' in {root}; {cure}")
    tree.mkdir()
    index = str(tree.parent / "index")
    for words in (
        ("read-tree", commit.stdout.strip()),
        ("-c", "core.hooksPath=/dev/null", "checkout-index", "--all", "--quiet", f"--prefix={tree}/"),
    ):
        done = _git(*words, at=root, GIT_INDEX_FILE=index)
        if done.returncode:
            raise ProfilerError(f"'{revision}': git cannot write its files: {done.stderr.strip().splitlines()[-1]}")
    return Path(root), tree / prefix


def _path(root: Path, tree: Path) -> list[str]:
    """The path of imports, with the revision's folders in the place of the repository's own; what is installed in it stays."""
    found = []
    for each in sys.path:
        folder = Path(each or ".").resolve()
        if not each or not folder.is_relative_to(root):
            found += [each] if each else []
            continue
        there = tree / folder.relative_to(root)
        found.append(str(there if there.is_dir() else folder))
    return found


def _plain(at: Place, revision: Revision) -> dict[str, Any]:
    """A place as JSON. Raises ProfilerError for an option that is no plain value, which another process is not given."""
    place = {
        "alpha": None if at.alpha is None else str(at.alpha),
        "resolution": at.resolution if at.resolution is None or isinstance(at.resolution, int) else str(at.resolution),
        "input": at.input,
        "batch": at.batch,
        "rho": None if at.rho is None else str(at.rho),
        "options": dict(at.options),
    }
    try:
        return dict(json.loads(json.dumps(place)))
    except TypeError:
        raise ProfilerError(
            f"'{revision}' is counted by another process, which takes options and inputs as numbers, texts and lists"
        ) from None


def _listed(known: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: list(inputs) for name, inputs in known.items()}
