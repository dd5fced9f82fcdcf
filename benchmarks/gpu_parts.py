"""The parts of benchmarks/gpu.py: what each runs, for how long at most, and on a CPU as a rehearsal."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

GRID = ["--alpha", "0.25..1.0", "--resolution", "128..224"]
SMALL_GRID = ["--alpha", "0.25..1.0", "--resolution", "32,64", "--batch", "1"]
FIVE = ("mobilenet_v1", "mobilenet_v2", "resnet50", "vgg16", "densenet121")
TWO = ("lenet5", "mobilenet_v1@alpha=0.25,resolution=128")
CHECK_FAILED = 1
"""How `selftest` and pytest end where a check or a test did not pass: they have said which."""


class Step(NamedTuple):
    """One command of a part."""

    name: str
    command: Sequence[str]
    """What python is given, without `-o FILE`."""
    suffix: str = ".json"
    also_fine: tuple[int, ...] = ()
    option: str = "-o"
    """Before the name of the file that it writes; none where it is empty."""

    def words(self, work: Path) -> list[str]:
        written = self.option + str(work / f"{self.name}{self.suffix}") if self.option.endswith("=") else ""
        into = [written] if written else [self.option, str(work / f"{self.name}{self.suffix}")] if self.option else []
        return [*self.command, *into]

    def document(self, work: Path) -> Any:
        """What it wrote: JSON as it is, the XML of pytest as text; None where it wrote nothing that can be read."""
        path = work / f"{self.name}{self.suffix}"
        try:
            text = path.read_text(encoding="utf-8")
            return json.loads(text) if self.suffix == ".json" else text
        except (OSError, ValueError):
            return None

    def on_stand_in(self) -> Step:
        """The same command of profiler on the GPU that the tests make; another command as it is."""
        if "profiler" not in self.command:
            return self
        others = {"profiler": "tests.measure.stand_in", "cpu": "cuda"}
        return self._replace(command=[others.get(word, word) for word in self.command])


class Part(NamedTuple):
    """What is found out by some commands, in one limit of time."""

    letter: str
    title: str
    limit_s: float
    steps: Callable[[str, bool], list[Step]]
    """Of a device, and whether it is a rehearsal."""


def _profiler(name: str, *words: str, also_fine: tuple[int, ...] = ()) -> Step:
    return Step(name, ["-m", "profiler", *words], also_fine=also_fine)


def tests(_device: str, rehearsal: bool) -> list[Step]:
    command = ["-m", "pytest", "-m", "gpu", "tests/measure/test_gpu.py", "-q", "-p", "no:cacheprovider"]
    more = ["--collect-only"] if rehearsal else []  # none of them can pass without a GPU
    return [Step("tests", [*command, *more], ".xml", (CHECK_FAILED,), "--junitxml=")]


def selftest(device: str, rehearsal: bool) -> list[Step]:
    time = "3s" if rehearsal else "30s"
    return [_profiler("selftest", "selftest", "--device", device, "--time", time, also_fine=(CHECK_FAILED,))]


def grid(device: str, rehearsal: bool) -> list[Step]:
    cells = SMALL_GRID if rehearsal else [*GRID, "--batch", "1,128"]
    time = "4s" if rehearsal else "50s"
    return [_profiler("grid", "bench", "mobilenet_v1", *cells, "--device", device, "--time", time)]


def layers(device: str, rehearsal: bool) -> list[Step]:
    network = TWO[1] if rehearsal else "mobilenet_v1"
    batches, time = (("1",), "2s") if rehearsal else (("128", "1"), "10s")
    return [
        _profiler(f"layers-{batch}", "bench", network, "--layers", "--batch", batch, "--device", device, "--time", time)
        for batch in batches
    ]


def clocks(device: str, rehearsal: bool) -> list[Step]:
    networks, batch, seconds = (TWO, "2", "4") if rehearsal else (FIVE, "32", "30")
    words = [*networks, "--batch", batch, "--device", device, "--seconds", seconds]
    return [Step("clocks", ["benchmarks/gpu_clocks.py", *words])]


def training(device: str, rehearsal: bool) -> list[Step]:
    words = [TWO[0], "--dtype", "fp32,bf16", "--batch", "4", "--time", "2s"]
    if not rehearsal:
        words = ["mobilenet_v1", "resnet50", "--dtype", "fp32,bf16,fp16", "--batch", "64", "--time", "20s"]
    return [_profiler("training", "bench", *words, "--train", "--device", device)]


def comparisons(device: str, rehearsal: bool) -> list[Step]:
    pairs, seconds = ("2", "3") if rehearsal else ("13", "28")
    return [Step("comparisons", ["benchmarks/gpu_pairs.py", "--device", device, "--pairs", pairs, "--seconds", seconds])]


def energy(device: str, rehearsal: bool) -> list[Step]:
    words = [TWO[0], "--time", "2s"] if rehearsal else ["mobilenet_v1", "resnet50", "--batch", "128", "--time", "6s"]
    return [_profiler("energy", "bench", *words, "--energy", "--device", device)]


def prediction(device: str, rehearsal: bool) -> list[Step]:
    cells = SMALL_GRID if rehearsal else [*GRID, "--batch", "128"]
    measured, time = ("4", "3s") if rehearsal else ("6", "15s")
    words = ["mobilenet_v1", *cells, "--bench", "--measure", measured, "--engine", "closed", "--device", device, "--time", time]
    return [_profiler("prediction", "sweep", *words)]


PARTS = (
    Part("a", "tests that need a GPU", 115, tests),
    Part("b", "selftest on the GPU", 55, selftest),
    Part("c", "mobilenet_v1 over α × side, at batch 1 and 128", 85, grid),
    Part("d", "layers with the roofline", 60, layers),
    Part("e", "our clock beside others", 55, clocks),
    Part("f", "training steps", 50, training),
    Part("g", "a network against itself, and slowed by 5 %", 50, comparisons),
    Part("h", "energy by the GPU's counter", 60, energy),
    Part("i", "a grid predicted from six of its cells", 40, prediction),
)
"""Their limits are more than eight minutes together: what one part leaves of its own is the next ones'."""
