"""Budgets and baselines: verdicts by hand, what is refused and in which words, the command by its real output."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import profiler
from profiler import BenchOptions, ProfilerError, check, compare
from profiler.config import Config
from profiler.errors import InputNeeded, Unavailable, UnknownName
from profiler.records.columns import Record
from profiler.records.interval import Interval
from profiler.records.verdicts import Checked, Limit, Line
from profiler.report.answers import budgets, registry
from profiler.report.forms import written
from profiler.study import baseline, measuring
from profiler.study.before_after import Side
from profiler.study.cells import Interrupted
from profiler.study.check import _latency
from tests.measure import paced
from tests.test_cli import run

LENET = {"params": 61_706, "macs": 416_520, "activations": 6_518}
"""LeNet-5 on 28×28: 6·25+6 + 16·150+16 + 400·120+120 + 120·84+84 + 84·10+10 parameters."""


def test_lenet_by_hand() -> None:
    assert LENET["params"] == 6 * 25 + 6 + 16 * 150 + 16 + 400 * 120 + 120 + 120 * 84 + 84 + 84 * 10 + 10
    assert LENET["macs"] == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10


@pytest.mark.parametrize(
    ("given", "verdicts"),
    [
        ({"macs": 416_520}, ["within"]),  # the budget itself is kept
        ({"macs": 416_519}, ["over"]),
        ({"macs": "416.52K"}, ["within"]),
        ({"params": "61705"}, ["over"]),
        ({"activations": "6.518K", "params": "1M"}, ["within", "within"]),
        ({"weight_bytes": "246824 B"}, ["within"]),  # 4 × 61,706
        ({"weight_bytes": "246823B"}, ["over"]),
        ({"macs": 0}, ["over"]),
    ],
)
def test_a_count_against_its_budget(given: dict[str, Any], verdicts: list[str]) -> None:
    found = check("lenet5", **given)
    assert sorted(line.verdict for line in found.lines) == sorted(verdicts)
    assert found.passed == ("over" not in verdicts)
    assert [line.limit.quantity for line in found.lines] == [
        q for q in ("params", "macs", "activations", "weight_bytes") if q in given
    ]


def test_room_is_the_share_that_is_left() -> None:
    (line,) = check("lenet5", macs=2 * 416_520).lines
    assert line.room == 0.5
    (line,) = check("lenet5", macs=416_520 // 2).lines
    assert line.room == -1.0
    (line,) = check("lenet5", macs=0).lines
    assert line.room is None


class Linear(nn.Module):
    """8 → 4 without bias, on 2 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4, bias=False)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


@pytest.mark.parametrize(("most", "verdict"), [("224B", "within"), ("223B", "over"), ("0.2 KB", "over"), ("1KiB", "within")])
def test_peak_memory_by_hand(most: str, verdict: str) -> None:
    (line,) = check(Linear(), input=(8,), batch=2, memory=most).lines
    assert (line.value, line.verdict) == (4 * (8 * 4 + 2 * 8 + 2 * 4), verdict)  # weights, input, output, in fp32
    assert line.reason == "linear in layer"


def record(**given: Any) -> Record:
    made: dict[str, Any] = dict(compare("lenet5", engine="closed")[0])
    return {**made, **given}


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((10.0, 9.0, 10.5), "undecided"),
        ((9.0, 8.0, 10.0), "within"),  # the high end is the budget
        ((11.0, 10.0, 12.0), "undecided"),
        ((11.0, 10.001, 12.0), "over"),
        ((1.0, 0.9, 1.1), "within"),
        ((None, None, None), "unmeasured"),
    ],
)
def test_a_latency_is_an_interval(interval: tuple[Any, Any, Any], verdict: str) -> None:
    value, low, high = (None if each is None else each / 1000 for each in interval)
    made = record(latency_s=value, latency_low_s=low, latency_high_s=high, grade="B", reason="too few rounds")
    line = _latency(made, Limit("latency", Fraction(10, 1000), "options"))
    assert line.verdict == verdict
    assert line.fails(strict=False) == (verdict in ("over", "unmeasured"))
    assert line.fails(strict=True) == (verdict != "within")


CLOCK = {"device": "cpu", "threads": 1, "dtype": "fp32", "memory_format": "contiguous", "compile": False, "mode": "infer"}


@pytest.mark.parametrize(
    ("now", "tolerance", "verdict"),
    [
        # runs are 10 % apart unless more is known: with ±1 % each, ln r ± √(0.1² + 2·0.01²) = ± 0.101, a factor of 1.106
        ((0.9, 0.891, 0.909), 0, "within"),  # 0.9 · 1.106 < 1
        ((0.95, 0.9405, 0.9595), 0, "undecided"),
        ((1.1, 1.089, 1.111), 0, "undecided"),  # 1.1 / 1.106 < 1
        ((1.12, 1.1088, 1.1312), 0, "over"),
        ((1.12, 1.1088, 1.1312), Fraction(2, 100), "undecided"),
        ((1.2, 1.188, 1.212), Fraction(5, 100), "over"),
        ((1.05, 1.0395, 1.0605), Fraction(17, 100), "within"),
        ((1.3, 1.0, 1.6), 0, "undecided"),  # its own interval is the wider
    ],
)
def test_latencies_are_compared_as_intervals(now: tuple[float, ...], tolerance: Any, verdict: str) -> None:
    names = ("latency_s", "latency_low_s", "latency_high_s")
    then = record(**CLOCK, **dict(zip(names, (1.0, 0.99, 1.01), strict=True)), grade="A")
    base = Side("base.json", [then], [None], [None], {"cpu": "one"})
    made = record(**CLOCK, **dict(zip(names, now, strict=True)), grade="A")
    *counts, line = baseline.lines(base, 0, made, None, Fraction(tolerance), {"cpu": "one"})
    assert [each.verdict for each in counts] == ["within"] * 3
    assert (line.limit.quantity, line.verdict) == ("latency", verdict)
    # on another machine nothing is said of it
    assert len(baseline.lines(base, 0, made, None, Fraction(tolerance), {"cpu": "other"})) == 3


KERNEL = {"device": "cpu", "threads": 1}


@pytest.mark.parametrize(
    ("then", "now", "reason", "verdict"),
    [
        ({}, {}, "±1.0 %", "over"),  # 1.3 times as long, and runs are 10 % apart
        ({"between_runs": {"share": 0.3, "runs": 9}}, {}, "±1.0 %", "undecided"),  # e^0.3 = 1.35
        ({"between_runs": {"share": 0.02, "runs": 9}}, {"between_runs": {"share": 0.02, "runs": 9}}, "±1.0 %", "over"),
        ({"reference": [KERNEL | {"median_s": 1.0}]}, {"reference": [KERNEL | {"median_s": 1.2}]}, "±1.0 %", "undecided"),
        ({"reference": [KERNEL | {"median_s": 1.0}]}, {"reference": [KERNEL | {"median_s": 1.05}]}, "±1.0 %", "over"),
        (
            {"reference": [KERNEL | {"median_s": 1.0}]},
            {"reference": [{"device": "cpu", "threads": 2, "median_s": 9.0}]},
            "±1.0 %",
            "over",
        ),
        ({}, {}, "±1.0 %; disturbed: other processes busy in 100 % of rounds", "undecided"),
        ({"between_runs": {"share": "x"}, "reference": [5, {}]}, {"between_runs": 5, "reference": {}}, "±1.0 %", "over"),
        ({"between_runs": {"share": float("inf")}}, {"reference": [KERNEL | {"median_s": -1}]}, "±1.0 %", "over"),
    ],
)
def test_a_gate_across_runs_knows_how_far_runs_are_apart(
    then: dict[str, Any], now: dict[str, Any], reason: str, verdict: str
) -> None:
    """The machine's own slowness, as its reference kernel tells it, and a disturbance fail nobody's network."""
    names = ("latency_s", "latency_low_s", "latency_high_s")
    old = record(**CLOCK, **dict(zip(names, (1.0, 0.99, 1.01), strict=True)), grade="A")
    grade = "D" if "disturbed" in reason else "A"
    made = record(**CLOCK, **dict(zip(names, (1.3, 1.287, 1.313), strict=True)), grade=grade, reason=reason)
    base = Side("base.json", [old], [None], [None], {"cpu": "one", **then})
    *_, line = baseline.lines(base, 0, made, None, Fraction(0), {"cpu": "one", **now})
    assert (line.limit.quantity, line.verdict) == ("latency", verdict)
    budget = _latency(made, Limit("latency", Fraction(11, 10), "options"))
    assert budget.verdict == ("undecided" if "disturbed" in reason else "over")


# The baseline


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """LeNet-5 and MobileNet at α = 0.5, saved."""
    path = tmp_path / "base.json"
    path.write_text(json.dumps(compare("lenet5", "mobilenet_v1@alpha=0.5", engine="closed").to_dict()))
    return path


def edited(path: Path, **counts: int) -> Path:
    """The baseline with other counts of LeNet-5, as an older network would have had them."""
    document = json.loads(path.read_text())
    document["records"][0].update(counts)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("before", "tolerance", "verdict"),
    [
        (416_520, "0%", "within"),
        (416_519, "0%", "over"),
        (416_519, "0.001%", "within"),  # 416,519 · 1.00001 = 416,523.2
        (400_000, "4%", "over"),  # 416,000
        (400_000, "4.13 %", "within"),  # exactly 416,520
        (500_000, "0%", "within"),
        (0, "100%", "over"),
    ],
)
def test_growth_beyond_the_tolerance_is_over(base: Path, before: int, tolerance: str, verdict: str) -> None:
    found = check("lenet5", baseline=str(edited(base, macs=before)), tolerance=tolerance)
    lines = {line.limit.quantity: line for line in found.lines}
    assert set(lines) == {"params", "macs", "activations"}
    assert (lines["macs"].verdict, lines["macs"].before, lines["params"].verdict) == (verdict, before, "within")
    assert len(found.grown) == (verdict == "over")


def test_a_baseline_does_not_say_what_is_checked(base: Path) -> None:
    with pytest.raises(
        ProfilerError, match=r"holds lenet5 \(28\), mobilenet_v1 \(α 0.5, 224\), and profiler runs no code that a file names"
    ):
        check(baseline=str(base))
    config = Config(Path("pyproject.toml"), {"budgets": {"lenet5": {"macs": "1M"}}})
    assert check(baseline=str(base), config=config).passed
    found = check("lenet5", "mobilenet_v1@alpha=0.5", baseline=str(base))
    assert list(dict.fromkeys(line.model for line in found.lines)) == ["lenet5 (28)", "mobilenet_v1 (α 0.5, 224)"]
    assert found.passed


def test_a_baseline_of_another_network_is_refused(base: Path) -> None:
    with pytest.raises(ProfilerError) as fault:
        check("vgg16", baseline=str(base))
    assert str(fault.value).startswith(
        f"baseline '{base}' holds lenet5 (28), mobilenet_v1 (α 0.5, 224), not vgg16 (224); save one"
    )
    with pytest.raises(ProfilerError, match=r"not mobilenet_v1 \(α 0.75, 224\)"):
        check("mobilenet_v1@alpha=0.75", baseline=str(base))
    with pytest.raises(ProfilerError, match=r"not lenet5 \(28, batch 2\)"):
        check("lenet5", batch=2, baseline=str(base))


LINEAR = "torch.nn:Linear@in_features=4,out_features=2"


@pytest.mark.parametrize("text", ["4", "3x4", "input=3x4"])
def test_a_network_is_given_the_input_of_its_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(json.dumps(compare(LINEAR, input=[text], engine="closed").to_dict()))
    found = check(LINEAR, baseline=str(path))
    assert found.passed
    assert found.lines[1].value == (3 if "x" in text else 1) * 4 * 2
    with pytest.raises(InputNeeded, match=r"cannot infer the input of torch\.nn:Bilinear; pass --input"):
        check("torch.nn:Bilinear@in1_features=4,in2_features=4,out_features=2", baseline=str(path))


def test_a_baseline_of_two_inputs_says_none(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(json.dumps(compare(f"{LINEAR},input=4", f"{LINEAR},input=3x4", engine="closed").to_dict()))
    with pytest.raises(InputNeeded):
        check(LINEAR, baseline=str(path))
    assert check(f"{LINEAR},input=3x4", baseline=str(path)).passed


def test_layers_of_what_grew(tmp_path: Path) -> None:
    """A kernel that grew, a layer that is new, and one that only changed its name."""
    before = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))
    after = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 3, padding=1))
    path = tmp_path / "base.json"
    path.write_text(json.dumps(compare(before, input=(3, 6, 6), engine="closed").to_dict()))
    found = check(after, input=(3, 6, 6), baseline=str(path), tolerance="1%")
    (grown,) = found.grown
    assert grown.layers is not None
    assert [(pair.path, pair.word) for pair in grown.layers if pair.word != "unchanged"] == [
        ("0", "changed"),
        ("2", "added"),
        ("3", "renamed"),
    ]
    text = str(written(registry.answer(found), "csv"))
    macs = next(row for row in csv.DictReader(io.StringIO(text)) if row["count"] == "macs")
    assert int(macs["before"]) == 36 * (9 * 3 * 4 + 9 * 4 * 2)
    assert int(macs["value"]) == 36 * (25 * 3 * 4 + 4 * 4 + 9 * 4 * 2)
    table = written(registry.answer(found), "table")
    assert "kernel 3x3 → 5x5" in table
    assert f"{36 * 9 * 3 * 4:,}" in table
    assert f"+{36 * 4 * 4}" in table
    rows = registry.answer(found).document()["rows"]
    assert [(row["path"], row["change"], row["was"]) for row in rows] == [
        ("0", "changed", None),
        ("2", "added", None),
        ("3", "renamed", "2"),
    ]


# The table of pyproject.toml


def config(tmp_path: Path, text: str) -> Config:
    import tomllib

    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    return Config(path, tomllib.loads(text)["tool"]["profiler"])


def test_the_table_says_networks_points_and_budgets(tmp_path: Path) -> None:
    table = config(
        tmp_path,
        '[tool.profiler.budgets.lenet5]\nmacs = 1_000_000\nparams = "61K"\n'
        '[tool.profiler.budgets."mobilenet_v1@alpha=0.5"]\nresolution = 128\nbatch = 2\nset = { classes = 10 }\nmacs = "1G"\n',
    )
    found = check(config=table)
    assert [(line.model, line.limit.quantity, line.verdict) for line in found.lines] == [
        ("lenet5 (28)", "params", "over"),
        ("lenet5 (28)", "macs", "within"),
        ("mobilenet_v1 (classes=10, α 0.5, 128, batch 2)", "macs", "within"),
    ]
    assert {line.limit.source for line in found.lines} == {str(tmp_path / "pyproject.toml")}
    # what is named is checked alone; what is given wins; another point of the network has none of its budgets
    (line, _) = check("lenet5", config=table, params="62K").lines
    assert (line.limit.most, line.limit.source, line.verdict) == (62_000, "options", "within")
    (line,) = check("mobilenet_v1", alpha=0.5, resolution=128, batch=2, options={"classes": 10}, config=table).lines
    assert line.limit.most == 10**9
    with pytest.raises(ProfilerError, match=r"mobilenet_v1 \(α 0.5, 224\) has no budget"):
        check("mobilenet_v1@alpha=0.5", config=table)


def test_a_network_is_given_the_input_of_its_entry(tmp_path: Path) -> None:
    table = config(tmp_path, f'[tool.profiler.budgets."{LINEAR}"]\ninput = "3x4"\nmacs = 24\n')
    (line,) = check(LINEAR, config=table).lines
    assert (line.value, line.verdict, line.limit.most) == (3 * 4 * 2, "within", 24)
    (line,) = check("torch.nn:Linear@in_features=4,out_features=5", config=table, macs=59).lines
    assert (line.value, line.verdict) == (3 * 4 * 5, "over")
    assert [each.value for each in check(LINEAR, config=table, input="5x4", macs=99).lines] == [5 * 4 * 2]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("[tool.profiler.budgets.lenet5]\nmac = 1", """unknown key of tool.profiler.budgets."lenet5" 'mac'; did you mean macs?"""),
        ('[tool.profiler.budgets.lenet5]\nmacs = "lots"', """pyproject.toml: tool.profiler.budgets."lenet5".macs 'lots' is not a number; write it as 600M"""),
        ("[tool.profiler.budgets.lenet5]\nmacs = true", """pyproject.toml: tool.profiler.budgets."lenet5".macs must be a limit such as 600M, 64MiB or 30ms, not 'True'"""),
        ("[tool.profiler.budgets.lenet5]\nmacs = -1", """budgets."lenet5".macs '-1' is not a whole number from 0"""),
        ("[tool.profiler.budgets.lenet5]\nmacs = 1.5", """budgets."lenet5".macs '1.5' is not a whole number from 0"""),
        ("[tool.profiler.budgets.lenet5]\nmacs = inf", """budgets."lenet5".macs 'inf' is not finite"""),
        ("[tool.profiler.budgets.lenet5]\nmacs = 2020-01-01", """budgets."lenet5".macs must be a limit such as 600M, 64MiB or 30ms, not '2020-01-01'"""),
        ("[tool.profiler.budgets.lenet5]\nmemory = 64", """budgets."lenet5".memory '64' needs a unit (KiB, MiB, GiB, kB, MB, GB, B); write it as 64MiB"""),
        ('[tool.profiler.budgets.lenet5]\nlatency = "20"', """budgets."lenet5".latency '20' needs a unit (ns, us, µs, ms, s); write it as 30ms"""),
        ('[tool.profiler.budgets.lenet5]\nlatency = "-2ms"', """budgets."lenet5".latency '-2ms' is below 0"""),
        ('[tool.profiler.budgets.lenet5]\nlatency = "ms"', """budgets."lenet5".latency 'ms' needs a unit"""),
        ("[tool.profiler.budgets.lenet5]\nalpha = 1", """tool.profiler.budgets."lenet5" has no budget; give one of params, macs"""),
        ("[tool.profiler.budgets]\nlenet5 = 3", """tool.profiler.budgets."lenet5" must be a table"""),
        ("[tool.profiler]\nbudgets = 3", """tool.profiler.budgets must be a table"""),
        ('[tool.profiler.budgets.lenet5]\nmacs = 1\nset = "classes=10"', """budgets."lenet5".set must be a table"""),
        ('[tool.profiler.budgets.lenet5]\nmacs = 1\nalpha = "wide"', """pyproject.toml: tool.profiler.budgets."lenet5": alpha 'wide' is not a number"""),
        ("[tool.profiler.budgets.lenet6]\nmacs = 1", """pyproject.toml: tool.profiler.budgets."lenet6": unknown network 'lenet6'; did you mean lenet5"""),
    ],
)  # fmt: skip
def test_what_the_table_says_amiss_is_refused_with_file_and_key(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(ProfilerError) as fault:
        check(config=config(tmp_path, entry))
    assert message in str(fault.value)
    assert "pyproject.toml" in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({}, ProfilerError, "no network to check; name one and a budget"),
        ({"models": ["lenet5"]}, ProfilerError, r"lenet5 \(28\) has no budget; give one"),
        ({"models": ["lenet5"], "macs": "60x"}, ProfilerError, "--max-macs '60x' is not a number"),
        (
            {"models": ["lenet5"], "macs": "1", "tolerance": "1"},
            ProfilerError,
            "tolerance '1' needs a unit",
        ),
        ({"models": ["lenet5"], "macs": "1", "tolerance": "-1%"}, ProfilerError, "tolerance '-1%' is below 0"),
        ({"models": ["lenet6"], "macs": "1"}, UnknownName, "did you mean lenet5"),
        ({"models": ["lenet5"], "baseline": "nowhere.json"}, Unavailable, "there is no file 'nowhere.json'"),
    ],
)
def test_refused(given: dict[str, Any], kind: type[ProfilerError], message: str) -> None:
    with pytest.raises(kind, match=message):
        check(*given.pop("models", ()), **given)


class Odd(nn.Module):
    """An operation that no formula is of."""

    def forward(self, x: Any) -> Any:
        import torch

        return torch.linalg.inv(x)


def test_what_is_not_counted_is_loud_and_fails_where_strict() -> None:
    found = check(Odd(), input=(4, 4), macs="1M")
    assert found.passed
    assert "UNCOUNTED" in str(found.warnings[0])
    assert "UNCOUNTED" in str(found)
    strict = check(Odd(), input=(4, 4), macs="1M", strict=True)
    assert not strict.passed
    assert "have no formula" in budgets.failure(strict)


def test_the_percentage_never_hides_that_it_is_over() -> None:
    (line,) = check("mobilenet_v1", macs=568_740_351).lines
    assert budgets.sentence(line) == ("mobilenet_v1 (224): MACs 568,740,352, over the budget of 568,740,351 (<0.01 % over)")


def test_the_public_names() -> None:
    assert profiler.check is check
    found = check("lenet5", macs="1M")
    assert isinstance(found, Checked)
    assert str(found) == "lenet5 (28): MACs 416,520, within the budget of 1,000,000 (58.3 % left)"
    assert "budgets" in found._repr_html_()


def test_an_undecided_line_says_so() -> None:
    line = Line(
        record(), Limit("latency", Fraction(1, 100), "options"), 0.01, "undecided", Interval(0.01, 0.009, 0.011), reason="B"
    )
    table = written(registry.answer(Checked((line,))), "table")
    assert "10.0 ms ±10.0 % B" in table
    assert "which fails only with --strict; more --time narrows it." in table
    assert "which fails, since --strict" in written(registry.answer(Checked((line,), strict=True)), "table")


# The command


def test_the_command(tmp_path: Path) -> None:
    ran = run("check", "lenet5", "--max-macs", "400K", "--max-params", "62K", "--csv", "lines.csv", "-f", "json", cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr == "error: 1 of 2 limits exceeded: lenet5 (28) MACs; make the network cheaper, or raise the budget\n"
    document = json.loads(ran.stdout)
    assert (document["command"], document["passed"], document["rows"]) == ("check", False, [])
    assert [(line["count"], line["value"], line["limit"], line["verdict"]) for line in document["records"]] == [
        ("params", 61_706, 62_000, "within"),
        ("macs", 416_520, 400_000, "over"),
    ]
    assert [row["verdict"] for row in csv.DictReader((tmp_path / "lines.csv").read_text().splitlines())] == ["within", "over"]
    assert run("check", "lenet5", "--max-macs", "500K", "-q", cwd=tmp_path).stdout == ""


def test_a_measured_check(tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    how = ("--device", "cpu", "--threads", "1", "--time", "3s")
    ran = paced.run("bench", "lenet5", *how, "-q", "-o", "base.json", cwd=tmp_path, **env)
    assert ran.returncode == 0, ran.stderr
    ran = paced.run(
        "check",
        "lenet5",
        "--max-latency",
        "60s",
        "--baseline",
        "base.json",
        "--tolerance",
        "100000%",
        *how,
        "-f",
        "csv",
        cwd=tmp_path,
        **env,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = [line for line in csv.DictReader(io.StringIO(ran.stdout)) if line["count"] == "latency"]
    assert [(line["source"], line["verdict"], line["device"]) for line in lines] == [
        ("options", "within", "cpu"),
        ("base.json", "within", "cpu"),
    ]
    assert 0 < float(lines[0]["low"]) <= float(lines[0]["value"]) <= float(lines[0]["high"])
    ran = paced.run("check", "lenet5", "--max-latency", "1ns", *how, "-q", "--junit", "junit.xml", cwd=tmp_path, **env)
    assert (ran.returncode, "lenet5 (28) latency" in ran.stderr) == (1, True)
    assert 'type="over"' in (tmp_path / "junit.xml").read_text()


def test_a_folder_for_junit_is_refused_before_any_work(tmp_path: Path) -> None:
    ran = run("check", "lenet5", "--max-macs", "1", "--junit", str(tmp_path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "is a folder; name a file in it" in ran.stderr


def test_an_interrupted_check_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict on half of the networks would be none."""

    def interrupted(*_: Any) -> Any:
        raise Interrupted(compare("lenet5", engine="closed"))
        yield

    monkeypatch.setattr(measuring, "measured", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        check("lenet5", latency="1ms", macs=1, bench=BenchOptions(device="cpu", threads=1))
    assert not isinstance(caught.value, Interrupted)
