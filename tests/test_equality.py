"""The library and the command line say the same words: a parameter is an option, or the difference is listed with its reason."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import typer.main

import profiler
from profiler.__main__ import load_cli
from profiler.study.bench_options import BenchOptions

COMMANDS: dict[str, Any] = typer.main.get_command(load_cli().app).commands  # type: ignore[attr-defined]

STUDIES = {name: name for name in COMMANDS} | {"benchmark": "bench", "layers": "bench", "read": "report"}
"""{function of the library: the command that asks for the same}. Its own name, for most."""
del STUDIES["report"]

NOT_YET = {
    "bench": ("profiler.study.bench", "bench"),
    "layers": ("profiler.study.layers", "layers"),
    "show": ("profiler.study.show", "show"),
    "list": ("profiler.study.listing", "listing"),
    "formula": ("profiler.study.formula", "formula"),
    "verify": ("profiler.study.verify", "verify"),
    "selftest": ("profiler.study.selftest", "selftest"),
    "read": ("profiler.saved.read", "read"),
}
"""Not in the library yet: studies that `profiler.__all__` has no name for, and where they are meanwhile."""

WITHOUT_A_COMMAND = {
    "architecture": "registers a network of the user's own, in Python",
    "build": "makes a torch.nn.Module, which no terminal shows",
    "memory": "takes a graph that was traced; `show --memory` asks for the same",
    "profile": "is the record that `show` is drawn from",
    "register": "registers a formula of the user's own, in Python",
    "trace": "takes a module that is alive; a reference does so on the command line",
    "trace_training": "takes a module that is alive; `show --training` asks for the same",
    "unregister": "takes back what `register` did",
}

# Differences that hold for every command and every function

OF_THE_COMMAND_LINE = {
    "columns": "which columns are drawn; a Results holds all",
    "csv": "a file; Results.to_csv writes one",
    "depth": "how much of the layer tree is drawn",
    "format": "how stdout is written; a Results has a method a format",
    "formulas": "whether formulas are drawn",
    "no_fold": "whether rows that repeat are drawn as one",
    "output": "files; a Results has a method a format",
    "plot": "whether a plot is drawn",
    "quiet": "what is printed",
    "sort": "the order in which rows are drawn; a list sorts",
    "top": "how many rows are drawn",
    "unit": "how counts are drawn; a Results holds them whole",
    "verbose": "what is printed",
}
OF_THE_LIBRARY = {
    "progress": "a bar, which the command line always has",
    "watch": "a function that sees the results while they fill in",
}
OTHER_WORDS = {"set": "options"}
"""{option: parameter}: `--set KEY=VALUE`, repeated, is the mapping `options`."""

# Differences of one function: {parameter or option: reason}

CLOCK = "a field of the BenchOptions, which the library takes whole"
CLOCK_ITSELF = "the options that say how to measure, as one value"
MEASURING = {word: CLOCK for word in inspect.signature(BenchOptions).parameters if word not in ("compile", "outputs")}
LIMITS = ("macs", "params", "activations", "weight_bytes", "memory", "latency")
DIFFERENCES: dict[str, dict[str, str]] = {
    "compare": MEASURING,
    "sweep": MEASURING,
    "bench": {**MEASURING, "compile": CLOCK, "clock": CLOCK_ITSELF, "layers": "the function `layers`"},
    "layers": {**MEASURING, "compile": CLOCK, "clock": CLOCK_ITSELF, "layers": "the function itself"},
    "benchmark": {
        "args": "what a module's forward is called with: values of torch",
        "kwargs": "what a module's forward is called with: values of torch",
        "dataset_size": "seconds an epoch, which a Timing does not hold",
        "layers": "the function `layers`",
        "model": "one network; `models` of the command",
        "models": "several networks; `model` of the function",
        "resume": "goes on with a file of samples, of which a single measurement keeps none",
    },
    "show": {
        "model": "a network by name; `network` of the function is one that is loaded",
        "network": "one that is loaded, at its α, sides, input and options",
        "alpha": "of the network that is loaded",
        "resolution": "of the network that is loaded",
        "rho": "of the network that is loaded",
        "input": "of the network that is loaded",
        "options": "of the network that is loaded",
        "strict": "an exit code; the Shown says what has no formula",
        "wired": "whether connections are recorded, which the command infers from its format",
    },
    "check": {
        **{f"max_{word}": f"`{word}` of the function" for word in LIMITS},
        **{word: f"`--max-{word.replace('_', '-')}` of the command" for word in LIMITS},
        **dict.fromkeys(("device", "threads", "dtype", "memory_format", "time"), CLOCK),
        "clock": CLOCK_ITSELF,
        "config": "settings that are read already; the command finds pyproject.toml",
        "junit": "a file",
    },
    "diff": {"exit_code": "an exit code; the Difference is true or not"},
    "read": {"file": "`name` of the function", "name": "`file` of the command"},
}

# Defaults that differ, of a word that both say: {word: reason}
DEFAULTS = {
    "batch": "the command's is 1, and 32 to train, once it has seen --train",
    "bench": "a flag of the command; the BenchOptions of the function, or none",
    "engine": "an option that may be repeated has no default of its own; without any, the function's stands",
}


def function_of(name: str) -> Callable[..., Any]:
    """A study by its public name, or from where it is meanwhile."""
    if name in profiler.__all__:
        return getattr(profiler, name)  # type: ignore[no-any-return]
    module, inside = NOT_YET[name]
    return getattr(import_module(module), inside)  # type: ignore[no-any-return]


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


def test_every_command_has_a_function_and_every_function_a_command_or_a_reason() -> None:
    assert set(STUDIES.values()) == set(COMMANDS)
    missing = {name for name in STUDIES if name not in profiler.__all__}
    assert missing == NOT_YET.keys(), "take out of NOT_YET what is in the library"
    functions = {name for name in profiler.__all__ if not inspect.isclass(getattr(profiler, name))}
    assert functions - STUDIES.keys() == WITHOUT_A_COMMAND.keys()


def test_what_is_listed_for_all_is_said_by_some() -> None:
    assert OF_THE_COMMAND_LINE.keys() <= set().union(*map(options, COMMANDS))
    assert OF_THE_LIBRARY.keys() <= set().union(*map(parameters, STUDIES))
    # and is a word of one side alone: a function that takes one of the command line's is a difference to look at
    assert not OF_THE_COMMAND_LINE.keys() & set().union(*map(parameters, STUDIES))
    assert not OF_THE_LIBRARY.keys() & set().union(*map(options, COMMANDS))
