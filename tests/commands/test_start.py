"""The start does not grow: each kind of command loads the modules that are listed for it, and no other."""

from __future__ import annotations

import pytest

from tests.commands.loaded_modules import COMMANDS, LISTING, loaded

LISTED = {
    lines[0].removeprefix("$ profiler "): lines[1:]
    for lines in (paragraph.splitlines() for paragraph in LISTING.read_text().split("\n\n"))
}
HEAVY = {"torch", "fvcore", "thop", "scipy", "plotext", "graphviz", "pydantic"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_loads_what_is_listed(command: str) -> None:
    found, listed = loaded(command), LISTED[command]
    more, less = sorted(set(found) - set(listed)), sorted(set(listed) - set(found))
    assert (more, less) == ([], []), (
        f"`profiler {command}` now loads {', '.join(more) or 'nothing'} and no longer {', '.join(less) or 'anything'}; where that "
        "is meant, run python tests/commands/loaded_modules.py"
    )


def test_nothing_heavy_is_listed() -> None:
    assert LISTED.keys() == set(COMMANDS)
    for command, listed in LISTED.items():
        assert not HEAVY & set(listed), command


def test_what_only_some_commands_need_is_loaded_by_no_other() -> None:
    of = {command: set(listed) for command, listed in LISTED.items()}
    assert "rich" not in of["--help"] | of["TAB"] | of["compare --help"]
    assert not {name for name in of["TAB"] if name.startswith(("profiler.report.terminal", "profiler.count", "profiler.study"))}
    for command in of:
        assert not of[command] & {"profiler.report.terminal.plot", "profiler.load.reference", "profiler.tracing"}, command
