"""What a network's code does to the process is put back and named, and it cannot end the program."""

from __future__ import annotations

import decimal
import gc
import locale
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from profiler import ProfilerError, profile, trace
from profiler.module.process_state import ProcessState
from tests.test_cli import run


class Acts(nn.Module):
    """Does something in its forward."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self.layer, self.act = nn.Linear(4, 4), act

    def forward(self, x: torch.Tensor) -> Any:
        self.act()
        return self.layer(x)


def fewer_files() -> None:
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most - 1, hard))


CHANGES: list[tuple[str, Callable[[], Any]]] = [
    ("the default device", lambda: torch.set_default_device("meta")),
    ("the default dtype", lambda: torch.set_default_dtype(torch.float16)),
    ("the number of threads", lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    ("deterministic algorithms", lambda: torch.use_deterministic_algorithms(True, warn_only=True)),
    ("anomaly detection", lambda: torch.set_anomaly_enabled(True)),
    ("the print options of torch", lambda: torch.set_printoptions(precision=7)),
    ("the float32 matmul precision", lambda: torch.set_float32_matmul_precision("high")),
    ("torch's mkldnn enabled", lambda: torch._C._set_mkldnn_enabled(False)),
    ("torch's cudnn benchmark", lambda: torch._C._set_cudnn_benchmark(True)),
    ("kernels of attention", lambda: torch.backends.cuda.enable_math_sdp(False)),
    ("global hooks of modules", lambda: nn.modules.module.register_module_forward_pre_hook(lambda *_: None)),
    ("torch.nn.functional.linear", lambda: setattr(nn.functional, "linear", None)),
    ("torch.nn.functional.mine", lambda: setattr(nn.functional, "mine", 5)),
    ("torch.relu", lambda: setattr(torch, "relu", torch.tanh)),
    ("torch.nn.Module.train", lambda: setattr(nn.Module, "train", None)),
    ("torch.nn.modules.linear.Linear.forward", lambda: setattr(nn.Linear, "forward", lambda s, x: x)),
    ("builtins.print", lambda: setattr(__import__("builtins"), "print", None)),
    ("autocast", lambda: torch.set_autocast_enabled("cpu", True)),
    ("the working folder", lambda: os.chdir("/")),
    ("sys.path", lambda: sys.path.insert(0, "x")),
    ("the environment", lambda: os.environ.update(SOME_NAME="x")),
    ("the warnings filters", lambda: __import__("warnings").simplefilter("always")),
    ("the signal handlers", lambda: __import__("signal").signal(15, __import__("signal").SIG_IGN)),
    ("the recursion limit", lambda: sys.setrecursionlimit(2345)),
    ("the hooks of sys", lambda: setattr(sys, "excepthook", print)),
    ("the garbage collector", lambda: gc.set_threshold(5)),
    ("the mask of new files", lambda: os.umask(0o007)),
    ("the context of decimal", lambda: setattr(decimal.getcontext(), "prec", 2)),
    ("the locale", lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")),
    ("the functions that trace and profile", lambda: threading.setprofile(lambda *_: None)),
    ("the timeout of sockets", lambda: socket.setdefaulttimeout(1.0)),
    ("the switch interval", lambda: sys.setswitchinterval(0.5)),
    ("the digits of whole numbers", lambda: sys.set_int_max_str_digits(0)),
    ("the alarm", lambda: signal.setitimer(signal.ITIMER_REAL, 1e6)),
    ("its limits", fewer_files),
    ("the print options of numpy", lambda: np.set_printoptions(precision=3)),
    ("numpy's handling of errors", lambda: np.seterr(all="raise")),
]


@pytest.mark.parametrize(("name", "act"), CHANGES, ids=[name for name, _ in CHANGES])
def test_what_a_forward_changes_is_put_back_and_named(name: str, act: Callable[[], Any]) -> None:
    before = ProcessState()
    try:
        found = trace(Acts(act), (torch.zeros(1, 4),))
        assert name in found.harm or name == "autocast"  # which torch itself puts back, at the end of inference mode
    except ProfilerError:  # it cannot be run with what it did
        assert name in ("torch.nn.functional.linear", "torch.nn.Module.train")
    assert before.put_back().names == ()


def test_nothing_is_named_where_nothing_changed() -> None:
    assert trace(Acts(lambda: torch.rand(3)), (torch.zeros(1, 4),)).harm == ()


def test_what_an_import_changes_is_there_when_its_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late_helper_of_this_test.py").write_text("width = 8")
    (tmp_path / "double.py").write_text(
        "import os, torch\nfrom torch import nn\ntorch.set_default_dtype(torch.float64)\nos.chdir('/')\nnn.functional.mine = nn.functional.relu\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.inner = nn.Linear(4, 8)\n"
        "    def forward(self, x):\n        import late_helper_of_this_test as late\n"
        "        return nn.functional.mine(self.inner(x.double()))[:, :late.width]\n"
    )
    monkeypatch.chdir(tmp_path)
    before = ProcessState()
    found = profile("double.py:Net", input="4")
    assert found.bytes_by_dtype == {"float64": 8 * (4 * 8 + 8)}
    assert profile("double.py:Net", input="4").macs == 4 * 8
    assert before.put_back().names == ()
    assert not hasattr(nn.functional, "mine")


ENDS = ["raise SystemExit(0)", "import sys; sys.exit(1)", "import os; os._exit(0)", "import os; os.abort()", "quit()"]


@pytest.mark.parametrize("place", ["import", "init", "forward", "eval"])
@pytest.mark.parametrize("end", ENDS, ids=range(len(ENDS)))
def test_no_code_ends_the_program(tmp_path: Path, place: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115  # quit() closes it
    at = {key: end if key == place else "pass" for key in ("import", "init", "forward", "eval")}
    file = tmp_path / "ends.py"
    file.write_text(
        f"from torch import nn\n{at['import']}\nclass Net(nn.Module):\n"
        f"    def __init__(self):\n        super().__init__()\n        {at['init']}\n"
        f"    def eval(self):\n        {at['eval']}\n        return super().eval()\n"
        f"    def forward(self, x):\n        {at['forward']}\n        return x\n"
    )
    with pytest.raises(ProfilerError, match=r"exits the program \(ends.py, line \d+\); put that under if __name__ =="):
        profile(f"{file}:Net", input="4")
    sys.stdin.close()


def write(folder: Path, body: str) -> None:
    (folder / "net.py").write_text(f"import os, sys\nimport torch\nfrom torch import nn\n{body}")


FORWARD = "class Net(nn.Module):\n    def forward(self, x):\n        {}\n        return torch.relu(x)\n"


def test_a_gate_is_not_passed_by_a_network_that_exits(tmp_path: Path) -> None:
    write(tmp_path, "class Net(nn.Module):\n    def __init__(self):\n        os._exit(0)\n")
    ran = run("check", "net.py:Net", "--input", "4", "--max-macs", "1", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1


def test_what_is_written_to_descriptor_1_is_not_among_the_data(tmp_path: Path) -> None:
    write(tmp_path, FORWARD.format("os.write(1, b'raw'); os.system('echo child'); print('printed')"))
    ran = run("show", "net.py:Net", "--input", "4", "-f", "csv", cwd=tmp_path)
    assert ran.returncode == 0
    assert not {"raw", "child", "printed"} & set(ran.stdout.split())
    assert {"rawchild", "printed"} <= set(ran.stderr.split())


@pytest.mark.parametrize("place", ["import", "forward"])
def test_files_are_written_where_the_user_stands(tmp_path: Path, place: str) -> None:
    (tmp_path / "other").mkdir()
    act = f"os.chdir({str(tmp_path / 'other')!r})"
    write(tmp_path, FORWARD.format(act if place == "forward" else "pass") + (act if place == "import" else ""))
    ran = run("compare", "net.py:Net", "net.py:Net", "--input", "4", "-q", "-o", "c.csv", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "c.csv").is_file()
    assert not (tmp_path / "other" / "c.csv").exists()


class Parent(nn.Module):
    """Holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.me = self

    def forward(self, x: torch.Tensor) -> Any:
        return self.inner(x)


class Uninitialised(nn.Module):
    def __init__(self) -> None:
        pass


def deep() -> nn.Module:
    module: nn.Module = nn.ReLU()
    for _ in range(3000):
        module = nn.Sequential(module)
    return module


def with_child(name: Any, child: Any) -> nn.Module:
    module = nn.Sequential(nn.ReLU())
    module._modules[name] = child
    return module


def raising(method: str, fault: BaseException) -> nn.Module:
    def raises(*_: Any, **__: Any) -> Any:
        raise fault

    made: nn.Module = type("Raising", (Parent,), {method: raises})()
    return made


ODD: list[tuple[str, Callable[[], nn.Module], str]] = [
    ("itself", Parent, "Parent does not run: it recurses without end"),
    ("deep", deep, "Sequential"),
    ("uninitialised", Uninitialised, r"Uninitialised .*__init__|Uninitialised does not run: AttributeError"),
    ("child 5", lambda: with_child(5, nn.ReLU()), "Sequential"),
    ("a child that is 5", lambda: with_child("five", 5), "Sequential"),
    *[
        (f"{method} {type(fault).__name__}", lambda m=method, f=fault: raising(m, f), "Raising")
        for method in ("forward", "parameters", "buffers", "named_modules")
        for fault in (BaseException("x"), GeneratorExit(), SystemExit(0), StopIteration(), RuntimeError("y"))
    ],
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in ODD], ids=[case[0] for case in ODD])
def test_an_odd_module_is_counted_or_refused_in_a_sentence(make: Callable[[], nn.Module], words: str) -> None:
    module, before = make(), ProcessState()
    said = ""
    try:
        assert profile(module, input="4").macs in (0, 16)
    except ProfilerError as fault:
        said = str(fault)
    assert not said or re.match(words, said)
    assert "\n" not in said
    assert before.put_back().names == ()


def test_ctrl_c_in_a_forward_is_130(tmp_path: Path) -> None:
    write(tmp_path, FORWARD.format("import signal; os.kill(os.getpid(), signal.SIGINT)"))
    ran = run("show", "net.py:Net", "--input", "4", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (130, "")


def test_a_child_process_of_a_forward_may_end(tmp_path: Path) -> None:
    write(tmp_path, FORWARD.format("child = os.fork(); child or os._exit(7); assert os.waitpid(child, 0)[1] >> 8 == 7"))
    ran = run("show", "net.py:Net", "--input", "4", "-f", "csv", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_closed_stdout_is_left_closed(tmp_path: Path) -> None:
    script = (
        "import os, sys; os.close(1)\nfrom torch import nn\nfrom profiler import profile\n"
        "assert profile(nn.Linear(4, 4), input='4').macs == 16\n"
        "try: os.fstat(1)\nexcept OSError: sys.exit(0)\nsys.exit(1)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False, env={**os.environ})
    assert ran.returncode == 0
