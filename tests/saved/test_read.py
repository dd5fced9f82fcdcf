"""Saved runs are read back: every command's document gives the same answer again, and nothing else passes for one."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import ProfilerError, Unavailable
from profiler.records.environment import SCHEMA
from profiler.saved import read as saved
from profiler.saved.results import result
from profiler.version import __version__
from tests.measure import paced
from tests.test_cli import ROOT, run

COMMANDS = [
    "compare mobilenet_v1@alpha=0.5 squeezenet1_0 --engine closed,torch",
    "sweep --alpha 0.25..1.0 --resolution 192,224 --engine closed",
    "show mobilenet_v1 --alpha 0.75 --batch 2 --convention thop",
    "show lenet5 --training --memory",
    "show mobilenet_v1 --what-if separable",
    f"show {ROOT}/docs/examples/net.py:Net --input 3x64x64",
    "list resnet --max-macs 2G",
    "formula mobilenet_v1",
    "formula mobilenet_v2 --alpha 0.5,1",
    "formula lenet5",
    "bench lenet5 lenet5@classes=100 --time 1s --threads 1",
    "bench lenet5 --layers --time 1s --threads 1",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_saved_run_gives_its_answer_again(command: str, tmp_path: Path) -> None:
    first = paced.run(*command.split(), "-o", str(tmp_path / "run.json"), cwd=tmp_path, TMPDIR=str(tmp_path))
    assert first.returncode == 0, first.stderr
    again = run("report", "run.json", "-o", "copy.json", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == first.stdout
    assert (tmp_path / "copy.json").read_text() == (tmp_path / "run.json").read_text()
    for form in ("csv", "markdown"):
        assert run("report", "run.json", "-f", form, cwd=tmp_path).stdout


def test_a_certificate_and_what_verify_found_are_read_back(tmp_path: Path) -> None:
    paced.run("selftest", "--time", "12s", "--threads", "1", "-o", "self.json", cwd=tmp_path, TMPDIR=str(tmp_path))
    checks = json.loads((tmp_path / "self.json").read_text())["records"]
    shown = run("report", "self.json", cwd=tmp_path)
    assert shown.returncode == 0
    assert all(check["check"] in shown.stdout for check in checks)
    run("verify", "lenet5", "--engine", "closed", "-o", "verify.json", cwd=tmp_path)
    assert run("report", "verify.json", "-f", "csv", cwd=tmp_path).stdout.startswith("model,")


def test_a_pipe_is_read(tmp_path: Path) -> None:
    document = run("compare", "lenet5", "--engine", "closed", "-f", "json").stdout
    words = [sys.executable, "-m", "profiler", "report", "-", "-f", "csv"]
    import os
    import subprocess

    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(words, input=document, capture_output=True, text=True, env=env, cwd=tmp_path, check=True)
    assert ran.stdout == run("compare", "lenet5", "--engine", "closed", "-f", "csv").stdout


def document(**changed: Any) -> dict[str, Any]:
    """A comparison's, with parts of it changed; None leaves one out."""
    from profiler import compare

    made = json.loads(json.dumps(compare("lenet5", engine="closed").to_dict()))
    made |= changed
    return {key: value for key, value in made.items() if value is not None}


def record(**changed: Any) -> list[dict[str, Any]]:
    made = document()["records"][0] | changed
    return [{key: value for key, value in made.items() if value != "left out"}]


def row(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = document()["rows"][0]
    return made | changed


BAD: list[tuple[str, str]] = [
    ("", "'run.json': the file is empty; save one with -o run.json"),
    (
        '{"schema": 1,\n "command": "comp',
        "'run.json': line 2: it is cut short (unterminated string starting at); save the run again",
    ),
    (
        '{"schema": 1,\n"records": [\n{"a": 1}',
        "'run.json': line 3: it is cut short (expecting ',' delimiter); save the run again",
    ),
    (
        "model,params\nlenet5,61706\n",
        "'run.json': line 1, column 1: expected the JSON of a run (expecting value); save one with -o run.json",
    ),
    (
        '{"schema": 1}\n{"schema": 1}\n',
        "'run.json': line 2, column 1: expected the JSON of a run (extra data); save one with -o run.json",
    ),
    (
        "[1, 2]",
        "'run.json': line 1: a run is an object with schema, command, environment and records, and this is a list; "
        "save one with -o run.json",
    ),
    (
        '{"name": "pkg", "version": "1.0"}',
        "'run.json': this JSON is not a saved run of profiler: expected schema, command, environment and records, and there is no schema; "
        "save one with -o run.json",
    ),
    (
        json.dumps(document(schema="1")),
        "'run.json': schema: expected a whole number, and this is a text (1); save one with -o run.json",
    ),
    (
        json.dumps(document(schema=SCHEMA + 1)),
        f"'run.json': schema {SCHEMA + 1} is newer than {SCHEMA}, the newest that profiler {__version__} reads; "
        "pip install --upgrade arch-profiler",
    ),
    (json.dumps(document(records=[])), "'run.json': it has no records; save one with -o run.json"),
    (
        json.dumps(document(records=[3])),
        "'run.json': records[0]: expected an object, and this is a whole number (3); save one with -o run.json",
    ),
    (
        json.dumps(document(records=record(macs="416520"))),
        "'run.json': records[0].macs: expected a whole number, and this is a text (416520); save one with -o run.json",
    ),
    (
        json.dumps(document(records=record(macs=True))),
        "'run.json': records[0].macs: expected a whole number, and this is true or false (True); save one with -o run.json",
    ),
    (
        json.dumps(document(records=record(params="left out"))),
        "'run.json': records[0]: there is no params; save one with -o run.json",
    ),
    (
        json.dumps(document()).replace('"macs": 416520', '"macs": NaN', 1),
        "'run.json': expected JSON, which has no NaN; save one with -o run.json",
    ),
    ("[" * 100_000, "'run.json': it is nested too deeply to be a run of profiler; save one with -o run.json"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_what_is_no_run_is_refused_in_a_sentence(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.json").write_text(text)
    with pytest.raises(ProfilerError) as caught:
        saved.read_document("run.json")
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": [{"record": 0, "path": "a"}]}, "rows[0]: there is no op"),
        ({"rows": [row(record=7)]}, "a part of this run is malformed (list index out of range)"),
        ({"rows": [row(record=-1)]}, "rows[0].record: expected 0 or more, and this is -1"),
        ({"rows": [row(record=0, facts=[])]}, "rows[0].facts: expected an object, and this is a list"),
        ({"agreements": [{"model": "a"}]}, "agreements[0]: there is no engine"),
        ({"base": 3}, "base: there is no record 3"),
    ],
)  # fmt: skip
def test_parts_that_are_malformed_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        result(saved.Saved("run.json", document(**changed)))
    assert str(caught.value) == f"'run.json': {message}; save one with -o run.json"


def test_a_file_that_is_not_there_or_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unavailable, match=r"there is no file 'none\.json'; save one with -o run\.json"):
        saved.read_document("none.json")
    with pytest.raises(ProfilerError, match="cannot be read: Is a directory"):
        saved.read_document(".")
    Path("bytes.json").write_bytes(b'{"schema":\n\xff\xfe}')
    with pytest.raises(ProfilerError, match=r"'bytes\.json': line 2: expected JSON in UTF-8"):
        saved.read_document("bytes.json")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{")))
    with pytest.raises(ProfilerError, match="stdin: line 1: it is cut short"):
        saved.read_document("-")


def test_columns_of_a_later_version_are_passed_over() -> None:
    kept = saved.results(saved.Saved("run.json", document(records=record(carbon_g=1.5))))
    assert "carbon_g" not in kept[0]
    assert kept[0]["macs"] == 416_520


def test_a_run_of_another_command_is_no_comparison() -> None:
    with pytest.raises(ProfilerError, match="this is a run of `list`, not of compare, sweep or bench"):
        saved.results(saved.Saved("run.json", document(command="list")))


def test_forms_that_a_command_cannot_write_are_refused_first(tmp_path: Path) -> None:
    ran = run("list", "-o", "run.html", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        ran.stderr
        == "error: output 'run.html': this command cannot write html; compare, sweep, bench, fit without --per-stage, predict, inspect and show can\n"
    )
    run("compare", "lenet5", "--engine", "closed", "-o", "run.json", cwd=tmp_path)
    ran = run("report", "run.json", "-o", "run.trace.json", cwd=tmp_path)
    assert ran.stderr == "error: output 'run.trace.json': this command cannot write trace; bench --layers can\n"
