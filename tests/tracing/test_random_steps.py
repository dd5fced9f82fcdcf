"""Training steps of modules from a grammar, held to a count of the products that torch runs in a real step on meta.

The count is torch's own for products and attention; of a convolution it is made here, as torch's takes groups for more than
they are. What torch has no formula for is left out.
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from profiler.errors import ProfilerError
from profiler.tracing.training.memory import memory
from profiler.tracing.training.training import losses, trace_training
from tests.tracing.grammar.writer import generate


class Products(TorchDispatchMode):
    macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution_backward.default:
            grad, x, weight, *_, transposed, _, _, mask = args
            self.macs += (mask[0] + mask[1]) * (x if transposed else grad).numel() * weight[0].numel()
        elif (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.macs += formula(*args, **(kwargs or {}), out_val=out) // 2
        return out


def replay(seed: int) -> None:
    made = generate(seed)
    names: dict[str, Any] = {}
    exec(compile(made.source, f"<module {seed}>", "exec"), names)
    handles = names["hooks"]()
    try:
        with torch.device("meta"):
            module, (x,) = names["make"](), names["given"]()
        module.train()
        with Products() as products:  # type: ignore[no-untyped-call]
            try:
                ends = losses(module(x))
            except RuntimeError as fault:
                assert str(fault).startswith(("vmap: called random", "Batch norm got a batched", "torch.func.{grad"))  # noqa: PT017  # torch's own refusals
                return
            forward = products.macs
            if not ends:
                with pytest.raises(ProfilerError, match="nothing in its output requires a gradient"):
                    trace_training(names["make"](), names["given"]())
                return
            torch.autograd.backward(ends, [torch.empty_like(end) for end in ends])
        found = trace_training(names["make"](), names["given"]())
        held = memory(names["make"](), names["given"](), training=True)
    finally:
        for handle in handles:
            handle.remove()
    assert found.uncounted == ()
    assert found.rung == "meta"
    assert held.activations == max(moment.bytes for moment in held.timeline) > 0
    if not made.missed:
        assert (found.forward, found.backward + found.recomputed) == (forward, products.macs - forward)


def replayed(seeds: range) -> None:
    for seed in seeds:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                replay(seed)
        except Exception as fault:
            raise AssertionError(f"seed {seed}: {type(fault).__name__}: {fault}\n\n{generate(seed).source}") from fault


STEP = 10


@pytest.mark.parametrize("first", range(0, 60, STEP))
def test_some(first: int) -> None:
    replayed(range(first, first + STEP))


@pytest.mark.full
@pytest.mark.parametrize("first", range(60, 2060, 10 * STEP))
def test_thousands(first: int) -> None:
    replayed(range(first, first + 10 * STEP))
