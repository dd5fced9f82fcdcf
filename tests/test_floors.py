"""The floors of docs/design.md: imports point down and in no circle, and no torch where none is needed."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*ROOT.glob("profiler/**/*.py"), *ROOT.glob("archs/*.py"), ROOT / "cli.py"]
}
# Lowest first; what stands on one line does not import each other. A file imports from its own folder and from lines below.
FLOORS = """
errors version
records grid config checked
network
archs count
module saved
checkpoint tracing measure prediction onnx_graph
pruning fleet
load report
witness api
study
commands
cli
profiler __main__
""".strip().splitlines()
# Where torch may be imported when the file is; below, it is imported by what needs it, when it runs.
TORCH = (
    "profiler.module", "profiler.pruning", "profiler.tracing", "profiler.witness", "profiler.load.construct",
    "profiler.measure.clocks", "profiler.measure.exported", "profiler.measure.given_file", "profiler.measure.live",
    "profiler.measure.per_layer", "profiler.measure.roofs", "profiler.measure.untrained", "profiler.measure.alive",
)  # fmt: skip


def folder(module: str) -> str:
    """`report` of profiler.report.sheets.sheet, `errors` of profiler.errors, `profiler` of the package itself."""
    names = module.split(".")
    return names[1] if names[0] == "profiler" and len(names) > 1 else names[0]


def floor(module: str) -> int:
    for height, members in enumerate(FLOORS):
        if folder(module) in members.split():
            return height
    raise AssertionError(f"{module} stands on no floor; give it one in tests/test_floors.py")


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: everything but the bodies of functions and what is for type checkers."""
    for child in ast.iter_child_nodes(node):
        yield child
        typed = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        if not typed and not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield from _at_import(child)


def imports(path: Path, module: str, top_level: bool = False) -> set[str]:
    """Modules of ours, and torch, that a file imports, wherever it does; relative ones made absolute."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(_at_import(tree)) if top_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            base = (
                f"{package}.{node.module}".rstrip(".")
                if node.level and node.module
                else (package if node.level else node.module or "")
            )
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}
    return found - {module}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    for other in imports(MODULES[module], module):
        if other in MODULES:
            below = floor(other) < floor(module)
            assert below or folder(other) == folder(module), f"{module} imports {other}, which is not below it"


def test_no_circles() -> None:
    """Not inside a folder either, and imports inside functions and for type checkers count."""
    graph = {module: {other for other in imports(path, module) if other in MODULES} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as fault:
        pytest.fail(f"imports in a circle: {' → '.join(reversed(fault.args[1]))}")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_torch_at_import_below_its_floor(module: str) -> None:
    heavy = {name.partition(".")[0] for name in imports(MODULES[module], module, top_level=True)} & {"torch", "fvcore", "thop"}
    assert not heavy or module.startswith(TORCH)


DISTRIBUTIONS = {"pynvml": "nvidia-ml-py", "ai_edge_litert": "ai-edge-litert", "litert_torch": "litert-torch"}
"""{package: the distribution that brings it}, where the two are not called alike."""
QUIET = [
    "import profiler",
    "from profiler import profile; profile('resnet50')",
    "from profiler import compare; compare('mobilenet_v1', 'vgg16', engine='closed')",
    "from profiler import sweep; sweep('mobilenet_v1', engine='closed')",
    "from profiler import listing; listing()",
    "from profiler import check, diff; check('lenet5', macs='1M'); diff('lenet5', 'lenet5')",
    "from profiler import formula; formula('mobilenet_v1')",
    "from profiler import show, verify; show('lenet5'); verify('lenet5', engine='closed')",
    "from profiler import Chain, Conv, profile; profile(Chain(Conv(8, 3)), input=(3, 8, 8))",
    "import os; from profiler import read, show, write; write(show('lenet5'), os.devnull, format='json'); read",
    "from profiler.__main__ import load_cli; load_cli()",
    "import profiler.report.answers.results, profiler.commands.watch, profiler.study.published",
]
# One network alone is measured without scipy, which only ratios and rank correlations take, and numpy comes with it.
CLOCKED = [
    "import profiler.study.bench, profiler.study.layers, profiler.study.selftest, profiler.report.answers.layer_times",
    "from profiler import BenchOptions, bench; bench('lenet5', bench=BenchOptions(device='cpu', threads=1, time='1s'))",
]


@pytest.mark.parametrize("code", QUIET)
def test_no_torch_is_loaded(code: str) -> None:
    script = f"import sys\n{code}\nprint([name for name in ('torch', 'fvcore', 'thop', 'numpy') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize("code", CLOCKED)
def test_the_process_that_schedules_loads_no_torch(code: str, tmp_path: Path) -> None:
    script = (
        f"import sys\n{code}\nprint([name for name in ('torch', 'fvcore', 'thop', 'scipy', 'numpy') if name in sys.modules])"
    )
    unknown = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}  # of earlier runs here, whose spread takes scipy
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True, env=unknown)
    assert ran.stdout == "[]\n"


LOADED = """
import sys
from profiler.measure import protocol
from profiler.study.bench import bench
from profiler.study.bench_options import BenchOptions
from profiler.study.sweep import sweep
from tests.measure.paced import install

def counting(self, active, each, plain=protocol.Scheduler._round):
    seen.append({name for name in sys.modules if name.startswith("scipy")})
    plain(self, active, each)

seen = []
protocol.Scheduler._round = counting
install()
clock = BenchOptions(device="cpu", threads=1, time="3s")
bench("lenet5", batch="1,2", bench=clock)
print("scipy.special" in seen[0], "scipy.stats" in seen[0], seen[-1] - seen[0])
seen.clear()
sweep("mobilenet_v1", alpha=0.25, resolution=32, batch="1,2,3", engine="closed", bench=clock)
print("scipy.stats" in seen[0], seen[-1] - seen[0], {name for name in sys.modules if name.startswith("scipy")} - seen[-1])
"""


def test_no_round_is_disturbed_by_loading_scipy() -> None:
    """Ratios take scipy.special, the rank correlations of a sweep scipy.stats: both are there before the first round."""
    ran = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "True False set()\nTrue set() set()\n"


def test_importing_the_package_loads_next_to_nothing() -> None:
    script = "import sys, profiler; print(sorted(name for name in sys.modules if name.startswith('profiler')))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "['profiler', 'profiler.records', 'profiler.records.drawn', 'profiler.version']\n"


def test_what_is_imported_is_declared() -> None:
    """A package that one of ours only brings along may be gone with its next release."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    brought = [
        each
        for extra in ("gpu", "report", "figures", "parquet", "onnx", "openvino", "litert", "executorch", "fleet")
        for each in extras[extra]
    ]
    declared = {re.split(r"[^\w-]", each)[0] for each in [*project["dependencies"], *brought]}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in MODULES.values()]
    imported = {alias.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {
        node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }  # fmt: skip
    outside = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names - {"profiler"}
    assert {"numpy", "scipy", "torch"} <= outside
    assert {DISTRIBUTIONS.get(name, name) for name in outside} <= declared


def test_files_are_rooms_of_one_idea() -> None:
    long = {module: n for module, path in MODULES.items() if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long
    assert all(path.read_text(encoding="utf-8").startswith('"""') for path in MODULES.values())
