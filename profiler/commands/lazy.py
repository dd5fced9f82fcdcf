"""The program's commands, each imported when it is used: `--help` and completion of command names import none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from profiler.commands.defaults import Defaults, of_command
from profiler.commands.given import check_needed, check_once, sized_memory
from profiler.commands.help_pages import HelpfulCommand, parts, write_examples
from profiler.commands.usage import USAGE
from profiler.config import Config
from profiler.errors import CheckFailed, ProfilerError


class Command(NamedTuple):
    """One command, before it is loaded."""

    where: str
    """`counting:compare`, a file of this folder and a function in it."""
    summary: str
    """One line of at most 66 letters, which a terminal of 80 columns shows whole; the function's docstring says the rest."""

    def load(self, name: str) -> Any:
        """The command as typer makes it."""
        module, _, function = self.where.partition(":")
        callback = getattr(import_module(f"profiler.commands.{module}"), function)
        cls = _WithSizes if name == "show" else HelpfulCommand
        info = CommandInfo(name=name, cls=cls, callback=callback, short_help=self.summary)
        return get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)


class _WithSizes(HelpfulCommand):
    """A command whose `--memory` may be followed by a size."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, sized_memory(args))

    def make_parser(self, ctx: Any) -> Any:
        """The parser; it is also used alone, to see which options a command line sets."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args
        parser.parse_args = lambda args: parse(args=sized_memory(args))  # type: ignore[method-assign]
        return parser


class Catalogue(Mapping[str, Any]):
    """{name: command}, imported on lookup."""

    def __init__(self, table: Mapping[str, Command]) -> None:
        self.table = table
        self.load = cache(lambda name: table[name].load(name))

    def __getitem__(self, name: str) -> Any:
        if name not in self.table:
            raise KeyError(name)
        return self.load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def commands(table: Mapping[str, Command]) -> type[TyperGroup]:
    """A group of the commands in `table`, whose options take their defaults from the project's own file.

    Flags win over the file, a command's own table over `[tool.profiler]`.
    """

    class Commands(TyperGroup):
        def __init__(self, **given: Any) -> None:
            super().__init__(**{**given, "commands": {}})
            self.commands: Any = Catalogue(table)

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the context plays no part
            return list(table)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # click's own signature
            return self.commands.get(cmd_name)

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # click's own signature
            with formatter.section("Commands"):
                formatter.write_dl([(name, command.summary) for name, command in table.items()])

        def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # click's own signature
            about, examples = parts(self.help)
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(" ".join(about.split()))
            write_examples(formatter, examples)

        def format_options(self, ctx: Any, formatter: Any) -> None:
            self.format_commands(ctx, formatter)
            with formatter.section("Options"):
                formatter.write_dl([found for param in self.get_params(ctx) if (found := param.get_help_record(ctx))])

        def shell_complete(self, ctx: Any, incomplete: str) -> Any:
            names = [name for name in table if name.startswith(incomplete)]
            if not names:
                return super().shell_complete(ctx, incomplete)
            item = _completion_item()
            return [item(name, help=table[name].summary) for name in names]

        def invoke(self, ctx: Any) -> Any:
            words = [*getattr(ctx, "_protected_args", ()), *ctx.args]
            if not words or {"-h", "--help"} & set(words):  # help describes the program, not one project
                return super().invoke(ctx)
            parsed = self._parsed(words)
            check_once(parsed)
            config = Config.nearest()
            found = {name: of_command(self.commands, name, config) for name in self.commands} if config.path else {}
            ctx.default_map = {name: dict(each.values) for name, each in found.items()}
            ctx.obj = mine = found.get(words[0], Defaults(""))
            check_needed(words[0], {param.name for param in parsed}, mine, config)
            try:
                return super().invoke(ctx)
            except typer.BadParameter as fault:
                param: Any = fault.param
                if param is None or param.name not in mine.written or param in parsed:
                    raise
                raise ProfilerError(f"{mine.written_as(param.name)}: {fault.message[:1].lower()}{fault.message[1:]}") from None
            except USAGE as fault:
                command: Any = self.commands.get(words[0])
                if fault.ctx is None and command is not None:  # typer does not say which command the error is about
                    fault.ctx = typer.Context(command, parent=ctx, info_name=words[0])
                raise
            except CheckFailed:
                raise
            except ProfilerError as fault:
                note = mine.blamed(str(fault), words, {param.name for param in parsed}) if mine.written else ""
                fault.args = (f"{fault}; {note}",) if note else fault.args
                raise

        def _parsed(self, words: Sequence[str]) -> list[Any]:
            """The parameters that the command line sets, each as often as it does."""
            command: Any = self.commands.get(words[0])
            if command is None:
                return []
            parser = command.make_parser(typer.Context(command, resilient_parsing=True))
            order: list[Any] = parser.parse_args(list(words[1:]))[2]
            return order

    return Commands


def _completion_item() -> Any:
    """The class that the shells' completions are of: typer's own click, or click itself."""
    try:
        found = import_module("typer._click.shell_completion")
    except ImportError:
        found = import_module("click.shell_completion")
    return found.CompletionItem
