"""Saved runs that somebody edited: refused with the place, and nothing that is read ends in a traceback."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from profiler.errors import ProfilerError
from profiler.records.limits import QUANTITIES
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.saved import read as saved
from tests.measure import paced
from tests.report.clocked import measured

COMMANDS = {
    "show": "show lenet5 --training --memory",
    "rewritten": "show squeezenet1_0 --what-if separable",
    "traced": "show net.py:Net --input 3x16x16",
    "compare": "compare lenet5 squeezenet1_0 --engine closed,torch",
    "sweep": "sweep --engine closed",
    "over": "sweep part.py:Part --input 4 --over width=4..6 --over name=a,b --over shift=-1..0 --engine closed",
    "fit": "fit lenet5 vgg11 --max-macs 300K --min-params 10K",
    "fit of memory": "fit part.py:Part --input 4 --over width=4..6 --max-macs 1K --max-memory 1MiB",
    "list": "list resnet",
    "formula": "formula mobilenet_v1",
    "verify": "verify lenet5 --engine closed",
    "check": "check lenet5 --max-macs 1M",
    "diff": "diff lenet5 squeezenet1_0",
    "bench": "bench lenet5 lenet5@classes=100 --time 1s --threads 1",
    "selftest": "selftest --time 12s --threads 1",
}
NET = """
from torch import nn, special

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x):
        return self.b(special.bessel_j0(self.a(x)).mean((2, 3)))
"""
PART = """
from torch import nn

class Part(nn.Linear):
    def __init__(self, width=4, name="x", shift=-1):
        super().__init__(4, width)
"""
VALUES: list[Any] = [
    None, True, -1, 0, 10**30, 10**400, -2.5, 1e308, 1e-320, "", "x", "0/0", "1x2", "\x1b[31m<b>", [], [1], ["a"], [[1]], [None],
    {}, {"a": 1}, "macs", ["macs", "macs"], ["__proto__", "records"], [{"quantity": "memory", "most": 1, "least": None}],
]  # fmt: skip
KNOWN = ", ".join(QUANTITIES)
LENGTHS = "jump, windows and everything must be lists of the same length, an item for each spatial axis"
FORMS = ("table", "csv", "json", "jsonl", "markdown", "latex", "html", "speedscope", "trace", "mermaid", "dot")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        paced.install(patch.setattr)
        Path("net.py").write_text(NET)
        Path("part.py").write_text(PART)
        for name, command in COMMANDS.items():
            end(patch, *command.split(), "-q", "-o", f"{name}.json")
        made = {name: json.loads(Path(f"{name}.json").read_text()) for name in COMMANDS}
    clocked = registry.answer(measured("lenet5", "squeezenet1_0"), View(top=1000)).document()
    return made | {"layers": json.loads(json.dumps(clocked))}


def end(patch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """How the command ends, and what it says of it. Whatever it does not expect is raised."""
    patch.setattr("sys.argv", ["profiler", *words])
    try:
        cli.app()
    except SystemExit as ended:
        return int(ended.code or 0), ""
    except ProfilerError as fault:
        return fault.exit_code, str(fault)
    return 0, ""


def places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document; of a list the first three items and the last."""
    if isinstance(part, dict | list):
        for key in part if isinstance(part, dict) else sorted({*range(min(3, len(part))), len(part) - 1} - {-1}):
            yield (*path, key)
            yield from places(part[key], (*path, key))


def edited(document: Any, path: tuple[Any, ...], how: str, value: Any) -> Any:
    """The document with one place set, taken out, or given a neighbour."""
    made = copy.deepcopy(document)
    *outer, last = path
    part = made
    for key in outer:
        part = part[key]
    if how == "out":
        del part[last]
    elif how == "set":
        part[last] = value
    elif isinstance(part, dict):
        part["extra"] = value
    else:
        part.append(value)
    return made


@pytest.mark.parametrize("name", [*COMMANDS, "layers"])
def test_what_anybody_edits_ends_in_a_sentence(
    name: str, documents: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(name)
    found = list(places(documents[name]))
    for other in ("show", "bench"):
        Path(f"{other}.json").write_text(json.dumps(documents[other]))
    for _ in range(60):
        path, how, value = chance.choice(found), chance.choice(("set", "set", "out", "beside")), chance.choice(VALUES)
        Path("run.json").write_text(json.dumps(edited(documents[name], path, how, value)))
        words = chance.choice(
            [
                ["report", "run.json", "-f", chance.choice(FORMS)],
                ["report", "run.json", "--plot"],
                ["report", "run.json", "--sort", chance.choice(("macs", "-width", "name"))],
                ["report", "run.json", "--formulas", "--depth", "0"],
                ["diff", "run.json", chance.choice(("show.json", "bench.json"))],
                ["diff", "show.json", "run.json", "-f", "markdown"],
                ["check", "lenet5", "--baseline", "run.json"],
                ["check", "--baseline", "run.json", "-f", "csv"],
            ]
        )
        code, said = end(monkeypatch, *words)
        assert code in (0, 1, 2, 3), (words, path, how, value)
        assert "\n" not in said, (words, path, how, value)


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [
        ("show", ("rows", 1, "macs"), "x", "rows[1].macs: expected a whole number, and this is a text (x)"),
        ("show", ("rows", 0, "facts", "stride"), ["x"], "rows[0].facts.stride[0]: expected a whole number, and this is a text (x)"),
        ("show", ("memory", 0, "parts", "params"), [1], "memory[0].parts.params: expected an object, and this is a list"),
        ("show", ("training", "rows", 0, "path"), 1, "training.rows[0].path: expected a text, and this is a whole number (1)"),
        ("rewritten", ("what_if", 0, "macs_after"), None, "what_if[0].macs_after: expected a whole number, and this is null"),
        ("traced", ("tracing", "inputs"), [1], "tracing.inputs[0]: expected a text, and this is a whole number (1)"),
        ("compare", ("notes",), [0], "notes[0]: expected a text, and this is a whole number (0)"),
        ("compare", ("agreements", 0, "total"), 1.5, "agreements[0].total: expected a whole number, and this is a number (1.5)"),
        ("list", ("records", 0, "paper"), None, "records[0].paper: expected a text, and this is null"),
        ("formula", ("records", 0, "side_power"), 1.5, "records[0].side_power: expected a whole number, and this is a number (1.5)"),
        ("selftest", ("certificate", "checks", 0, "aim"), {}, "certificate.checks[0].aim: expected a number or a whole number, and this is an object"),
        ("compare", ("records", 1, "latency_s"), 0.1, "records[1].latency_low_s: expected what stands beside latency_s"),
        ("layers", ("rows", 0, "seconds"), "x", "rows[0].seconds: expected a number or a whole number, and this is a text (x)"),
        ("compare", ("records", 0, "total"), 10**400, f"expected numbers below 1e+40, and one is 1{39 * '0'}"),
        ("compare", ("rounds",), [[1e308]], "expected numbers below 1e+40, and one is 1e+308"),
        ("over", ("records", 0, "macs"), -1, "records[0].macs: expected 0 or more, and this is -1"),
        ("over", ("over", 1), "width", "over[1]: expected each option once, by its name, and this is a text (width)"),
        ("over", ("over", 0), "", "over[0]: expected each option once, by its name, and this is a text ()"),
        ("sweep", ("limits",), [{"quantity": "macs", "most": 1}], "limits: expected none, since only a run of fit has limits"),
        ("fit", ("limits",), [], "limits: expected a limit, since it is a run of fit"),
        ("fit", ("limits", 0, "quantity"), "x", f"limits[0].quantity: expected one of {KNOWN}, each once, and this is a text (x)"),
        ("fit", ("limits", 1, "quantity"), "macs", f"limits[1].quantity: expected one of {KNOWN}, each once, and this is a text (macs)"),
        ("fit", ("limits", 0, "most"), None, "limits[0]: expected a number in most or in least"),
        ("fit", ("limits", 0, "most"), -1, "limits[0].most: expected 0 or more, and this is -1"),
        ("fit", ("limits", 0, "quantity"), "memory", "records[0]: there is no memory_bytes, and a run of fit has limits"),
        ("fit", ("limits", 0, "most"), 10, "records[0].fits: expected false, since its macs is outside the limit"),
        ("traced", ("receptive", 0, "windows"), [1], f"receptive[0]: {LENGTHS}"),
        ("show", ("receptive", 1, "everything"), [], f"receptive[1]: {LENGTHS}"),
        ("selftest", ("certificate", "machine", "workers"), [1.0], "certificate: expected the machine's workers as a list of objects"),
        ("selftest", ("certificate", "machine", "workers"), 1, "certificate: expected the machine's workers as a list of objects"),
        ("fit", ("records", 0, "binding"), 1, "records[0].binding: expected a text, and this is a whole number (1)"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_place(
    name: str, path: tuple[Any, ...], value: Any, message: str, documents: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps(edited(documents[name], path, "set", value)))
    with pytest.raises(ProfilerError) as caught:
        saved.read_document(str(file))
    assert str(caught.value) == f"'{file}': {message}; save one with -o run.json"


GOLDEN = Path(__file__).parents[1] / "golden" / "saved"


@pytest.mark.parametrize(
    ("run", "edit", "message"),
    [
        (
            "bench_layers",
            lambda d: d["layers"][0]["timing"].update(latency_s=None),
            r"layers\[0\]\.timing\.latency_s: expected seconds",
        ),
        (
            "bench",
            lambda d: d["records"][0].update(latency_low_s=5),
            r"records\[0\]\.latency_s: expected it between its ends, 5 and ",
        ),
        ("formula", lambda d: d["records"][0].update(period=0), r"records\[0\]\.period: expected a whole number from 1"),
        ("bench", lambda d: d.update(rounds=[[1.0]] * 99), r"rounds: expected a list for each of the \d records"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(run: str, edit: Any, message: str, tmp_path: Path) -> None:
    document = json.loads((GOLDEN / f"{run}.json").read_text())
    edit(document)
    (tmp_path / "run.json").write_text(json.dumps(document))
    with pytest.raises(ProfilerError, match=message):
        saved.read_document(str(tmp_path / "run.json"))


@pytest.mark.parametrize("run", ["check", "verify", "diff"])
def test_a_run_without_records_is_written_in_every_form_of_a_table(run: str, tmp_path: Path) -> None:
    document = json.loads((GOLDEN / f"{run}.json").read_text()) | {"records": []}
    (tmp_path / "run.json").write_text(json.dumps(document))
    answer = registry.answer(saved.read_document(str(tmp_path / "run.json")), View())
    for form in ("table", "csv", "json", "jsonl", "markdown", "latex"):
        assert isinstance(written(answer, form), str)
    assert written(answer, "latex") == "% nothing to tell\n"


def test_options_below_0_are_read_back(documents: dict[str, Any], tmp_path: Path) -> None:
    """An option may be any number, and a count may not: `over` says which is which, and names no column of the contract."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(documents["over"]))
    assert [record["shift"] for record in saved.results(saved.read_document(str(file)))] == [-1, 0] * 6
    forged = edited(documents["over"], ("records", 0, "macs"), "set", -1)
    forged["over"].append("macs")
    file.write_text(json.dumps(forged))
    with pytest.raises(ProfilerError, match=r"records\[0\]\.macs: expected 0 or more, and this is -1"):
        saved.read_document(str(file))
