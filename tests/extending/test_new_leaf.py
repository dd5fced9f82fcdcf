"""The leaf of leaf_example.py is counted, built, traced back to the same row, and counted under conventions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from profiler.count import closed, conventions
from profiler.count import leaves as counted
from profiler.count.leaves import Cost, cost
from profiler.module import leaves as in_torch
from profiler.module.build import build
from profiler.network.combinators import Chain
from profiler.network.layers import Linear
from profiler.tracing.traced import trace
from profiler.witness.witnesses import fvcore

TOKENS = ((5, 12),)


@pytest.fixture
def softplus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The class of the leaf, registered for one test: other tests look at all leaves that there are."""
    spec = spec_from_file_location("leaf_example", Path(__file__).with_name("leaf_example.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "leaf_example", module)  # where dataclasses looks for the class's names
    spec.loader.exec_module(module)
    yield module.Softplus
    del counted.LEAVES[module.Softplus]
    in_torch.LEAVES.pop(module.Softplus, None)


def test_counted(softplus: Any) -> None:
    assert repr(softplus()) == "Softplus()"
    assert cost(softplus(), TOKENS) == Cost((5, 12), elementwise=5 * 12)
    (row,) = closed.rows(softplus(beta=0.5), TOKENS, batch=2)
    assert (row.op, row.kind, row.module, row.output) == ("softplus", "activation", "Softplus", (2, 5, 12))
    assert dict(row.facts) == {"beta": 0.5, "threshold": 20.0}


@pytest.mark.parametrize("settings", [{}, {"beta": 0.5}, {"threshold": 3.0}], ids=str)
def test_built_and_traced_back_to_the_same_rows(softplus: Any, settings: dict[str, Any]) -> None:
    network = Chain(Linear(12), act=softplus(**settings), head=Linear(3))
    module = build(network, TOKENS)
    act = module.get_submodule("act")
    assert isinstance(act, nn.Softplus)
    assert (act.beta, act.threshold) == (settings.get("beta", 1.0), settings.get("threshold", 20.0))
    found = trace(module, (torch.zeros(2, 5, 12),), batch=2)
    assert found.profile.rows == closed.rows(network, TOKENS, batch=2)
    assert not found.uncounted


def test_counted_under_conventions(softplus: Any) -> None:
    network = Chain(Linear(12), softplus(), Linear(3))
    rows = closed.rows(network, TOKENS)
    macs = 5 * 12 * 12 + 5 * 12 * 3
    # fvcore counts no Softplus, so its convention needs no rule for it: the tool says the same number
    assert conventions.CONVENTIONS["fvcore"].total(rows) == macs
    assert fvcore(build(network, TOKENS), (torch.zeros(1, 5, 12),)).total == macs
    # one that counts it has a rule, with its reason
    known = conventions.PAPER
    theirs = replace(
        known,
        rules={**known.rules, "softplus": lambda row: 4 * row.elementwise},
        reasons={"softplus": "counts {n} operations per element of Softplus"},
    )
    assert theirs.total(rows) == macs + 4 * 5 * 12
    assert theirs.differences(rows) == {"counts 4 operations per element of Softplus": 4 * 5 * 12}
