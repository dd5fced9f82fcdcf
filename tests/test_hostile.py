"""Files and names that nobody would give on purpose: one sentence, and nothing lost."""

from __future__ import annotations

from pathlib import Path

from tests.test_cli import run


def test_a_file_under_two_names_is_named_twice(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("a.json")
    for words in (
        ("compare", "lenet5", "-o", "a.json", "-o", str(tmp_path / "a.json")),
        ("compare", "lenet5", "-o", "a.json", "-o", "link.json"),
        ("check", "lenet5", "--max-macs", "1M", "-o", "a.json", "--junit", "./a.json"),
    ):
        ran = run(*words, cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "is given twice; give each file once" in ran.stderr
    assert not (tmp_path / "a.json").exists()


def test_a_link_to_itself_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    ran = run("compare", "lenet5", "--engine", "closed", "-o", "loop.json", cwd=tmp_path)
    assert ran.returncode in (0, 2)
    assert "Traceback" not in ran.stderr


def test_names_do_not_command_the_terminal(tmp_path: Path) -> None:
    name = "net\x1b[31m.py"
    (tmp_path / name).write_text(
        "from torch import nn, special\n\nclass Net(nn.ReLU):\n    def forward(self, x): return special.bessel_j0(x)\n"
    )
    for words in (
        ("show", f"{name}:Net", "--input", "3x8x8"),
        ("show", f"{name}:None"),
        ("check", f"{name}:Net", "--input", "3x8x8", "--max-macs", "1", "--strict"),
        ("diff", f"{name}:Net", "\x1b[2Jlenet5"),
    ):
        ran = run(*words, cwd=tmp_path, GITHUB_ACTIONS="true")
        assert "net\ufffd" in ran.stdout + ran.stderr
        assert "\x1b" not in ran.stdout + ran.stderr
