"""The wheel beside a distribution of somebody else's that has a module called cli and a package called archs."""

from __future__ import annotations

import csv
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from profiler.version import __version__

ROOT = Path(__file__).resolve().parents[1]
NAME = f"arch_profiler-{__version__}"


def build(source: Path, folder: Path, *targets: str) -> None:
    """Wheels and sdists of a source tree, by hatchling, without a network."""
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-d",
        str(folder),
        *(word for each in targets for word in ("-t", each)),
    ]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder, "wheel", "sdist")
    return folder


@pytest.fixture(scope="module")
def home(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare environment that sees what is installed here but for this checkout, with the wheel and another distribution."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    theirs = home / "theirs" / "archs"
    theirs.mkdir(parents=True)
    (theirs / "__init__.py").write_text("whose = 'theirs'\n")
    (theirs / "vgg.py").write_text("whose = 'theirs'\n")
    (theirs.parent / "cli.py").write_text("whose = 'theirs'\n")
    (theirs.parent / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "theirs"\nversion = "1"\n[tool.hatch.build.targets.wheel]\ninclude = ["archs", "cli.py"]\n'
    )
    build(theirs.parent, built / "theirs", "wheel")
    wheels = [*built.glob("*.whl"), *(built / "theirs").glob("*.whl")]
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(home / "bin" / "python"),
        "install",
        "--no-index",
        "--no-deps",
        "--quiet",
    ]
    subprocess.run([*install, *map(str, wheels)], check=True, capture_output=True)
    # after the wheels: a directory of a .pth file comes last, and the .pth files in it are not read
    (packages / "here.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")) + "\n")
    return home


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A program of that environment in an empty folder, with nothing of this checkout on the path."""

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [home / "bin" / program, *words], cwd=tmp_path, env={"OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

    return run


def test_the_wheel_holds_one_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"profiler", f"{NAME}.dist-info"}
    for path in [*ROOT.glob("profiler/**/*"), *ROOT.glob("archs/*"), ROOT / "cli.py"]:
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            assert (name if name.startswith("profiler/") else f"profiler/{name}") in names


def test_the_wheel_is_small(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < 1_200_000


def test_the_metadata_say_licence_and_systems(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        said = archive.read(f"{NAME}.dist-info/METADATA").decode()
        assert f"{NAME}.dist-info/licenses/LICENSE" in archive.namelist()
    head = said.partition("\n\n")[0].splitlines()
    # licences are an expression since metadata 2.4, which excludes classifiers of licences
    assert "License-Expression: Apache-2.0" in head
    assert not [line for line in head if line.startswith("Classifier: License")]
    versions = {line.rpartition(" ")[2] for line in head if line.startswith("Classifier: Programming Language :: Python :: 3.")}
    assert versions == {"3.11", "3.12", "3.13"}
    assert "Requires-Python: >=3.11" in head
    assert "Description-Content-Type: text/markdown" in head


def test_the_sdist_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / NAME, tmp_path / "again", "wheel")
    (wheel,), (again,) = built.glob("*.whl"), (tmp_path / "again").glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()


def test_a_module_of_somebody_elses_stays_theirs(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = """
import profiler
profiler.profile("vgg16")
import archs.vgg, cli, pickle
from profiler.network.registry import find
assert profiler.__path__ == [archs.__path__[0].removesuffix("archs") + "profiler"]
assert pickle.loads(pickle.dumps(find("vgg16"))).factory.__module__ == "profiler.archs.vgg"
print(archs.whose, archs.vgg.whose, cli.whose)
"""
    ran = run("python", "-c", code)
    assert (ran.stdout, ran.stderr) == ("theirs theirs theirs\n", "")


@pytest.mark.parametrize("start", [("profiler",), ("python", "-m", "profiler")], ids=" ".join)
def test_the_commands_work_anywhere(run: Callable[..., subprocess.CompletedProcess[str]], start: tuple[str, ...]) -> None:
    ran = run(*start, "compare", "mobilenet_v1", "--engine", "closed", "-f", "csv")
    assert [row["macs"] for row in csv.DictReader(ran.stdout.splitlines())] == ["568740352"], ran.stderr
    ran = run(*start, "verify", "mobilenet_v1", "--engine", "closed", "--table", "MobileNets Table 4")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("MobileNets Table 4\nmodel ")


def test_the_zoo_and_its_figures_are_installed(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    from profiler.network.registry import names

    ran = run("profiler", "list", "-f", "csv")
    assert [row["model"] for row in csv.DictReader(ran.stdout.splitlines())] == names(), ran.stderr
    ran = run("profiler", "bench", "lenet5", "--device", "cpu", "--threads", "1", "--time", "1s", "-f", "csv")
    (row,) = csv.DictReader(ran.stdout.splitlines())  # timed by a worker, another process
    assert row["model"] == "lenet5", ran.stderr
    assert row["latency_s"] or "rounds" in row["reason"], ran.stderr  # on a busy machine a second may not be enough
