"""What `show` holds besides the rows: how a trace was come by, a training step, memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError, UnknownName
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.sheets import details, sheet
from profiler.report.sheets.sheet import profile_title
from profiler.study.compare import compare
from profiler.study.show import show


class Net(nn.Module):
    """A convolution, a layer that never runs, a weight that is tied."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.spare = nn.Linear(5, 5)
        self.a, self.b = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.b(self.a(self.conv(x).mean((2, 3))))
        return output


class Spectral(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = Mix()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.mix(self.mix(x))
        return output


class Mix(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = torch.fft.fft2(x).real
        return output


class Crossed(nn.Module):
    """Takes a complex image, and a tensor whose name has the letter of a cross."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, dtype=torch.complex64)

    def forward(self, x: Tensor, max_x2: Tensor | None = None) -> Tensor:
        output: Tensor = self.conv(x)
        return output if max_x2 is None else output + max_x2.sum()


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("3x8x8:complex64", "Crossed, 3×8×8:complex64"),
        (["3x8x8:complex64", "max_x2=2x3:complex64"], "Crossed, 3×8×8:complex64, max_x2=2×3:complex64"),
        (["x=3x8x8:complex64", "max_x2=scalar:complex64"], "Crossed, x=3×8×8:complex64, max_x2=scalar:complex64"),
        (["x=3x8x8:complex64", "max_x2=none"], "Crossed, x=3×8×8:complex64, max_x2:=None"),
    ],
)
def test_only_the_crosses_of_shapes_are_crosses(given: str | list[str], title: str) -> None:
    found = show(Crossed(), input=given)
    assert found.traced is not None
    assert profile_title(found.profile, found.traced.inputs) == title


def test_how_it_was_traced() -> None:
    found = show(Net(), input=(3, 8, 8))
    told = found.traced
    assert told is not None
    assert (told.rung, told.reason, told.uncounted, told.harm) == ("meta", "", (), ())
    assert (told.unused, told.unread, told.tied) == (("spare",), 5 * 5 + 5, ("b.weight",))
    assert told.coverage.counted == 3
    assert found.profile.params == 9 * 3 * 8 + 8 * 8
    lines = details.tracing_lines("Net", told)
    assert lines[0] == "Net: traced: meta"
    assert lines[1].startswith("Net: coverage 100.00 % of ")
    assert lines[2:] == [
        "Net: never ran: spare",
        "Net: tied, and counted once: b.weight",
        "Net: the module, the random generators and torch are unchanged",
    ]


def test_what_is_uncounted_is_named_with_its_cure() -> None:
    found = show(Spectral(), input=(3, 8, 8))
    assert found.traced is not None
    (gap,) = found.traced.uncounted
    assert (gap.times, gap.path) == (2, "mix")
    (line,) = details.uncounted("Spectral", found.traced)
    assert line == f"UNCOUNTED Spectral: {gap.op}, 2 times, first in mix; {gap.cure}"
    text = written(registry.answer(found), "table")
    assert "UNCOUNTED    coverage " in text
    assert "2 without a formula; the counts above are too low" in text


def test_a_closed_form_has_no_tracing() -> None:
    assert show("vgg11").traced is None


def test_a_training_step() -> None:
    # no gradient is needed of the image: the first layer's backward is one product, the others' are two
    found = show(Net(), input=(3, 8, 8), batch=2, training=True).training
    assert found is not None
    conv, layer = 9 * 3 * 8 * 36, 8 * 8
    assert (found.forward, found.backward, found.recomputed) == (2 * (conv + 2 * layer), 2 * (conv + 2 * 2 * layer), 0)
    zoo = show("resnet18", training=True).training
    assert zoo is not None
    assert zoo.forward == 1_814_073_344
    assert zoo.backward == 2 * zoo.forward - 49 * 3 * 64 * 112**2
    sheet = details.training_sheet(zoo, 1, None, "raw")
    assert [row[0] for row in sheet.rows] == ["stem", "body", "head", "all"]
    assert sheet.rows[-1][3] == f"{zoo.step:,}"


def test_memory() -> None:
    found = show(Net(), input=(3, 8, 8), batch=2, memory=True).memory
    assert [each.mode for each in found] == ["inference", "training, sgd", "training, adam"]
    params = 4 * (9 * 3 * 8 + 8 * 8 + 5 * 5 + 5)
    assert all(each.parts["params"] == {"float32": params} for each in found)
    assert found[0].parts["inputs"] == {"float32": 4 * 2 * 3 * 64}
    assert found[0].parts["gradients"] == {}
    assert found[2].parts["optimizer"]["float32"] >= 2 * (params - 4 * 30)
    assert found[2].peak > found[1].peak > found[0].peak
    assert "peak" in [row[0] for row in details.memory_sheet(found).rows]


def test_memory_of_weights_of_fewer_bits_has_master_copies() -> None:
    found = show(nn.Linear(8, 4, dtype=torch.bfloat16), input="8:bfloat16", memory=True).memory
    assert [each.mode for each in found] == ["inference", "training, sgd", "training, adam", "training, adam-mixed"]
    assert [dict(each.optimizer) for each in found] == [{}, {}, {"bfloat16": 36 * 4}, {"float32": 36 * 12}]
    (kept,) = (note for note in details.memory_sheet(found).notes if str(note).startswith("adam keeps"))
    assert str(kept) == (
        "adam keeps two states in the dtype of the parameter; adam-mixed keeps fp32 master copies of parameters of fewer bits, "
        "and two states in fp32."
    )


def test_what_a_forward_prints_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    class Prints(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            print("here")
            return self.l(x)  # type: ignore[no-any-return]

    show(Prints(), input=(8,), training=True, memory=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "here" in err


def test_the_document_holds_what_was_asked_for() -> None:
    found = show(Net(), input=(3, 8, 8), what_if="separable", training=True, memory=True)
    plain = registry.answer(found).document()
    assert plain["tracing"]["rung"] == "meta"
    assert [each["path"] for each in plain["what_if"]] == ["conv", None]
    assert plain["training"]["step"] == plain["training"]["forward"] + plain["training"]["backward"]
    assert len(plain["memory"]) == 3
    assert set(plain) & {"tracing", "what_if"} == {"tracing", "what_if"}
    bare = registry.answer(show("vgg11")).document()
    assert set(bare) & {"tracing", "what_if", "training", "memory"} == set()


def test_chosen_columns_of_the_costliest_layers() -> None:
    answer = registry.answer(show("lenet5"), View(top=2, columns=["path", "macs"], sort="macs"))
    sheet = answer.sheets()[-1]
    assert (sheet.title, sheet.rows) == (
        "by layer, to a depth of 2, the 2 with most MACs",
        [["body.c1", "117,600"], ["body.c3", "240,000"]],
    )
    assert str(written(answer, "csv")).count("\n") == 1 + 12, "records are never left out"
    with pytest.raises(ProfilerError, match="a top of 0 shows nothing"):
        registry.answer(show("lenet5"), View(top=0, columns=["path"]))


def test_derivations_of_traced_rows() -> None:
    class Attends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.scaled_dot_product_attention(x, x, x)

    found = show(Attends(), input=(4, 6, 16), batch=2)
    (made,) = found.derivations
    assert made is not None
    assert (made.letters, made.numbers) == ("B·H·T·S·(C+C_v)", "2·4·6·6·(16+16)")
    (made,) = show(nn.Linear(3, 2), input=(5, 3), batch=2).derivations
    assert made is not None
    assert made.numbers == "2·5·3·2"


class Repeated(nn.Module):
    """One layer three times, another twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(10, 10), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.fc1(x)
        for _ in range(2):
            x = self.fc2(x)
        return x


class Products(nn.Module):
    """Weights of a list, which have one path, and a dict's."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.ParameterList([nn.Parameter(torch.ones(4, 4)) for _ in range(3)])
        self.named = nn.ParameterDict({"a": nn.Parameter(torch.ones(4, 5)), "b": nn.Parameter(torch.ones(5, 4))})

    def forward(self, x: Tensor) -> Tensor:
        for weight in self.each:
            x = x @ weight
        output: Tensor = x @ self.named["a"] @ self.named["b"]
        return output


FC = 10 * 10
# paper, fvcore, thop, torch, torchinfo
TOTALS: dict[str, tuple[nn.Module, Any, tuple[int, int, int, int, int]]] = {
    "linear layers, three times and two": (Repeated(), (10,), (5 * FC, 5 * FC, 5 * FC, 2 * 5 * FC, 5 * (FC + 10))),
    "a convolution six times": (
        nn.Sequential(*[nn.Conv2d(4, 4, 3, padding=1)] * 6), (4, 8, 8),
        (6 * 9 * 16 * 64, 6 * 9 * 16 * 64, 6 * 9 * 16 * 64, 12 * 9 * 16 * 64, 6 * (9 * 16 + 4) * 64),
    ),
    "a norm twice": (nn.Sequential(*[nn.BatchNorm2d(4)] * 2), (4, 8, 8), (0, 2 * 2 * 256, 2 * 4 * 256, 0, 2 * 8)),
    "products that share a path": (Products(), (4,), (48 + 40, 48 + 40, 0, 2 * (48 + 40), 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", TOTALS)
def test_the_total_adds_up_every_call(name: str) -> None:
    module, shape, right = TOTALS[name]
    for convention, total in zip(("paper", "fvcore", "thop", "torch", "torchinfo"), right, strict=True):
        found = show(module, input=shape, convention=convention)
        assert found.total == total
        assert compare(module, input=shape, convention=convention, engine="closed")[0]["total"] == total
        document = registry.answer(found).document()
        assert document["records"][0]["total"] == total
        assert sum(row["total"] for row in document["rows"]) == total
        derived = [row.path for row, made in zip(found.profile.rows, found.derivations, strict=True) if made is not None]
        assert [row[0] for row in sheet.formulas_sheet(found).rows] == derived


@pytest.mark.parametrize(
    ("module", "shape", "legend"),
    [
        (nn.Conv2d(3, 4, 1), (3, 8, 8), "M channels in, N channels out, D_F output side."),
        (nn.Conv2d(4, 4, 3, groups=2), (4, 8, 8), "D_K kernel side, M channels in, N channels out, D_F output side, G groups."),
        (nn.ConvTranspose2d(3, 4, 2), (3, 8, 8), "D_K kernel side, M channels in, N channels out, D_I input side."),
        (nn.Linear(3, 4), (5, 3), "M channels in, N channels out, T tokens."),
    ],
    ids=["pointwise", "grouped", "transposed", "linear"],
)
def test_the_legend_says_what_is_in_the_formulas(module: nn.Module, shape: Any, legend: str) -> None:
    assert sheet.formulas_sheet(show(module, input=shape)).notes == [legend]
    assert sheet.formulas_sheet(show(nn.ReLU(), input=shape)).notes == []


def test_mistakes() -> None:
    with pytest.raises(UnknownName, match="unknown rewriting 'fold'; did you mean folded"):
        show("vgg11", what_if="fold")
    with pytest.raises(ProfilerError, match="batch none is for modules without a batch axis"):
        show("vgg11", batch=None)


@pytest.mark.parametrize(("words", "form", "parts"), [
    ("--training -f csv", "csv", "--training"),
    ("--training --memory -f jsonl", "jsonl", "--training and --memory"),
    ("--memory -q --csv layers.csv", "csv", "--memory"),
])  # fmt: skip
def test_parts_that_no_output_has_room_for_are_refused(words: str, form: str, parts: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "show", "lenet5", *words.split()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"error: {form} holds only the layers, without {parts}; add -o FILE.json")
    assert not list(tmp_path.iterdir())
