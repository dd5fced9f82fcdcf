"""A forward that differentiates costs its products and those of the gradients that it asks for, on the CPU and on meta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler.records.traced import Traced
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, meta, parameter


def count_everywhere(make: Callable[[], nn.Module], *inputs: Tensor) -> Traced:
    """The count on the CPU, which is that on meta and that under no_grad around it."""
    answers = []
    for module, given in ((make(), inputs), (make().to("meta"), meta(inputs)), (make(), meta(inputs))):
        for mode in (torch.enable_grad, torch.no_grad):
            with mode():
                answers.append(trace(module, given, batch=None))
    for found in answers:
        assert (found.profile.uncounted, found.harm) == ((), ())
        assert found.profile.macs == answers[0].profile.macs
        assert found.profile.params == answers[0].profile.params
    return answers[0]


def by_its_own_parameters() -> nn.Module:
    """One inner step, written out."""

    def forward(m: Any, x: Tensor) -> Any:
        p = list(m.b.parameters())
        g = torch.autograd.grad(m.b(x).pow(2).mean(), p, create_graph=True)
        return F.linear(x, *(v - 0.1 * d for v, d in zip(p, g, strict=True)))

    return Run(forward, b=nn.Linear(8, 4))


def test_an_inner_step() -> None:
    """Forward, the gradient of the weight, and the second forward."""
    found = count_everywhere(by_its_own_parameters, torch.randn(3, 8))
    assert found.profile.macs == 3 * (3 * 8 * 4)
    assert found.profile.params == 36


def test_an_inner_step_that_is_enabled_by_itself() -> None:
    def forward(m: Any, x: Tensor, y: Tensor) -> Any:
        with torch.enable_grad():
            g = torch.autograd.grad(F.mse_loss(x @ m.w.t(), y), m.w, create_graph=True)[0]
        return F.mse_loss(x @ (m.w - 0.1 * g).t(), y)

    found = count_everywhere(lambda: Run(forward, w=parameter(4, 8)), torch.randn(3, 8), torch.randn(3, 4))
    assert found.profile.macs == 3 * (3 * 8 * 4)
    assert found.profile.params == 32


def test_the_gradient_of_a_kernel() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            return torch.autograd.grad(m.c(x).pow(2).sum(), m.c.weight)[0]

    found = count_everywhere(lambda: Run(forward, c=nn.Conv2d(3, 4, 3)), torch.randn(1, 3, 8, 8))
    assert found.profile.macs == 2 * (4 * 27) * 6 * 6


def test_the_gradient_of_the_input() -> None:
    """Forces: the energy and its gradient, through two layers."""

    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return -torch.autograd.grad(m.b(m.a(x).tanh()).sum(), x)[0]

    found = count_everywhere(lambda: Run(forward, a=nn.Linear(8, 16), b=nn.Linear(16, 1)), torch.randn(2, 8))
    assert found.profile.macs == 2 * 2 * (8 * 16 + 16)


def test_the_gradient_of_the_input_and_of_the_weights() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(m.b(m.a(x).tanh()).sum(), [x, *m.parameters()])

    found = count_everywhere(lambda: Run(forward, a=nn.Linear(8, 16), b=nn.Linear(16, 1)), torch.randn(2, 8))
    assert found.profile.macs == 3 * 2 * (8 * 16 + 16)


def test_three_inner_steps() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        w = m.w
        for _ in range(3):
            with torch.enable_grad():
                w = w if w.requires_grad else w.requires_grad_()
                (g,) = torch.autograd.grad(F.linear(x, w).pow(2).mean(), w)
            w = (w - 0.1 * g).detach()
        return F.linear(x, w)

    found = count_everywhere(lambda: Run(forward, w=parameter(4, 8)), torch.randn(3, 8))
    assert found.profile.macs == (3 * 2 + 1) * 3 * 8 * 4
    assert found.profile.params == 32


def test_frozen_parameters_are_unfrozen_for_it_only() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            w = m.w.detach().clone().requires_grad_()
            return torch.autograd.grad(F.linear(x, w).sum(), w)[0]

    def make() -> nn.Module:
        return Run(forward, w=parameter(4, 8)).requires_grad_(False)

    assert count_everywhere(make, torch.randn(3, 8)).profile.macs == 2 * 3 * 8 * 4


def test_backward_inside_leaves_no_gradients() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            m.l(x).pow(2).sum().backward()
        return x @ m.l.weight.grad.t()

    module = Run(forward, l=nn.Linear(8, 4))
    found = trace(module, (torch.randn(3, 8),), batch=None)
    assert found.profile.macs == 3 * (3 * 8 * 4)
    assert all(p.grad is None for p in module.parameters())
    assert all(p.requires_grad for p in module.parameters())


def test_gradients_that_were_there_stay_as_they_are() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            m.l(x).pow(2).sum().backward()
        return m.l.weight.grad.sum()

    module: Any = Run(forward, l=nn.Linear(8, 4))
    module.l.weight.grad = torch.ones(4, 8)
    kept = module.l.weight.grad
    assert trace(module, (torch.randn(3, 8),), batch=None).profile.macs == 2 * 3 * 8 * 4
    assert module.l.weight.grad is kept
    assert kept.tolist() == torch.ones(4, 8).tolist()


def test_a_gradient_of_a_gradient() -> None:
    """The energy 96, its force 96; the loss of the force by w runs back through both products of it."""

    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (f,) = torch.autograd.grad((x @ m.w).pow(2).sum(), x, create_graph=True)
            return torch.autograd.grad(f.pow(2).sum(), m.w)[0]

    found = count_everywhere(lambda: Run(forward, w=parameter(8, 4)), torch.randn(3, 8))
    product = 3 * 8 * 4
    # y = x w, f = 2 y wᵀ; back: to w through f (1), to y through f (1), to w through y (1)
    assert found.profile.macs == 2 * product + 3 * product


@pytest.mark.parametrize("use_reentrant", [False, True])
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning")
def test_checkpoints_run_once_where_nothing_is_differentiated(use_reentrant: bool) -> None:
    from torch.utils.checkpoint import checkpoint

    def forward(m: Any, x: Tensor) -> Any:
        return checkpoint(m.b, checkpoint(m.a, x, use_reentrant=use_reentrant), use_reentrant=use_reentrant)

    found = count_everywhere(lambda: Run(forward, a=nn.Linear(8, 6), b=nn.Linear(6, 4)), torch.randn(3, 8, requires_grad=True))
    assert found.profile.macs == 3 * (8 * 6 + 6 * 4)
    assert found.profile.params == 54 + 28


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, w = ctx.saved_tensors
        return grad @ w.t(), x.t() @ grad


def double(x: Tensor, w: Tensor) -> Any:
    return Double.apply(x, w)  # type: ignore[no-untyped-call]


def test_a_function_of_the_users() -> None:
    assert count_everywhere(lambda: Run(lambda m, x: double(x, m.w), w=parameter(8, 4)), torch.randn(3, 8)).profile.macs == 96

    def forward(m: Any, x: Tensor) -> Any:
        with torch.enable_grad():
            return torch.autograd.grad(double(x, m.w).sum(), m.w)[0]

    found = count_everywhere(lambda: Run(forward, w=parameter(8, 4)), torch.randn(3, 8))
    assert found.profile.macs == 96 + 2 * 96  # its backward makes both gradients, whether they are asked for or not
