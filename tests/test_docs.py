"""The docs say what the program does: every command in them is run, every option exists, every link leads somewhere."""

from __future__ import annotations

import ast
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import profiler
from docs.running import DOCS, FENCE, PAGES, ROOT, Forks, blocks, run, shape, tidy
from profiler.__main__ import load_cli

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
BUDGET = "2s"
"""What a command with a clock in it is given, on a clock of calls; its page shows what it printed in its own budget."""
VERSION = re.compile(r"\b(torch|fvcore|thop|arch-profiler) \d+(?:\.\d+)+")
"""Versions that a page shows are those of the machine that wrote it."""
PACED = "from tests.measure.paced import install; install()"


def pages_with(*languages: str) -> list[str]:
    """Names of the pages that have such blocks."""
    return [name for name, page in zip(NAMES, PAGES, strict=True) if any(b.language in languages for b in blocks(page))]


# Running them: a page's blocks in order, in a folder of the page's own


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks") / "out", PACED)
    yield forks
    forks.close()


def answer(command: str, shown: str, measured: bool, folder: Path, forks: Forks) -> tuple[bool, str]:
    """Whether the command prints what the page shows, and what it prints; of a measured one the shape is compared."""
    if not measured:
        _, said = run(command, folder, forks)
        return VERSION.sub(r"\1 …", said) == VERSION.sub(r"\1 …", shown), said
    program, _, lines = re.sub(r" --time \S+", "", command).partition(" | head -n ")
    _, said = run(f"{program} --time {BUDGET}", folder, forks)  # without a pipe, since only a fork has the clock of calls
    said = "".join(said.splitlines(keepends=True)[: int(lines) if lines else None])
    return shape(said) == shape(shown) != [], said


MINUTES = ("docs/latency.md", "docs/fleet.md", "docs/tutorial/slower.md")
"""Pages that measure much; the README and the page of `bench` are measured in every run of the tests."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.full) if name in MINUTES else name for name in pages_with("console", "python")],
)
def test_a_page_shows_what_its_commands_print(name: str, forks: Forks, tmp_path: Path) -> None:
    shutil.copytree(DOCS / "examples", tmp_path / "docs" / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    wrong = []
    for block in blocks(ROOT / name):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        if block.language == "python":
            code, said = forks(tmp_path, code=block.text)
            if code:
                wrong.append(f"a block of Python ends in {code}:\n{block.text}\n{said}")
        for command, shown in block.commands():
            same, said = answer(command, shown, block.measured, tmp_path, forks)
            if not same:
                change = difflib.unified_diff(shown.splitlines(), said.splitlines(), "the page", "the program", lineterm="")
                wrong.append("\n".join([f"$ {command}", *change]))
    assert not wrong, f"{name}:\n" + "\n\n".join(wrong)


def test_calls_of_other_tools_print_the_figures_beside_them(forks: Forks, tmp_path: Path) -> None:
    """docs/coming-from.md: `print(macs)  # 578875904`, of every tool that is installed."""
    made = [block.text for block in blocks(DOCS / "coming-from.md") if block.language == "python"]
    assert len(made) > 6
    for text in made:
        code, said = forks(tmp_path, code=text)
        figures = re.findall(r"^print\(.*\)  # ([\d ]+)$", text, re.MULTILINE)
        assert (code, said.split()) == (0, " ".join(figures).split()), text


def test_the_readme_takes_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_a_fork_prints_what_a_process_does(forks: Forks, tmp_path: Path) -> None:
    for words in (["compare", "lenet5", "--engine", "closed"], ["show", "vgg16", "--resolution", "20"]):
        ran = subprocess.run(
            [sys.executable, "-m", "profiler", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert forks(tmp_path, argv=words) == (ran.returncode, tidy(ran.stdout))


# What is not run: its words are looked at


GROUP: Any = typer.main.get_command(load_cli().app)


def refused(words: list[str]) -> str:
    """Why `profiler WORDS` would be wrong usage; nothing where it would not."""
    name, *rest = words or [""]
    if name.startswith("-"):
        return "" if any(name in option.opts for option in GROUP.get_params(GROUP.make_context("profiler", ["list"]))) else name
    if name not in GROUP.commands:
        return f"there is no command '{name}'"
    try:
        GROUP.commands[name].make_context(name, rest)
    except Exception as fault:  # typer's click may be a copy of its own
        if not hasattr(fault, "format_message"):
            raise
        return str(fault.format_message())
    return ""


@pytest.mark.parametrize("name", pages_with("sh"))
def test_what_a_shell_is_given_is_a_command(name: str) -> None:
    for block in blocks(ROOT / name):
        if block.language != "sh":
            continue
        assert subprocess.run(["bash", "-n"], input=block.text, text=True, check=False).returncode == 0, block.text
        for line in block.text.splitlines():
            for part in re.split(r"&&|\|\||;|\|", line):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == "profiler":
                    assert refused(words[1:]) == "", part


@pytest.mark.parametrize("name", NAMES)
def test_a_command_within_a_sentence_exists(name: str) -> None:
    text = FENCE.sub("", (ROOT / name).read_text(encoding="utf-8"))
    for command in re.findall(r"`profiler ([^`]+)`", text):
        words = [word for word in shlex.split(command.replace("…", "")) if not word.startswith("[")]
        fault = refused(words)
        assert fault == "" or fault.startswith(("Missing argument", "Missing parameter")), (
            f"{name}: profiler {command}: {fault}"
        )


@pytest.mark.parametrize("name", NAMES)
def test_no_command_hides_from_these_tests(name: str) -> None:
    for block in blocks(ROOT / name):
        assert block.language in ("console", "sh") or not re.search(r"^\$ ", block.text, re.MULTILINE), block.text
        if block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.full  # .ci/run asks the same of docs/generate.py itself
def test_every_command_has_a_fresh_page() -> None:
    ran = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


# Links, and the reference


def anchor(heading: str) -> str:
    """A heading's anchor, where GitHub and the site make the same."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", heading)).strip().lower())


@pytest.mark.parametrize("name", [*NAMES, "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)]+)\)", FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, fragment = target.partition("#")
        if path.startswith("http"):
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name} links to {target}"
        if page.is_relative_to(DOCS):
            assert there.is_relative_to(DOCS), f"{name} links to {target}, which is not in the site"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", there.read_text(encoding="utf-8")), re.MULTILINE)
            assert fragment in map(anchor, headings), f"{name} links to {target}"


def test_the_reference_has_every_public_name() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    paths = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    parts = re.findall(r"^\| `(\w+)\(", text, re.MULTILINE)
    homes = {f"{module}.{name}": name for name, module in profiler._HOMES.items()}
    assert sorted([*(homes[path] for path in paths), *parts, "Layer"]) == profiler.__all__
    assert "| `Conv(out, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True)` | Convolution over" in text


@pytest.mark.parametrize("name", pages_with("python"))
def test_examples_import_what_is_public(name: str) -> None:
    for block in blocks(ROOT / name):
        if block.language == "python":
            imported = [node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.ImportFrom | ast.Import)]
            modules = {node.module for node in imported if isinstance(node, ast.ImportFrom)}
            modules |= {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
            assert not {module for module in modules if module and module.startswith("profiler.")}, block.text


def test_the_numbers_in_the_docs_python_are_true() -> None:
    assert profiler.profile("mobilenet_v1", alpha=0.5, resolution=192).macs == 109_970_432
    start = (DOCS / "start.md").read_text(encoding="utf-8")
    own = next(block for block in re.findall(r"```python\n(.*?)```", start, re.DOTALL) if "block = " in block)
    space: dict[str, Any] = {}
    exec(own.replace("profile(Chain", "answer = profile(Chain"), space)
    assert space["answer"] == 7 * 7 * 3 * 64 * 112 * 112 + 2 * 9 * 64 * 64 * 112 * 112


def test_the_site_names_the_language_of_a_block_where_its_style_asks_for_it() -> None:
    assert ".language-console" in (DOCS / "site.css").read_text(encoding="utf-8")
    extensions = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["markdown_extensions"]
    assert {"pymdownx.highlight": {"pygments_lang_class": True}} in extensions
