"""Documents of versions that did not tell of unread parameters, bytes moved and dtypes: read, and shown as unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.saved.results import read

SAVED = Path(__file__).resolve().parents[1] / "golden" / "saved"
LATER = (
    "unread", "moved", "parameter_bytes", "unread_at", "label", "top1_source", "weight_dtype", "active_params", "useful_macs",
)  # fmt: skip


def stripped(value: Any) -> Any:
    """A document without what this version added."""
    if isinstance(value, dict):
        return {key: stripped(item) for key, item in value.items() if key not in LATER or key == "tracing"}
    return [stripped(item) for item in value] if isinstance(value, list) else value


def earlier(name: str, folder: Path) -> Path:
    plain = json.loads((SAVED / f"{name}.json").read_text())
    unread = plain.get("tracing", {}).get("unread")
    made = stripped(plain)
    for key in {"active_params", "useful_macs"} & plain.get("tracing", {}).keys():
        made["tracing"][key] = plain["tracing"][key]
    if unread is not None:
        made["tracing"]["unread"] = unread  # which earlier versions told in this place alone
    file = folder / f"{name}.json"
    file.write_text(json.dumps(made))
    return file


@pytest.mark.parametrize("name", ["compare", "compare_traced", "sweep", "bench"])
def test_records_of_before(name: str, tmp_path: Path) -> None:
    found = read(earlier(name, tmp_path))
    assert isinstance(found, Results)
    assert [record["moved"] for record in found] == [None] * len(found)
    assert [record["unread"] for record in found] == [None] * len(found)
    text = str(written(registry.answer(found), "table"))
    assert "unread" not in text
    now = read(SAVED / f"{name}.json")
    assert text == str(written(registry.answer(now), "table"))


@pytest.mark.parametrize("name", ["show", "show_traced", "show_folded"])
def test_a_network_of_before(name: str, tmp_path: Path) -> None:
    found, now = read(earlier(name, tmp_path)), read(SAVED / f"{name}.json")
    assert isinstance(found, Shown)
    assert str(written(registry.answer(found), "table")) == str(written(registry.answer(now), "table"))
    (record,) = json.loads(str(written(registry.answer(found), "json")))["records"]
    assert record["moved"] is None
    assert record["weight_bytes"] == 4 * record["params"]  # what was said then


def test_layers_of_before_and_of_now_are_the_same(tmp_path: Path) -> None:
    from profiler import diff

    assert diff(str(earlier("compare", tmp_path)), str(SAVED / "compare.json")).same
