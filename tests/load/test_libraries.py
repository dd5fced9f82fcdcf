"""Libraries that are absent or do not load: one sentence that names what is broken, exit code 3; in a folder of made-up packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.errors import Unavailable, shortened
from profiler.load.libraries import broken_library, imported, library

PACKAGES = {
    "torchvision/__init__.py": "from torchvision import registrations\n",
    "torchvision/registrations.py": "from a_registry_of_ours import register\nregister('torchvision::nms')\n",
    "torchvision/version.py": "__version__ = '0.99.0+cu999'\ngit_version = 'Unknown'\n",
    "a_registry_of_ours.py": "def register(name):\n    raise RuntimeError(f'operator {name} does not exist')\n",
    "models_of_ours/__init__.py": "import torchvision\n",
    "lazy_of_ours/__init__.py": (
        "def __getattr__(name):\n"
        "    if name.startswith('_'):\n        raise AttributeError(name)\n"
        "    try:\n        import torchvision\n"
        "    except RuntimeError as fault:\n"
        "        raise ModuleNotFoundError(f\"Could not import module '{name}'\") from fault\n"
    ),
    "needs_of_ours/__init__.py": "import a_package_that_nobody_has.part\n",
    "backend_of_ours/__init__.py": "raise ImportError('\\nX requires the torchaudio library but it was not found here\\n')\n",
    "shared_of_ours/__init__.py": "import ctypes\nctypes.CDLL('libnowhere.so.12')\n",
    "broken_of_ours/__init__.py": "raise OSError('no such operator\\nhere')\n",
    "above_of_ours/__init__.py": "import broken_of_ours\n",
}
OURS = {name.split("/")[0].removesuffix(".py") for name in PACKAGES}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, first on the path; what the tests import of it is forgotten afterwards."""
    folder = tmp_path / "site-packages"
    for name, text in PACKAGES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(folder))
    return folder


CASES = {
    "torchvision": "torchvision 0.99.0+cu999 is built for another version of torch than the installed ",
    "models_of_ours": "models_of_ours cannot be imported: torchvision 0.99.0+cu999 is built for another version of torch than the installed ",
    "needs_of_ours": "a model of needs_of_ours needs the package a_package_that_nobody_has, which is not installed; pip install a_package_that_nobody_has",
    "backend_of_ours": "a model of backend_of_ours needs the package torchaudio, which is not installed; pip install torchaudio",
    "shared_of_ours": "shared_of_ours cannot be imported (OSError: libnowhere.so.12: ",
    "broken_of_ours": "broken_of_ours cannot be imported (OSError: no such operator here); reinstall it",
    "above_of_ours": "broken_of_ours, which above_of_ours needs, cannot be imported (OSError: no such operator here)",
    "absent_of_ours": "a model of absent_of_ours needs the package absent_of_ours, which is not installed; pip install absent_of_ours",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_library_that_does_not_load_is_one_sentence(site: Path, name: str) -> None:
    with pytest.raises(Unavailable) as caught:
        imported(name, name)
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] in OURS]:
        del sys.modules[loaded]
    assert str(caught.value).startswith(CASES[name])
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_library_that_imports_when_it_is_asked(site: Path) -> None:
    lazy = imported("lazy_of_ours", "lazy_of_ours")
    sentence = r"^lazy_of_ours cannot be imported: torchvision 0\.99\.0\+cu999 is built for another"
    with pytest.raises(Unavailable, match=sentence), library("lazy_of_ours"):
        lazy.BertModel  # noqa: B018
    del sys.modules["lazy_of_ours"]


def test_a_fault_of_anything_else_is_none_of_a_library() -> None:
    faults: list[BaseException] = []
    for code in ("open('/nowhere/at/all')", "raise ImportError('of the user')", "raise OSError(5, 'Input/output error')"):
        try:
            exec(code)
        except (OSError, ImportError) as fault:
            faults.append(fault)
    assert [broken_library(fault) for fault in faults] == [None, None, None]


@pytest.mark.parametrize(
    ("torch", "sentence"),
    [
        ("raise ImportError('libcudart.so.12: cannot open shared object file')", "error: torch cannot be imported (ImportError: libcudart.so.12: cannot open shared object file); reinstall it\n"),
        ("import ctypes\nctypes.CDLL('libnowhere.so.12')", "error: torch cannot be imported (OSError: libnowhere.so.12: "),
        ("raise ModuleNotFoundError('No module named torch', name='torch')", "error: torch is not installed; pip install torch\n"),
    ],
    ids=["an import", "a library of the system", "absent"],
)  # fmt: skip
@pytest.mark.parametrize(
    "command",
    ["show lenet5 --training", "check lenet5 --max-memory 1GiB", "show net.py:Net --input 4", "compare lenet5"],
)
def test_torch_itself(tmp_path: Path, torch: str, sentence: str, command: str) -> None:
    folder = tmp_path / "site-packages" / "torch"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(torch)
    (tmp_path / "net.py").write_text("import torch\n")
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(folder.parent), str(root)])
    done = subprocess.run(
        [sys.executable, "-m", "profiler", *command.split()],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(sentence)
    assert (done.returncode, done.stdout) == (3, "")


LONG = "please set 'torch.fx.experimental._config' " * 20


@pytest.mark.parametrize("most", [40, 100, 300])
def test_a_sentence_is_cut_between_words(most: int) -> None:
    cut = shortened(LONG, most)
    assert cut.endswith(" …")
    assert len(cut) <= most + 2
    assert LONG.startswith(cut.removesuffix("…"))
    assert shortened("short\n  enough", most) == "short enough"
    assert shortened("x" * 500, most) == "x" * most + " …"
