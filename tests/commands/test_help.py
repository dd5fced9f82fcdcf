"""`--help` as a newcomer reads it: whole lines at 80 columns, options under headings, each a sentence, examples that work."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
import typer.main

from profiler.__main__ import load_cli
from profiler.commands import help_pages
from tests.test_cli import run

APP: Any = typer.main.get_command(load_cli().app)
COMMANDS: dict[str, Any] = dict(APP.commands)
OPTIONS = [
    pytest.param(param, id=f"{name}-{param.name}")
    for name, command in COMMANDS.items()
    for param in command.params
    if param.param_type_name == "option"
]


def test_every_command_has_one_whole_line() -> None:
    text = run("--help", COLUMNS="80").stdout
    assert not re.search(r"…|[a-z,]\.\.\.$", text, re.MULTILINE)
    for name, command in COMMANDS.items():
        assert len(command.short_help) <= 66
        assert f"\n  {name:<8}  {command.short_help}\n" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does_and_shows_how(name: str) -> None:
    about, examples = help_pages.parts(COMMANDS[name].help)
    assert re.fullmatch(r"[A-Z].*\.", about, re.DOTALL)
    assert 1 <= len(examples) <= 2
    for line in examples:
        program, command, *words = shlex.split(line)
        assert program == "profiler"
        parser = COMMANDS[command].make_parser(typer.Context(COMMANDS[command]))
        parser.parse_args(words)  # raises for an option that is not there, or that lacks its value


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_is_80_columns_wide(name: str) -> None:
    text = run(name, "--help", COLUMNS="80").stdout
    examples = help_pages.parts(COMMANDS[name].help)[1]
    lines = [line for line in text.splitlines() if line.strip() not in examples]
    assert max(map(len, lines)) <= 80
    assert text.startswith("Usage: ")
    assert all(f"\n  {line}\n" in text for line in examples)
    assert "<list" not in text
    assert not re.search(r"\bTEXT \[|INTEGER|\{[A-Z]+\}", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_stands_under_a_heading(name: str) -> None:
    found = help_pages.sections(name, COMMANDS[name].params)
    assert help_pages.OTHERS not in found, [param.name for param in found[help_pages.OTHERS]]
    assert sum(map(len, found.values())) == len(COMMANDS[name].params)


@pytest.mark.parametrize("param", OPTIONS)
def test_an_option_is_a_sentence(param: Any) -> None:
    said = re.sub(r" \[default: .*\]$", "", param.help)
    assert re.fullmatch(r"[A-Z].*\.", said)
    assert param.is_flag or re.fullmatch(r"[A-Z0-9=]+(\.csv)?", param.metavar)
    assert not re.search(r"\bas \d|\bEnd in\b|\bnone passes\b|\bof such\b", said)


def test_no_section_holds_an_option_that_is_gone() -> None:
    names = {param.name for command in COMMANDS.values() for param in command.params}
    assert {param for below in help_pages.SECTIONS.values() for param in below} <= names
    assert {param for own in help_pages.OWN_SECTIONS.values() for param in own} <= names
