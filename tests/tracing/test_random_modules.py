"""Modules from a grammar: ours is what torch's counter makes of them on meta, and the same on the CPU as on meta, row by row.

A failure shows the seed and the source of the module, which `replay(seed)` or `replay_training(seed)` of this file runs again.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils.flop_counter import FlopCounterMode

from profiler.tracing.functional_transforms import COMPUTE_IN_INFERENCE
from profiler.tracing.traced import trace
from profiler.tracing.training.training import trace_training
from tests.tracing.grammar.writer import generate


def frozen(module: nn.Module) -> nn.Module:
    """torch's counter sets hooks on tensors that ask for gradients, which some of a vmap cannot have."""
    for p in module.parameters():
        if not is_lazy(p):
            p.requires_grad_(False)
    return module


def replay(seed: int) -> None:
    """One module, built, counted by torch on meta, and by us on meta and on the CPU, there with an input on meta and in training too."""
    made = generate(seed)
    names: dict[str, Any] = {}
    exec(compile(made.source, f"<module {seed}>", "exec"), names)
    with torch.device("meta"):
        (nothing,) = names["given"]()
    (x,) = names["given"]()

    def on_meta() -> nn.Module:
        with torch.device("meta"):
            return names["make"]()  # type: ignore[no-any-return]

    handles = names["hooks"]()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            frozen(on_meta())(nothing)
        expected = counter.get_total_flops() // 2 + made.missed
        module = names["make"]()
        there = trace(on_meta(), (nothing,), batch=None)
        here = trace(module, (x,), batch=None)
        mixed = trace(module.train(), (nothing,), batch=None)
    finally:
        for handle in handles:
            handle.remove()
    # transforms that need autograd, before torch 2.13: what is around them is decomposed as for training, or run with values
    whole = COMPUTE_IN_INFERENCE or not re.search(r"func\.(grad|jvp)", made.source)
    for found in (there, here, mixed):
        profile = found.profile
        assert profile.macs == expected
        assert profile.uncounted == ()
        assert found.harm == () or made.changes
        if whole:
            assert [each for each in zip(profile.rows, there.profile.rows, strict=False) if each[0] != each[1]][:1] == []
            assert profile.rows == there.profile.rows
            assert profile.totals == there.profile.totals
            assert (found.rung, found.reason) == ("meta", "")
        if not any(is_lazy(p) for p in module.parameters()):
            assert profile.params + found.unread == sum(p.numel() for p in module.parameters()) + made.outside


def replay_training(seed: int) -> None:
    """A training step of the module on the CPU by us, and on meta by torch, forward and backward."""
    made = generate(seed)
    names: dict[str, Any] = {}
    exec(compile(made.source, f"<module {seed}>", "exec"), names)
    # torch's backward of a grouped convolution counts every weight for every group; its checkpoints refuse torch.func.grad
    if made.missed or any(groups != "1" for groups in re.findall(r"groups=(\d+)", made.source)) or "func.grad" in made.source:
        return
    with torch.device("meta"):
        (nothing,), module = names["given"](), names["make"]().train()
    handles = names["hooks"]()
    try:
        if any(is_lazy(p) for p in module.parameters()):
            module(nothing)
        with FlopCounterMode(display=False) as counter:
            out = module(nothing)
            if not out.requires_grad:
                return
            out.sum().backward()
        found = trace_training(names["make"](), names["given"]())
    finally:
        for handle in handles:
            handle.remove()
    assert found.uncounted == ()
    assert found.step == counter.get_total_flops() // 2


def replayed(seeds: range, run: Callable[[int], None] = replay) -> None:
    for seed in seeds:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run(seed)
        except Exception as fault:
            raise AssertionError(f"seed {seed}: {type(fault).__name__}: {fault}\n\n{generate(seed).source}") from fault


STEP = 20


@pytest.mark.parametrize("first", range(0, 300, STEP))
def test_some_hundreds(first: int) -> None:
    replayed(range(first, first + STEP))


@pytest.mark.parametrize("first", range(0, 100, STEP))
def test_training_steps_of_a_hundred(first: int) -> None:
    replayed(range(first, first + STEP), replay_training)


@pytest.mark.full
@pytest.mark.parametrize("first", range(100, 2100, 10 * STEP))
def test_training_steps_of_thousands(first: int) -> None:
    replayed(range(first, first + 10 * STEP), replay_training)


@pytest.mark.full
@pytest.mark.parametrize("first", range(300, 5300, 10 * STEP))
def test_thousands(first: int) -> None:
    replayed(range(first, first + 10 * STEP))
