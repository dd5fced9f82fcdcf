"""A folder with a world around it: a command is run inside, and nothing outside may be touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.report.encoding import CONTROL
from tests.hostile.inside import Ended, ended

VICTIMS = ("victim.csv", "victim.json", "victim.xml", ".bashrc", "x.csv", "x.json")
NET = "from torch import nn\n\n\nclass Net(nn.Linear):\n    def __init__(self, n: int = 4) -> None:\n        super().__init__(4, n)\n"


class World:
    """`inside`, where commands run, and what lies beside it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.inside = folder / "inside"
        (self.inside / "sub").mkdir(parents=True)
        for name in VICTIMS:
            (folder / name).write_text("mine")
        (self.inside / "net.py").write_text(NET)
        (self.inside / "link.csv").symlink_to("../victim.csv")
        patch.chdir(self.inside)
        for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME"):
            patch.setenv(name, str(self.inside))

    def outside(self) -> dict[str, bytes]:
        """What lies beside `inside`, and what it holds."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def run(self, words: list[str], seed: int) -> Ended:
        """Run a command, and hold it to its contract: a code that it may end in, one sentence, nothing outside written."""
        told = f"seed {seed}: profiler {words!r}"
        try:
            found = ended(self.patch, *words)
        except BaseException as fault:
            raise AssertionError(f"{told} raises {type(fault).__name__}") from fault
        assert found.code in (0, 1, 2, 3, 130), (told, found)
        faults = [line for line in found.err.splitlines() if line.startswith("error: ")]
        assert len(faults) == (found.code in (2, 3)) or found.code == 1 or "Usage: " in found.err, (told, found)
        assert "profiler has a bug" not in found.err, (told, found.err)
        assert "Traceback" not in found.err, (told, found.err)
        assert not CONTROL.search(found.err.replace("\n", "")), (told, found.err)
        assert self.outside() == dict.fromkeys(VICTIMS, b"mine"), told
        assert not [path.name for path in self.inside.iterdir() if path.name.startswith(".profiler-")], told
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)
