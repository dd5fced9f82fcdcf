"""Networks as a study is given them: labels, patterns, accuracies of one's own; and what rows and messages call them then."""

from __future__ import annotations

import io
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from torch import nn

from profiler import ProfilerError, check, compare, diff, listing, read, show, sweep, verify, write
from profiler.errors import UnknownName
from profiler.load.load import labelled
from profiler.network import registry
from profiler.records.results import Results
from profiler.report.answer import View
from profiler.report.answers import registry as answers
from profiler.report.ci import github
from profiler.report.ci.junit import junit
from profiler.report.forms import written
from profiler.report.page.content import content
from profiler.report.terminal.plot import plot
from profiler.study.models import expanded, is_pattern
from tests.test_cli import run

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
    def forward(self, x):
        return self.conv(x)
"""
"""3·width·3² multiply-adds for each of the outputs."""


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.py"
    path.write_text(NET)
    return f"{path}:Net"


def drawn(thing: Any) -> str:
    page = io.StringIO()
    Console(file=page, width=200).print(thing)
    return page.getvalue()


# Labels


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ours=net.py:Net", ("Ours", "net.py:Net")),
        ("Ours (small)=mobilenet_v1@alpha=0.5", ("Ours (small)", "mobilenet_v1@alpha=0.5")),
        ("v1.2-β+=vgg16", ("v1.2-β+", "vgg16")),
        (" Ours = vgg16 ", ("Ours", "vgg16")),
        ("mobilenet_v1", (None, "mobilenet_v1")),
        ("mobilenet_v1@alpha=0.5", (None, "mobilenet_v1@alpha=0.5")),
        ("net.py:Net@a=1", (None, "net.py:Net@a=1")),
        ("./a=b.pt2", (None, "./a=b.pt2")),
    ],
)
def test_a_label_stands_before_the_first_equals_sign(text: str, found: tuple[str | None, str]) -> None:
    assert labelled(text) == found


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["Ours="], "label Ours has no model after it"),
        (["=vgg16"], "label '': a label is of 1 to 60 letters"),
        (["a,b=vgg16"], "label 'a,b': a label is of 1 to 60 letters"),
        (["x" * 61 + "=vgg16"], "a label is of 1 to 60 letters"),
        (["A=vgg16", "A=vgg11"], "label 'A' is given to two networks"),
        (["vgg11=vgg16", "vgg11"], "label 'vgg11' is the name of another network here"),
        (["V3=mobilenet_v3*"], "label 'V3': mobilenet_v3\\* matches 2 networks"),
        ([{"A": "vgg16"}, "A=vgg11"], "label 'A' is given to two networks"),
    ],
)
def test_labels_that_are_refused(models: list[Any], said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        compare(*models, engine="closed")


def test_a_command_of_one_network_takes_no_label() -> None:
    with pytest.raises(ProfilerError, match=r"model 'Ours=vgg16': Ours would label a row of compare"):
        show("Ours=vgg16")


def test_a_label_is_a_column_and_the_model_stays() -> None:
    module = nn.Conv2d(3, 8, 3)
    found = compare({"Ours": module, "Small": "mobilenet_v1@alpha=0.5"}, "vgg16", input="3x32x32", engine="closed")
    assert [(record["label"], record["model"]) for record in found] == [
        ("Ours", "Conv2d"),
        ("Small", "mobilenet_v1"),
        (None, "vgg16"),
    ]
    assert found[0]["macs"] == 3 * 8 * 3**2 * 30 * 30


FORMS = ("table", "markdown", "latex", "html", "speedscope")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_comparison_says_the_label(form: str, net: str) -> None:
    found = compare(f"Ours={net}@width=8", "mobilenet_v1", input="3x32x32", engine="closed")
    text = str(written(answers.answer(found, View()), form))
    assert "Ours" in text
    if form != "html":  # a page has both
        assert "Net" not in text


def test_a_sweep_says_the_label_in_its_title_heat_tables_and_plots(net: str) -> None:
    found = sweep("Wide=mobilenet_v1", "Narrow=mobilenet_v2", alpha="0.5,1", resolution="128,224", engine="closed")
    assert str(found.title).startswith("Wide, Narrow: ")
    text = drawn(plot(found))
    assert "Wide, batch 1: MACs (M): α down, side across" in text
    assert "● Wide  ▲ Narrow" in text
    assert "mobilenet" not in text


def test_a_page_has_labels_and_models() -> None:
    made = content(compare("Ours=mobilenet_v1@separable=false", "mobilenet_v1", engine="closed"))
    assert [record["label"] for record in made.records] == ["Ours", "mobilenet_v1"]
    assert list(made.shown)[:2] == ["label", "model"]
    assert [network.name for network in made.networks] == ["Ours", "mobilenet_v1"]
    assert made.title == "Ours, mobilenet_v1"
    plainly = content(compare("mobilenet_v1", engine="closed"))  # nothing is called otherwise, and its accuracy is published
    assert not {"label", "top1_source"} & set(plainly.shown)


def test_a_saved_run_keeps_labels_and_accuracies(tmp_path: Path) -> None:
    found = compare("Ours=lenet5", "alexnet", engine="closed", top1={"Ours": 74.1})
    write(found, tmp_path / "run.json")
    again = read(tmp_path / "run.json")
    assert drawn(answers.answer(again, View()).drawn) == drawn(answers.answer(found, View()).drawn)
    ran = run("report", str(tmp_path / "run.json"), "-f", "markdown")
    assert "| Ours |" in ran.stdout
    assert "74.1†" in ran.stdout


def test_a_run_of_before_labels_is_read(tmp_path: Path) -> None:
    write(compare("lenet5", "alexnet", engine="closed"), tmp_path / "run.json")
    document = json.loads((tmp_path / "run.json").read_text())
    for record in document["records"]:
        for name in ("label", "top1_source", "weight_dtype"):
            del record[name]
    (tmp_path / "run.json").write_text(json.dumps(document))
    again = read(tmp_path / "run.json")
    assert isinstance(again, Results)
    assert [(record["label"], record["model"]) for record in again] == [(None, "lenet5"), (None, "alexnet")]
    assert "fp32" in drawn(answers.answer(again, View()).drawn)


def test_a_sweep_that_is_written_as_it_is_counted_has_labels_and_sources(tmp_path: Path) -> None:
    from profiler.records.place import Place
    from profiler.study.large import Sweep

    at = Place(None, alpha="0.5,1", resolution="160..224")
    streamed = [block.record(i) for block in Sweep(["A=mobilenet_v1", "mobilenet_v3*"], at).blocks() for i in range(block.size)]
    assert streamed == list(sweep("A=mobilenet_v1", "mobilenet_v3*", alpha="0.5,1", resolution="160..224", engine="closed"))
    assert {record["label"] for record in streamed} == {"A", None}
    many = ("--alpha", "0.01..1.5:0.001", "--resolution", "32..1024:32", "--engine", "closed", "--csv", str(tmp_path / "x.csv"))
    ran = run("sweep", "mobilenet_v1", *many, "--memory", "-q")
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: --memory works for at most 10,000 cells, and this sweep has more; use larger steps\n",
    )


def test_a_gate_and_what_it_tells_others_say_the_label(net: str, tmp_path: Path) -> None:
    found = check(f"Ours={net}@input=3x8x8", macs=1000)
    macs = 3 * 4 * 3**2 * 6 * 6
    assert [line.model for line in found.lines] == ["Ours (8)"]
    assert str(found) == f"Ours (8): MACs {macs:,}, over the budget of 1,000 ({100 * (macs / 1000 - 1):.0f} % over)"
    assert 'testsuite name="Ours (8)"' in junit(found)
    assert any("title=Ours (8)%3A macs over" in each for each in github.commands(found, tmp_path))


def test_a_baseline_is_of_the_network_whatever_it_is_called(net: str, tmp_path: Path) -> None:
    write(compare(f"Before={net}", input="3x8x8", engine="closed"), tmp_path / "base.json")
    found = check(f"After={net}", baseline=str(tmp_path / "base.json"))
    assert {line.verdict for line in found.lines} == {"within"}
    assert {line.model for line in found.lines} == {"After (8)"}
    write(compare(f"After={net}", input="3x8x8", engine="closed"), tmp_path / "now.json")
    (cell,) = diff(str(tmp_path / "base.json"), str(tmp_path / "now.json")).cells
    assert cell.name == "After (8)"


def test_what_the_witnesses_say_is_of_the_label() -> None:
    found = compare("Ours=lenet5", engine="torch")
    assert [agreement.cell for agreement in found.agreements] == ["Ours (28)"]
    assert found.to_dict()["agreements"][0]["label"] == "Ours"


# Patterns


def test_a_pattern_is_every_network_of_that_name() -> None:
    want = [name for name in registry.names() if fnmatchcase(name, "mobilenet_v3*")]
    assert want == ["mobilenet_v3_large", "mobilenet_v3_small"]
    assert [record["model"] for record in compare("mobilenet_v3*", engine="closed")] == want
    assert expanded("vgg1[13]@alpha=0.5") == ["vgg11@alpha=0.5", "vgg13@alpha=0.5"]
    assert {record["alpha"] for record in compare("mobilenet_v3*@alpha=0.75", engine="closed")} == {0.75}
    assert {record["model"] for record in sweep("mobilenet_v3*", alpha="0.5,1", engine="closed")} == set(want)
    assert [line.at["model"] for line in check("mobilenet_v3*", macs="1G").lines] == want
    assert list(verify("mobilenet_v3*", engine="closed").models) == want


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("mobilenet*", True), ("vgg1?", True), ("vgg1[16]", True), ("timm:*", True), ("net.py:Net@x=[1,2]", False), ("hf:a[1]/x", False)],
)  # fmt: skip
def test_what_is_a_pattern(name: str, is_one: bool) -> None:
    assert is_pattern(name) == is_one


def test_a_pattern_of_nothing_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown network 'mobilenet_v4\\*'; did you mean"):
        compare("mobilenet_v4*", engine="closed")
    with pytest.raises(UnknownName, match="unknown library 'tim:'"):
        compare("tim:*mobile*", engine="closed")


def test_a_pattern_of_a_library() -> None:
    torchvision = pytest.importorskip("torchvision")
    known = sorted(f"torchvision:{name}" for name in torchvision.models.list_models() if name.startswith("mobilenet_v3_"))
    found = compare("torchvision:mobilenet_v3_*", engine="closed")
    assert [record["model"] for record in found] == known
    # the zoo's own are held to the published figures
    assert [record["params"] for record in found] == [record["params"] for record in compare("mobilenet_v3*", engine="closed")]


def test_too_many_of_a_library_are_refused_before_any_is_built() -> None:
    timm = pytest.importorskip("timm")
    with pytest.raises(
        ProfilerError, match=rf"'timm:\*' matches {len(timm.list_models()):,} networks, more than 64; narrow it"
    ):
        compare("timm:*", engine="closed")


# Accuracies of one's own


def test_an_accuracy_is_marked_as_given() -> None:
    found = compare("Ours=mobilenet_v1@alpha=0.5", "mobilenet_v1", engine="closed", top1={"Ours": "74.1"})
    assert [(record["top1"], record["top1_source"]) for record in found] == [
        (74.1, "given"),
        (70.6, "MobileNets Table 6"),
    ]
    text = drawn(answers.answer(found, View()).drawn)
    assert "74.1†" in text
    assert "†: top-1 as given by --top1, not published." in text
    assert "top-1: published, MobileNets Table 6." in text
    assert r"74.1$^\dagger$" in str(written(answers.answer(found, View()), "latex"))
    assert "top-1" not in drawn(answers.answer(compare("mobilenet_v1", engine="closed"), View()).drawn)


def test_an_accuracy_is_of_one_point() -> None:
    found = sweep("mobilenet_v1", alpha="0.5,1", batch="1,8", engine="closed", top1={"mobilenet_v1@alpha=0.5": 60})
    assert [(r["alpha"], r["batch"], r["top1"]) for r in found] == [(0.5, 1, 60), (0.5, 8, 60), (1, 1, 70.6), (1, 8, 70.6)]
    with pytest.raises(ProfilerError, match=r"--top1 mobilenet_v1: one accuracy for 2 points \(mobilenet_v1 \(α 0.5, 224\)"):
        sweep("mobilenet_v1", alpha="0.5,1", engine="closed", top1={"mobilenet_v1": 60})


@pytest.mark.parametrize(
    ("top1", "said"),
    [
        ({"mobilenet_v2": 70}, "unknown network 'mobilenet_v2'; did you mean mobilenet_v1"),
        ({"mobilenet_v1@alpha=0.25": 70}, "mobilenet_v1 is not counted at that point here"),
        ({"mobilenet_v1": 0.7}, "0.7 is below 1; write the accuracy in percent"),
        ({"mobilenet_v1": 101}, "101 is no percentage"),
        ({"mobilenet_v1": "high"}, "'high' is not a number; write it as 74.1"),
    ],
)
def test_accuracies_that_are_refused(top1: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        compare("mobilenet_v1", engine="closed", top1=top1)


def test_on_the_command_line(net: str) -> None:
    words = ("--input", "3x32x32", "--engine", "closed", "-f", "csv", "--columns", "label,model,options,top1,top1_source")
    ran = run("compare", f"Ours={net}@width=8", "vgg16", "--top1", "Ours=74.1%", "--top1", "vgg16=71.5", *words)
    assert ran.stdout.splitlines() == [
        "label,model,options,top1,top1_source",
        f"Ours,{net},width=8,74.1,given",
        ",vgg16,,71.5,given",
    ]
    wrong = run("compare", "vgg16", "--engine", "closed", "--top1", "74.1")
    assert (wrong.returncode, wrong.stderr) == (2, "error: --top1 '74.1' is not name=percent; write it as --top1 Ours=74.1\n")


# Lists


def test_networks_of_a_task_and_an_input() -> None:
    from profiler.study.listing import names_of

    every = {name: registry.find(name) for name in registry.names()}
    assert names_of(None) == list(every)
    assert names_of("hyperspectral") == [name for name, made in every.items() if made.task == "hyperspectral"]
    colours = names_of("classification", native="3x*")
    assert colours == [n for n, made in every.items() if made.task == "classification" and made.inputs()[0][0] == 3]
    assert "lenet5" not in colours
    assert "cnn_3d_li" not in names_of("classification")
    assert names_of("classification", "mobilenet_v3*") == ["mobilenet_v3_large", "mobilenet_v3_small"]
    assert [record["model"] for record in listing(task="classification", native="3x*")] == colours
    with pytest.raises(UnknownName, match="unknown task 'clasification'; did you mean classification"):
        names_of("clasification")
    with pytest.raises(UnknownName, match="unknown network 'mobilnet'"):
        names_of("classification", "mobilnet")


def test_a_table_of_several_tasks_says_which() -> None:
    heads = [head.text for head in answers.answer(listing("*s*"), View()).sheets()[0].columns]
    assert "task" in heads
    heads = [head.text for head in answers.answer(listing("vgg"), View()).sheets()[0].columns]
    assert "task" not in heads


def test_a_library_is_listed_and_its_few_are_counted() -> None:
    pytest.importorskip("torchvision")
    (large, small) = listing("torchvision:mobilenet_v3_*")
    assert [large["model"], small["model"]] == ["torchvision:mobilenet_v3_large", "torchvision:mobilenet_v3_small"]
    assert (small["task"], small["input"]) == ("classification", "3x224x224")
    assert small["params"] == compare("mobilenet_v3_small", engine="closed")[0]["params"]
    detection = listing("torchvision:", task="detection")
    assert {record["task"] for record in detection} == {"detection"}
    assert {record["params"] for record in detection} == {None}  # more than are counted unasked
    text = drawn(answers.answer(detection, View()).drawn)
    assert f"{len(detection)} networks that are not counted; --count does" in text


def test_a_limit_counts_a_library_and_what_is_unknown_is_nothing(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    seen: list[Any] = []
    found = listing("timm:mobilenetv3_small_0*", max_params="2M", watch=seen.append)
    assert [record["model"] for record in found if record["params"] > 2_000_000] == []
    assert [(each.done, each.of) for each in seen] == [(i, len(seen)) for i in range(len(seen))]
    assert len(seen) >= len(found) >= 1
    listed = listing("timm:mobilenet*")
    assert {record["params"] for record in listed} == {None}
    write(listed, tmp_path / "list.json")
    again = read(tmp_path / "list.json")
    assert again == listed
    assert again.notes == listed.notes
    with pytest.raises(UnknownName, match="unknown model of timm 'mobilnet\\*'"):
        listing("timm:mobilnet*")
    with pytest.raises(ProfilerError, match="--year works only for"):
        listing("timm:mobilenet*", year=2019)
