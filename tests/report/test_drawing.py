"""Drawings: what stands in them, in both languages; and Graphviz reads its own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec import structs

from profiler.errors import ProfilerError, Unavailable
from profiler.network.combinators import Aside, Branches, Chain
from profiler.network.layers import Activation, Add, Conv, Identity
from profiler.records.shown import Shown
from profiler.report.writers.drawing import dot, mermaid, svg
from profiler.report.writers.graph import picture
from profiler.study.show import show
from tests.test_cli import run

GRAPHVIZ = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


def drawn(model: str) -> Shown:
    return show(model, wired=True)


def residual() -> Shown:
    """A block with a shortcut, and a branch that runs in training only."""
    block = Branches(Chain(Conv(8, 3, padding=1), Activation("ReLU"), Conv(8, 1)), Identity(), join=Add())
    return show(Chain(stem=Conv(8, 1), block=block, aux=Aside(Conv(4, 1)), head=Conv(2, 1)), input=(3, 8, 8), wired=True)


def test_a_shortcut_is_a_wire_and_a_sum_a_joint() -> None:
    made = picture(residual(), 0)
    names = [node.name for node in made.nodes]
    assert names == [
        "stem", "block.0.0", "block.0.1", "block.0.2", "block.join", "aux", "head", "input", "output"
    ]  # fmt: skip
    joint = names.index("block.join")
    assert (made.nodes[joint].lines, made.nodes[joint].shape) == (["+"], "joint")
    assert sorted(names[e.start] for e in made.edges if e.end == joint) == ["block.0.2", "stem"]
    (aside,) = [e for e in made.edges if e.end == names.index("aux")]
    assert aside.aside
    assert made.nodes[names.index("aux")].lines == ["aux", "pointwise", "2.05 K MACs, in training only"]


def test_edges_carry_the_shapes_that_go_there() -> None:
    made = picture(drawn("mobilenet_v1"), 1)
    labels = {(made.nodes[e.start].name, made.nodes[e.end].name): e.label for e in made.edges}
    assert labels == {
        ("input", "stem"): "3×224×224", ("stem", "body"): "32×112×112", ("body", "head"): "1024×7×7", ("head", "output"): "1000"
    }  # fmt: skip


def test_every_multiply_add_is_in_the_picture() -> None:
    lines = [line for node in picture(drawn("mobilenet_v1"), 1).nodes for line in node.lines if "MACs" in line]
    assert lines == ["10.8 M MACs, 1.9 %", "557 M MACs, 97.9 %", "1.02 M MACs, 0.2 %"]


@pytest.mark.parametrize("depth", [1, 2, 0])
@pytest.mark.parametrize("model", ["mobilenet_v1", "resnet18", "googlenet", "unet"])
def test_every_node_is_reached_from_the_input(model: str, depth: int) -> None:
    made = picture(drawn(model), depth)
    reached = {i for i, node in enumerate(made.nodes) if node.name == "input"}
    while more := {e.end for e in made.edges if e.start in reached} - reached:
        reached |= more
    assert reached == set(range(len(made.nodes)))


def test_mermaid_in_full() -> None:
    assert mermaid(drawn("lenet5"), 1).splitlines()[:9] == [
        "---",
        'title: "lenet5: 417 K MACs, 61.7 K params"',
        "---",
        "flowchart TB",
        '  n0["body<br/>2 × conv 5×5<br/>358 K MACs, 85.9 %"]',
        '  n1["head<br/>3 × linear<br/>58.9 K MACs, 14.1 %"]',
        '  n2(["input<br/>1×28×28"])',
        '  n3(["output<br/>10"])',
        '  n2 -->|"1×28×28"| n0',
    ]


HOSTILE = '<script>alert("1")</script>]#;|`{}\\n%%\nend 🦆 שלום'


def hostile() -> Shown:
    shown = drawn("lenet5")
    rows = tuple(row._replace(path=f"{HOSTILE}{i}") for i, row in enumerate(shown.profile.rows))
    return structs.replace(shown, profile=structs.replace(shown.profile, model=HOSTILE, rows=rows))


def test_a_hostile_name_stays_text_in_mermaid() -> None:
    for line in mermaid(hostile(), 0).splitlines()[4:]:
        for text in re.findall(r'\["(.*?)"\]', line):
            assert not set('<>"[]{}|`\\') & set(text.replace("<br/>", "")), text
            assert set(re.findall(r"#(\w*)", text)) <= {*map(str, range(200_000))}
        assert re.fullmatch(r'  (n\d+\(?[\[(]+".*"[\])]+|n\d+ -->(\|".*"\|)? n\d+|class.*)', line), line


@GRAPHVIZ
def test_a_hostile_name_stays_text_in_dot() -> None:
    page = ElementTree.fromstring(svg(hostile(), 0))
    texts = ["".join(each.itertext()) for each in page.iter("{http://www.w3.org/2000/svg}text")]
    assert '<script>alert("1")</script>]#;|`{}\\n%% end 🦆 שלום0' in texts
    assert not list(page.iter("{http://www.w3.org/2000/svg}script"))


@GRAPHVIZ
@pytest.mark.parametrize("model", ["mobilenet_v1", "googlenet", "unet", "densenet121"])
def test_graphviz_draws_every_node_and_edge(model: str) -> None:
    shown = drawn(model)
    made = picture(shown, 2)
    ran = subprocess.run(["dot", "-Tjson0"], input=dot(shown, 2), capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    read = json.loads(ran.stdout)
    nodes = [each for each in read["objects"] if "nodes" not in each and "subgraphs" not in each]
    assert (len(nodes), len(read["edges"])) == (len(made.nodes), len(made.edges))


def test_without_graphviz_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="install graphviz, or write"):
        svg(drawn("lenet5"))


def test_what_was_not_wired_cannot_be_drawn() -> None:
    with pytest.raises(ProfilerError, match="a drawing needs the layers of one network"):
        mermaid(show("lenet5", wired=False))


def test_a_saved_run_draws_as_the_network_does(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    assert run("show", "resnet18", "--depth", "1", "-q", "-o", str(saved), "-o", str(tmp_path / "a.mmd")).returncode == 0
    assert run("report", str(saved), "--depth", "1", "-q", "-o", str(tmp_path / "b.mmd")).returncode == 0
    assert (tmp_path / "a.mmd").read_text() == (tmp_path / "b.mmd").read_text()


@pytest.mark.parametrize(
    ("wires", "said"),
    [
        ({"inputs": [[1, 28, 28]], "sources": [[0]], "outputs": [0]}, "a part of this run is malformed"),
        ({"inputs": []}, "wiring: there is no sources"),
        ({"inputs": [], "sources": "x", "outputs": []}, "wiring.sources: expected a list, and this is a text (x)"),
    ],
    ids=["of another network", "without sources", "of text"],
)
def test_wires_that_lead_nowhere_are_refused_in_a_sentence(tmp_path: Path, wires: object, said: str) -> None:
    saved = tmp_path / "run.json"
    run("show", "lenet5", "-q", "-o", str(saved))
    document = json.loads(saved.read_text())
    saved.write_text(json.dumps(document | {"wiring": wires}))
    ran = run("report", str(saved))
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"error: '{saved}': {said}")
    assert ran.stderr.count("\n") == 1
