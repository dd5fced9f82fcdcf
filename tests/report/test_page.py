"""Pages: what stands on them, that names stay text, and how large they get. What a browser makes of them: test_page_opened.py."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs
from plotly.offline import get_plotlyjs

from profiler import compare, sweep
from profiler.load.load import load
from profiler.records.results import Results
from profiler.report import files
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.page import MOST_BYTES, page
from profiler.report.page.columns import columns, paths
from profiler.report.page.networks import Network, packed
from profiler.saved import read as saved
from profiler.saved.results import result
from profiler.study.show import show

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>${x}{{7*7}}&amp;\u2028\u202e💥"


def results(found: Results) -> str:
    return page(registry.answer(found))


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    made: dict[str, Any] = json.loads(found.group(1))
    return made


def sections(text: str) -> list[str]:
    return re.findall(r'<section id="(\w+)"', text)


@pytest.fixture(scope="module")
def swept() -> str:
    return results(sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed"))


def test_each_answer_has_the_parts_that_it_has_data_for(swept: str) -> None:
    assert sections(swept) == ["tradeoff", "heat", "records"]
    along = sweep("mobilenet_v1", alpha="0.25..1.0", engine="closed")
    assert sections(results(along)) == ["tradeoff", "records"]
    assert sections(results(compare("mobilenet_v1", "vgg16", engine="closed"))) == ["shares", "layers", "records"]
    shown = registry.answer(show("mobilenet_v1"))
    assert sections(page(shown)) == ["shares", "layers"]


def test_the_network_that_is_shown_stands_with_its_totals_and_tables() -> None:
    found = show("mobilenet_v1", alpha="0.5", convention="torch", what_if="separable")
    text = page(registry.answer(found))
    assert "<bdi>mobilenet_v1, α = 0.5, 3×224×224</bdi>" in text
    assert "<strong>149,497,088</strong>" in text
    assert "total as torch" in text
    assert "What if separable: " in text
    assert "Depthwise separable, and the standard convolution it replaces" in text


def test_what_was_not_counted_is_loud() -> None:
    class Transformed(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = torch.fft.fft(x).real
            return made

    text = page(registry.answer(show(Transformed(), input=(3, 8, 8))))
    warnings = text.partition('class="warnings" role="alert"')[2].partition("</div>")[0]
    assert "UNCOUNTED Transformed: aten::_fft_r2c, once" in warnings
    assert "; the counts are too low</li>" in warnings


def test_it_says_what_language_title_conventions_and_environment(swept: str) -> None:
    assert swept.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>mobilenet_v1: α 0.25, 0.5, 0.75, 1; resolution 128, 160, 192, 224 · profiler sweep</title>" in swept
    assert "<dt>MACs</dt><dd>Multiply-adds of convolutions" in swept
    assert "<dt>top-1</dt>" in swept
    assert "<dt>latency</dt>" not in swept
    assert re.search(r"<dt>python</dt><dd>3\.", swept)


def plotly_of(text: str) -> str:
    """What the page holds of Plotly, as the browser unpacks it."""
    found = re.search(r'<script type="application/gzip" id="plotly" data-bytes="(\d+)">(.*?)</script>', text)
    assert found is not None
    return gzip.decompress(base64.b85decode(found[2].replace(",", "<"))[: int(found[1])]).decode()


@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v2", "efficientnet_b7", "densenet264"])
def test_the_page_of_one_network_is_small(name: str) -> None:
    """Without Plotly, 1.8 MB by itself, whatever the number of layers."""
    text = page(registry.answer(show(name), View(formulas=True)))
    assert 'id="plotly"' not in text
    assert len(text.encode()) < 500_000
    assert len(results(compare(name, engine="closed")).encode()) < 500_000


def test_only_its_own_two_scripts_may_run_and_nothing_is_loaded(swept: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', swept)
    assert policy is not None
    scripts = [plotly_of(swept), *re.findall(r"<script>(.*?)</script>", swept, re.DOTALL)]
    made = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy.group(1)) == made
    assert len(made) == 2
    assert policy.group(1).startswith("default-src 'none'; script-src 'sha256-")
    markup = re.sub(r"<(script|style)>.*?</\1>", "", swept, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="([^#"][^"]*)"', markup) == ["data:,"]


def test_numbers_come_through_as_they_are(swept: str) -> None:
    found = sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed")
    coded = {column["name"]: column for column in data_of(swept)["records"]}
    assert coded["macs"]["values"] == [record["macs"] for record in found]
    assert coded["total"] == {"name": "total", "label": "total", "sort": "int", "same": "macs"}
    assert coded["convention"] == {"name": "convention", "label": "convention", "sort": "text", "all": "paper", "rows": 16}
    assert coded["top1"]["values"] == [record["top1"] for record in found]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("model", ["a", "b", "a"], {"sort": "text", "words": ["a", "b"], "at": [0, 1, 0]}),
        ("latency_s", [0.5, None, 0.25], {"sort": "s", "values": [0.5, None, 0.25]}),
        ("peak_bytes", [1, 2, 3], {"sort": "bytes", "values": [1, 2, 3]}),
        ("pareto", [True, False, None], {"sort": "bool", "values": [True, False, None]}),
        ("alpha", [1.0, float("inf"), 0.5], {"sort": "float", "values": [1.0, None, 0.5]}),
        ("options", [{"a": True}, {"a": True}, {"a": True}], {"sort": "text", "all": "a=true", "rows": 3}),
        ("batch", [1, 1, 1], {"sort": "int", "all": 1, "rows": 3}),
        ("batch", [1, True, 1], {"sort": "text", "values": [1, True, 1]}),
    ],
)  # fmt: skip
def test_columns_hold_every_value_once(name: str, values: list[Any], expected: dict[str, Any]) -> None:
    (made,) = columns([{name: value} for value in values], [name])
    del made["name"], made["label"]
    assert made == expected


def test_the_columns_that_were_asked_for_are_those_that_are_shown() -> None:
    found = compare("mobilenet_v1", "vgg16", engine="closed")
    asked = data_of(page(registry.answer(found, View(columns=("top1", "macs", "macs_ratio")))))
    assert asked["shown"] == ["macs", "top1"]
    assert len(asked["records"]) == len(found.columns), "the others can still be chosen"
    assert data_of(results(found))["shown"] == ["model", "params", "macs", "activations", "weight_bytes", "top1"]


def test_the_note_on_the_front_names_its_column_and_no_star() -> None:
    found = compare("mobilenet_v1", "vgg16", engine="closed")
    found.notes.append("*: Pareto-optimal; no other cell has more MACs at a lower latency.")
    assert "<li>Pareto, among the records: no other cell has more MACs at a lower latency.</li>" in results(found)


def test_paths_are_what_differs_from_the_one_before() -> None:
    assert paths(["stem.conv", "stem.norm", "body.0"]) == [0, "stem.conv", 5, "norm", 0, "body.0"]


def test_networks_are_stored_while_there_is_room_and_the_rest_by_kind_alone() -> None:
    rows = load("mobilenet_v1").profile().rows
    made = [Network(f"net {i}", rows) for i in range(3)]
    whole, left_out = packed(made, 10**6)
    assert left_out == 0
    assert len(whole["sorts"]["macs"]["values"]) < len(rows), "equal layers are stored once"
    assert all(each["at"] == whole["networks"][0]["at"] for each in whole["networks"])
    tight, left_out = packed(made, 2 * len(json.dumps(packed(made[:1], 10**6)[0])))
    assert left_out == 1
    assert ["at" in each for each in tight["networks"]] == [True, True, False]
    assert tight["networks"][2]["kinds"] == whole["networks"][0]["kinds"]
    assert whole["networks"][0]["kinds"]["conv"][:3] == [1, 3 * 3 * 3 * 32, 3 * 3 * 3 * 32 * 112 * 112]


def hostile() -> Results:
    """Names, options, notes, warnings and layers that would rather be markup."""
    found = compare("mobilenet_v1", "lenet5", "squeezenet1_0", engine="closed")
    for i, record in enumerate(found):
        record["model"] = f"{HOSTILE}{i}{'x' * 10_000}"
        record["options"] = {HOSTILE: HOSTILE}
    found.notes.append(HOSTILE)
    found.warnings.append(HOSTILE)
    found.title = HOSTILE
    found.profiles = [
        structs.replace(
            p, model=record["model"], rows=tuple(row._replace(path=f"{HOSTILE}.{row.path}", op=HOSTILE) for row in p.rows)
        )
        for p, record in zip(found.profiles, found, strict=True)
    ]
    return found


def test_hostile_names_stay_text() -> None:
    text = results(hostile())
    assert text.count("<script") == 3
    assert plotly_of(text) == get_plotlyjs()
    assert "<img" not in text
    embedded = text.partition('id="data">')[2].partition("</script>")[0]
    assert not set(embedded) & set("<>&\u2028")
    names = next(column for column in data_of(text)["records"] if column["name"] == "model")
    assert names["words"][0] == f"{HOSTILE}0{'x' * 10_000}"


def test_half_a_surrogate_pair_does_not_stop_the_file_from_being_written() -> None:
    found = compare("lenet5", engine="closed")
    found.notes.append("\ud83d alone")
    assert "? alone" in results(found)


def test_a_saved_run_gives_the_page_of_the_live_one(tmp_path: Path) -> None:
    live = registry.answer(compare("mobilenet_v1", "vgg16", engine="closed"))
    file = tmp_path / "run.json"
    files.write(files.file_at(file), written(live, "json"))
    run = saved.read_document(str(file))
    found = result(run)
    text = page(registry.answer(found))
    assert data_of(text) == data_of(page(live))


def test_five_thousand_cells_are_at_most_six_megabytes() -> None:
    found = sweep("mobilenet_v1", alpha="0.02..1:0.02", resolution="32..824:8", engine="closed")
    assert len(found) == 5_000
    found.measured = True
    found.rounds = [[0.001 + i / 1e6 for i in range(30)] for _ in found]
    for i, record in enumerate(found):
        clock = {"latency_s": 1 / (i + 3), "latency_low_s": 1 / (i + 4), "latency_high_s": 1 / (i + 2), "grade": "A"}
        record.update({**clock, "images_per_second": i + 3.0, "first_call_s": 1 / (i + 7), "build_s": 1 / (i + 9)})
    text = results(found)
    assert len(text.encode()) <= MOST_BYTES
    assert "the first 60 of 5,000 cells are drawn" in text


def test_only_what_can_be_drawn_makes_a_page() -> None:
    answer = replace(registry.answer(compare("lenet5", engine="closed")), subject=None)
    with pytest.raises(TypeError, match="not of NoneType"):
        page(answer)
