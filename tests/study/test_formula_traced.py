"""The formula of a module that is traced equals its counts at other points, in the side and in α."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from torch import Tensor, nn

from profiler import Formulas, formula, profile, read, write
from profiler.errors import InputNeeded, ProfilerError
from profiler.records.polynomials import Polynomials, Quantity
from profiler.report.answers.formula import domain, lines

F = Fraction
NET = """
from torch import nn


def rounded(n, divisor=8):
    return max(divisor, int(n + divisor / 2) // divisor * divisor)


class Net(nn.Module):
    def __init__(self, width_mult=1.0, classes=10):
        super().__init__()
        a, b = int(16 * width_mult), int(32 * width_mult)
        self.body = nn.Sequential(nn.Conv2d(3, a, 3, 2, 1, bias=False), nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, 3, 2, 1))
        self.head = nn.Linear(b, classes)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class Rounded(nn.Module):
    def __init__(self, multiplier=1.0):
        super().__init__()
        self.conv = nn.Conv2d(3, rounded(20 * multiplier), 3, 2, 1)

    def forward(self, x):
        return self.conv(x)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 4, 4)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        return self.attention(tokens, tokens, tokens)[0]
"""


@pytest.fixture(autouse=True)
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)


def values(found: Polynomials, alpha: Fraction | int, k: int) -> list[Fraction]:
    return [found.at(quantity, alpha, k) for quantity in get_args(Quantity)]


def test_in_alpha_and_the_side() -> None:
    (found,) = formula("net.py:Net", input="3x64x64")
    # widths 16α and 32α; weights 27·16α, 9·16α·32α, 32α·10; BatchNorm 2·16α, biases 32α and 10; positions (2K)² and K² at side 4K
    assert found.params == {(2, 0): 9 * 16 * 32, (1, 0): 27 * 16 + 2 * 16 + 32 + 320, (0, 0): 10}
    assert found.macs == {(2, 2): 9 * 16 * 32, (1, 2): 4 * 27 * 16, (1, 0): 320}
    assert (found.domain.period, found.domain.remainder, found.domain.alpha_step) == (4, 0, F(1, 16))
    for alpha, k in ((F(3, 16), 5), (F(5, 4), 29), (F(2), 3)):
        at = profile("net.py:Net", input="3x64x64", alpha=alpha, resolution=4 * k)
        assert values(found, alpha, k) == [at.params, at.macs]
    assert found.points is not None
    nodes, more = found.points
    assert nodes == 3 * 5
    assert more >= 30
    assert f"found from 15 traced points, confirmed at {more} more" in domain(found)


def test_along_the_sides_of_another_remainder() -> None:
    (found,) = formula("net.py:Net", input="3x64x64", resolution=67)
    assert (found.domain.period, found.domain.remainder) == (4, 3)
    for k in (1, 9, 40):
        at = profile("net.py:Net", input="3x64x64", resolution=4 * k + 3)
        assert values(found, 1, k) == [at.params, at.macs]


def test_at_each_alpha() -> None:
    found = formula("net.py:Net", input="3x64x64", alpha="0.3,1")
    for each, alpha in zip(found, ("0.3", "1"), strict=True):
        at = profile("net.py:Net", input="3x64x64", alpha=alpha, resolution=4 * 21)
        assert values(each, 1, 21) == [at.params, at.macs]
    assert domain(found[0]).startswith("at α = 0.3; side = 4K")
    assert not found[0].rounded


def test_widths_that_are_rounded() -> None:
    (found,) = formula("net.py:Rounded", input="3x32x32")
    assert found.rounded
    assert found.params == {(0, 0): 27 * 24 + 24}
    text = "\n".join(lines(found))
    assert "at α = 1; side = 2K" in text
    assert "the counts are not a polynomial in α, e.g. because widths are rounded." in text
    assert "published" not in text


def test_a_module_without_a_width_multiplier_names_no_alpha() -> None:
    (found,) = formula("net.py:Plain", input="3x32x32")
    assert "α" not in "\n".join(lines(found))
    # T = K² tokens at side 4K: patch 48·16·T, three projections and the output 4·16·16·T, QKᵀ and AV 2·16·T²
    assert found.macs == {(0, 4): 2 * 16, (0, 2): 48 * 16 + 4 * 16 * 16}
    with pytest.raises(ProfilerError, match="has no width multiplier"):
        formula("net.py:Plain", input="3x32x32", alpha="0.5")


def test_of_a_module_that_the_caller_has() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, 2, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.conv(x)
            return out

    (found,) = formula(Two(), input=(3, 16, 16))
    assert found.macs == {(0, 2): 27 * 8}
    assert found.domain.period == 2


def test_without_a_side() -> None:
    (found,) = formula(nn.Linear(7, 3), input=(7,))
    assert found.params == {(0, 0): 24}
    assert found.macs == {(0, 0): 21}
    assert domain(found) == "found from 1 traced point, confirmed at 0 more; one sample"


def test_an_input_is_asked_for() -> None:
    with pytest.raises(InputNeeded):
        formula("net.py:Net")


def test_saved_and_read_again(tmp_path: Path) -> None:
    found = formula("net.py:Net", input="3x64x64")
    write(found, tmp_path / "run.json")
    again = read(tmp_path / "run.json")
    assert isinstance(again, Formulas)
    assert again == found
    for suffix in ("md", "tex", "csv"):
        for each, name in ((found, "first"), (read(tmp_path / "run.json"), "second")):
            write(each, tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"first.{suffix}").read_bytes() == (tmp_path / f"second.{suffix}").read_bytes()


@pytest.mark.parametrize(("given", "side"), [({"rho": "4/7"}, 128), ({"rho": "0.5"}, 112), ({"input": "3x160x160"}, 160)])
def test_the_size_of_a_network_of_the_zoo(given: dict[str, Any], side: int) -> None:
    assert formula("mobilenet_v1", **given) == formula("mobilenet_v1", resolution=side)
