"""A `.pt2` whose texts would run: each is refused in a sentence before torch reads it, and what a program really holds is not."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from profiler.errors import ProfilerError
from profiler.load.exported_text import is_expression
from profiler.load.load import load


class Shapes(nn.Module):
    """Sides that its own arithmetic depends on: its file holds expressions and guards."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, stride=2)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.body(x)
        flat = x.reshape(x.shape[0], -1)[:, : x.shape[2] // 2 * 3 + 1]
        return self.head(x.mean((2, 3))) * scale, flat


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    auto, static = torch.export.Dim.AUTO, torch.export.Dim.STATIC
    program = torch.export.export(
        Shapes().eval(),
        (torch.zeros(4, 3, 32, 32),),
        {"scale": torch.ones(1)},
        dynamic_shapes={"x": (auto, static, auto, auto), "scale": (static,)},
    )
    path = tmp_path_factory.mktemp("exported") / "shapes.pt2"
    torch.export.save(program, path)
    return path


def test_a_program_with_expressions_is_counted(written: Path) -> None:
    held = zipfile.ZipFile(written)
    model = next(held.read(name).decode() for name in held.namelist() if name.endswith("models/model.json"))
    assert "FloorDiv" in model
    assert "L['x'].size()" in model
    assert load(str(written)).profile(None).macs == 4 * (9 * 3 * 4 * 15 * 15 + 4 * 2)


def edited(written: Path, to: Path, edit: Callable[[str], str]) -> Path:
    """A copy of the program with its JSON edited, which differs."""
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            held = old.read(name)
            if name.endswith("models/model.json"):
                before = held.decode()
                held = edit(before).encode()
                assert held != before.encode()
                json.loads(held)
            new.writestr(name, held)
    return to


EXPRESSION = "Symbol('s77', positive=True, integer=True)"
CODE: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "an expression": ("expr_str", lambda text, code: text.replace(EXPRESSION, code)),
    "an expression inside of one": ("expr_str", lambda text, code: text.replace(EXPRESSION, f"Max({code}, Integer(1))")),
    "an expression under the name of a text": (
        "expr_str",
        lambda text, code: text.replace(EXPRESSION, code).replace('"linear"', '"stack_trace"').replace('"conv2d"', '"custom"'),
    ),
    "a guard": ("guards_code", lambda text, code: text.replace("L['x'].size()[2] >= 3", code)),
    "the name of an input": ("name", lambda text, code: text.replace('"scale"', f'"scale={code}"')),
    "the name of an argument": ("name", lambda text, code: text.replace('"name": "bias"', f'"name": "bias={code}"')),
    "an operator": ("target", lambda text, code: text.replace("torch.ops.aten.mean.dim", "torch.os.system")),
    "a method of an operator": ("target", lambda text, code: text.replace("torch.ops.aten.mean.dim", "torch.hub.load")),
    "a tree of arguments": (
        "in_spec",
        lambda text, code: text.replace(r"\"context\": \"null\"", r"\"context\": {\"default_factory_module\": \"payload\"}", 1),
    ),
    "an enumeration": (
        "in_spec",
        lambda text, code: text.replace(r"\"context\": \"null\"", r"\"context\": {\"__enum__\": 1}", 1),
    ),
}


@pytest.mark.parametrize("place", CODE)
def test_no_text_of_a_file_is_run(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    key, edit = CODE[place]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "payload.py").write_text("open('ran', 'w')")
    code = "__import__('pathlib').Path('ran').touch()"
    armed = edited(written, tmp_path / "armed.pt2", lambda text: edit(text, code))
    with pytest.raises(
        ProfilerError, match=f"'armed.pt2' holds a string that is neither a shape expression nor a name .{key}: "
    ) as caught:
        load("armed.pt2").profile(None)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
    assert armed.exists()


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("data/constants/opaque_obj_/nested", "holds pickled objects (opaque_obj_)"),
        ("data/constants/custom_obj_0", "holds pickled objects (custom_obj_0)"),
        ("data/aotinductor/model/net.so", "holds compiled code (aotinductor)"),
        ("models/MODEL.json", "holds two parts with one name"),
        ("models/other.json", "its other.json is not valid JSON"),
    ],
)
def test_no_part_of_a_file_is_loaded_that_could_run(written: Path, tmp_path: Path, part: str, sentence: str) -> None:
    armed = tmp_path / "armed.pt2"
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(armed, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr(f"{name.split('/')[0]}/{part}", "[" * 100_000)
    with pytest.raises(ProfilerError) as caught:
        load(str(armed))
    assert sentence in str(caught.value)


PLAIN = [
    EXPRESSION,
    "Add(Mul(Integer(3), FloorDiv(Symbol('s0'), Integer(2))), Rational(1, 2))",
    "Pow(Symbol('s0'), Integer(2))",
    "Max(1, Mod(s0, 4))",
    "L['x'].size()[0] > 3 and (4 % (1 + (L['y'].stride()[1] // 2))) != 0",
    "s0**2 <= 2*s1",
]
OTHER = [
    "__import__('os')",
    "().__class__",
    "Symbol.__init__",
    "Symbol('s0').subs(1, 2)",
    "(lambda: 1)()",
    "[x for x in s]",
    "f'{x}'",
    "getattr(s, 'a')",
    "x if y else z",
    "(x := 3)",
    "Symbol('a\\'+b')",
    "9**9**9",
    "Pow(9, Pow(9, 9))",
    "2**1000000000",
    "eval('1')",
    "x; y",
    "",
    "(" * 5000,
]


@pytest.mark.parametrize("text", PLAIN)
def test_an_expression_of_shapes(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize("text", OTHER, ids=lambda text: text[:20] or "empty")
def test_what_is_none(text: str) -> None:
    assert not is_expression(text)
