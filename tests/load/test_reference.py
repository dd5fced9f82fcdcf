"""References to modules: every form, what it is given, and every mistake's sentence and exit code."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from profiler.errors import InputNeeded, ProfilerError, ShapeError, Unavailable, UnknownName
from profiler.load.libraries import imported
from profiler.load.load import is_reference, load, parse
from profiler.load.reference import Reference

NETS = '''
import torch
from torch import nn

class Net(nn.Module):
    """A convolution and a layer as wide as it is told."""
    def __init__(self, width: int = 8, classes: int = 4, bias: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1, bias=bias)
        self.head = nn.Linear(width, classes, bias=bias)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))

class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(100, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, ids, mask=None, scale: float = 1.0, extra=None):
        x = self.table(ids) * scale
        if mask is not None:
            x = x * mask[..., None]
        if extra is not None:
            x = x + extra["a"] + extra["b"][0]
        return {"logits": self.head(x), "hidden": None}

class Steps(nn.Module):
    """Widths that a tensor knows: no constructor for the meta device."""
    def __init__(self):
        super().__init__()
        widths = [int(w.item()) for w in torch.linspace(4, 8, 2)]
        self.register_buffer("table", torch.arange(4).float().mul_(2))
        self.a, self.b = nn.Linear(4, widths[0]), nn.Linear(widths[0], widths[1])

    def forward(self, x):
        return self.b(self.a(x * self.table))

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 4))

    def forward(self, x):
        return self.body(x)

class Raises(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = Inner()

    def forward(self, x):
        return self.part(x)

class Inner(nn.Module):
    def forward(self, x):
        raise KeyError("nothing here")

class Dotted:
    small = staticmethod(lambda width=4: Net(width))

ready = nn.Linear(3, 2)
number = 3

def needs(classes):
    return nn.Linear(4, classes)

def unlucky():
    raise ValueError("no luck\\ntoday")

def three():
    return 3

def the_class():
    return Net
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's with some code; the path and the modules are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    before, path = set(sys.modules), list(sys.path)
    files = {
        "nets_here.py": NETS,
        "loud.py": "print('made here')\nfrom nets_here import Net\n",
        "needs_package.py": "import a_package_that_nobody_has.part\n",
        "needs_cv2.py": "import sys\nsys.modules['cv2'] = None\nimport cv2\n",
        "broken_syntax.py": "\n\nx = (\n",
        "script.py": "raise SystemExit(3)\n",
        "endless.py": "def f(): return f()\nf()\n",
        "family/__init__.py": "",
        "family/blocks.py": "from torch import nn\nclass Block(nn.Linear):\n    def __init__(self): super().__init__(4, 2)\n",
        "family/model.py": "from .blocks import Block\n",
        "archs/__init__.py": "",
        "archs/own.py": "from torch import nn\ndef net(): return nn.Linear(2, 2)\n",
        "profiler/own.py": "from torch import nn\ndef net(): return nn.Linear(2, 2)\n",
        "timm.py": "def resnet18(): raise AssertionError('the scheme wins')\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("nets_here", "loud", "family", "cv2", "archs") or name.startswith("_profiled_"):
            del sys.modules[name]


def of(name: str, **place: Any) -> Reference:
    found = load(name, **place)
    assert isinstance(found, Reference)
    return found


# Forms. Net of width w and c classes on 3×8×8: 3²·3·w·8² + w·c multiply-adds, 3²·3·w + w + w·c + c parameters.

FORMS: list[tuple[str, dict[str, Any], int, int]] = [
    ("nets_here:Net", {"input": "3x8x8"}, 9 * 3 * 8 * 64 + 8 * 4, 9 * 3 * 8 + 8 + 8 * 4 + 4),
    ("nets_here.py:Net", {"input": (3, 8, 8)}, 9 * 3 * 8 * 64 + 8 * 4, 9 * 3 * 8 + 8 + 8 * 4 + 4),
    ("./nets_here.py:Net", {"input": "x=3x8x8"}, 9 * 3 * 8 * 64 + 8 * 4, 9 * 3 * 8 + 8 + 8 * 4 + 4),
    ("nets_here:Net@width=16,input=3x8x8", {"input": "3x9x9"}, 9 * 3 * 16 * 64 + 16 * 4, 9 * 3 * 16 + 16 + 16 * 4 + 4),
    ("nets_here:Net", {"input": "3x8x8", "options": {"classes": "2", "bias": "no"}}, 9 * 3 * 8 * 64 + 8 * 2, 9 * 3 * 8 + 8 * 2),
    ("nets_here:Dotted.small", {"input": "3x8x8"}, 9 * 3 * 4 * 64 + 4 * 4, 9 * 3 * 4 + 4 + 4 * 4 + 4),
    ("nets_here:ready", {"input": "3"}, 3 * 2, 3 * 2 + 2),
    ("nets_here:needs", {"input": "4", "options": {"classes": 3}}, 4 * 3, 4 * 3 + 3),
    ("nets_here:Steps", {"input": "4"}, 4 * 4 + 4 * 8, 4 * 4 + 4 + 4 * 8 + 8),
    ("loud.py:Net", {"input": "3x8x8"}, 9 * 3 * 8 * 64 + 8 * 4, 9 * 3 * 8 + 8 + 8 * 4 + 4),
    ("family.model:Block", {"input": "4"}, 4 * 2, 4 * 2 + 2),
    ("family/model.py:Block", {"input": "4"}, 4 * 2, 4 * 2 + 2),
    ("archs/own.py:net", {"input": "2"}, 2 * 2, 2 * 2 + 2),
    ("archs.own:net", {"input": "2"}, 2 * 2, 2 * 2 + 2),
    ("profiler/own.py:net", {"input": "2"}, 2 * 2, 2 * 2 + 2),
    ("torch.nn:Linear", {"input": "5x3", "options": {"in_features": "3", "out_features": "2"}}, 5 * 3 * 2, 3 * 2 + 2),
    ("nets_here:Text", {"input": "ids=5:int64"}, 5 * 8 * 2, 100 * 8 + 8 * 2 + 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "place", "macs", "params"), FORMS, ids=[f"{case[0]} {i}" for i, case in enumerate(FORMS)])
def test_every_form_is_counted(here: Path, name: str, place: dict[str, Any], macs: int, params: int) -> None:
    found = of(name, **place)
    profile = found.profile()
    assert (profile.macs, profile.params, profile.engine, profile.alpha) == (macs, params, "traced", None)
    assert found.profile(3).macs == 3 * macs
    assert profile.model == parse(name)[0]


def test_a_print_of_the_users_goes_to_stderr(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of("loud.py:Net", input="3x8x8").profile()
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "made here\n")


def test_a_constructor_that_computes_is_built_with_its_tables(here: Path) -> None:
    module = of("nets_here:Steps", input="4").module("cpu", bare=True)
    assert dict(module.named_buffers())["table"].tolist() == [0.0, 2.0, 4.0, 6.0]


def test_building_allocates_and_draws_nothing(here: Path) -> None:
    before = torch.random.get_rng_state()
    found = of("nets_here:Net", input="3x8x8")
    assert {p.device.type for p in found.module().parameters()} == {"meta"}
    found.profile()
    assert torch.equal(torch.random.get_rng_state(), before)
    first, again = (of("nets_here:Net", input="3x8x8").module("cpu") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not first.training
    bare = of("nets_here:Net", input="3x8x8").module("cpu", bare=True)
    assert all(not p.any() for p in bare.parameters())  # memory as it comes may hold numbers that are slow to compute with


def test_a_reference_of_text_pickles(here: Path) -> None:
    found = of("nets_here:Net@width=16", input="3x8x8")
    macs = found.profile().macs
    again = pickle.loads(pickle.dumps(found))
    assert (again.name, again.options, again.given, again.profile().macs) == (found.name, found.options, found.given, macs)
    args, kwargs = again.example(2, "cpu")
    assert tuple(again.module("cpu")(*args, **kwargs).shape) == (2, 4)


def test_the_path_is_not_taken_over(here: Path) -> None:
    before = list(sys.path)
    of("nets_here:Net", input="3x8x8").profile()
    assert sys.path == before  # so that a file of the user's stands before no package that is imported later


# What it is given


def test_names_dicts_values_and_masks(here: Path) -> None:
    given = ["ids=5:int64", "mask=5", "scale:=2.0", "extra.a=5x8", "extra.b.0=5x8"]
    profile = of("nets_here:Text", input=given).profile(2)
    assert (profile.macs, profile.batch, profile.inputs) == (2 * 5 * 8 * 2, 2, ((5,), (5,), (5, 8), (5, 8)))
    whole = of("nets_here:Text", input=["ids=1x5:int64", "mask=1x5"]).profile(None)
    assert (whole.macs, whole.batch, whole.inputs) == (5 * 8 * 2, None, ((1, 5), (1, 5)))


def test_without_a_batch_axis() -> None:
    profile = load(nn.Conv2d(3, 4, 3), input=(3, 8, 8)).profile(None)
    assert (profile.macs, profile.batch) == (9 * 3 * 4 * 36, None)
    assert profile.rows[0].output == (4, 6, 6)


def test_sides(here: Path) -> None:
    found = of("nets_here:Net", input="3x8x8")
    assert found.resolution == 8
    assert found.at(16).profile().macs == 9 * 3 * 8 * 256 + 8 * 4
    assert of("nets_here:Net", input="3x8x8", resolution=4).inputs == ((3, 4, 4),)
    assert of("nets_here:Net", input="3x8x8", rho="0.5").inputs == ((3, 4, 4),)
    assert of("nets_here:Net@resolution=4", input="3x8x8", rho=2).inputs == ((3, 4, 4),)


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_modules_take_their_shapes_from_the_input_and_the_callers_own_stays_lazy() -> None:
    module = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))
    profile = load(module, input=(3, 8, 8)).profile()
    assert profile.macs == 9 * 3 * 4 * 36 + 4 * 36 * 5
    assert profile.params == 9 * 3 * 4 + 4 + 4 * 36 * 5 + 5
    assert isinstance(module[0], nn.LazyConv2d)


# Mistakes

BAD: list[tuple[str, dict[str, Any], type[ProfilerError], str]] = [
    ("nets_here:Nett", {}, UnknownName, "unknown class or function in nets_here 'Nett'; did you mean Net"),
    ("nets_here:Net", {}, InputNeeded, "cannot infer the input of nets_here:Net; pass --input 3x224x224, or --input ids=128:int64 for tokens"),
    ("nets_here:Net", {"options": {"widht": 3}}, UnknownName, "unknown option of nets_here:Net 'widht'; did you mean width"),
    ("nets_here:Net@width=wide", {}, ProfilerError, "nets_here:Net: width must be a whole number, not wide"),
    ("nets_here:needs", {}, ProfilerError, "nets_here:needs needs classes; give it, as --set classes=…"),
    ("nets_here:number", {}, ProfilerError, "nets_here:number must be a class or function, not int"),
    ("nets_here:ready", {"options": {"a": 1}}, ProfilerError, "nets_here:ready is a module and takes no options (a)"),
    ("nets_here.py", {}, ProfilerError, "model 'nets_here.py' names a file but no class in it; write nets_here.py:Class"),
    ("nets_hree.py:Net", {}, Unavailable, "there is no file 'nets_hree.py'; did you mean nets_here.py"),
    ("far/away.py:Net", {}, Unavailable, "there is no file 'far/away.py'; check its path"),
    ("nowhere_at_all.nets:Net", {}, Unavailable, "there is no module 'nowhere_at_all' in "),
    ("torch.nnn:Linear", {}, UnknownName, "unknown module of torch 'nnn'; did you mean nn"),
    ("needs_package.py:Net", {}, Unavailable, "needs_package.py needs the package a_package_that_nobody_has, which is not installed; pip install a_package_that_nobody_has"),
    ("needs_package:Net", {}, Unavailable, "needs_package needs the package a_package_that_nobody_has"),
    ("needs_cv2.py:Net", {}, Unavailable, "needs_cv2.py needs the package cv2, which is not installed; pip install opencv-python"),
    ("broken_syntax.py:Net", {}, ProfilerError, "broken_syntax.py does not run: SyntaxError: '(' was never closed (broken_syntax.py, line 3)"),
    ("script.py:Net", {}, ProfilerError, "script.py exits the program (script.py, line 1); put that under if __name__ =="),
    ("endless.py:Net", {}, ProfilerError, "endless.py does not run: it recurses without end (endless.py, line 1)"),
    ("profiler.own:net", {}, ProfilerError, "model 'profiler.own:…': profiler is a module of profiler itself; name your file, as profiler/own.py:Class"),
    (":Net", {}, ProfilerError, "model ':Net' is not a valid reference; write package.module:factory or path/to/file.py:Class"),
    ("nets_here:", {}, ProfilerError, "model 'nets_here:' is not a valid reference"),
    ("two words:Net", {}, ProfilerError, "model 'two words:…': 'two words' is not a module's name"),
    ("timm:", {}, ProfilerError, "model 'timm:' names no network; write timm:mobilenetv3_large_100"),
    ("nets_here:Net", {"input": "3x8x8", "alpha": "0.5"}, ProfilerError, "nets_here:Net has no width multiplier"),
    ("nets_here:Net", {"input": "3x8x8", "resolution": 8, "rho": 1}, ProfilerError, "nets_here:Net: resolution and rho both set the size of the input; give one of them"),
    ("nets_here:Text", {"input": "ids=5:int64", "resolution": 8}, ProfilerError, "nets_here:Text: the input ids=5:int64 has no height and width to set"),
    ("nets_here:Text", {"input": "ids=5:int64", "rho": 2}, ProfilerError, "nets_here:Text: the input ids=5:int64 has no height and width for rho"),
    ("nowhere.pt2", {}, Unavailable, "there is no file 'nowhere.pt2'; check its path"),
    ("~nobody-of-that-name/net.py:Net", {}, ProfilerError, "'~nobody-of-that-name/net.py' is not a valid file name: Could not determine home directory"),
    ("~nobody-of-that-name/x.pt2", {}, ProfilerError, "'~nobody-of-that-name/x.pt2' is not a valid file name"),
    ("circle.py:Net", {}, ProfilerError, "'circle.py' is not a valid file name: "),
    ("circle.pt2", {}, ProfilerError, "'circle.pt2' is not a valid file name: "),
    ("a\0b.py:Net", {}, ProfilerError, "'a\0b.py' is not a valid file name: embedded null byte"),
    (f"{'n' * 5000}.py:Net", {}, ProfilerError, f"'{'n' * 40}…' is not a valid file name: File name too long"),
    (f"hf:./{'n' * 5000}", {}, Unavailable, f"hf:./{'n' * 78}: nothing is fetched from the hub, and there is no such file here"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "place", "kind", "message"), BAD, ids=[f"{case[0]} {i}" for i, case in enumerate(BAD)])
def test_a_mistake_is_one_sentence(
    here: Path, name: str, place: dict[str, Any], kind: type[ProfilerError], message: str
) -> None:
    for suffix in ("py", "pt2"):
        Path(f"circle.{suffix}").symlink_to(f"circle.{suffix}")
    with pytest.raises(ProfilerError) as caught:
        load(name, **place)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind
    assert caught.value.exit_code == (3 if kind is Unavailable else 2)


RUNS: list[tuple[str, str, str]] = [
    ("nets_here:unlucky", "4", "nets_here:unlucky does not run: ValueError: no luck today (nets_here.py, line "),
    ("nets_here:three", "4", "nets_here:three must return a torch.nn.Module, not int; name the class or function that creates the module"),
    ("nets_here:the_class", "4", "nets_here:the_class must return a torch.nn.Module, not a class"),
    ("nets_here:Broken", "4", "nets_here:Broken, body.1: takes 5 features on the last axis but is given 4"),
    ("nets_here:Raises", "4", "nets_here:Raises, in part: its forward raises KeyError: 'nothing here'"),
    ("nets_here:Net", "4x8x8", "nets_here:Net, conv: takes 3 channels but is given 4"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "message"), RUNS, ids=[case[0] for case in RUNS])
def test_a_module_that_cannot_be_made_or_run_is_one_sentence(here: Path, name: str, given: str, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        of(name, input=given).profile()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_package_that_is_absent_is_named_with_its_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("timm", "torchvision", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
        for loaded in [each for each in sys.modules if each.startswith(f"{name}.")]:
            monkeypatch.delitem(sys.modules, loaded)
    for name, package in (
        ("timm:resnet18", "timm"),
        ("torchvision:resnet50", "torchvision"),
        ("hf:BertConfig", "transformers"),
    ):
        with pytest.raises(Unavailable, match=f"a model of {package} needs the package {package}.*; pip install {package}"):
            load(name)


def test_a_library_is_the_one_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, text in (("installed", "here = False"), ("user", "here = True")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a_library_for_this_test.py").write_text(text)
    (tmp_path / "installed" / "a_broken_library.py").write_text("raise OSError('no such operator')")
    monkeypatch.chdir(tmp_path / "user")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "user"), "", str(tmp_path / "installed"), *sys.path])
    assert imported("a-library", "a_library_for_this_test").here is False
    assert sys.path[0] == str(tmp_path / "user")
    with pytest.raises(Unavailable, match=r"broken cannot be imported \(OSError: no such operator\)"):
        imported("broken", "a_broken_library")
    del sys.modules["a_library_for_this_test"]


def test_what_is_a_reference() -> None:
    assert all(map(is_reference, ("timm:x", "a.b:c", "a.py", "a.pt2", "a/b.py:C")))
    assert not any(map(is_reference, ("mobilenet_v1", "vgg16", "resnet50.pt")))
    assert parse("a:b@sizes=[1, 2],name=x") == ("a:b", {"sizes": "[1, 2]", "name": "x"})


# A module that the caller has


def test_arguments_of_the_callers_own() -> None:
    from profiler.load.placing import of_module
    from profiler.records.place import Place

    module = nn.MultiheadAttention(16, 4, batch_first=True)
    x = torch.zeros(2, 6, 16)
    found = of_module(Place(module), ((x, x, x), {"need_weights": False}))
    assert found.inputs == ((2, 6, 16),) * 3
    assert found.profile(None).macs == 2 * (4 * 6 * 16 * 16 + 2 * 6 * 6 * 16)
    assert found.module("meta") is module
    with pytest.raises(ProfilerError, match="MultiheadAttention: give args and kwargs, or input, not both"):
        of_module(Place(module, input="3"), ((x,), {}))
    with pytest.raises(
        ProfilerError, match=r"MultiheadAttention has inputs with a fixed batch \(2x6x16 2x6x16 2x6x16\); write the batch"
    ):
        found.profile(4)
    with pytest.raises(ProfilerError, match="a module takes no options"):
        load(module, input="3", options={"a": 1})


# torch.export


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    module = nn.Sequential()
    module.add_module("body", body)
    module.add_module("head", nn.Sequential(nn.Flatten(), nn.Linear(8 * 36, 4)))
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    torch.export.save(torch.export.export(module.eval(), (torch.zeros(2, 3, 8, 8),)), path)
    return path


def test_an_exported_program_keeps_its_paths_and_its_inputs(exported: Path) -> None:
    found = of(str(exported))
    profile = found.profile()
    assert profile.macs == 2 * (9 * 3 * 8 * 36 + 8 * 36 * 4)
    assert profile.params == 9 * 3 * 8 + 8 + 2 * 8 + 8 * 36 * 4 + 4
    assert (profile.batch, profile.inputs) == (None, ((2, 3, 8, 8),))
    assert {row.path.rpartition(".")[0] for row in profile.rows if row.macs} <= {"body.0", "head.1", "body", "head"}
    with pytest.raises(ProfilerError, match="is exported and takes no options"):
        load(str(exported), options={"a": 1})


def test_a_file_that_is_no_exported_program(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pt2"
    junk.write_text("junk")
    with pytest.raises(ProfilerError, match=r"is not a file of torch\.export\.save"):
        load(str(junk))


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (pytest.fail, ("it was unpickled",))


@pytest.mark.parametrize("where", ["sample inputs", "constants"])
def test_nothing_in_a_file_is_unpickled(exported: Path, tmp_path: Path, where: str) -> None:
    import zipfile

    armed = tmp_path / "armed.pt2"
    with zipfile.ZipFile(exported) as old, zipfile.ZipFile(armed, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            held = old.read(name)
            if where == "sample inputs" and "sample_inputs" in name:
                torch.save(Bomb(), tmp_path / "bomb.pt")
                held = (tmp_path / "bomb.pt").read_bytes()
            new.writestr(name, held)
        if where == "constants":
            new.writestr(f"{name.split('/')[0]}/data/constants/opaque_obj_0", pickle.dumps(Bomb()))
    with pytest.raises(ProfilerError) as caught:
        load(str(armed))
    assert "holds pickled objects (opaque_obj_0)" in str(caught.value) or "does not load with torch" in str(caught.value)


# transformers

HF: list[tuple[str, tuple[tuple[str, tuple[int, ...], str], ...]]] = [
    ("hf:BertConfig@num_hidden_layers=1", (("input_ids", (512,), "int64"),)),
    ("hf:bert@num_hidden_layers=1", (("input_ids", (512,), "int64"),)),
    ("hf:RobertaConfig@num_hidden_layers=1", (("input_ids", (512,), "int64"),)),
    ("hf:GPT2Config@n_layer=1", (("input_ids", (1024,), "int64"),)),
    ("hf:LlamaForCausalLM@num_hidden_layers=1", (("input_ids", (2048,), "int64"),)),
    ("hf:ViTConfig@num_hidden_layers=1", (("pixel_values", (3, 224, 224), "float32"),)),
    ("hf:CLIPConfig@text_config.num_hidden_layers=1,vision_config.num_hidden_layers=1", (("input_ids", (77,), "int64"), ("pixel_values", (3, 224, 224), "float32"))),
    ("hf:WhisperConfig@encoder_layers=1,decoder_layers=1", (("input_features", (80, 3000), "float32"), ("decoder_input_ids", (448,), "int64"))),
    ("hf:T5Config@num_layers=1", (("input_ids", (512,), "int64"), ("decoder_input_ids", (512,), "int64"))),
    ("hf:Speech2TextConfig@encoder_layers=1,decoder_layers=1", (("input_features", (6000, 80), "float32"), ("decoder_input_ids", (1024,), "int64"))),
    ("hf:SiglipConfig@text_config.num_hidden_layers=1,vision_config.num_hidden_layers=1", (("input_ids", (64,), "int64"), ("pixel_values", (3, 224, 224), "float32"))),
    ("hf:Wav2Vec2Config@num_hidden_layers=1", (("input_values", (16000,), "float32"),)),
    ("hf:ASTConfig@num_hidden_layers=1", (("input_values", (1024, 128), "float32"),)),
    ("hf:VideoMAEConfig@num_hidden_layers=1", (("pixel_values", (16, 3, 224, 224), "float32"),)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), HF, ids=[case[0] for case in HF])
def test_a_configurations_natural_inputs(name: str, expected: tuple[tuple[str, tuple[int, ...], str], ...]) -> None:
    found = of(name)
    assert tuple((each.name, each.shape, each.dtype) for each in found.given) == expected
    assert found.native
    assert found.profile().macs > 0


def test_bert_by_hand() -> None:
    # a layer: four projections T·C·C, the two products of attention T·T·C each, two layers T·C·4C; then the pooler C·C
    t, c = 64, 128
    profile = of(
        "hf:BertConfig@num_hidden_layers=2,hidden_size=128,num_attention_heads=4,intermediate_size=512", input="64"
    ).profile()
    assert profile.macs == 2 * (4 * t * c * c + 2 * t * t * c + 2 * t * c * 4 * c) + c * c
    assert profile.inputs == ((64,),)


def test_a_local_configuration_and_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    small = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 2, "vocab_size": 100}
    file.write_text(json.dumps({**small, "architectures": ["BertForMaskedLM"], "auto_map": {"AutoModel": "evil.py--Model"}}))
    for name in (f"hf:{file}", f"hf:{tmp_path}"):
        assert type(of(name).module()).__name__ == "BertForMaskedLM"
    assert of(f"hf:{file}", input="input_ids=32").profile().inputs == ((32,),)
    file.write_text(json.dumps(small))
    assert type(of(f"hf:{file}").module()).__name__ == "BertModel"
    file.write_text(json.dumps({"model_type": "brt"}))
    with pytest.raises(UnknownName, match="unknown model type of transformers 'brt'; did you mean"):
        of(f"hf:{file}")
    file.write_text("[]")
    with pytest.raises(ProfilerError, match="is not a configuration of transformers, which is JSON with a model_type"):
        of(f"hf:{file}")
    with pytest.raises(Unavailable, match="there is no file"):
        of(f"hf:{tmp_path / 'none.json'}")


def test_options_of_a_configuration() -> None:
    assert of("hf:ViTConfig@num_hidden_layers=1", resolution=96).profile().inputs == ((3, 96, 96),)
    assert of("hf:ViTConfig@num_hidden_layers=1,image_size=96").profile().inputs == ((3, 96, 96),)
    clip = "hf:CLIPConfig@text_config.num_hidden_layers=1,vision_config.num_hidden_layers=1"
    assert of(clip, resolution=96).profile().inputs == ((77,), (3, 96, 96))
    assert of(clip, input="pixel_values=3x96x96").profile().inputs == ((3, 96, 96), (77,))
    with pytest.raises(UnknownName, match="unknown option of hf:BertConfig 'num_layers'; did you mean num_hidden_layers"):
        of("hf:BertConfig@num_layers=1")
    with pytest.raises(UnknownName, match="unknown configuration or model of transformers 'BertConfi'; did you mean"):
        of("hf:BertConfi")
    with pytest.raises(ProfilerError, match="hf:BertConfig: num_hidden_layers must be a whole number"):
        of("hf:BertConfig@num_hidden_layers=many")


def test_the_network_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    import huggingface_hub.constants as constants

    before = constants.HF_HUB_OFFLINE
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: opened.append(address))
    of("hf:BertConfig@num_hidden_layers=1,hidden_size=64,num_attention_heads=2").profile()
    assert opened == []
    assert before == constants.HF_HUB_OFFLINE


def test_a_shape_error_names_the_model(here: Path) -> None:
    with pytest.raises(ShapeError):
        of("nets_here:Broken", input="4").profile()


def test_options_are_told_as_numbers_and_texts() -> None:
    found = Reference("x:y", {"act": nn.ReLU, "sizes": (3, 4), "table": {1: "a"}, "dtype": torch.float16, "none": None}, ())
    assert found.options == {"act": "ReLU", "sizes": [3, 4], "table": {"1": "a"}, "dtype": "torch.float16", "none": None}
    json.dumps(found.options)


def test_a_network_built_for_a_side_is_built_for_the_other() -> None:
    found = of("hf:ViTConfig@num_hidden_layers=1,hidden_size=64,num_attention_heads=2,intermediate_size=128")
    small = found.at(96)
    assert (small.sides, small.native, small.options) == ({"image_size": 96}, False, found.options)
    assert found.at(224).sides == {}
    # a token a patch of 16, and one more; 4 projections, 2 products, 2 layers; the patches; the pooler
    t, c = 6 * 6 + 1, 64
    assert small.profile().macs == 36 * 3 * 16 * 16 * c + 4 * t * c * c + 2 * t * t * c + 2 * t * c * 128 + c * c
