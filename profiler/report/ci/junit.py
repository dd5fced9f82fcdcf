"""What became of each budget → JUnit XML, which GitLab and Jenkins show as tests: a suite a network, a case a budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from profiler.records.verdicts import Checked, Line
from profiler.report.answers.budgets import sentence
from profiler.report.answers.layer_changes import heading
from profiler.report.encoding import FORBIDDEN


def junit(found: Checked) -> str:
    """The document. An undecided latency is a case that passes, and its output says so, unless the check is strict."""
    suites: dict[str, list[_Case]] = {}
    for line in found.lines:
        fault: str = line.verdict if line.fails(found.strict) else ""
        suites.setdefault(line.model, []).append(_Case(_name(line), sentence(line), fault, _seconds(found, line)))
    for i, text in enumerate(found.warnings, 1):
        fault = "uncounted" if found.strict else ""
        suites.setdefault("operations without a formula", []).append(_Case(f"operation {i}", str(text), fault, 0.0))
    root = _element(None, "testsuites", name="profiler check", **_counts([case for cases in suites.values() for case in cases]))
    for name, cases in suites.items():
        suite = _element(root, "testsuite", name=name, **_counts(cases))
        for case in cases:
            made = _element(suite, "testcase", name=case.name, classname=name, time=f"{case.seconds:.3f}")
            if case.fault:
                _element(made, "failure", case.told, message=case.told, type=case.fault)
            else:
                _element(made, "system-out", case.told)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


class _Case(NamedTuple):
    name: str
    told: str
    fault: str
    """Why it fails; empty where it does not."""
    seconds: float


def _name(line: Line) -> str:
    """The same from run to run, so that a reader can say which is new."""
    return heading(line.limit.quantity, of=[line.at]) + ("" if line.before is None else f" against {line.limit.source}")


def _seconds(found: Checked, line: Line) -> float:
    """A case's share of the time that its network was counted, or that all were measured."""
    timed = line.limit.quantity == "latency"
    alike = [each for each in found.lines if (each.limit.quantity == "latency") == timed]
    if timed:
        return found.clocked_s / len(alike)
    return found.counting_s.get(line.model, 0.0) / sum(each.model == line.model for each in alike)


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    failures = sum(bool(case.fault) for case in cases)
    seconds = sum(case.seconds for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}


def _element(parent: ElementTree.Element | None, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    clean = {key: _clean(value) for key, value in attributes.items()}
    made = ElementTree.Element(tag, clean) if parent is None else ElementTree.SubElement(parent, tag, clean)
    if text:
        made.text = _clean(text)
    return made


def _clean(text: str) -> str:
    return FORBIDDEN.sub("�", text)
