"""Training steps and memory: multiply-adds by the gradients that are needed, bytes as they live and die."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import checkpoint

from profiler import build
from profiler.errors import ProfilerError, UnknownName
from profiler.tracing.training.memory import memory
from profiler.tracing.training.training import trace_training


def small(groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, groups=groups, padding=1),
        nn.Flatten(),
        nn.Linear(16 * 64, 10),
    )


FIRST, LAST = 2 * 3 * 3 * 4 * 8 * 64, 2 * 16 * 64 * 10


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_a_gradient_of_the_weight_and_one_of_the_input(groups: int) -> None:
    middle = 2 * 3 * 3 * 8 // groups * 16 * 64
    cost = trace_training(small(groups), (torch.zeros(2, 4, 8, 8),))
    assert cost.forward == FIRST + middle + LAST
    assert cost.backward == FIRST + 2 * middle + 2 * LAST  # the input of the first layer has no gradient
    assert cost.step == cost.forward + cost.backward
    assert {row.path: (row.forward, row.backward) for row in cost.rows} == {
        "0": (FIRST, FIRST), "2": (middle, 2 * middle), "4": (LAST, 2 * LAST)
    }  # fmt: skip
    assert cost.uncounted == ()


def test_frozen_layers_pass_gradients_on_or_not() -> None:
    middle = 2 * 3 * 3 * 8 * 16 * 64
    x = torch.zeros(2, 4, 8, 8)
    model = small()
    model[0].requires_grad_(False)
    assert trace_training(model, (x,)).backward == middle + 2 * LAST
    model[2].requires_grad_(False)
    assert trace_training(model, (x,)).backward == LAST
    model[4].requires_grad_(False)
    with pytest.raises(ProfilerError, match="nothing in its output requires a gradient"):
        trace_training(model, (x,))
    model[0].requires_grad_(True)
    assert trace_training(model, (x,)).backward == FIRST + middle + LAST
    assert trace_training(model, (x.requires_grad_(),)).backward == 2 * FIRST + middle + LAST


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_runs_the_forward_again(reentrant: bool) -> None:
    class Saved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.body, self.last = nn.Linear(4, 6), nn.Sequential(nn.Linear(6, 8), nn.ReLU()), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(checkpoint(self.body, self.first(x), use_reentrant=reentrant))  # type: ignore[no-any-return]

    cost = trace_training(Saved(), (torch.zeros(3, 4),))
    assert cost.forward == 3 * (4 * 6 + 6 * 8 + 8 * 2)
    assert cost.recomputed == 3 * 6 * 8
    assert cost.backward == 3 * (4 * 6 + 2 * 6 * 8 + 2 * 8 * 2)


def test_attention_and_recurrence_have_twice_their_forward() -> None:
    x = torch.zeros(5, 2, 8, requires_grad=True)
    for model, inputs in (
        (nn.TransformerEncoderLayer(8, 2, 32, dropout=0.0), (x,)),
        (nn.LSTM(8, 6), (x,)),
        (nn.GRU(8, 6), (x,)),
    ):
        cost = trace_training(model, inputs)
        assert cost.forward > 0
        # the first hidden state is zero and asks for no gradient
        lacking = 2 * 6 * 6 * {nn.LSTM: 4, nn.GRU: 3}.get(type(model), 0)
        assert cost.backward == 2 * cost.forward - lacking


def test_backward_is_exact_on_the_zoo() -> None:
    cost = trace_training(build("resnet50", device="meta"), (torch.empty(1, 3, 224, 224, device="meta"),))
    assert cost.forward == 4_089_184_256
    assert cost.backward == 2 * 4_089_184_256 - 7 * 7 * 3 * 64 * 112 * 112


def test_the_module_is_left_as_it_was() -> None:
    model = small().eval()
    trace_training(model, (torch.zeros(2, 4, 8, 8),))
    assert not model.training
    assert all(p.grad is None for p in model.parameters())
    assert nn.Module.__call__.__qualname__ == "Module._wrapped_call_impl"


def test_what_does_not_train_is_said_with_its_path() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ x

    with pytest.raises(ProfilerError, match=r"net, in 1: its training step does not run .*"):
        trace_training(nn.Sequential(nn.Linear(4, 4), Broken()), (torch.zeros(3, 4),), name="net")


def test_what_needs_values_is_run_with_them() -> None:
    class Chooses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x)) if x.sum() > 0 else self.layer(x)  # type: ignore[no-any-return]

    cost = trace_training(Chooses(), (torch.ones(3, 4),))
    assert (cost.rung, cost.forward, cost.backward) == ("real", 2 * 3 * 4 * 4, 3 * 3 * 4 * 4)
    assert memory(Chooses(), (torch.ones(3, 4),)).activations >= 4 * 3 * 4


FLOAT = 4


def test_memory_of_an_evaluation_peaks_where_input_and_output_are_largest() -> None:
    model = nn.Sequential(nn.Linear(10, 100), nn.Linear(100, 200), nn.ReLU(inplace=True), nn.Linear(200, 5))
    held = memory(model, (torch.zeros(3, 10),))
    params = (10 * 100 + 100) + (100 * 200 + 200) + (200 * 5 + 5)
    assert held.params == {"float32": FLOAT * params}
    assert held.inputs == {"float32": FLOAT * 3 * 10}
    assert held.gradients == held.optimizer == held.buffers == {}
    assert held.activations == FLOAT * 3 * (100 + 200)  # while the second layer runs
    assert (held.path, held.op, held.phase) == ("1", "linear", "forward")
    assert held.peak == FLOAT * (params + 3 * 10 + 3 * (100 + 200))
    assert [moment.bytes for moment in held.timeline] == [FLOAT * 3 * n for n in (100, 300, 200, 205)]


def test_memory_of_training_holds_what_the_backward_needs() -> None:
    model = nn.Sequential(nn.Linear(10, 100, bias=False), nn.Tanh(), nn.Linear(100, 20, bias=False))
    held = memory(model, (torch.zeros(3, 10),), training=True, optimizer="adam")
    params = 10 * 100 + 100 * 20
    assert held.gradients == {"float32": FLOAT * params}
    assert held.optimizer == {"float32": 2 * FLOAT * params}
    # the last gradients: of the second weight, of the tanh, of its input, of the first weight
    assert held.phase == "backward"
    assert held.activations >= FLOAT * (100 * 20 + 10 * 100 + 3 * 100)
    assert held.timeline[0].path == "0"
    sgd = memory(model, (torch.zeros(3, 10),), training=True)
    assert sgd.optimizer == {}
    assert sgd.peak == held.peak - 2 * FLOAT * params


def allocated(work: Callable[[], Any]) -> int:
    """The most bytes that torch's own profiler saw allocated at once on the CPU."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    profiler: Any = seen.profiler
    events = sorted((e.start_ns(), e.nbytes()) for e in profiler.kineto_results.events() if e.name() == "[memory]")
    peak: int = max(accumulate(n for _, n in events))
    return peak


def test_memory_is_what_torch_allocates() -> None:
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.GELU(), nn.Linear(128, 10))
    x = torch.randn(32, 64)

    def step() -> None:
        out = model(x)
        out.backward(torch.ones_like(out))

    assert memory(model, (x,), training=True).activations == allocated(step)
    model.eval().zero_grad()
    with torch.no_grad():
        assert memory(model, (x,)).activations == allocated(lambda: model(x))


def test_memory_by_dtype_and_batch() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).bfloat16()
    held = memory(model, (torch.zeros(2, 3, 8, 8, dtype=torch.bfloat16),))
    assert held.params == {"bfloat16": 2 * (3 * 8 * 9 + 8 + 8 + 8)}
    assert held.buffers == {"bfloat16": 2 * (8 + 8), "int64": 8}
    assert held.activations == 2 * (2 * 2 * 8 * 6 * 6)
    with pytest.raises(UnknownName, match="adam"):
        memory(model, (), optimizer="adamm")
