"""The library and the command line say the same words: a parameter is an option, or the difference is listed with its reason."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import typer.main

import profiler
from profiler.__main__ import load_cli
from profiler.study.bench_options import BenchOptions

COMMANDS: dict[str, Any] = typer.main.get_command(load_cli().app).commands  # type: ignore[attr-defined]

STUDIES = {name: name for name in COMMANDS if name not in ("list", "report", "fleet")} | {
    "benchmark": "bench",
    "layers": "bench",
    "listing": "list",
    "read": "report",
}
"""{function of the library: the command that asks for the same}. Its own name, for most."""

WITHOUT_A_COMMAND = {
    "architecture": "registers a network of the user's own, in Python",
    "build": "makes a torch.nn.Module, which no terminal shows",
    "costs": "is a function of arrays, for a search of the user's own, in Python",
    "fit_stages": "`fit --per-stage` asks for the same",
    "fixed": "a width of a network of the user's own, in Python",
    "memory": "takes a graph that was traced; `show --memory` asks for the same",
    "profile": "is the record that `show` is drawn from",
    "register": "registers a formula of the user's own, in Python",
    "same": "a width of a network of the user's own, in Python",
    "sweep_to": "is `sweep` into a file, which the command is wherever it makes more cells than a table shows",
    "times": "a width of a network of the user's own, in Python",
    "trace": "takes a module that is alive; a reference does so on the command line",
    "trace_training": "takes a module that is alive; `show --training` asks for the same",
    "unregister": "takes back what `register` did",
    "write": "`--output` and `--format` of every command",
}

WITHOUT_A_FUNCTION = {"fleet": "starts a process that stays, or lists what dask.distributed's own client tells in Python"}

# Differences that hold for every command and every function

OF_THE_COMMAND_LINE = {
    "caption": "what a table of a paper is called; `write` takes it",
    "columns": "which columns are drawn; a result holds all, and `write` takes it",
    "csv": "a file; `write` makes one",
    "depth": "how much of the layer tree is drawn; `write` takes it",
    "format": "how stdout is written; `write` takes it",
    "formulas": "whether formulas are drawn; `write` takes it",
    "label": "what LaTeX refers to a table by; `write` takes it",
    "no_fold": "whether rows that repeat are drawn as one; `write` takes it",
    "output": "files; `write` makes them",
    "plot": "whether a plot is drawn in the terminal; a notebook has libraries that plot, and `write` makes pages",
    "quiet": "what is printed",
    "receptive_field": "whether receptive fields are drawn; a result holds them, and `write` takes it",
    "sort": "the order in which rows are drawn; `write` takes it",
    "top": "how many rows are drawn; `write` takes it",
    "unit": "how counts are drawn; a result holds them whole, and `write` takes it",
    "verbose": "what is printed",
}
NOT_WRITTEN = ("plot", "quiet", "verbose")
"""Of these, what `write` has no use for: it is about the terminal."""
OF_THE_LIBRARY = {
    "progress": "a bar, which the command line always has",
    "watch": "a function that sees the results while they fill in",
}
OTHER_WORDS = {"set": "options"}
"""{option: parameter}: `--set KEY=VALUE`, repeated, is the mapping `options`."""

# Differences of one function: {parameter or option: reason}

CLOCK = "a field of the BenchOptions, which the library takes whole"
CLOCK_ITSELF = "the options that say how to measure, as one value"
MEASURING = {
    word: CLOCK
    for word in inspect.signature(BenchOptions).parameters
    if word not in ("compile", "energy", "measure", "outputs", "start")
}
LIMITS = ("macs", "params", "activations", "weight_bytes", "unread", "memory", "latency")
DIFFERENCES: dict[str, dict[str, str]] = {
    "predict": {
        "from": "a keyword of Python; `source` of the function",
        "source": "`--from` of the command",
        "table": "a file of the predicted layers; the records of `predict` are of whole networks",
    },
    "fit": {
        "from": "a keyword of Python; `source` of the function",
        "source": "`--from` of the command",
        **dict.fromkeys(
            ("device", "threads", "dtype", "memory_format", "runtime", "no_cache", "exec", "exec_push", "time"), CLOCK
        ),
        "bench": CLOCK_ITSELF,
        **dict.fromkeys(("per_stage", "stage_widths", "multiple_of"), "of the function `fit_stages`, whose result is another"),
    },
    "compare": {word: reason for word, reason in MEASURING.items() if word != "fleet"},
    "sweep": {word: reason for word, reason in MEASURING.items() if word != "fleet"} | {"measure": CLOCK},
    "bench": {**MEASURING, "compile": CLOCK, "energy": CLOCK, "bench": CLOCK_ITSELF, "layers": "the function `layers`"},
    "layers": {
        **MEASURING,
        "compile": CLOCK,
        "energy": CLOCK,
        "bench": CLOCK_ITSELF,
        "layers": "the function itself",
        "top1": "an accuracy of whole networks; this is of their layers",
    },
    "benchmark": {
        **dict.fromkeys(("fleet", "spread"), "several machines; one measurement is of this one"),
        "args": "what a module's forward is called with: values of torch",
        "kwargs": "what a module's forward is called with: values of torch",
        "dataset_size": "seconds an epoch, which a Timing does not hold",
        "layers": "the function `layers`",
        "model": "one network; `models` of the command",
        "models": "several networks; `model` of the function",
        "over": "an axis of several networks; one is measured",
        "top1": "an accuracy beside the latency, which a Timing does not hold",
        "resume": "goes on with a file of samples, of which a single measurement keeps none",
        "fleet": "several machines, whose figures stand side by side; one measures",
        "spread": "of `fleet`",
    },
    "show": {
        "memory_size": "`--memory 80GiB` for short; `memory` of the function takes the size as well",
        "strict": "an exit code; the Shown says what has no formula",
        "wired": "whether connections are recorded, for which the command looks at the forms that it writes",
    },
    "check": {
        **{f"max_{word}": f"`{word}` of the function, as [tool.profiler.budgets] calls it" for word in LIMITS},
        **{word: f"a name of [tool.profiler.budgets]; `--max-{word.replace('_', '-')}` of the command" for word in LIMITS},
        **dict.fromkeys(
            ("device", "threads", "dtype", "memory_format", "runtime", "no_cache", "exec", "exec_push", "time"), CLOCK
        ),
        "config": "`Config.nearest()`, or none: a function reads no file that it is not given; the command looks for it",
        "junit": "a file for a CI server, which runs the command",
    },
    "diff": {"exit_code": "an exit code; `Diffed.same` says it"},
}

# Defaults that differ, of a word that both say: {word: reason}
DEFAULTS = {
    "engine": "an option that may be repeated has no default of its own; without any, the function's stands",
}


def function_of(name: str) -> Callable[..., Any]:
    return getattr(profiler, name)  # type: ignore[no-any-return]


def parameters(name: str) -> set[str]:
    return set(inspect.signature(function_of(name)).parameters)


def options(command: str) -> set[str]:
    """The long option of each parameter as Python writes it, `--memory-format` as memory_format; an argument's own name."""
    return set(defaults(command))


def defaults(command: str) -> dict[str, Any]:
    """The same with what each is unless it is given."""
    found = {}
    for parameter in COMMANDS[command].params:
        word = max(parameter.opts, key=len).removeprefix("--").replace("-", "_")
        found[OTHER_WORDS.get(word, word)] = parameter.default
    return found


@pytest.mark.parametrize("name", STUDIES)
def test_a_function_and_its_command_say_the_same_words(name: str) -> None:
    theirs, ours = options(STUDIES[name]), parameters(name)
    listed = DIFFERENCES.get(name, {})
    differing = (theirs - ours - OF_THE_COMMAND_LINE.keys()) | (ours - theirs - OF_THE_LIBRARY.keys())
    assert not differing - listed.keys(), "words of one alone: say the same, or list them in DIFFERENCES with the reason"
    assert not listed.keys() - differing, "listed in DIFFERENCES, and yet both say them, or neither"


def test_what_both_say_has_one_default() -> None:
    differing = set()
    for name, command in STUDIES.items():
        ours = inspect.signature(function_of(name)).parameters
        for word, default in defaults(command).items():
            optional = word in ours and ours[word].default is not inspect.Parameter.empty
            if optional and str(ours[word].default) != str(default):
                differing.add(word)
    assert differing == DEFAULTS.keys()


@pytest.mark.parametrize("name", [name for name in STUDIES if "watch" in inspect.signature(getattr(profiler, name)).parameters])
def test_what_can_be_watched_can_show_a_bar(name: str) -> None:
    assert "progress" in parameters(name)


def test_write_takes_what_report_draws_by() -> None:
    drawn = options("report") & OF_THE_COMMAND_LINE.keys() - {*NOT_WRITTEN, "csv", "output"}
    assert parameters("write") == drawn | {"found", "file"}
    assert set(NOT_WRITTEN) <= OF_THE_COMMAND_LINE.keys()


def test_every_command_has_a_function_and_every_function_a_command_or_a_reason() -> None:
    assert set(STUDIES.values()) == set(COMMANDS) - WITHOUT_A_FUNCTION.keys()
    assert STUDIES.keys() <= set(profiler.__all__)
    functions = {name for name in profiler.__all__ if not inspect.isclass(getattr(profiler, name))}
    assert functions - STUDIES.keys() == WITHOUT_A_COMMAND.keys()


def test_what_is_listed_for_all_is_said_by_some() -> None:
    assert OF_THE_COMMAND_LINE.keys() <= set().union(*map(options, COMMANDS))
    assert OF_THE_LIBRARY.keys() <= set().union(*map(parameters, STUDIES))
    # and is a word of one side alone: a function that takes one of the command line's is a difference to look at
    assert not OF_THE_COMMAND_LINE.keys() & set().union(*map(parameters, STUDIES))
    assert not OF_THE_LIBRARY.keys() & set().union(*map(options, COMMANDS))
