"""How to measure: the options that `bench`, `compare --bench` and `sweep --bench` share, checked. No torch in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError, UnknownName, quoted
from profiler.grid import count, exact, whole
from profiler.records.notes import MeasuredIn

if TYPE_CHECKING:
    from profiler.measure.plan import Budget, Command, Setting
    from profiler.measure.start import Start

SECONDS, TRAIN_SECONDS = "30s", "60s"
TRAIN_BATCH = 32
EXAMPLE = "30s or 5m"
MOST_THREADS = 1024
LEAST_MEASURED = 4
"""Cells of a network from which others are predicted, at least."""


@dataclass(frozen=True)
class BenchOptions:
    """How to measure: the options that `bench`, `compare --bench` and `sweep --bench` share."""

    device: str | Sequence[str] = "auto"
    threads: str | int | None = None
    dtype: str | Sequence[str] = "fp32"
    memory_format: str | Sequence[str] = "contiguous"
    compile: bool = False
    """The same as `compile` among the runtimes, beside those."""
    train: bool = False
    optimizer: str = "sgd"
    dataset_size: str | int | None = None
    time: str | float | None = None
    """Shared by all cells: 30 s unless given, 60 s for training steps."""
    resume: str | Path | None = None
    measure: str | int | None = None
    """Cells of each network that a sweep measures; it predicts the others."""
    energy: bool = False
    """Joules an image too, by the device's energy counter where it has one: some 12 s more a cell, beside `time`."""
    outputs: tuple[str | Path, ...] = ()
    """The samples go beside the first of them."""
    runtime: str | Sequence[str] = "eager"
    no_cache: bool = False
    """Whether networks are exported anew, and the exports are not kept."""
    exec: str | None = None
    """A command that runs each network on another device, in the place of a runtime (measure/command.py)."""
    exec_push: str | None = None
    """A command that brings the file of each network to that device first."""
    fleet: str | Path | None = None
    """A scheduler of dask.distributed: the cells are measured on the devices of its workers, those that `device` names."""
    spread: bool = False
    """On a fleet, whether its devices, which are equal, share the cells; else each measures all of them."""
    start: Start = field(default_factory=lambda: _here(), compare=False, repr=False)
    """Where workers begin: as this process stands, before any code of the networks runs."""

    def settings(self) -> list[Setting]:
        """Every combination of devices, threads, dtypes, memory formats and runtimes. Raises ProfilerError, Unavailable."""
        from profiler.measure import plan
        from profiler.measure.devices import device
        from profiler.measure.plan import Setting
        from profiler.measure.runtimes.registry import check_runtime

        runtimes, command = self.runtimes, self.command
        if self.fleet is not None:
            if command is not None:
                raise ProfilerError("--exec runs its command on this machine, and --fleet on others; leave one of the two out")
            return self._on_each()
        if command is None:
            devices = [device(name, by_openvino="openvino" in runtimes) for name in _listed(self.device)]
            threads = _threads(self.threads)
        else:
            devices, threads = self._elsewhere(command)
        dtypes = _known(self.dtype, "dtype", plan.DTYPES)
        formats = _known(self.memory_format, "memory format", plan.MEMORY_FORMATS)
        (optimizer,) = _known(self.optimizer, "optimizer", plan.OPTIMIZERS)
        mode: plan.Mode = "train" if self.train else "infer"
        made = [
            Setting(where, many, dtype, form, runtime, mode, optimizer if self.train else None, command)
            for where in devices
            for many in threads
            for dtype in dtypes
            for form in formats
            for runtime in runtimes
        ]
        for setting in made:
            check_runtime(setting)
        return made

    def _on_each(self) -> list[Setting]:
        """The settings on a fleet, where devices are known by its workers, and 0 threads are all that a machine may use."""
        from profiler.measure import plan

        (optimizer,) = _known(self.optimizer, "optimizer", plan.OPTIMIZERS)
        threads = [] if self.threads is None else _listed(quoted(self.threads))
        for text in threads:
            if not text.isdecimal() or len(text) > 9 or int(text) < 1:
                raise ProfilerError(
                    f"threads '{text}' is not a whole number from 1 on; leave it out for all that each machine may use"
                )
        return [
            plan.Setting(
                device, many, dtype, form, runtime, "train" if self.train else "infer", optimizer if self.train else None
            )
            for device in _listed(self.device)
            for many in [int(text) for text in threads] or [0]
            for dtype in _known(self.dtype, "dtype", plan.DTYPES)
            for form in _known(self.memory_format, "memory format", plan.MEMORY_FORMATS)
            for runtime in self.runtimes
        ]

    @property
    def command(self) -> Command | None:
        """What runs the networks on another device; None where this machine does. Raises ProfilerError, UnknownName."""
        from profiler.measure.command import command_of

        return command_of(self.exec, self.exec_push)

    def _elsewhere(self, command: Command) -> tuple[list[str], list[int]]:
        """The device and the numbers of threads of a command. Raises ProfilerError for what says nothing of it."""
        from profiler.measure.command import takes_threads
        from profiler.measure.external import External

        if _listed(self.device) not in (["auto"], [External.type]):
            raise ProfilerError("--exec runs networks on a device of its own; leave out --device")
        if self.energy:
            raise ProfilerError("--energy reads a counter of this machine, and --exec runs elsewhere; leave one of the two out")
        if self.threads is not None and not takes_threads(command):
            raise ProfilerError(
                "--threads has no effect on a command of --exec without {threads}; add it there, or leave out --threads"
            )
        return [External.type], _threads(self.threads, MOST_THREADS) if self.threads is not None else [1]

    @property
    def runtimes(self) -> list[str]:
        """What runs the networks, each once. Raises UnknownName, ProfilerError for others beside a command."""
        from profiler.measure.plan import RUNTIMES

        if self.exec is not None:
            others = [name for name in _listed(self.runtime) if name not in ("eager", "exec")]
            if others or self.compile:
                here = ", ".join(others) or "compile"
                raise ProfilerError(f"--exec runs each network by its command, and {here} runs it here; measure them apart")
            return ["exec"]
        found = _known(self.runtime, "runtime", RUNTIMES)
        return list(dict.fromkeys([*found, *(["compile"] if self.compile else [])]))

    @property
    def budget(self) -> Budget:
        """Raises ProfilerError."""
        from profiler.measure.plan import Budget

        return Budget(seconds_of(self.time if self.time is not None else TRAIN_SECONDS if self.train else SECONDS))

    @property
    def dataset(self) -> int | None:
        """Samples of an epoch. Raises ProfilerError."""
        if self.dataset_size is None:
            return None
        if not self.train:
            raise ProfilerError(f"--dataset-size {self.dataset_size} has no effect without --train; add it")
        return count(self.dataset_size, "--dataset-size")

    @property
    def measured_cells(self) -> int | None:
        """How many cells of each network are measured; None where all are. Raises ProfilerError for fewer than 4."""
        if self.measure is None:
            return None
        cells = whole(self.measure, "--measure")
        if cells < LEAST_MEASURED:
            raise ProfilerError(
                f"--measure {cells} is too few to estimate the error of the predictions; give {LEAST_MEASURED} or more"
            )
        return cells

    def setting(self) -> Setting:
        """The one setting of a comparison or sweep. Raises ProfilerError where there are several."""
        (setting, *others) = self.settings()
        if others:
            raise ProfilerError(
                "only `profiler bench` measures several settings; give one device, dtype, runtime and number of threads"
            )
        return setting

    def batch(self, given: Any) -> Any:
        """The batch that was given; else 1, or 32 for training steps, since one sample has no batch statistics."""
        return given if given is not None else TRAIN_BATCH if self.train else 1

    def title(self, settings: Sequence[Setting]) -> MeasuredIn:
        """What the cells share, for a title. Raises ProfilerError for an invalid time or size of the dataset."""
        _ = self.dataset
        return MeasuredIn(
            tuple(dict.fromkeys(setting.device for setting in settings)),
            tuple(dict.fromkeys(setting.threads for setting in settings)),
            tuple(dict.fromkeys(setting.dtype for setting in settings)),
            tuple(dict.fromkeys(setting.memory_format for setting in settings)),
            settings[0].optimizer if settings[0].mode == "train" else None,
            self.budget.seconds,
            tuple(dict.fromkeys(setting.runtime for setting in settings)),
        )


def _here() -> Start:
    from profiler.measure.start import Start

    return Start.now()


def bench_options(given: bool | BenchOptions | None) -> BenchOptions | None:
    """What `bench=` of a study says: not to measure, to measure by default, or how. Raises ProfilerError for anything else."""
    if given is None or isinstance(given, bool):
        return BenchOptions() if given else None
    if not isinstance(given, BenchOptions):
        raise ProfilerError(f"bench must be True or profiler.BenchOptions(device=..., time=...), not {type(given).__name__}")
    return given


_SCALES = {
    "ms": Fraction(1, 1000),
    "min": Fraction(60),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "": Fraction(1),
}
"""Seconds of a unit of time; a number alone is seconds."""


def seconds_of(given: str | float) -> float:
    """`300ms`, `30s`, `2m` or `45` as seconds. Raises ProfilerError."""
    text = quoted(given).strip()
    unit = next(unit for unit in _SCALES if text.lower().endswith(unit))
    try:
        found = float(exact(text[: len(text) - len(unit)], "time", EXAMPLE) * _SCALES[unit])
    except ProfilerError:  # which speaks of the number alone
        raise ProfilerError(f"time '{text}' is not a number of ms, s, m or h; write it as {EXAMPLE}") from None
    if not 0.1 <= found <= 7 * 24 * 3600:
        raise ProfilerError(f"time must be from 0.1s to 168h, not '{text}'; write it as {EXAMPLE}")
    return found


def _listed(given: str | Sequence[str]) -> list[str]:
    """The names in a list, or in text with commas. Raises ProfilerError where there are none."""
    items = given.split(",") if isinstance(given, str) else map(str, given)
    found = [item.strip() for item in items if item.strip()]
    if not found:
        raise ProfilerError(f"'{given}' is empty; give one value, or several with commas")
    return list(dict.fromkeys(found))


def _known(given: str | Sequence[str], what: str, known: Sequence[str]) -> list[str]:
    found = _listed(given)
    for name in found:
        if name not in known:
            raise UnknownName(what, name, known)
    return found


def _threads(given: str | int | None, most: int | None = None) -> list[int]:
    """The numbers of threads, of a command up to `most`. Raises ProfilerError."""
    from profiler.measure import host

    if given is None:
        return [host.default_threads()]
    found = []
    here = f"{most}, as many as a device may have" if most is not None else ""
    most = most or host.affinity()
    for text in _listed(quoted(given) if isinstance(given, int) else str(given)):
        if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= most:
            raise ProfilerError(
                f"threads '{text}' is not a whole number from 1 to {here or f'{most}, the processors that may be used here'}; "
                f"leave it out for {1 if here else host.default_threads()}"
            )
        found.append(int(text))
    return found
