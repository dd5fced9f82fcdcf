"""The composite action and the pre-commit hook, by running their steps in a repository as a user has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}
EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")
BUDGETS = '[tool.profiler.budgets."lenet5"]\nparams = "{params}"\n[tool.profiler.budgets."net.py:Net"]\ninput = "3x8x8"\nmacs = "10K"\n'
NET = "from torch import nn\n\n\nclass Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(nn.Conv2d(3, 8, 3))\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare environment that sees what is installed here, into which the action has installed this checkout, by its own step."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (packages / "here.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")) + "\n")
    ran = step("Install", home, home, **{"pip-arguments": "--no-deps --no-build-isolation --no-index"})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (packages / "profiler" / "api.py").is_file()
    return home


def step(name: str, home: Path, folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """A step of the action as a runner runs it: its script in a file, its inputs in variables."""
    values = {f"inputs.{key}": str(each.get("default", "")) for key, each in ACTION["inputs"].items()}
    values |= {f"inputs.{key}": value for key, value in inputs.items()} | {"github.action_path": str(ROOT)}

    def filled(text: str) -> str:
        return EXPRESSION.sub(lambda found: values[found[1]], text)

    made = STEPS[name]
    script = folder / ".step.sh"
    script.write_text(made["run"])
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **{key: filled(value) for key, value in made["env"].items()},
    }
    place = folder / filled(made.get("working-directory", "."))
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's: two networks with budgets, of which one is not kept."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(BUDGETS.format(params="62K"))
    (folder / "net.py").write_text(NET)
    return tmp_path


def test_the_action_checks_the_budgets_of_a_repository(home: Path, repository: Path) -> None:
    here = {"working-directory": "models"}
    ran = step("Check", home, repository, **here)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "2 limits: 2 within." in ran.stdout
    assert "Every budget is kept." in (repository / "summary.md").read_text()

    (repository / "models" / "pyproject.toml").write_text(BUDGETS.format(params="61K"))
    ran = step("Check", home, repository, **here)
    assert ran.returncode == 1
    annotation, error = ran.stderr.splitlines()
    assert annotation == (
        "::error file=models/pyproject.toml,title=lenet5 (28)%3A params over::"
        "lenet5 (28): params 61,706, over the budget of 61,000 in pyproject.toml (1.16 %25 over)"
    )
    assert error == "error: 1 of 2 limits exceeded: lenet5 (28) params; make the network cheaper, or raise the budget"
    assert (repository / "summary.md").read_text().count("### profiler check") == 2  # one run below the other


@pytest.mark.parametrize(
    ("inputs", "code", "said"),
    [
        ({"models": "lenet5\n  resnet18\n", "arguments": "--max-macs 2G\n--max-params=12M"}, 0, "4 limits: 4 within."),
        ({"models": "lenet5", "arguments": "--max-macs '400 K'"}, 1, "1 of 1"),
        ({"models": "$(touch stolen); `touch stolen`", "arguments": "--max-macs 1"}, 2, "touch stolen"),
        ({"models": "lenet5", "arguments": '--max-macs "$(touch stolen)"'}, 2, "--max-macs '$(touch stolen)' is not a number"),
        ({"models": "lenet5", "arguments": "--max-macs 1 ; touch stolen"}, 2, "unknown network ';'"),
        ({"models": "--help"}, 2, "unknown network '--help'"),
        ({"arguments": "--max-macs 'open"}, 1, "quote"),
    ],
)
def test_inputs_are_words_and_never_code(home: Path, tmp_path: Path, inputs: dict[str, str], code: int, said: str) -> None:
    ran = step("Check", home, tmp_path, **inputs)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stdout + ran.stderr
    assert not (tmp_path / "stolen").exists()


def test_a_version_is_asked_of_the_index(home: Path, tmp_path: Path) -> None:
    ran = step("Install", home, tmp_path, version="9.9.9", **{"pip-arguments": "--no-deps --no-index"})
    assert ran.returncode == 1
    assert "arch-profiler==9.9.9" in ran.stderr


def test_no_expression_stands_in_a_script() -> None:
    assert len(STEPS) == 2
    assert not [name for name, each in STEPS.items() if "${{" in each["run"]]
    used = set(EXPRESSION.findall(yaml.safe_dump(ACTION["runs"])))
    assert {name for name in used if name.startswith("inputs.")} == {f"inputs.{name}" for name in ACTION["inputs"]}


def test_the_hook_runs_as_pre_commit_runs_it(home: Path, repository: Path) -> None:
    """By pre-commit itself, with the environment that it would build replaced by the one of the action."""
    manifest = ROOT / ".pre-commit-hooks.yaml"
    pre_commit = [sys.executable, "-m", "pre_commit"]
    subprocess.run([*pre_commit, "validate-manifest", manifest], check=True)
    (hook,) = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    assert hook["language"] == "python"
    folder = repository / "models"
    config: dict[str, Any] = {"repos": [{"repo": "local", "hooks": [{**hook, "language": "system"}]}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT")},
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(repository / "cache"),
    }

    def run() -> subprocess.CompletedProcess[str]:
        subprocess.run(["git", "add", "."], cwd=folder, env=environment, check=True)
        command = [*pre_commit, "run", "profiler-check", "--color=never"]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)

    subprocess.run(["git", "init", "-q"], cwd=folder, env=environment, check=True)
    ran = run()
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.endswith(".Passed\n")
    (folder / "net.py").write_text(NET.replace("8, 3", "16, 3"))
    ran = run()
    assert ran.returncode == 1
    assert "net.py:Net (8) MACs" in ran.stdout
