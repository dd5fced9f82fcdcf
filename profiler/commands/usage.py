"""typer's usage errors as sentences like all other errors: the problem, the value, the cure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import typer

USAGE: Any = typer.BadParameter.__mro__[1]
"""The class of typer's usage errors, which is click's own in typer's older versions."""
EXAMPLE_ARGUMENTS = {
    "MODEL": "mobilenet_v1",
    "FILE": "run.json",
    "BEFORE": "mobilenet_v1 mobilenet_v2",
    "AFTER": "A.json B.json",
}
OTHER_NAMES = {"--width": "--alpha", "--width-mult": "--alpha", "--size": "--resolution", "--side": "--resolution"}
"""What other tools call an option: what it is called here."""


def sentence_of(fault: Any) -> str:
    """A usage error of typer's as the problem, the value and the cure."""
    of_command = fault.ctx is not None and fault.ctx.parent is not None
    command = f"profiler {fault.ctx.info_name}" if of_command else "profiler"
    kind, param = type(fault).__name__, getattr(fault, "param", None)
    text = fault.format_message().rstrip(".")
    name = _name_of(param)
    if kind == "NoSuchOption":
        return f"unknown option '{fault.option_name}'; {_near_option(fault, command)}"
    if kind == "MissingParameter":
        return f"missing argument {name}; write {command} {EXAMPLE_ARGUMENTS.get(name, name)}, or see `{command} --help`"
    if kind == "BadParameter" and param is not None:
        return f"{name}: {_of_value(fault.message, param)}"
    if kind == "BadOptionUsage" and "requires an argument" in text:
        return f"option {fault.option_name} needs a value; write it as {fault.option_name} {_metavar(fault)}"
    if kind == "BadOptionUsage":
        return f"option {fault.option_name} takes no value; leave out the = and what follows it"
    if "No such command" in text:
        return _of_command(text)
    if "extra argument" in text:
        extra = text.partition(" (")[2].rpartition(")")[0]
        return f"unexpected argument '{extra}'; {command} takes no more arguments, see `{command} --help`"
    return f"{text[:1].lower()}{text[1:]}; see `{command} --help`"


def _near_option(fault: Any, command: str) -> str:
    """The option that was probably meant, or where the options are listed."""
    limit = fault.option_name.rpartition("-")[0]
    if limit in ("--max", "--min") and fault.option_name.endswith("-flops"):
        return f"limit multiply-adds by {limit}-macs, which are half as many as FLOPs"
    params = () if fault.ctx is None else fault.ctx.command.params
    known = [opt for param in params for opt in param.opts if opt.startswith("--")]
    near = [OTHER_NAMES[fault.option_name]] if OTHER_NAMES.get(fault.option_name) in known else []
    if len(fault.option_name) > 3:
        near += [each for each in known if each.startswith(fault.option_name)]
    near += get_close_matches(fault.option_name, known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else f"`{command} --help` lists the options"


def _of_command(text: str) -> str:
    """An unknown command, which may be a network that stands where the command should."""
    from profiler.network.registry import names

    word = text.partition("'")[2].partition("'")[0]
    if word.partition("@")[0] in names() or any(sign in word for sign in ".:"):
        return f"unknown command '{word}'; to count a network, write `profiler show {word}`"
    near = text.partition("Did you mean ")[2].rstrip("?").replace("'", "")
    return f"unknown command '{word}'; {f'did you mean {near}?' if near else '`profiler --help` lists the commands'}"


def _metavar(fault: Any) -> str:
    params = () if fault.ctx is None else fault.ctx.command.params
    return next((str(param.metavar or "VALUE") for param in params if fault.option_name in param.opts), "VALUE")


def _name_of(param: Any) -> str:
    if param is None:
        return ""
    longest = max(param.opts, key=len)
    return str(longest) if param.param_type_name == "option" else str(param.metavar or param.human_readable_name)


def _of_value(message: str, param: Any) -> str:
    """A value that an option does not take, and one that it does."""
    value = message.partition("'")[2].partition("'")[0]
    wanted = {"integer": ("a whole number", "2"), "int": ("a whole number", "2"), "float": ("a number", "0.5")}
    what, example = wanted.get(getattr(param.type, "name", ""), ("", ""))
    if not what:
        return f"{message[:1].lower()}{message[1:].rstrip('.')}; give another value"
    return f"'{value}' is not {what}; write it as {_name_of(param)} {example}"
