"""Receptive fields in tables, records and saved runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from profiler import ProfilerError, Shown, read, show, write


def test_the_table_and_the_records(tmp_path: Path) -> None:
    found = show("lenet5")
    write(found, tmp_path / "a.txt", receptive_field=True)
    text = (tmp_path / "a.txt").read_text()
    lines = [line.split() for line in text.partition("receptive fields")[2].splitlines()]
    assert ["body.c3", "5×5", "1", "16×10×10", "2", "14×14"] in lines  # 6 behind the pooling, and 4 windows of jump 2
    assert ["head.c5", "120", "all"] in lines
    head, *rows = found.to_csv().splitlines()
    names = head.split(",")
    assert names[-7:] == ["kernel", "stride", "dilation", "groups", "jump", "receptive_field", "window_field"]
    first = dict(zip(names, rows[0].split(","), strict=True))
    assert [first[name] for name in names[-7:]] == ["5x5", "1x1", "1x1", "1", "1x1", "5x5", "5x5"]
    write(found, tmp_path / "a.json")
    again = read(str(tmp_path / "a.json"))
    assert isinstance(again, Shown)
    assert again.receptive == found.receptive
    assert again.to_csv() == found.to_csv()
    document = json.loads((tmp_path / "a.json").read_text())
    del document["receptive"]  # a run of an earlier version
    (tmp_path / "b.json").write_text(json.dumps(document))
    older = read(str(tmp_path / "b.json"))
    with pytest.raises(ProfilerError, match="saved without receptive fields"):
        write(older, tmp_path / "b.txt", receptive_field=True)


def test_a_line_of_several_layers_sees_what_its_last_does(tmp_path: Path) -> None:
    write(show("vgg16"), tmp_path / "a.csv")
    write(show("vgg16"), tmp_path / "a.txt", columns=["path", "jump", "receptive_field"], depth=2)
    assert ["body.4", "32", "212×212"] in [line.split() for line in (tmp_path / "a.txt").read_text().splitlines()]
    write(show("vgg16"), tmp_path / "b.txt", columns=["path", "jump", "receptive_field"], depth=1)
    assert ["body", "32", "212×212"] in [line.split() for line in (tmp_path / "b.txt").read_text().splitlines()]


def test_both_branches_of_inception_see_the_same() -> None:
    found = show("inception_v3")
    fields = dict(zip([row.path for row in found.profile.rows], found.receptive, strict=True))
    # 31 in front of it with a jump of 8: a 5×5 adds 4·8, as two 3×3 do
    assert fields["body.0.0.five.1.conv"].windows == fields["body.0.0.deep.2.conv"].windows == (31 + 4 * 8, 31 + 4 * 8)
