"""What a check tells GitHub Actions: an annotation for each budget that is not kept, and a summary of the job."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from profiler.records.verdicts import Checked, Line
from profiler.report.answer import View
from profiler.report.answers.budgets import answer, failure, sentence
from profiler.report.encoding import data, printable
from profiler.report.writers.markdown import markdown_text

MOST_ANNOTATIONS = 10
"""GitHub shows so many of each kind from one step; the summary holds all."""


def tell(found: Checked, environment: Mapping[str, str]) -> None:
    """Where GitHub runs this: annotations on stderr, which its runner reads too, and the summary behind what the file holds."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    for line in commands(found, Path(environment.get("GITHUB_WORKSPACE", "."))):
        print(printable(line), file=sys.stderr)  # its data are escaped: the line is one command
    path = environment.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with open(path, "ab") as file:
                file.write(data(summary(found)))
        except OSError as fault:
            print(f"the job summary '{path}' cannot be written: {fault.strerror}; the check stands", file=sys.stderr)


def commands(found: Checked, root: Path) -> Iterator[str]:
    """Workflow commands: an error for what fails, a warning for what is undecided or was not counted; files from `root`."""
    failing = list(found.failed)
    for line in failing[:MOST_ANNOTATIONS]:
        yield _command("error", _file(line, root), f"{line.model}: {line.limit.quantity} {line.verdict}", sentence(line))
    doubtful = [line for line in found.lines if line.verdict == "undecided" and not line.fails(found.strict)]
    for line in doubtful[:MOST_ANNOTATIONS]:
        yield _command("warning", _file(line, root), f"{line.model}: {line.limit.quantity} {line.verdict}", sentence(line))
    for text in found.warnings[:MOST_ANNOTATIONS]:
        yield _command("error" if found.strict else "warning", "", "not counted", str(text))


def _command(kind: str, file: str, title: str, message: str) -> str:
    """`::error file=pyproject.toml,title=…::…`, with what would end a property or the line escaped."""
    properties = {**({"file": file} if file else {}), "title": title}
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {told}::{_data(message)}"


def _file(line: Line, root: Path) -> str:
    """The file to mend, as the repository has it: the one that the network stands in, or the one that says the budget."""
    own = line.at["model"].rpartition(":")[0]
    for name in (own, line.limit.source):
        if name and Path(name).is_file():
            path, top = Path(name).resolve(), root.resolve()
            return str(path.relative_to(top)) if path.is_relative_to(top) else str(path)
    return ""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(found: Checked) -> str:
    """The tables in Markdown, below a line that says how it went."""
    head = "Every budget is kept." if found.passed else failure(found)
    return f"### profiler check\n\n{_line(head)}\n\n{markdown_text(answer(found, View()).sheets())}\n"


def _line(text: str) -> str:
    return " ".join(text.split())
