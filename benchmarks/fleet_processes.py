"""A scheduler and workers as processes of their own on loopback, each worker as on a machine of its own, to be killed at will.

A worker's machine is a loopback address (127.0.0.1, 127.0.0.2 and so on), a cache and a folder for temporary files: its disk,
and its lock on the device.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 180.0
"""On a busy machine a worker takes long to begin."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Raises TimeoutError."""
    last = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > last:
            raise TimeoutError(f"{what} did not happen within {patience_s:g} s")
        time.sleep(0.1)


def children(process: int) -> list[int]:
    """The processes that one began and that are alive, theirs too, as Linux tells them."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children(int(child))]
    return found


def alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class FleetProcesses:
    """The processes; `started` ends them all."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, scheme: str = "tcp") -> None:
        self.folder, self.port, self.scheme = folder, free_port(), scheme
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        self.code = ROOT
        """The folder that its processes stand in, whose profiler they run."""
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.seen: set[int] = set()
        """Every process that was one of its workers' at some time."""

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def host(self, name: str) -> Path:
        """The folder that stands for the disk of a worker's machine."""
        return self.folder / name

    def samples(self, name: str) -> list[Path]:
        """The files of samples on the disk of a worker's machine."""
        return sorted((self.host(name) / "cache" / "profiler" / "fleet").glob("*.samples.jsonl"))

    def start_scheduler(self, *options: str) -> None:
        where = ("--host", "127.0.0.1", "--port", str(self.port)) if self.scheme == "tcp" else ("--host", self.address)
        words = ["distributed.cli.dask_scheduler", *where, "--dashboard-address", "127.0.0.1:0", *options]
        self.scheduler = self._started("scheduler", words, self.environment)
        wait_until(self._listens, "a scheduler")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def start_worker(self, number: int, words: Sequence[str] = ()) -> str:
        """A worker by `profiler fleet worker`, or by other words; its name."""
        name = f"board{number}"
        environment = dict(self.environment)
        for variable, place in (("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")):
            (self.host(name) / place).mkdir(parents=True, exist_ok=True)
            environment[variable] = str(self.host(name) / place)
        plain = ["profiler", "fleet", "worker", self.address, "--host", f"127.0.0.{number}", "--name", name]
        self.workers[name] = self._started(name, words or plain, environment)
        return name

    def _started(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=self.code
            )

    def wait_for_workers(self) -> None:
        """Until each worker has said that it works."""
        for name in self.workers:
            log = self.folder / f"{name}.log"
            wait_until(lambda log=log: b"works on" in log.read_bytes() or b"Registered to" in log.read_bytes(), name)  # type: ignore[misc]

    def processes(self, name: str) -> list[int]:
        """The worker's process under the nanny and what it began; the nanny itself is not among them."""
        found = children(self.workers[name].pid)
        self.seen |= set(found)
        return found

    def kill_worker(self, name: str) -> bool:
        """SIGKILL to the worker under its nanny; False where none is there at this moment."""
        for process in self.processes(name):
            with suppress(OSError):
                line = Path(f"/proc/{process}/cmdline").read_bytes()
                if b"spawn_main" in line and b"resource_tracker" not in line:
                    os.kill(process, signal.SIGKILL)
                    return True
        return False

    def kill_scheduler(self) -> None:
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    def end(self) -> None:
        """All of them, as a user would: SIGTERM, and what does not heed it is killed."""
        for name in self.workers:
            self.processes(name)
        for process in self.workers.values():
            process.terminate()
        for process in self.workers.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.scheduler is not None and self.scheduler.poll() is None:
            self.scheduler.terminate()
            try:
                self.scheduler.wait(10)
            except subprocess.TimeoutExpired:
                self.kill_scheduler()

    def orphans(self) -> list[int]:
        """Processes of its workers that are alive some seconds after their end."""
        with suppress(TimeoutError):
            wait_until(lambda: not any(map(alive, self.seen)), "their end", 15)
        return [process for process in self.seen if alive(process)]


@contextmanager
def started(folder: Path, workers: int, environment: Mapping[str, str] | None = None) -> Iterator[FleetProcesses]:
    """A scheduler and so many workers, for the time of a with block."""
    made = FleetProcesses(folder, environment)
    try:
        made.start_scheduler()
        for number in range(1, workers + 1):
            made.start_worker(number)
        made.wait_for_workers()
        yield made
    finally:
        made.end()
