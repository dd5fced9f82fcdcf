"""What TAB offers, asked as the shells ask; and without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.network.registry import names, starting

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"import sys; sys.argv = ['profiler']; sys.path.insert(0, {str(ROOT)!r}); from profiler.__main__ import main; main()"


def asked(**env: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=False)
    assert ran.stderr == ""
    return ran.stdout


def bash(line: str) -> list[str]:
    """What bash is told of a line whose cursor stands at its end; it splits words at @, = and : too."""
    for sign in "@=:":
        line = line.replace(sign, f" {sign} ")
    words = line.split()
    at_new_word = line.endswith(" ") and words[-1] not in "@=:"
    cursor = len(words) - (0 if at_new_word else 1)
    return asked(_PROFILER_COMPLETE="complete_bash", COMP_WORDS=" ".join(words), COMP_CWORD=str(cursor)).split()


LINES = [
    ("profiler comp", ["compare"]),
    ("profiler show mobilenet_v1", ["mobilenet_v1", "mobilenet_v1_cifar"]),
    ("profiler compare vgg16 squeezenet1_", ["squeezenet1_0", "squeezenet1_1"]),
    ("profiler show mobilenet_v1@", ["alpha=", "resolution=", "rho=", "input=", "classes=", "separable=", "shallow=", "min_width="]),
    ("profiler show mobilenet_v1@alpha=0.5,res", ["0.5,resolution="]),
    ("profiler show mobilenet_v1@separable=", ["true", "false"]),
    ("profiler show mobilenet_v1@separable=f", ["false"]),
    ("profiler show mobilenet_v1@nonsense=", []),
    ("profiler show nonsense@al", ["alpha="]),
    ("profiler show mobilenet_v1 --set ", ["classes=", "separable=", "shallow=", "min_width="]),
    ("profiler show --depth 1 mobilenet_v1@alpha=0.5 --set sep", ["separable="]),
    ("profiler show mobilenet_v1 --set separable=", ["true", "false"]),
    ("profiler compare --engine closed,", ["closed,traced", "closed,fvcore", "closed,thop", "closed,torch"]),
    ("profiler compare --convention f", ["fvcore"]),
    (
        "profiler compare --unit ",
        ["raw", "auto", "K", "M", "G", "T", "flops", "MFLOPs", "GFLOPs", "TFLOPs", "paper"],
    ),
    ("profiler compare Ours=squeezenet1_", ["squeezenet1_0", "squeezenet1_1"]),
    ("profiler compare Ours=mobilenet_v1@sep", ["separable="]),
    ("profiler compare --unit=f", ["flops"]),
    ("profiler show -f m", ["markdown", "mermaid"]),
    ("profiler bench --dtype fp32,", ["fp32,bf16", "fp32,fp16", "fp32,int8"]),
    ("profiler bench --memory-format ch", ["channels_last"]),
    ("profiler bench --optimizer ", ["sgd", "adam"]),
    ("profiler bench --device c", ["cpu", "cuda"]),
    ("profiler compare --columns model,mac", ["model,macs", "model,macs_ratio"]),
    ("profiler show lenet5 --columns o", ["op", "output"]),
    ("profiler bench lenet5 --layers --sort sec", ["seconds"]),
    ("profiler list --sort pa", ["paper", "params"]),
    ("profiler show --what-if ", ["separable", "folded"]),
    ("profiler show --stri", ["--strict"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "offered"), LINES, ids=[line for line, _ in LINES])
def test_bash(line: str, offered: list[str]) -> None:
    assert bash(line) == offered


def test_zsh() -> None:
    said = asked(_PROFILER_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="profiler show mobilenet_v1@alpha=0.5,res")
    assert '"mobilenet_v1@alpha=0.5,resolution="' in said
    said = asked(_PROFILER_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="profiler show mobilenet_v1 --set cla")
    assert '"classes="' in said


def test_fish() -> None:
    about = {"_PROFILER_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert asked(**about, _TYPER_COMPLETE_ARGS="profiler show mobilenet_v1@re").split() == ["mobilenet_v1@resolution="]
    assert asked(**about, _TYPER_COMPLETE_ARGS="profiler compare --unit f").split() == ["flops"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_that_a_shell_reads_is_printed(shell: str) -> None:
    said = asked(_PROFILER_COMPLETE=f"source_{shell}")
    assert "_PROFILER_COMPLETE=complete_" in said


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes_with_the_installed_script(tmp_path: Path) -> None:
    program = tmp_path / "profiler"
    program.write_text(f"#!{sys.executable}\n{PROGRAM.replace('; ', chr(10))}\n")
    program.chmod(0o755)
    script = (
        'eval "$(_PROFILER_COMPLETE=source_bash profiler)"\n'
        "COMP_WORDS=(profiler show mobilenet_v1 @ al); COMP_CWORD=4\n"
        "_profiler_completion profiler\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert (ran.stdout, ran.stderr) == ("alpha=\n", "")


def test_no_torch_is_loaded() -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print([m for m in ('torch', 'numpy', 'rich') if m in sys.modules], file=sys.stderr))\n"
    )
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_PROFILER_COMPLETE": "complete_bash",
        "COMP_WORDS": "profiler show mob",
        "COMP_CWORD": "2",
    }
    ran = subprocess.run([sys.executable, "-c", code + PROGRAM], capture_output=True, text=True, env=env, check=False)
    assert ran.stderr == "[]\n"
    assert "mobilenet_v1" in ran.stdout


def test_every_name_is_found_by_its_beginning() -> None:
    every = names()
    for name in every:
        for n in (1, 2, 3, len(name)):
            code_names = [each for each in every if each.startswith(name[:n])]
            assert starting(name[:n]) == code_names


def test_names_are_found_in_a_process_that_has_loaded_none() -> None:
    """Each beginning of two letters, in a fresh process: files are chosen by what stands in them."""
    every = names()
    code = "import sys; from profiler.network.registry import starting; print(*starting(sys.argv[1]))"
    for begun in sorted({name[:2] for name in every} | {"efficientnet_b0", "vgg16_c", "resnet1202"}):
        ran = subprocess.run([sys.executable, "-c", code, begun], capture_output=True, text=True, cwd=ROOT, check=True)
        assert ran.stdout.split() == [each for each in every if each.startswith(begun)]
