"""A layer that is called more than once costs each time, in the place that calls it, and owns its parameters once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cli import app
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count_on_both, parameter


class Block(nn.Module):
    def __init__(self, f: nn.Module) -> None:
        super().__init__()
        self.f, self.g = f, nn.Linear(8, 8, bias=False)

    def forward(self, x: Tensor) -> Any:
        return self.g(self.f(x))


def test_two_blocks_that_share_a_layer() -> None:
    def make() -> nn.Module:
        f = nn.Linear(8, 8, bias=False)
        return nn.Sequential(Block(f), Block(f))

    found = count_on_both(make, torch.randn(3, 8))
    assert [(row.path, row.macs, row.params) for row in found.profile.rows] == [
        ("0.f", 192, 64), ("0.g", 192, 64), ("1.f", 192, 0), ("1.g", 192, 64),
    ]  # fmt: skip
    assert [(group.name, group.macs, group.params) for group in found.profile.by_depth(1)] == [("0", 384, 128), ("1", 384, 64)]


def test_three_blocks_that_share_a_block() -> None:
    def make() -> nn.Module:
        inner = Block(nn.Linear(8, 8, bias=False))
        return nn.Sequential(Block(inner), Block(inner), Block(inner))

    found = count_on_both(make, torch.randn(3, 8))
    assert [(row.path, row.params) for row in found.profile.rows] == [
        ("0.f.f", 64), ("0.f.g", 64), ("0.g", 64), ("1.f.f", 0), ("1.f.g", 0), ("1.g", 64), ("2.f.f", 0), ("2.f.g", 0), ("2.g", 64),
    ]  # fmt: skip
    assert found.profile.macs == 9 * 192


def test_a_layer_that_a_container_repeats() -> None:
    found = count_on_both(lambda: nn.Sequential(*[nn.Linear(10, 10)] * 4), torch.randn(2, 10))
    assert (found.profile.macs, found.profile.params, len(found.profile.rows)) == (4 * 200, 110, 4)


def test_a_layer_of_two_owners_that_only_one_calls() -> None:
    class Keeps(nn.Module):
        def __init__(self, f: nn.Module) -> None:
            super().__init__()
            self.f = f

        def forward(self, x: Tensor) -> Tensor:
            return x

    def make() -> nn.Module:
        f = nn.Linear(8, 8, bias=False)
        return nn.Sequential(Keeps(f), Block(f))

    found = count_on_both(make, torch.randn(3, 8))
    assert [(row.path, row.params) for row in found.profile.rows] == [("1.f", 64), ("1.g", 64)]


def test_a_tied_weight_is_owned_where_it_is_read_first() -> None:
    def make() -> nn.Module:
        m = nn.Sequential(nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 8, bias=False))
        m[2].weight = m[0].weight
        return m

    found = count_on_both(make, torch.randn(3, 8))
    assert [(row.path, row.macs, row.params) for row in found.profile.rows if row.macs] == [("0", 192, 64), ("2", 192, 0)]


NET = """
from torch import nn

class Repeated(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(10, 10), nn.Linear(10, 10)

    def forward(self, x):
        for _ in range(3):
            x = self.fc1(x)
        for _ in range(2):
            x = self.fc2(x)
        return x

class Powers(nn.Module):
    def __init__(self):
        super().__init__()
        self.ws = nn.ParameterList([nn.Parameter(__import__("torch").zeros(10, 10)) for _ in range(3)])

    def forward(self, x):
        for w in self.ws:
            x = x @ w
        return x
"""


@pytest.mark.parametrize("command", ["show", "compare"])
@pytest.mark.parametrize(("name", "convention", "right"), [
    ("Repeated", "paper", 500), ("Repeated", "fvcore", 500), ("Repeated", "thop", 500), ("Repeated", "torch", 1000),
    ("Powers", "paper", 300), ("Powers", "torch", 600),
])  # fmt: skip
def test_totals_add_up_every_call(tmp_path: Path, command: str, name: str, convention: str, right: int) -> None:
    from typer.testing import CliRunner

    (tmp_path / "net.py").write_text(NET)
    words = [command, f"{tmp_path / 'net.py'}:{name}", "--input", "10", "--convention", convention, "--format", "json"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.output
    record = json.loads(ran.stdout)["records"][0]
    assert (record["total"], record["macs"]) == (right, 500 if name == "Repeated" else 300)


def test_products_of_a_list_of_parameters_are_rows_of_their_own() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        for w in m.ws:
            x = x @ w
        return x

    found = trace(Run(forward, ws=nn.ParameterList([parameter(8, 8) for _ in range(3)])), (torch.randn(3, 8),), batch=None)
    assert [(row.macs, row.params) for row in found.profile.rows] == [(192, 64)] * 3
    assert len({row.path for row in found.profile.rows}) == 3


def test_where_over_scores_is_still_attention() -> None:
    """A mask written as torch.where between the product and its softmax."""

    def forward(m: Any, x: Tensor, mask: Tensor) -> Any:
        return torch.where(mask, torch.tensor(-1e9), x @ x.mT).softmax(-1) @ x

    found = count_on_both(lambda: Run(forward), torch.randn(2, 5, 8), torch.ones(5, 5, dtype=torch.bool))
    assert [row.kind for row in found.profile.rows if row.macs] == ["attention", "attention"]


@pytest.mark.parametrize("between", [
    lambda s, m: s.masked_fill(m, -1e9),
    lambda s, m: s + m.float() * -1e9,
    lambda s, m: m.float() * -1e9 + s,
    lambda s, m: torch.add(m.float(), s) / 8,
    lambda s, m: torch.where(~m, s, -1e9),
    lambda s, m: torch.maximum(torch.full_like(s, -1e9), s),
    lambda s, m: 0.125 * s.float(),
], ids=["masked_fill", "sum", "sum, the mask first", "add", "where, the scores first", "maximum", "scaled"])  # fmt: skip
def test_what_stands_between_the_scores_and_their_softmax(between: Any) -> None:
    def forward(m: Any, x: Tensor, mask: Tensor) -> Any:
        return between(x @ x.mT, mask).softmax(-1) @ x

    found = count_on_both(lambda: Run(forward), torch.randn(2, 5, 8), torch.ones(5, 5, dtype=torch.bool))
    assert [row.kind for row in found.profile.rows if row.macs] == ["attention", "attention"]
