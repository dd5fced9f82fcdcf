"""The docs say what the program does: every command in them is run, every option exists, every command has its page, every link leads on."""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

import profiler
from profiler.__main__ import load_cli

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^( *)```(\S+)[ ]*([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r'title="([^"]+)"')
MEASURED_FOR = "2s"
"""What a command with a clock in it is given here; its page shows what it printed in its own time."""


class Block(NamedTuple):
    """A fenced block of a page: language, what stands behind it, text."""

    language: str
    info: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block shows: `title="net.py"`."""
        title = TITLE.search(self.info)
        return title[1] if title and re.fullmatch(r"[\w./-]+\.\w+", title[1]) else None

    @property
    def measured(self) -> bool:
        """Whether its figures are of a clock: `title="measured on …"`."""
        title = TITLE.search(self.info)
        return title is not None and title[1].startswith("measured")

    def commands(self) -> Iterator[tuple[str, str]]:
        """(command, what the page shows of its output), of each `$` in a console block."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            while command.endswith("\\"):
                more, _, output = output.partition("\n")
                command = command[:-1] + more.removeprefix("> ").lstrip()
            yield command, output


def blocks(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [
        Block(language, info, "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True)))
        for indent, language, info, text in found
    ]


def pages_with(*languages: str) -> list[str]:
    """Names of the pages that have such blocks."""
    return [name for name, page in zip(NAMES, PAGES, strict=True) if any(b.language in languages for b in blocks(page))]


# Running them: a page's blocks in order, in a folder of the page's own


class Forks:
    """tests/forks.py, started once."""

    def __init__(self, out: Path) -> None:
        self.out = out
        answers, theirs = os.pipe()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$1" 3>&{theirs}', sys.executable, str(ROOT / "tests" / "forks.py")],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(theirs,), text=True,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        os.close(theirs)
        self.answers = os.fdopen(answers)

    def __call__(self, cwd: Path, **what: Any) -> tuple[int, str]:
        """Exit code and output, without the blanks at the ends of lines."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({**what, "cwd": str(cwd), "out": str(self.out)}) + "\n")
        self.process.stdin.flush()
        answer = self.answers.readline()
        assert answer, "the process that forks is gone"
        return int(answer), tidy(self.out.read_text(encoding="utf-8"))


def tidy(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks") / "out")
    yield forks
    assert forks.process.stdin is not None
    forks.process.stdin.close()
    forks.answers.close()
    forks.process.wait()


def run(command: str, folder: Path, forks: Forks) -> tuple[int, str]:
    """What a line of a console block prints; a plain call of profiler in a fork, anything else by bash."""
    words = shlex.split(command)
    if words[0] == "profiler" and not any(sign in word for word in words for sign in ("|", ">", "<", ";", "&", "$")):
        return forks(folder, argv=words[1:])
    script = f'profiler() {{ "{sys.executable}" -m profiler "$@"; }}\n{command}'
    ran = subprocess.run(
        ["bash", "-c", script], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return ran.returncode, tidy(ran.stdout)


def shape(output: str) -> list[tuple[str, ...]]:
    """The headings of an output's tables, with the number of rows: what does not depend on the clock."""
    lines, found = output.splitlines(), []
    for at, line in enumerate(lines):
        if at and line.startswith("─") and set(line) == {"─"}:
            rows = next((n for n, row in enumerate(lines[at + 1 :]) if not row.strip()), len(lines) - at - 1)
            found.append((*re.split(r"\s{2,}", lines[at - 1].strip()), str(rows)))
    return found


def clocked(command: str) -> str:
    """The command with a little time."""
    return re.sub(r" --time \S+", "", command) + f" --time {MEASURED_FOR}"


@pytest.mark.parametrize("name", pages_with("console", "python"))
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
        for command, shown in block.commands() if block.language == "console" else ():
            if block.measured:
                _, said = run(clocked(command), tmp_path, forks)
                same = bool(shape(shown)) and shape(said) == shape(shown)
            else:
                _, said = run(command, tmp_path, forks)
                same = said == shown
            if not same:
                change = difflib.unified_diff(shown.splitlines(), said.splitlines(), "the page", "the program", lineterm="")
                wrong.append("\n".join([f"$ {command}", *change]))
    assert not wrong, f"{name}:\n" + "\n\n".join(wrong)


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
        assert fault == "" or fault.startswith(("Missing argument", "Missing parameter")), f"{name}: profiler {command}: {fault}"


@pytest.mark.parametrize("name", NAMES)
def test_no_command_hides_from_these_tests(name: str) -> None:
    for block in blocks(ROOT / name):
        assert block.language in ("console", "sh") or not re.search(r"^\$ ", block.text, re.MULTILINE), block.text
        if block.language == "toml":
            tomllib.loads(block.text)


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
    assert sorted(paths) == sorted(f"{profiler._HOMES[name]}.{name}" for name in profiler.__all__)


def test_the_numbers_in_the_docs_python_are_true() -> None:
    assert profiler.profile("mobilenet_v1", alpha=0.5, resolution=192).macs == 109_970_432
    start = (DOCS / "start.md").read_text(encoding="utf-8")
    own = next(block for block in re.findall(r"```python\n(.*?)```", start, re.DOTALL) if "block = " in block)
    space: dict[str, Any] = {}
    exec(own.replace("profile(Chain", "answer = profile(Chain"), space)
    assert space["answer"] == 7 * 7 * 3 * 64 * 112 * 112 + 2 * 9 * 64 * 64 * 112 * 112
