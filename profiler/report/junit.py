"""What became of each budget → JUnit XML, which GitLab and Jenkins show as tests: a suite a network, a case a budget."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from profiler.gate import Checked, Line
from profiler.report.changes import heading
from profiler.report.checked import sentence

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def junit(found: Checked) -> str:
    """The document. An undecided latency is a case that passes, and its output says so, unless the check is strict."""
    models = list(dict.fromkeys(line.model for line in found.lines))
    root = _element(None, "testsuites", name="profiler check", **_counts(found, found.lines))
    for model in models:
        lines = [line for line in found.lines if line.model == model]
        suite = _element(root, "testsuite", name=model, **_counts(found, lines))
        for line in lines:
            case = _element(suite, "testcase", name=_name(line), classname=model, time=f"{_seconds(found, line):.3f}")
            told = sentence(line)
            if line.fails(found.strict):
                _element(case, "failure", told, message=told, type=line.verdict)
            else:
                _element(case, "system-out", told)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _name(line: Line) -> str:
    """The same from run to run, so that a reader can say which is new."""
    return heading(line.limit.quantity) + ("" if line.before is None else f" against {line.limit.source}")


def _seconds(found: Checked, line: Line) -> float:
    """A case's share of the time that its network was counted, or that all were measured."""
    timed = line.limit.quantity == "latency"
    alike = [each for each in found.lines if (each.limit.quantity == "latency") == timed]
    if timed:
        return found.clocked_s / len(alike)
    return found.counting_s.get(line.model, 0.0) / sum(each.model == line.model for each in alike)


def _counts(found: Checked, lines: Sequence[Line]) -> dict[str, str]:
    failures = sum(line.fails(found.strict) for line in lines)
    seconds = sum(_seconds(found, line) for line in lines)
    return {"tests": str(len(lines)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}


def _element(parent: ElementTree.Element | None, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    clean = {key: _clean(value) for key, value in attributes.items()}
    made = ElementTree.Element(tag, clean) if parent is None else ElementTree.SubElement(parent, tag, clean)
    if text:
        made.text = _clean(text)
    return made


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
