"""Random modules that misbehave: they are counted or refused in a sentence, and the process is as before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
import torch
from torch import nn

from profiler import ProfilerError, profile
from profiler.module.process_state import ProcessState

ROOT = Path(__file__).resolve().parents[2]
ACTS = [
    "raise ValueError('no')",
    "raise SystemExit(0)",
    "raise BaseException('base')",
    "raise GeneratorExit",
    "raise type('Stop', (KeyboardInterrupt,), {})",
    "raise StopIteration",
    "raise MemoryError",
    "import sys; sys.exit(1)",
    "import os; os._exit(0)",
    "import os; os._exit(1)",
    "import os; os.abort()",
    "import os; os.chdir('/')",
    "import os; os.environ['HOSTILE'] = '1'",
    "import os; os.environ.clear()",
    "import os; os.write(1, b'raw\\n')",
    "print('printed')",
    "import sys; sys.stdout.close()",
    "import sys; sys.stdout = None",
    "import sys; sys.stderr = sys.stdout",
    "import sys; sys.path[:] = []",
    "import sys; sys.path.insert(0, 'here')",
    "import sys; sys.setrecursionlimit(5000)",
    "import sys; sys.excepthook = print",
    "import warnings; warnings.simplefilter('ignore')",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "import gc; gc.disable()",
    "import random; random.seed(7)",
    "import builtins; builtins.print = lambda *a, **k: None",
    "import logging; logging.disable(50)",
    "torch.set_default_dtype(torch.float64)",
    "torch.set_default_device('meta')",
    "torch.set_num_threads(1 + torch.get_num_threads())",
    "torch.use_deterministic_algorithms(True)",
    "torch.autograd.set_detect_anomaly(True)",
    "torch.set_float32_matmul_precision('medium')",
    "torch.set_printoptions(precision=9)",
    "torch.backends.mkldnn.set_flags(False)",
    "torch.backends.cudnn.benchmark = True",
    "torch.set_grad_enabled(False)",
    "torch.manual_seed(5)",
    "torch.relu = torch.tanh",
    "nn.functional.linear = lambda *a: None",
    "nn.Module.__call__ = lambda *a: None",
    "nn.Linear.forward = lambda s, x: x",
    "nn.Module.own = 5",
    "nn.modules.module.register_module_forward_hook(lambda *a: None)",
    "torch.set_autocast_enabled('cpu', True)",
    "torch.device('meta').__enter__()",
    "self.count = 1",
    "self.__dict__ = {}",
    "self.__class__ = nn.Identity",
    "self.train()",
    "self.add_module('late', nn.Linear(2, 2))",
    "del self._modules['inner']",
    "self._modules[5] = nn.ReLU()",
    "self._modules['five'] = 5",
    "self._modules['me'] = self",
    "self.weight = None",
    "self.inner.weight.data.zero_()",
    "import threading; t = threading.Thread(target=nn.Linear(2, 2), args=(torch.zeros(2),)); t.start(); t.join()",
    "import threading, os; t = threading.Thread(target=os._exit, args=(0,)); t.start(); t.join()",
    "return 5",
    "return object()",
    "return self",
    "return {'a': [x, None, self]}",
    "return self(x)",
]
PLACES = ["import", "init", "eval", "parameters", "getattr", "forward", "forward", "forward", "train", "str"]


def source(drawn: random.Random) -> str:
    """A file with a class Net whose methods do up to three of the acts."""
    bodies: dict[str, list[str]] = {place: [] for place in PLACES}
    for _ in range(drawn.randint(1, 3)):
        bodies[drawn.choice(PLACES)].append(drawn.choice(ACTS))

    def lines(place: str, otherwise: str, indent: str = "        ") -> str:
        return "\n".join(f"{indent}{line}" for line in [*bodies[place], otherwise])

    def method(place: str, head: str, otherwise: str) -> str:
        return f"    def {head}:\n{lines(place, otherwise)}\n" if bodies[place] else ""

    at_import = [line for line in bodies["import"] if "self" not in line and "return" not in line]
    super_first = "super().__init__(); " if drawn.random() < 0.9 else ""
    in_init = [line for line in bodies["init"] if "return" not in line]
    init = "\n".join(f"        {line}" for line in [f"{super_first}self.inner = nn.Linear(4, 4)", *in_init])
    return (
        "import torch\nfrom torch import nn\n"
        + "".join(f"{line}\n" for line in at_import)
        + f"class Net(nn.Module):\n    def __init__(self):\n{init}\n"
        + method("eval", "eval(self)", "return super().eval()")
        + method("train", "train(self, mode=True)", "return super().train(mode)")
        + method("parameters", "parameters(self, recurse=True)", "return super().parameters(recurse)")
        + method("getattr", "__getattr__(self, name)", "return super().__getattr__(name)")
        + method("str", "extra_repr(self)", "return ''")
        + f"    def forward(self, x):\n{lines('forward', 'return self.inner(x)')}\n"
    )


def descriptor(number: int) -> tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino


def check_in_process(folder: Path, seed: int) -> None:
    """profile() counts or raises ProfilerError, and the process is as before."""
    text = source(random.Random(seed))
    file = folder / f"net{seed}.py"
    file.write_text(text)
    state, draws, streams = ProcessState(), torch.get_rng_state(), (sys.stdin, sys.stdout, sys.stderr)
    call, descriptors, environ = nn.Module.__call__, (descriptor(1), descriptor(2)), dict(os.environ)
    where, path = os.getcwd(), list(sys.path)
    said = ""
    try:
        assert profile(f"{file}:Net", input="4").macs >= 0
    except ProfilerError as fault:
        said = str(fault)
    assert "\n" not in said, text
    assert state.put_back().names == (), text
    assert torch.equal(torch.get_rng_state(), draws), text
    assert (nn.Module.__call__, os.getcwd(), sys.path) == (call, where, path), text
    assert dict(os.environ) == environ, text
    assert (descriptor(1), descriptor(2)) == descriptors, text
    assert all(a is b for a, b in zip((sys.stdin, sys.stdout, sys.stderr), streams, strict=True)), text


def check_command(folder: Path, seed: int) -> None:
    """The command ends in 0 or 2, in one sentence, and prints data alone on stdout."""
    text = source(random.Random(seed))
    (folder / "net.py").write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "show", "net.py:Net", "--input", "4", "-f", "csv"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode in (0, 2), f"{text}\n{ran.returncode} {ran.stderr}"
    assert "Traceback" not in ran.stderr, f"{text}\n{ran.stderr}"
    assert "raw" not in ran.stdout, text
    assert (ran.stdout == "") == (ran.returncode == 2), f"{text}\n{ran.stdout}{ran.stderr}"


# a thread that called os._exit ends, which pytest has a warning for
ENDED_THREADS = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@ENDED_THREADS
def test_a_hostile_module_leaves_nothing_behind(tmp_path: Path) -> None:
    for seed in range(20):
        check_in_process(tmp_path, seed)


def test_a_hostile_module_on_the_command_line(tmp_path: Path) -> None:
    for seed in (1, 2):
        check_command(tmp_path, seed)


@ENDED_THREADS
@pytest.mark.full
def test_many_hostile_modules(tmp_path: Path) -> None:
    begun, seed = monotonic(), 1000
    while monotonic() - begun < 60:
        check_in_process(tmp_path, seed)
        seed += 1
    while monotonic() - begun < 120:
        check_command(tmp_path, seed)
        seed += 1
