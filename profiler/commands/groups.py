"""Groups of options that commands share, and the decorator that lets a command take a group as one parameter."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

from profiler.commands import language_options as language
from profiler.commands import limit_options as limits
from profiler.commands import options as o
from profiler.commands import range_options
from profiler.commands.given import check_caption, checked_label
from profiler.errors import ProfilerError
from profiler.records.place import Place
from profiler.report.encoding import sentence

if TYPE_CHECKING:
    from profiler.report.answer import View
    from profiler.report.files import File
    from profiler.report.output import Destinations
    from profiler.report.units import Unit
    from profiler.study.bench_options import BenchOptions
    from profiler.study.generation import Asked
    from profiler.study.training_memory import Step


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options as parameters; typer sees each option of a group as a parameter of its own.

    Every command has -v; for a command without a `verbose` parameter it prints only the settings used.
    """
    hints = get_type_hints(command, include_extras=True)
    flat: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if not (isinstance(kind, type) and issubclass(kind, Group)):
            flat.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[name] = fields = kind.options()
        flat += [
            inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for field, (annotation, default) in fields.items()
        ]

    silent = "verbose" not in hints  # -v prints only the settings used, by the option's own callback
    if silent:
        flat.append(inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=o.Verbose))

    @wraps(command)
    def run(**given: Any) -> None:
        if silent:
            del given["verbose"]
        made = {name: hints[name](**{field: given.pop(field) for field in fields}) for name, fields in groups.items()}
        outs = [group.made for group in made.values() if isinstance(group, Output)]
        try:
            command(**given, **made)
        except BaseException:  # the command's own error wins over outputs that could not be written
            for fault in [fault for out in outs for each in out for fault in each.failed]:
                print(f"error: {sentence(str(fault))}", file=sys.stderr)
            raise
        for each in [each for out in outs for each in out]:
            each.check()

    del run.__wrapped__  # otherwise typer would inspect the undecorated command
    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return run


class Group:
    """Options that belong together, each a class attribute with its annotation and default."""

    def __init__(self, **given: Any) -> None:
        vars(self).update(given)

    @classmethod
    def options(cls) -> Mapping[str, tuple[Any, Any]]:
        """{option: (annotation, default)}, in their order."""
        hints = get_type_hints(cls, include_extras=True)
        return {name: (hints[name], getattr(cls, name)) for name in cls.__annotations__}


class Point(Group):
    """The point at which a network is counted: width, resolution, input."""

    alpha: o.Alpha = None
    resolution: o.Resolution = None
    rho: o.Rho = None
    input: o.Input = None

    def place(self, batch: str | None, set_: list[str] | None, over: list[str] | None = None) -> Place:
        """The place that the options name, without a network; `over` has the options to run over. Raises ProfilerError."""
        single(alpha=self.alpha, resolution=self.resolution, rho=self.rho, batch=batch)
        return Place(None, options_of(set_), self.alpha, self.resolution, self.input, batch, self.rho, ranges_of(over))


class Ranges(Group):
    """The ranges that a sweep runs over."""

    alpha: range_options.Alphas = None
    resolution: range_options.Resolutions = None
    rho: range_options.Rhos = None
    input: range_options.Inputs = None

    def place(self, batch: str | None, set_: list[str] | None, over: list[str] | None = None) -> Place:
        """The ranges that the options name, without a network. Raises ProfilerError."""
        return Place(None, options_of(set_), self.alpha, self.resolution, self.input, batch, self.rho, ranges_of(over))


class Limits(Group):
    """The limits on what a network may cost."""

    max_macs: limits.MaxMacs = None
    max_params: limits.MaxParams = None
    max_activations: limits.MaxActivations = None
    max_weight_bytes: limits.MaxWeightBytes = None
    max_memory: limits.MaxMemory = None
    min_macs: limits.MinMacs = None
    min_params: limits.MinParams = None
    min_activations: limits.MinActivations = None
    min_weight_bytes: limits.MinWeightBytes = None
    min_memory: limits.MinMemory = None

    max_latency: limits.MaxLatency = None

    def pairs(self) -> dict[str, tuple[str | None, str | None]]:
        """{quantity: (least, most)}, as they were written."""
        given = vars(self)
        names = [name.removeprefix("max_") for name in given if name.startswith("max_")]
        return {name: (given.get(f"min_{name}"), given[f"max_{name}"]) for name in names}


class Language(Group):
    """The options for language models, and for the memory of training."""

    prefill: language.Prefill = None
    decode: language.Decode = None
    tokens: language.Tokens = None
    cache_dtype: language.CacheDtype = None
    memory_size: language.MemorySize = None
    peak_macs: language.PeakMacs = None
    bandwidth: language.Bandwidth = None
    roofs: language.RoofsFile = None

    train: language.TrainStep = False
    optimizer: language.KeptBy = "adamw"
    zero: language.Zero = "0"
    devices: language.Devices = "1"
    checkpointing: language.Checkpointing = False

    def step(self) -> Step | None:
        """The training step whose memory is computed, if --train is given."""
        if not self.train:
            return None
        from profiler.study.training_memory import Step

        return Step(self.optimizer, self.zero, self.devices, self.checkpointing, self.memory_size)

    def asked(self) -> Asked | None:
        """The options as the study takes them; None if none is given."""
        size = None if self.train else self.memory_size
        given = (
            self.prefill,
            self.decode,
            self.tokens,
            None,
            self.cache_dtype,
            size,
            self.peak_macs,
            self.bandwidth,
            self.roofs,
        )
        if all(each is None for each in given):
            return None
        from profiler.study.generation import Asked

        return Asked(*given)


class MeasuringSetting(Group):
    """The setting to measure in: device, threads, dtype and so on."""

    device: o.Device = "auto"
    threads: o.Threads = None
    dtype: o.Dtype = "fp32"
    memory_format: o.MemoryFormat = "contiguous"
    runtime: o.Runtime = "eager"
    no_cache: o.NoCache = False


class ByCommand(Group):
    """A device that a command reaches."""

    exec: o.Exec = None
    exec_push: o.ExecPush = None


class Training(Group):
    """Training steps instead of forward passes."""

    train: o.Train = False
    optimizer: o.Optimizer = "sgd"
    dataset_size: o.DatasetSize = None


class Time(Group):
    """How long to measure, and from where on."""

    time: o.Seconds = None
    resume: o.Resume = None


class Machines(Group):
    """Where the work is done, other than in this process."""

    fleet: o.Fleet = None
    spread: o.Spread = False


class Table(Group):
    """How the table of a result looks."""

    unit: o.UnitName = "raw"
    columns: o.Columns = None
    sort: o.Sort = None
    caption: o.Caption = None
    label: o.Label = None

    def view(self, destinations: Destinations, **others: Any) -> View:
        """As the answer takes it. Raises UnknownName for a unit, ProfilerError for a caption that nothing has."""
        from profiler.report.answer import View

        check_caption(self.caption, destinations)
        label = checked_label(self.label, destinations)
        return View(unit(self.unit), named(self.columns), self.sort, caption=self.caption or "", label=label, **others)


class AutoTable(Table):
    """The same, with counts rounded to three digits by default."""

    unit: o.UnitName = "auto"
    columns: o.Columns = None
    sort: o.Sort = None
    caption: o.Caption = None
    label: o.Label = None


class Output(Group):
    """Where the result is written."""

    format: o.Format = "table"
    output: o.Outputs = None
    csv: o.Csv = None
    quiet: o.Quiet = False

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.made: list[Destinations] = []

    def destinations(self, besides: tuple[str, ...] = (), plot: bool = False) -> Destinations:
        """`besides` are the forms other than tables that the command can write. Raises ProfilerError before any work."""
        from profiler.report.output import Destinations

        self.made.append(Destinations.of(self.format, self.output or (), self.csv, self.quiet, besides, plot))
        return self.made[-1]

    def onnx_files(self) -> list[File]:
        """The outputs that are to be ONNX files, taken out of the others: no answer is written as one. Raises ProfilerError."""
        from profiler.report import files

        asked = [path for path in self.output or () if path.name.lower().endswith(".onnx")]
        self.output = [path for path in self.output or () if path not in asked]
        found: list[File] = []
        for path in asked:
            found.append(files.file_at(path))
            files.check_apart(found[-1], found[:-1])
        return found


def bench_options(
    setting: MeasuringSetting, training: Training, time: Time, destinations: Destinations, **more: Any
) -> BenchOptions:
    """How to measure."""
    from profiler.study.bench_options import BenchOptions

    outputs = tuple(file.path for file, _ in destinations.files if not file.into)
    how = vars(training) | vars(time)
    if time.resume is not None:
        how["resume"] = time.resume.absolute()  # even if a network's code changes the working folder
    return BenchOptions(**vars(setting), **how, **more, outputs=outputs)


# Strings of the command line → arguments of the library


def options_of(given: list[str] | None) -> dict[str, str]:
    """`--set key=value` as a dict."""
    return _by_key(given, "--set", "key=value", "classes=10")


def ranges_of(given: list[str] | None) -> dict[str, str]:
    """`--over key=range` as a dict."""
    return _by_key(given, "--over", "key=range", "width=16..64:16")


def accuracies_of(given: list[str] | None) -> dict[str, str]:
    """`--top1 name=percent` as a dict; a name may hold settings of its own, as `mobilenet_v1@alpha=0.5=63.7`."""
    found: dict[str, str] = {}
    for each in given or ():
        name, equals, percent = (part.strip() for part in each.rpartition("="))
        if not equals or not name or not percent:
            raise ProfilerError(f"--top1 '{each}' is not name=percent; write it as --top1 Ours=74.1")
        if found.get(name, percent) != percent:
            raise ProfilerError(f"--top1 {name} is given twice, as {found[name]} and {percent}; give it once")
        found[name] = percent
    return found


def _by_key(given: list[str] | None, option: str, form: str, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for setting in given or ():
        key, equals, value = setting.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key or not value:
            raise ProfilerError(f"{option} '{setting}' is not {form}; write it as {option} {example}")
        if found.get(key, value) != value:
            raise ProfilerError(f"{option} {key} is given twice, as {found[key]} and {value}; give it once")
        found[key] = value
    return found


def named(columns: str | None) -> list[str]:
    """`--columns a, b` as a list."""
    return [name.strip() for name in (columns or "").split(",") if name.strip()]


def unit(name: str) -> Unit:
    """The unit called `name`. Raises UnknownName."""
    from profiler.report import units

    return units.unit(name)


def engines(given: list[str] | None) -> tuple[str, ...]:
    """The engines that were named, or those that a study asks by itself."""
    from profiler.study.cells import DEFAULT_ENGINES

    return tuple(given) if given else DEFAULT_ENGINES


def single(**given: str | None) -> None:
    """Refuses a range where one value is meant."""
    for name, value in given.items():
        if value is not None and ("," in value or ".." in value):
            raise ProfilerError(f"--{name} {value} is a range; this command takes one value, `profiler sweep` takes ranges")
