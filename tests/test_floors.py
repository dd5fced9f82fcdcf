"""The floors of docs/design.md: imports point down, and no torch where none is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*ROOT.glob("profiler/**/*.py"), *ROOT.glob("archs/*.py"), ROOT / "cli.py"]
}
# Lowest first; a module may import from its own floor and below.
FLOORS: list[tuple[str, ...]] = [
    (
        "profiler.errors",
        "profiler.environment",
        "profiler.agreement",
        "profiler.drawn",
        "profiler.config",
        "profiler.shape",
        "profiler",
        "profiler.network",
        "profiler.count",
        "profiler.study",
        "profiler.report",
    ),
    (
        "profiler.records",
        "profiler.forms",
        "profiler.grid",
        "profiler.timing",
        "profiler.gate",
        "profiler.documents",
        "profiler.saved",
        "profiler.network.widths",
        "profiler.network.layers",
        "profiler.network.combinators",
        "profiler.network.inputs",
        "profiler.network.settings",
        "profiler.network.code",
    ),
    ("profiler.report.*", "profiler.report.page.*"),
    ("profiler.network.widen", "profiler.network.registry"),
    ("archs", "archs.*"),
    (
        "profiler.count.shapes",
        "profiler.count.formulas",
        "profiler.count.conventions",
        "profiler.count.derivation",
        "profiler.count.wiring",
    ),
    ("profiler.count.rewriting",),
    ("profiler.count.closed",),
    ("profiler.network.modules", "profiler.network.meta"),
    ("profiler.network.build", "profiler.network.making", "profiler.count.witnesses", "profiler.count.feeding"),
    (
        "profiler.count.leaves",
        "profiler.count.operators",
        "profiler.count.metashapes",
        "profiler.count.registered",
        "profiler.count.multihead",
        "profiler.count.gradients",
        "profiler.count.entries",
        "profiler.count.constants",
        "profiler.count.operator_names",
        "profiler.count.booking",
        "profiler.count.recorder",
        "profiler.count.wires",
        "profiler.count.harm",
    ),
    ("profiler.count.ladder",),
    ("profiler.count.traced",),
    ("profiler.count.step",),
    ("profiler.count.training",),
    ("profiler.count.memory",),
    ("profiler.network.schemes", "profiler.network.hf", "profiler.network.exported"),
    ("profiler.network.reference",),
    ("profiler.network.load",),
    ("profiler.count.polynomial", "profiler.count.agree"),
    ("profiler.measure", "profiler.measure.*"),
    ("profiler.study.*", "profiler.api"),
    ("profiler.completion", "profiler.defaults"),
    ("profiler.options",),
    ("profiler.commands", "profiler.commands.*"),
    ("cli", "profiler.__main__"),
]
TORCH = {
    "profiler.measure.clocks",
    "profiler.measure.live",
    "profiler.measure.per_layer",
    "profiler.measure.roofs",
    *("profiler.network.build", "profiler.network.modules", "profiler.network.meta", "profiler.network.making"),
    *("profiler.count.witnesses", "profiler.count.agree", "profiler.count.traced", "profiler.count.recorder"),
    *("profiler.count.booking", "profiler.count.leaves", "profiler.count.operators", "profiler.count.metashapes"),
    *(
        "profiler.count.feeding",
        "profiler.count.registered",
        "profiler.count.harm",
        "profiler.count.step",
        "profiler.count.training",
    ),
    *("profiler.count.memory", "profiler.count.multihead", "profiler.count.gradients"),
    *("profiler.count.ladder", "profiler.count.entries", "profiler.count.constants", "profiler.count.operator_names"),
    "profiler.count.wires",
}
# A record draws itself: the imports that point up, inside the function.
EXCEPTIONS = {
    ("profiler.drawn", "profiler.report.notebook"),
    ("profiler.gate", "profiler.report.checked"),
    ("profiler", "*"),
}


def floor(module: str) -> int:
    for height, members in enumerate(FLOORS):
        if module in members or f"{module.rpartition('.')[0]}.*" in members:
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
    """Modules of ours, and torch, that a file imports; relative ones made absolute."""
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
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    for other in imports(MODULES[module], module):
        if other in MODULES and not ({(module, other), (module, "*")} & EXCEPTIONS):
            assert floor(other) <= floor(module), f"{module} imports {other}, which is above it"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_torch_at_import_below_its_floor(module: str) -> None:
    heavy = {name.partition(".")[0] for name in imports(MODULES[module], module, top_level=True)} & {"torch", "fvcore", "thop"}
    assert not heavy or module in TORCH


QUIET = [
    "import profiler",
    "from profiler import profile; profile('resnet50')",
    "from profiler import compare; compare('mobilenet_v1', 'vgg16', engine='closed')",
    "from profiler import sweep; sweep('mobilenet_v1', engine='closed')",
    "from profiler.study.listing import listing; listing()",
    "from profiler import check, diff; check('lenet5', macs='1M'); diff('lenet5', 'lenet5')",
    "from profiler.study.formula import formula; formula('mobilenet_v1')",
    "from profiler.__main__ import load_cli; load_cli()",
    "import profiler.report.answers, profiler.report.watch, profiler.study.published",
]
# numpy comes with scipy, whose statistics measuring needs
CLOCKED = [
    "import profiler.study.bench, profiler.study.layers, profiler.study.selftest, profiler.report.clocks",
    "from profiler.study.bench import bench; from profiler.study.clock import Clock; "
    "bench('lenet5', clock=Clock(device='cpu', threads=1, time='1s'))",
]


@pytest.mark.parametrize("code", QUIET)
def test_no_torch_is_loaded(code: str) -> None:
    script = f"import sys\n{code}\nprint([name for name in ('torch', 'fvcore', 'thop', 'numpy') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize("code", CLOCKED)
def test_the_process_that_schedules_loads_no_torch(code: str) -> None:
    script = f"import sys\n{code}\nprint([name for name in ('torch', 'fvcore', 'thop') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "[]\n"


def test_the_package_imports_nothing_of_its_own() -> None:
    script = "import sys, profiler; print(sorted(name for name in sys.modules if name.startswith('profiler')))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "['profiler']\n"


def test_files_are_rooms_of_one_idea() -> None:
    long = {module: n for module, path in MODULES.items() if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long
    assert all(path.read_text(encoding="utf-8").startswith('"""') for path in MODULES.values())
