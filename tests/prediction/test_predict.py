"""Predictions from files: saved runs with clocked layers, whole networks, tables; what a file says nothing of is refused."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler import profile
from profiler.errors import ProfilerError, Unavailable
from profiler.prediction.features import is_free
from profiler.records.columns import measured as columns_of
from profiler.records.measured import Measured
from profiler.records.timing import Layers, LayerTiming, Roofs, Timing
from profiler.study.predict_sources import source
from tests.prediction.simulated import SLOW, TABLE


def timing(model: str, seconds: float, threads: int = 1) -> Timing:
    return Timing(
        model, 1, "cpu", threads, "fp32", "contiguous", False, "infer", None,
        seconds, 0.99 * seconds, 1.01 * seconds, "A", "", 20, 20, 0.1, 0.1, None, 1,
    )  # fmt: skip


def clocked(*places: tuple[float, int], threads: int = 1) -> Measured:
    """`bench mobilenet_v1 --layers` as that machine would have it."""
    results = profiler.compare(*(f"mobilenet_v1@alpha={alpha},resolution={side}" for alpha, side in places), engine="closed")
    results.command, results.measured, results.profiles = "bench", True, []
    roofs = Roofs(5e10, ((2**20, 6e10),), {"conv": 7e-6, "linear": 5e-6, "norm": 8e-6, "other": 2e-6})
    layers = []
    for i, (alpha, side) in enumerate(places):
        rows = profile("mobilenet_v1", alpha=alpha, resolution=side).rows
        whole = timing("mobilenet_v1", sum(SLOW.seconds_of(row) for row in rows if not is_free(row)), threads)
        timed = tuple(
            LayerTiming(row, SLOW.seconds_of(row), 0.0, row.moved, "compute", 0.0) for row in rows if not is_free(row)
        )
        layers.append(Layers(f"mobilenet_v1 ({alpha}, {side})", whole, timed, roofs, 1.02))
        results[i].update(columns_of(whole))
    return Measured(results, tuple(layers))


ANCHORS = ((0.25, 128), (0.25, 224), (1.0, 128), (1.0, 224), (0.5, 160), (0.75, 192))


@pytest.fixture
def run(tmp_path: Path) -> str:
    profiler.write(clocked(*ANCHORS), tmp_path / "run.json")
    return str(tmp_path / "run.json")


def test_from_clocked_layers(run: str) -> None:
    found = profiler.predict("mobilenet_v1", source=run, alpha="0.25..1.0", resolution="128..224")
    assert len(found) == 16
    for record in found:
        exact = SLOW.latency_of("mobilenet_v1", alpha=record["alpha"], resolution=record["resolution"])
        assert record["predicted_s"] == pytest.approx(exact, rel=1e-3)
        assert record["predicted_low_s"] <= record["predicted_s"] <= record["predicted_high_s"]
        assert record["predicted_from"] == f"6 cells of {run}"
        assert "latency_s" not in record, "what was predicted never stands where what was measured does"
    text = "\n".join(map(str, found.notes))
    assert "≈: predicted, with 95 % intervals, from 6 measured cells" in text
    assert "(cpu, 1 thread, fp32)" in text


def test_it_is_saved_and_shown_again(run: str, tmp_path: Path) -> None:
    found = profiler.predict("mobilenet_v1", source=run, alpha="0.25,0.5")
    profiler.write(found, tmp_path / "predicted.json")
    assert profiler.read(tmp_path / "predicted.json") == found
    profiler.write(found, tmp_path / "predicted.md")
    cells = (tmp_path / "predicted.md").read_text()
    assert cells.count("≈ ") == 2
    for form in ("csv", "html", "tex"):
        profiler.write(found, tmp_path / f"predicted.{form}")


@pytest.mark.parametrize(
    ("model", "place", "words"),
    [
        ("alexnet", {}, "grouped and norm local_response_norm and pool max_pool were not measured"),
        ("mobilenet_v1", {"resolution": 448}, "are outside what was measured"),
        ("mobilenet_v1", {"batch": 8}, "batch 8 was not measured (batch 1 was)"),
    ],
)
def test_what_the_file_says_nothing_of_is_refused(model: str, place: dict[str, Any], words: str, run: str) -> None:
    (record,) = found = profiler.predict(model, source=run, **place)
    assert record["predicted_s"] is None
    assert any("not predicted" in str(note) and words in str(note) for note in found.notes)
    (forced,) = again = profiler.predict(model, source=run, force=True, **place)
    assert forced["predicted_s"] > 0
    assert words in forced["predicted_from"]
    assert any("predicted anyway (--force)" in str(note) and words in str(note) for note in again.notes)


def test_a_setting_that_was_not_measured_is_refused(run: str) -> None:
    with pytest.raises(ProfilerError, match=r"holds nothing that was measured with threads 2"):
        profiler.predict("mobilenet_v1", source=run, threads=2)


def table(path: Path, models: tuple[str, ...], **more: str) -> str:
    return SLOW.table(path, models, noise=0.02, **more)


def test_from_a_table_of_networks_with_families_held_out(tmp_path: Path) -> None:
    found = source(table(tmp_path / "table.csv", TABLE, threads="4"))
    assert len(found.timed) == 24
    families = {each.measured.family for each in found.timed}
    assert "MobileNets (1704.04861)" in families
    assert len(families) < 24
    (record,) = profiler.predict("resnet101", source=str(tmp_path / "table.csv"), force=True)
    exact = SLOW.latency_of("resnet101")
    assert abs(log(record["predicted_s"] / exact)) < log(1.5)
    assert record["predicted_low_s"] <= exact <= record["predicted_high_s"]
    assert record["threads"] == 4


def test_a_table_never_names_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.chdir(tmp_path)
    path = Path(table(tmp_path / "table.csv", TABLE[:21]))
    path.write_text(path.read_text() + "evil.py:Net,5\nos:abort,3\n")
    assert source(str(path)).left_out == ("evil.py:Net", "os:abort")
    found = profiler.predict("mobilenet_v1", source=str(path))
    assert any("profiler runs no code that a file names" in str(note) for note in found.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,time\nresnet18,3\n", "is not a table of latencies"),
        ("model,latency_s\nresnet18,fast\n", "line 2: latency_s 'fast' is not a latency"),
        ("model,latency_s\nresnet18,-1\n", "line 2: latency_s '-1' is not a latency"),
        (
            "model,latency_s\nresnet18,0.01\nresnet34,0.02\n",
            "holds 2 measured networks, and without their layers a prediction takes 20",
        ),
        ("model,latency_s\n", "is not a table of latencies"),
        ("model,latency_s,alpha\nresnet18,1,x\n", r"table\.csv', line 2: alpha 'x' is not a number"),
        ("model,latency_s,batch\nresnet18,1,many\n", r"table\.csv', line 2: batch 'many' is not a number"),
        (f"model,latency_s,batch\nresnet18,1,{'9' * 5000}\n", "line 2: batch '9{40}…' is too large or too small"),
        (f"model,latency_s,threads\nresnet18,1,{'9' * 5000}\n", "line 2: threads '9{40}…' is too large or too small"),
        (
            "model,latency_s,options\nresnet18,1,nonesuch=1\n",
            r"table\.csv', line 2: unknown option of resnet18 'nonesuch'",
        ),
        (
            "model,latency_s,latency_low_s,latency_high_s\nresnet18,1,5,2\n",
            "line 2: latency_s 1 s is not between its ends, 5 and 2 s",
        ),
        (f"model,latency_s\n{'x' * 200_000},1\n", "cannot be read as a table: field larger than field limit"),
    ],
)
def test_tables_that_are_none(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ProfilerError, match=words):
        profiler.predict("resnet18", source=str(tmp_path / "table.csv"))


def test_several_settings_are_to_be_chosen_from(tmp_path: Path) -> None:
    first, second = (Path(table(tmp_path / f"{n}.csv", TABLE, threads=n)).read_text().splitlines() for n in ("1", "2"))
    (tmp_path / "both.csv").write_text("\n".join([*first, *second[1:]]) + "\n")
    with pytest.raises(ProfilerError, match="was measured in 2 settings; choose one by --threads"):
        profiler.predict("resnet18", source=str(tmp_path / "both.csv"))
    assert profiler.predict("resnet18", source=str(tmp_path / "both.csv"), threads=2)[0]["threads"] == 2


def test_a_file_without_latencies(tmp_path: Path) -> None:
    profiler.write(profiler.compare("lenet5", engine="closed"), tmp_path / "counts.json")
    with pytest.raises(ProfilerError, match=r"no network in .* has a usable latency"):
        profiler.predict("lenet5", source=str(tmp_path / "counts.json"))
    with pytest.raises(Unavailable, match="there is no file"):
        profiler.predict("lenet5", source=str(tmp_path / "nothing.csv"))
    profiler.write(profiler.listing("lenet*"), tmp_path / "list.json")
    with pytest.raises(ProfilerError, match="holds no latencies"):
        profiler.predict("lenet5", source=str(tmp_path / "list.json"))


def test_a_sweep_measures_some_cells_and_predicts_the_others() -> None:
    """On the real clock, of whatever this machine is doing: what stands where, not how long it took."""
    found = profiler.sweep(
        "lenet5", alpha="0.5,0.75,1,1.25", resolution=[28, 32], engine="closed",
        bench=profiler.BenchOptions(device="cpu", threads=1, time="6s", measure=4),
    )  # fmt: skip
    measured = [record for record in found if record["latency_s"] is not None]
    assert 4 <= len(measured) <= len(found), "what is undecided with time left is measured too"
    assert all(record.get("predicted_s") is None for record in measured)
    for record in found:
        if record["latency_s"] is None:
            assert record["grade"] is None
            assert (record.get("predicted_s") is None) == record["reason"].startswith("not measured, and not predicted")


def test_too_few_to_predict_from() -> None:
    with pytest.raises(ProfilerError, match="--measure 2 is too few"):
        profiler.sweep("lenet5", alpha="0.5,1", engine="closed", bench=profiler.BenchOptions(measure=2))
