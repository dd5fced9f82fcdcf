"""What a check tells others: JUnit as its readers expect it, GitHub's workflow commands and summary, hostile names in each."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from profiler import check, compare
from profiler.records.columns import Record
from profiler.records.interval import Interval
from profiler.records.verdicts import Checked, Limit, Line, Verdict
from profiler.report.ci import github
from profiler.report.ci.junit import junit
from tests.test_cli import run

HOSTILE = "<script>&\"'\x00\x1b[31m\ufffe\ud800" + "🧨" + "\u202eabc,x:y%\r\n::error::z"


def line(verdict: Verdict, model: str = "lenet5", quantity: str = "macs", value: float | None = 5, **more: Any) -> Line:
    record: Record = {**compare("lenet5", engine="closed")[0], "model": model}
    return Line(record, Limit(quantity, 4, "options"), value, verdict, **more)


MIXED = Checked(
    (
        line("within", value=3),
        line("over"),
        line("undecided", "net.py:Net", "latency", 0.01, clock=Interval(0.01, 0.009, 0.011), reason="B"),
        line("unmeasured", "net.py:Net", "latency", None, reason="4 of 10 rounds were measured"),
    ),
    counting_s={"lenet5 (28)": 0.5},
    clocked_s=30.0,
)

# What readers of JUnit share: {element: (attributes that it must have, those that it may, what may stand in it)}.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"time"}, {"testcase"}),
    "testcase": ({"name"}, {"classname", "time"}, {"failure", "system-out"}),
    "failure": (set(), {"message", "type"}, set()),
    "system-out": (set(), set(), set()),
}


def checked_by_schema(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, allowed, inside = SCHEMA[element.tag]
        assert needed <= set(element.keys()) <= needed | allowed
        assert {child.tag for child in element} <= inside
        for name in {"tests", "failures", "errors"} & set(element.keys()):
            assert element.attrib[name].isdecimal()
        assert re.fullmatch(r"\d+\.\d{3}", element.get("time", "0.000"))
    for suite in root:
        cases = list(suite)
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == sum(case.find("failure") is not None for case in cases)
    assert int(root.attrib["tests"]) == sum(int(suite.attrib["tests"]) for suite in root)
    return root


def test_junit() -> None:
    root = checked_by_schema(junit(MIXED))
    assert root.attrib == {"name": "profiler check", "tests": "4", "failures": "2", "errors": "0", "time": "30.500"}
    assert [(suite.attrib["name"], suite.attrib["failures"]) for suite in root] == [
        ("lenet5 (28)", "1"),
        ("net.py:Net (28)", "1"),
    ]
    cases = [
        (case.attrib["name"], case.attrib["time"], [child.get("type", child.tag) for child in case])
        for case in root.iter("testcase")
    ]
    assert cases == [
        ("MACs", "0.250", ["system-out"]),
        ("MACs", "0.250", ["over"]),
        ("latency", "15.000", ["system-out"]),
        ("latency", "15.000", ["unmeasured"]),
    ]


def test_junit_of_a_strict_check_fails_what_is_undecided() -> None:
    root = checked_by_schema(junit(Checked(MIXED.lines, strict=True)))
    assert [failure.attrib["type"] for failure in root.iter("failure")] == ["over", "undecided", "unmeasured"]


@pytest.mark.parametrize(("strict", "failures"), [(True, "1"), (False, "0")])
def test_junit_of_what_was_not_counted(strict: bool, failures: str) -> None:
    root = checked_by_schema(junit(Checked((line("within", value=3),), strict=strict, warnings=("UNCOUNTED net: inv",))))
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", failures)
    assert root[1].attrib["name"] == "operations without a formula"


def test_junit_of_hostile_names() -> None:
    text = junit(Checked((line("over", HOSTILE),)))
    text.encode("utf-8")  # no lone surrogate is left
    root = checked_by_schema(text)
    (suite,) = root
    assert suite.attrib["name"].startswith("<script>&\"'��[31m��🧨\u202eabc,x:y%")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe]", text)


def test_junit_of_real_checks() -> None:
    root = checked_by_schema(junit(check("lenet5", "resnet18", macs="1G", params="1M")))
    assert [(suite.attrib["name"], suite.attrib["tests"], suite.attrib["failures"]) for suite in root] == [
        ("lenet5 (28)", "2", "0"),
        ("resnet18 (224)", "2", "2"),
    ]


def test_workflow_commands() -> None:
    found = list(github.commands(MIXED, Path(".")))
    assert found == [
        "::error title=lenet5 (28)%3A macs over::lenet5 (28): MACs 5, over the budget of 4 (25.0 %25 over)",
        "::error title=net.py%3ANet (28)%3A latency unmeasured::"
        "net.py:Net (28): latency was not measured (budget 4.00 s): 4 of 10 rounds were measured",
        "::warning title=net.py%3ANet (28)%3A latency undecided::"
        "net.py:Net (28): latency 10.0 ms ±10.0 %25 B, with an interval that reaches over the budget of 4.00 s (99.8 %25 left)",
    ]


def test_a_hostile_name_ends_no_command() -> None:
    (command,) = github.commands(Checked((line("over", HOSTILE),)), Path("."))
    assert "\n" not in command
    assert "\r" not in command
    properties, message = command.removeprefix("::error ").split("::", 1)
    assert properties.startswith("title=")
    assert not set(",:\r\n") & set(properties.removeprefix("title="))
    assert "abc%2Cx%3Ay%25%0D%0A%3A%3Aerror%3A%3Az" in properties
    assert "x:y%25%0D%0A::error::z" in message


def test_github_shows_ten_of_a_kind_so_no_more_are_written() -> None:
    found = Checked(tuple(line("over", f"net{i}") for i in range(25)))
    assert len(list(github.commands(found, Path(".")))) == 10
    assert "net24" in github.summary(found)


@pytest.mark.parametrize("there", ["true", "false"])
def test_the_command_tells_github_only_where_it_runs(there: str, tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("before\n")
    env = {"GITHUB_ACTIONS": there, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    ran = run("check", "lenet5", "--max-macs", "400K", "-f", "csv", cwd=tmp_path, **env)
    assert ran.returncode == 1
    assert ran.stdout.count("\n") == 2  # data alone
    assert ran.stderr.startswith("::error title=lenet5 (28)%3A macs over::") == (there == "true")
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("before\n")
    assert ("### profiler check" in summary) == (there == "true")
    if there == "true":
        assert "| lenet5 (28) | MACs | 416,520 | 400,000 | 4.13 % over | OVER |" in summary


def test_a_summary_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    ran = run("check", "lenet5", "--max-macs", "1M", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(tmp_path))
    assert ran.returncode == 0
    assert ran.stderr == f"the job summary '{tmp_path}' cannot be written: Is a directory; the check stands\n"


def test_the_limit_that_is_exceeded_is_exact() -> None:
    (found,) = check("lenet5", macs=416_519).lines
    assert found.limit.most == 416_519
    assert Fraction(found.value or 0) - found.limit.most == 1
