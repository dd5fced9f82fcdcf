"""Files of results are data: what they name is never run, their numbers are held to reason, their words command nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from profiler import check, compare, write
from profiler.errors import ProfilerError
from profiler.report.answers import registry
from profiler.report.writers import plain
from profiler.study.show import show
from tests.hostile.inside import ended, refused

MARK = "made_by_a_file"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(name: str = "base.json", **record: Any) -> Path:
    """A run of LeNet-5 with other values in its record."""
    document = compare("lenet5", engine="closed").to_dict()
    document["records"][0].update(record)
    path = Path(name)
    path.write_text(json.dumps(document))
    return path


# What a file names is never run

NAMED = [
    ("subprocess:getoutput", {"cmd": f"touch {MARK}"}),
    ("os:mkdir", {"path": MARK}),
    ("evil.py:Net", {}),
    ("evil:Net", {}),
    ("lenet5", {}),
]


@pytest.mark.parametrize(("model", "options"), NAMED, ids=[name for name, _ in NAMED])
@pytest.mark.parametrize(
    "words", ["check --baseline base.json", "check lenet5 --baseline base.json", "report base.json", "diff base.json base.json"]
)
def test_a_data_file_never_names_code(
    model: str, options: dict[str, Any], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "evil.py").write_text(f"open({MARK!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(str(folder))
    saved(model=model, options=options)
    found = ended(monkeypatch, *words.split())
    assert not (folder / MARK).exists()
    assert "evil" not in sys.modules
    if words.startswith("check --baseline"):
        refused(
            found, f"baseline 'base.json' holds {model}", "name the network, e.g. profiler check MODEL --baseline base.json"
        )
    elif words.startswith("check lenet5") and model != "lenet5":
        refused(found, f"baseline 'base.json' holds {model}", "not lenet5 (28)")
    else:
        assert (found.code, found.err) == (0, "")


def test_the_library_asks_for_the_network_too() -> None:
    with pytest.raises(
        ProfilerError, match=r"holds lenet5 \(28\), and profiler runs no code that a file names; name the network"
    ):
        check(baseline=str(saved()))
    assert check("lenet5", baseline=str(saved())).passed


# Its numbers

NEGATIVE = [
    (("schema",), -1, "schema: expected a whole number from 1, and this is -1"),
    (("schema",), 0, "schema: expected a whole number from 1, and this is 0"),
    (("records", 0, "macs"), -5, "records[0].macs: expected 0 or more, and this is -5"),
    (("records", 0, "weight_bytes"), -1, "records[0].weight_bytes: expected 0 or more"),
    (("records", 0, "alpha"), -0.5, "records[0].alpha: expected 0 or more, and this is -0.5"),
    (("rows", 0, "output", 1), -6, "rows[0].output[1]: expected 0 or more, and this is -6"),
]


@pytest.mark.parametrize(
    ("path", "value", "said"), NEGATIVE, ids=[".".join(map(str, path)) + f"={value}" for path, value, _ in NEGATIVE]
)
def test_no_count_is_below_0(path: tuple[Any, ...], value: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = compare("lenet5", engine="closed").to_dict()
    *outer, last = path
    part: Any = document
    for key in outer:
        part = part[key]
    part[last] = value
    Path("run.json").write_text(json.dumps(document))
    refused(ended(monkeypatch, "report", "run.json"), said)


# Its words

FORMULAS = ["=cmd|'/C calc'!A0", "@SUM(1+1)", "+1+1", "-1+1", "\t=1", "\r=1", "\n=1"]


@pytest.mark.parametrize("word", FORMULAS)
def test_no_text_is_a_formula_in_a_spreadsheet(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(model=word, options={word: 1})
    for words in (["report", "base.json", "-f", "csv"], ["report", "base.json", "-q", "--csv", "x.csv"]):
        found = ended(monkeypatch, *words)
        text = found.out or Path("x.csv").read_bytes().decode()
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        assert row["model"] == f"'{word}"
        assert row["options"] == f"'{word}=1"
    with pytest.raises(ProfilerError):  # JSON keeps it as it is, and read back it is no network
        check("vgg11", baseline="base.json")


def test_numbers_below_0_stay_numbers() -> None:
    assert (
        plain.csv_text([{"a": -1, "b": -0.5, "c": (-1, 2), "d": "-", "e": True}], list("abcde"))
        == "a,b,c,d,e\n-1,-0.5,-1x2,'-,true\n"
    )
    assert plain.csv_text([{"=a": 1}], ["=a"]) == "'=a\n1\n"


HOSTILE = "net\x1b]0;owned\x07\x9b31m\u202eabc&#27;<b>"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl", "markdown", "latex", "mermaid", "dot", "html", "speedscope"])
def test_no_name_commands_a_terminal(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = registry.answer(show("lenet5")).document()
    document["records"][0]["model"] = HOSTILE
    document["rows"][0]["path"] = HOSTILE
    Path("run.json").write_text(json.dumps(document))
    monkeypatch.setenv("NO_COLOR", "1")
    found = ended(monkeypatch, "report", "run.json", "-f", form, "--formulas", terminal=True)
    assert (found.code, found.err) == (0, "")
    assert "net\ufffd" in found.out or form in (
        "html",
        "json",
        "jsonl",
        "speedscope",
        "mermaid",
        "latex",
    )  # some escape it before
    assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", found.out))  # rich's own styles


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize(
    "name", ["a\x1bb", "a&#27;b", "a&amp;b", "a\ufffeb", "a\ud800b", '"]; evil [label="', "<script>", "\\N", "]]>"]
)
def test_an_svg_is_xml_whatever_its_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = registry.answer(show("lenet5")).document()
    document["records"][0]["model"] = name
    for row in document["rows"]:
        row["path"] = f"{name}.{row['path']}"
    Path("run.json").write_text(json.dumps(document))
    assert ended(monkeypatch, "report", "run.json", "-q", "-o", "x.svg", "-o", "x.mmd", "-o", "x.dot") == (0, "", "")
    root = ElementTree.fromstring(Path("x.svg").read_text(encoding="utf-8"))
    assert not [each for each in root.iter() if each.tag.rpartition("}")[2] in ("script", "a", "image")]
    assert not CONTROL.search("".join(Path(f"x.{suffix}").read_text(encoding="utf-8") for suffix in ("svg", "mmd", "dot")))
    titles = [each.text for each in root.iter() if each.tag.endswith("}text")]
    assert any(name[:1] in (title or "") for title in titles) or not name[:1].isalnum()


@pytest.mark.parametrize("name", ["[/x]", "[bold]a[/bold]", "[link=http://x]a", "\x1b[31m", ":smile:", ""])
def test_no_heading_is_markup_of_the_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {name: 1, "model": name}
    Path("run.json").write_text(
        json.dumps({"schema": 1, "command": "verify", "environment": {}, "records": [record], "rows": []})
    )
    found = ended(monkeypatch, "report", "run.json")
    assert (found.code, found.err) == (0, "")
    assert name.replace("\x1b", "\ufffd") in found.out


FORGED = "x\n::error file=README.md::forged\r::warning::forged\n  ##[error]forged"


@pytest.mark.parametrize(
    "words",
    [
        "check lenet5 --baseline base.json",
        "report base.json",
        "report base.json -f csv",
        "report base.json -v",
        "diff base.json lenet5",
        "report base.json -f markdown",
    ],
)
def test_no_name_is_a_command_of_githubs_runner(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(model=FORGED)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("base.json", FORGED):
        found = ended(monkeypatch, *[name if word == "lenet5" and name != "base.json" else word for word in words.split()])
        said = re.split(r"[\r\n]", found.out + found.err)
        assert "forged" in found.out + found.err
        assert not [line for line in said if line.lstrip().startswith("::") or "##[" in line]


def test_a_name_at_the_start_of_a_table_is_no_command_either(monkeypatch: pytest.MonkeyPatch) -> None:
    saved(model="::error::forged", options={})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for form in ("table", "csv"):
        found = ended(monkeypatch, "report", "base.json", "-f", form)
        assert ": :error::forged" in found.out
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    assert "\n::error::forged" in ended(monkeypatch, "report", "base.json", "-f", "csv").out


@pytest.mark.parametrize("word", ["__proto__", "constructor", "toString"])
def test_a_page_looks_words_up_in_tables_of_its_own(word: str) -> None:
    """Its tables inherit nothing, so that no word of a file is found there but those that stand there (see test_page_opened)."""
    found = compare("lenet5", engine="closed")
    found[0]["verdict"] = word
    write(found, "x.html")
    text = Path("x.html").read_text(encoding="utf-8")
    for table in ("SYMBOLS", "ERRORS", "SUFFIXES", "UNITS", "SCALES"):
        assert re.search(rf"const {table} ?= ?{{\s*__proto__: ?null,", text), table
    assert re.search(r"const {[^}]*kinds: ?KINDS[^}]*grades: ?GRADES[^}]*} ?= ?bare\(data\.palette\)", text)
