"""Defaults of options, read from `[tool.profiler]` in the nearest pyproject.toml."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profiler.config import Config
from profiler.errors import ProfilerError, UnknownName

OTHERS = ("budgets",)
"""Tables that are not the options of a command: the budgets of `profiler check`."""
PATHS = ("output", "csv", "resume", "baseline", "junit", "layer_file", "source", "scale_to", "widths_of", "roofs")
"""Options whose value is a path; in a pyproject.toml it is relative to that file."""
NEVER = ("fleet", "spread", "exec", "exec-push")
"""Options of the command line alone: each says what code is run, and what a fleet sends back is unpickled."""
WRITTEN = ("output", "csv", "resume", "junit", "layer_file")
"""Those that are written to. In a pyproject.toml they must stay below its folder, since its author may be somebody else."""


@dataclass(frozen=True)
class Defaults:
    """The settings of a file for one command."""

    where: str
    """The file."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """{parameter: value}."""
    written: Mapping[str, tuple[str, str, Any]] = field(default_factory=dict)
    """{parameter: (table, key, value)}, as written in the file."""

    def __str__(self) -> str:
        told = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for _, key, value in self.written.values()]
        return f"settings from {self.where}: {', '.join(told) or 'none for this command'}"

    def written_as(self, parameter: str) -> str:
        """`unit = "auto" in [tool.profiler] of pyproject.toml`."""
        table, key, value = self.written[parameter]
        return f"{key} = {json.dumps(value, ensure_ascii=False)} in [{table}] of {self.where}"

    def blamed(self, fault: str, words: Collection[str], given: Collection[str]) -> str:
        """Where the file sets the value that the error `fault` is about; empty if the file does not set it.

        `words` and `given` are the words of the command line and the parameters that it sets, which override the file.
        An error is about a value that it quotes, or that it states beside the name of its option.
        """
        for parameter, (_, key, value) in self.written.items():
            if parameter in given:
                continue
            texts = [*_listed(value), *_listed(self.values[parameter])]
            for text in {item.strip() for each in texts for item in (each, *each.split(","))} - {""} - set(words):
                named = all(
                    re.search(rf"(?<![\w.]){re.escape(each)}(?![\w]|\.\w)", fault) for each in (key.replace("_", "-"), text)
                )
                if not isinstance(value, bool) and (named or f"'{text}'" in fault):
                    return f"it is set as {self.written_as(parameter)}"
        return ""


def of_command(commands: Mapping[str, Any], name: str, config: Config) -> Defaults:
    """The settings of `config` for a command. Raises UnknownName for an unknown option, ProfilerError for a wrong type."""
    every = {key for command in commands.values() for key in _options(command)}
    options = _options(commands[name])
    written: dict[str, tuple[str, str, Any]] = {}
    values: dict[str, Any] = {}
    own = config.table.get(name, {})
    if not isinstance(own, dict):
        raise ProfilerError(
            f"{config.name}: tool.profiler.{name} must be a table; write [tool.profiler.{name}] and its options below it"
        )
    shared = {key: value for key, value in config.table.items() if key not in commands and key not in OTHERS}
    for table, given, known in (("tool.profiler", shared, every), (f"tool.profiler.{name}", own, set(options))):
        for key, value in given.items():
            plain = key.replace("_", "-")
            if plain in NEVER:
                raise ProfilerError(
                    f"{key} in [{table}] of {config.name}: it says what code is run, so that it is given on the command line "
                    f"alone, as --{plain}; take it out of the file"
                )
            if plain not in known:
                what, names = ("command", [*commands, *OTHERS]) if isinstance(value, dict) else ("option", known)
                raise UnknownName(what, key, sorted(names), f"({key} stands in [{table}] of {config.name})")
            if plain in options:
                param = options[plain]
                written[param.name] = (table, key, value)
                values[param.name] = _checked(param, value, f"{key} in [{table}] of {config.name}", config)
    return Defaults(config.name, values, written)


def _options(command: Any) -> dict[str, Any]:
    """A command's options by their long names, without --help and --version."""
    return dict(_named(command))


def _named(command: Any) -> Iterator[tuple[str, Any]]:
    for param in command.params:
        if param.param_type_name == "option" and not param.is_eager:
            yield from ((opt.removeprefix("--"), param) for opt in param.opts if opt.startswith("--"))


def _checked(param: Any, value: Any, where: str, config: Config) -> Any:
    """`value` as the option takes it: a switch true or false, a repeated option a list, anything else text."""
    if param.is_flag:
        if not isinstance(value, bool):
            raise ProfilerError(f"{where} must be true or false, not {_shown(value)}; write one of them")
        return value
    given = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in given):
        raise ProfilerError(f"{where} must be a string, a number or a list of them, not {_shown(value)}; change it")
    texts = [str(each) for each in given]
    if param.name in PATHS and config.path is not None:
        if param.name in WRITTEN:
            _check_below(texts, config.path.parent, where)
        texts = [str(config.path.parent / each) for each in texts]
    return texts if param.multiple else ",".join(texts)


def _check_below(texts: Sequence[str], folder: Path, where: str) -> None:
    root = Path(os.path.realpath(folder))
    for text in texts:
        try:
            inside = Path(os.path.realpath(folder / text)).is_relative_to(root)
        except ValueError:  # a zero byte, which no name holds
            inside = False
        if not inside:
            raise ProfilerError(
                f"{where} is '{text}', but settings in a file may only write below its folder; name a path there, "
                "or give it on the command line"
            )


def _listed(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _shown(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:  # a date
        return str(value)
