"""Flame graphs and traces, by the rules of the programs that open them."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import pytest

from profiler.errors import ProfilerError
from profiler.load.load import load
from profiler.report.writers.flame import speedscope
from profiler.report.writers.trace import chrome_trace
from profiler.study.compare import compare
from profiler.study.show import show
from profiler.study.sweep import sweep
from tests.report.clocked import LATENCY, measured

UNITS = {"none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"}


def opened(text: str) -> dict[str, Any]:
    """The file, held against https://www.speedscope.app/file-format-schema.json, written down here by hand."""
    made: dict[str, Any] = json.loads(text)
    assert made.keys() <= {"$schema", "shared", "profiles", "name", "activeProfileIndex", "exporter"}
    assert made["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = made["shared"]["frames"]
    assert all(frame.keys() == {"name"} and isinstance(frame["name"], str) for frame in frames)
    assert 0 <= made["activeProfileIndex"] < len(made["profiles"])
    for each in made["profiles"]:
        assert each.keys() == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
        assert each["type"] == "sampled"
        assert each["unit"] in UNITS
        assert len(each["samples"]) == len(each["weights"]) > 0
        assert all(isinstance(i, int) and 0 <= i < len(frames) for stack in each["samples"] for i in stack)
        assert each["endValue"] - each["startValue"] == math.fsum(each["weights"])
    return made


@pytest.mark.parametrize("model", ["mobilenet_v1", "googlenet", "vit_b_16", "lenet5"])
def test_a_flame_graph_of_a_network_sums_to_its_counts(model: str) -> None:
    shown = show(model)
    made = opened(speedscope(shown))
    totals = {each["name"]: each["endValue"] for each in made["profiles"]}
    profile = shown.profile
    assert totals == {
        f"{model}, MACs": profile.macs, f"{model}, params": profile.params, f"{model}, activations": profile.activations
    }  # fmt: skip
    assert all(isinstance(weight, int) for each in made["profiles"] for weight in each["weights"])


def test_a_stack_is_the_path() -> None:
    made = opened(speedscope(show("mobilenet_v1")))
    frames = [frame["name"] for frame in made["shared"]["frames"]]
    stacks = [[frames[i] for i in stack] for stack in made["profiles"][0]["samples"]]
    assert stacks[0] == ["mobilenet_v1", "stem", "stem.conv (conv)"]
    assert stacks[1] == ["mobilenet_v1", "body", "body.0", "body.0.depthwise", "body.0.depthwise.conv (conv)"]


def test_networks_side_by_side_have_a_profile_each() -> None:
    made = opened(speedscope(compare("lenet5", "vgg16", engine="closed")))
    assert [each["name"] for each in made["profiles"]][:4] == [
        "lenet5, MACs", "lenet5, params", "lenet5, activations", "vgg16, MACs"
    ]  # fmt: skip


def test_a_flame_graph_of_what_was_clocked_is_of_time_first() -> None:
    made = opened(speedscope(measured("lenet5")))
    first = made["profiles"][0]
    assert (first["name"], first["unit"]) == ("lenet5, time", "seconds")
    assert first["endValue"] == pytest.approx(LATENCY)
    assert made["profiles"][1]["endValue"] == load("lenet5").profile().macs


def test_no_layers_no_flames() -> None:
    with pytest.raises(ProfilerError, match="a flame graph needs layers"):
        speedscope(sweep("lenet5", alpha="0.5,1", engine="closed"))


# Traces


def test_a_trace_lays_layers_end_to_end_inside_their_modules() -> None:
    found = measured("mobilenet_v1", "lenet5")
    made = json.loads(chrome_trace(found))
    assert made["displayTimeUnit"] == "ms"
    names = {e["pid"]: e["args"]["name"] for e in made["traceEvents"] if e["name"] == "process_name"}
    assert names == {
        1: "mobilenet_v1: 4.20 ms ±1.0 % A, cpu, 2 threads, fp32, batch 1",
        2: "lenet5: 4.20 ms ±1.0 % A, cpu, 2 threads, fp32, batch 1",
    }
    for number, each in enumerate(found.layers, 1):
        events = [e for e in made["traceEvents"] if e["ph"] == "X" and e["pid"] == number]
        layers = [e for e in events if e["cat"] == "layer"]
        assert [e["name"] for e in layers] == [timed.row.path for timed in each.rows]
        assert sum(e["args"]["MACs"] for e in layers) == load(each.model).profile().macs
        for one, following in pairwise(layers):
            assert _ns(one["ts"] + one["dur"]) == _ns(following["ts"])
        modules = [e for e in events if e["cat"] == "module"]
        assert (modules[0]["name"], modules[0]["ts"], modules[0]["dur"]) == (each.model, 0.0, 1e6 * LATENCY)
        for layer in layers:
            for module in modules[1:]:
                if layer["name"].startswith(f"{module['name']}."):
                    assert _ns(module["ts"]) <= _ns(layer["ts"])
                    assert _ns(layer["ts"] + layer["dur"]) <= _ns(module["ts"] + module["dur"])


def _ns(us: float) -> int:
    return round(1000 * us)


def test_a_module_that_runs_again_has_a_span_each_time() -> None:
    from profiler.report.writers.trace import _spans

    assert _spans(["a.x.1", "a.2", "b", "a.x.3"]) == [
        ("", 0, 4, False), ("a", 0, 2, False), ("a.x", 0, 1, False), ("a.x.1", 0, 1, True), ("a.2", 1, 2, True),
        ("b", 2, 3, True), ("a", 3, 4, False), ("a.x", 3, 4, False), ("a.x.3", 3, 4, True),
    ]  # fmt: skip


@pytest.mark.parametrize("subject", [None, show("lenet5")], ids=["nothing", "a network on paper"])
def test_no_clock_no_trace(subject: object) -> None:
    with pytest.raises(ProfilerError, match="this result has none"):
        chrome_trace(subject)
