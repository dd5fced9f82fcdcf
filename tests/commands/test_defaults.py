"""Defaults of options from [tool.profiler] of the nearest pyproject.toml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import run


def project(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def columns_of(ran: str) -> list[str]:
    return ran.splitlines()[0].split(",")


def test_a_shared_key_is_of_every_command_that_has_it(tmp_path: Path) -> None:
    project(tmp_path, '[tool.profiler]\nformat = "csv"\nengine = ["closed"]\n')
    for words in (["list", "lenet5"], ["show", "lenet5"], ["compare", "lenet5"], ["formula", "lenet5"]):
        ran = run(*words, cwd=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(("model,", "path,")), words


def test_a_commands_own_table_wins_and_a_flag_wins_over_it(tmp_path: Path) -> None:
    project(
        tmp_path, '[tool.profiler]\nformat = "csv"\ncolumns = "path,macs"\n[tool.profiler.show]\ncolumns = ["path", "params"]\n'
    )
    assert columns_of(run("show", "lenet5", cwd=tmp_path).stdout) == ["path", "params"]
    assert columns_of(run("show", "lenet5", "--columns", "op", cwd=tmp_path).stdout) == ["op"]


def test_the_nearest_file_with_such_a_table_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    project(tmp_path, '[tool.profiler]\nformat = "csv"\n')
    project(tmp_path / "a", "[project]\nname = 'x'\n")
    assert run("show", "lenet5", cwd=inner).stdout.startswith("path,")


def test_underscores_dashes_numbers_and_switches(tmp_path: Path) -> None:
    project(tmp_path, "[tool.profiler.show]\ntop = 1\nformulas = true\nalpha = 0.5\n")
    assert "alpha" not in run("show", "lenet5", cwd=tmp_path).stderr
    said = run("show", "lenet5", cwd=tmp_path).stdout
    assert "α = 0.5" in said
    assert "closed form of each layer, the 1 with most MACs" in said
    project(tmp_path, '[tool.profiler.show]\nwhat_if = "folded"\n')
    assert "what if folded" in run("show", "mobilenet_v1", cwd=tmp_path).stdout


def test_a_path_is_seen_from_the_file(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    project(tmp_path, '[tool.profiler]\noutput = ["last.json"]\n')
    assert run("show", "lenet5", "-q", cwd=inner).returncode == 0
    assert json.loads((tmp_path / "last.json").read_text())["command"] == "show"


def test_verbose_says_which_file_and_what_of_it(tmp_path: Path) -> None:
    project(tmp_path, '[tool.profiler]\nunit = "auto"\nengine = "closed"\n[tool.profiler.show]\ndepth = 1\n')
    assert run("show", "lenet5", "-v", cwd=tmp_path).stderr == 'settings from pyproject.toml: unit = "auto", depth = 1\n'
    assert run("list", "lenet5", "-v", cwd=tmp_path).stderr == 'settings from pyproject.toml: unit = "auto"\n'
    assert run("formula", "lenet5", "-v", cwd=tmp_path).stderr == "settings from pyproject.toml: none for this command\n"
    assert run("show", "lenet5", cwd=tmp_path).stderr == ""


@pytest.mark.parametrize("words", ["list lenet5", "formula lenet5", "check lenet5 --max-macs 1G", "diff lenet5 lenet5"])
def test_verbose_of_a_command_without_more_to_say(tmp_path: Path, words: str) -> None:
    project(tmp_path, '[tool.profiler]\nformat = "csv"\n')
    quiet, verbose = run(*words.split(), cwd=tmp_path), run(*words.split(), "-v", cwd=tmp_path)
    assert (verbose.returncode, verbose.stdout) == (0, quiet.stdout)
    assert (quiet.stderr, verbose.stderr) == ("", 'settings from pyproject.toml: format = "csv"\n')
    project(tmp_path, "[tool.profiler]\nverbose = true\n")
    assert run(*words.split(), cwd=tmp_path).stderr == "settings from pyproject.toml: verbose = true\n"


def test_help_tells_of_the_program(tmp_path: Path) -> None:
    project(tmp_path, '[tool.profiler]\nunit = "auto"\nnonsense = 1\n')
    assert run("show", "--help", cwd=tmp_path).stdout == run("show", "--help").stdout


def test_budgets_are_no_option(tmp_path: Path) -> None:
    project(tmp_path, '[tool.profiler.budgets]\nmacs = "1G"\n')
    ran = run("show", "lenet5", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


FAULTS = [
    ("unknown", 'conventoin = "torch"', "unknown option 'conventoin'; did you mean convention? (conventoin stands in [tool.profiler] of pyproject.toml)"),
    ("not its own", '[tool.profiler.formula]\nunit = "auto"', "(unit stands in [tool.profiler.formula] of pyproject.toml)"),
    ("no such value", 'unit = "zz"', "it is set as unit = \"zz\" in [tool.profiler] of pyproject.toml"),
    ("no number", '[tool.profiler.show]\ndepth = "x"', 'depth = "x" in [tool.profiler.show] of pyproject.toml: '),
    ("no switch", 'quiet = "yes"', 'quiet in [tool.profiler] of pyproject.toml must be true or false, not "yes"'),
    ("a switch", "unit = true", "unit in [tool.profiler] of pyproject.toml must be a string, a number or a list of them, not true; change it"),
    ("a date", "unit = 2026-01-01", "unit in [tool.profiler] of pyproject.toml cannot be 2026-01-01"),
    ("nothing", "columns = []", "columns in [tool.profiler] of pyproject.toml cannot be []"),
    ("no table", "show = 3", "pyproject.toml: tool.profiler.show must be a table; write [tool.profiler.show] and its options below it"),
    ("no command", '[tool.profiler.chek]\nunit = "M"', "unknown command 'chek'; did you mean check? (chek stands in [tool.profiler] of pyproject.toml)"),
    ("no TOML", "unit = ", "pyproject.toml is not valid TOML: Invalid value (at line 2, column 8)"),
    ("out of range", "alpha = 99", "it is set as alpha = 99 in [tool.profiler] of pyproject.toml"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
def test_a_fault_names_the_file_the_key_and_the_cure(tmp_path: Path, text: str, said: str) -> None:
    project(tmp_path, f"[tool.profiler]\n{text}\n")
    ran = run("show", "lenet5", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1


def test_a_file_whose_tools_are_no_table_is_passed_over(tmp_path: Path) -> None:
    project(tmp_path, "tool = 3\n")
    ran = run("show", "lenet5", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_flag_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    project(tmp_path, "[tool.profiler.show]\ndepth = 1\n")
    ran = run("show", "lenet5", "--depth", "x", cwd=tmp_path)
    assert ran.returncode == 2
    assert "pyproject" not in ran.stderr


BLAMED = [
    ("top = 1", "show mobilenet_v11", ""),  # 1 is a part of the name, and not what is wrong
    ('format = "csv"', "show csv.py:Net", ""),
    ("depth = 1", "compare 1 --engine closed", ""),
    ('columns = "path,maks"', "show lenet5", 'columns = "path,maks" in [tool.profiler] of pyproject.toml'),
    ('columns = "maks"', "show lenet5 --columns=maks", ""),
    ('columns = "maks"', "show lenet5 --sort maks", ""),
    ('format = "maks"', "show lenet5 -fmaks", ""),
    ('engine = ["closed", "fvcor"]', "compare lenet5", 'engine = ["closed", "fvcor"] in [tool.profiler] of pyproject.toml'),
    ("alpha = 99", "show lenet5 --rho 2", "alpha = 99 in [tool.profiler] of pyproject.toml"),
    ("depth = -3", "show lenet5", "depth = -3 in [tool.profiler] of pyproject.toml"),
    ('resume = "nope.samples.jsonl"', "bench lenet5", 'resume = "nope.samples.jsonl" in [tool.profiler] of pyproject.toml'),
    ("max-macs = 1", "check lenet5", ""),  # the answer of a check is no fault of a setting
]  # fmt: skip


@pytest.mark.parametrize(("text", "words", "where"), BLAMED, ids=[f"{each[0]}; {each[1]}" for each in BLAMED])
def test_only_what_came_from_the_file_is_blamed_on_it(tmp_path: Path, text: str, words: str, where: str) -> None:
    project(tmp_path, f"[tool.profiler]\n{text}\n")
    ran = run(*words.split(), cwd=tmp_path)
    assert ran.returncode in (1, 2, 3)
    assert ran.stderr.endswith(f"; it is set as {where}\n") if where else "pyproject" not in ran.stderr
