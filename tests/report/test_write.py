"""`write` and `read` of the library: a result into a file in any form, and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler import (
    Listing,
    ProfilerError,
    Results,
    Saved,
    Shown,
    Unavailable,
    UnknownName,
    compare,
    read,
    show,
    sweep,
    write,
)  # fmt: skip
from profiler.report import forms

FOUND: dict[str, Any] = {
    "compare": lambda: compare("lenet5", "vgg16", engine="closed"),
    "sweep": lambda: sweep("mobilenet_v1", alpha="0.5,1", resolution="128,160", engine="closed"),
    "show": lambda: show("resnet18", training=True, memory=True),
    "a rewriting": lambda: show("vgg11", what_if="separable"),
    "formula": lambda: profiler.formula("mobilenet_v1"),
    "listing": lambda: profiler.listing("resnet*"),
    "verify": lambda: profiler.verify("lenet5", engine="closed"),
    "check": lambda: profiler.check("lenet5", macs="400k"),
    "diff": lambda: profiler.diff("resnet18", "resnet34"),
}


@pytest.mark.parametrize("made", FOUND.values(), ids=FOUND)
def test_what_is_written_is_read_back(made: Any, tmp_path: Path) -> None:
    found, first, second = made(), tmp_path / "first.json", tmp_path / "second.json"
    write(found, first)
    again = read(first)
    assert type(again) in (type(found), Saved)
    write(again, second)
    assert second.read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ("name", "words", "made"),
    [
        ("compare.json", ["compare", "lenet5", "vgg16", "--engine", "closed"], FOUND["compare"]),
        ("compare.csv", ["compare", "lenet5", "vgg16", "--engine", "closed"], FOUND["compare"]),
        ("show.json", ["show", "resnet18", "--training", "--memory"], FOUND["show"]),
        ("show.mmd", ["show", "resnet18", "--training", "--memory"], FOUND["show"]),
        ("list.txt", ["list", "resnet*"], FOUND["listing"]),
        ("diff.md", ["diff", "resnet18", "resnet34", "--top", "3"], FOUND["diff"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_what_the_command_writes(name: str, words: list[str], made: Any, tmp_path: Path) -> None:
    ours, theirs = tmp_path / f"ours.{name}", tmp_path / f"theirs.{name}"
    top = int(words[-1]) if "--top" in words else None
    write(made(), ours, top=top)
    subprocess.run([sys.executable, "-m", "profiler", *words, "-q", "-o", str(theirs)], check=True)
    if name.endswith(".json"):
        written, said = (json.loads(each.read_text(encoding="utf-8")) for each in (ours, theirs))
        assert written.pop("environment").keys() == said.pop("environment").keys()
        assert written == said
    else:
        assert ours.read_text(encoding="utf-8") == theirs.read_text(encoding="utf-8")


def test_the_form_goes_by_its_suffix_or_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = FOUND["compare"]()
    for form in forms.FORMS.keys() - forms.WRITERS.keys():
        by_suffix, by_name = tmp_path / f"run{forms.FORMS[form].suffixes[0]}", tmp_path / "run"
        write(found, by_suffix)
        write(found, str(by_name), format=form)
        assert by_suffix.read_bytes() == by_name.read_bytes() != b""
        if form != "table" and not forms.FORMS[form].binary:
            write(found, "-", format=form)
            assert capsys.readouterr().out == by_name.read_text(encoding="utf-8")
    write(found, "-")
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == (tmp_path / "run.txt").read_text(encoding="utf-8").splitlines()


def test_the_view_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.csv"
    write(FOUND["sweep"](), file, columns=("alpha", "resolution", "macs"), sort="-macs")
    assert file.read_text(encoding="utf-8").splitlines()[:2] == [
        "alpha,resolution,macs",
        f"1.0,160,{profiler.profile('mobilenet_v1', resolution=160).macs}",
    ]
    table = tmp_path / "run.md"
    write(FOUND["compare"](), table, unit="M")
    assert "15,470" in table.read_text(encoding="utf-8")
    layers = tmp_path / "layers.txt"
    write(show("vgg16"), layers, depth=0)
    whole = len(layers.read_text(encoding="utf-8").splitlines())
    write(show("vgg16"), layers, top=2)
    assert len(layers.read_text(encoding="utf-8").splitlines()) < whole


@pytest.mark.parametrize(
    ("name", "more", "fault", "message"),
    [
        ("run.xlsx", {}, ProfilerError, r"unknown suffix '\.xlsx'; use \.txt \.csv"),
        ("run", {}, ProfilerError, "unknown suffix ''"),
        ("run.csv", {"format": "excel"}, UnknownName, "unknown format 'excel'"),
        ("run.csv", {"columns": ("mac",)}, UnknownName, "unknown column 'mac'"),
        ("run.csv", {"sort": "mac"}, UnknownName, "unknown column 'mac'"),
        ("run.csv", {"unit": "P"}, UnknownName, "unknown unit 'P'"),
        ("run.mmd", {}, ProfilerError, "a Results is not written as mermaid; results of show are"),
        ("none/run.csv", {}, ProfilerError, "there is no folder"),
    ],
    ids=lambda value: value if isinstance(value, str) and "run" in value else "",
)
def test_what_cannot_be_written_changes_nothing(
    name: str, more: dict[str, Any], fault: type[ProfilerError], message: str, tmp_path: Path
) -> None:
    there = tmp_path / Path(name).name
    there.write_text("as it was", encoding="utf-8")
    with pytest.raises(fault, match=message):
        write(FOUND["compare"](), tmp_path / name, **more)
    assert there.read_text(encoding="utf-8") == "as it was"
    assert list(tmp_path.iterdir()) == [there]


def test_a_part_of_a_result_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ProfilerError, match="a Profile is part of a result, and not written by itself; give a result of show"):
        write(profiler.profile("lenet5"), tmp_path / "run.csv")
    with pytest.raises(ProfilerError, match="int has no tables"):
        write(3, tmp_path / "run.csv")
    assert not list(tmp_path.iterdir())


def test_what_a_command_saved_is_read(tmp_path: Path) -> None:
    kinds = {"list": Listing, "compare lenet5 --engine closed": Results, "show lenet5": Shown}
    for words, kind in kinds.items():
        file = tmp_path / "run.json"
        subprocess.run([sys.executable, "-m", "profiler", *words.split(), "-q", "-o", str(file)], check=True)
        found = read(str(file))
        assert type(found) is kind
        assert found._repr_html_().startswith("<div")
    with pytest.raises(Unavailable, match="there is no file"):
        read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ProfilerError, match="this JSON is not a saved run of profiler"):
        read(tmp_path / "other.json")
