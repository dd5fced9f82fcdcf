"""Hooks run, whoever set them: a layer's own and those of all modules, with the layers and parameters that they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import module as hooks

from tests.tracing.cases.counting import count, count_on_both, meta, parameter


@contextmanager
def held(hook: Any) -> Iterator[None]:
    """A hook of all modules, for as long as it is needed."""
    try:
        yield
    finally:
        hook.remove()


def two() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.Linear(8, 4))


def wide(m: nn.Module) -> bool:
    return isinstance(m, nn.Linear) and m.out_features == 16


def test_a_hook_of_all_modules_that_cuts_an_output() -> None:
    with held(hooks.register_module_forward_hook(lambda m, i, o: o[:, :8] if wide(m) else None)):
        found = count_on_both(two, torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 16 + 3 * 8 * 4
    assert found.profile.params == 8 * 16 + 16 + 8 * 4 + 4


def test_a_hook_of_all_modules_that_widens_an_input() -> None:
    def widen(m: nn.Module, args: tuple[Any, ...]) -> Any:
        return (torch.cat((args[0], args[0]), 1),) if isinstance(m, nn.Linear) else None

    with held(hooks.register_module_forward_pre_hook(widen)):
        found = count_on_both(lambda: nn.Sequential(nn.Linear(16, 4), nn.ReLU(), nn.Linear(8, 2)), torch.randn(3, 8))
    assert found.profile.macs == 3 * 16 * 4 + 3 * 8 * 2


def test_a_hook_of_all_modules_that_only_looks() -> None:
    seen: list[str] = []
    with held(hooks.register_module_forward_hook(lambda m, i, o: seen.append(type(m).__name__))):
        found = count(nn.Sequential(nn.Linear(8, 4), nn.ReLU()), torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 4
    assert seen == ["Linear", "ReLU", "Sequential"]
    assert [row.path for row in found.profile.rows] == ["0", "1"]
    seen.clear()
    count(nn.Linear(8, 4), torch.randn(3, 8))
    assert seen == []


def test_a_hook_that_calls_a_layer_of_its_own() -> None:
    m, extra = nn.Sequential(nn.Linear(8, 8)), nn.Linear(8, 5)
    m[0].register_forward_hook(lambda mod, i, o: extra(o))
    found = count(m, torch.randn(3, 8))
    assert found.profile.macs == 3 * 64 + 3 * 40
    assert found.profile.params == 72 + 45
    assert found.profile.rows[-1].output == (3, 5)


def test_a_hook_that_uses_a_parameter_of_its_own() -> None:
    w = parameter(5, 8)
    m = nn.Sequential(nn.Conv1d(4, 8, 1), nn.Flatten(), nn.Linear(5, 2))
    m[0].register_forward_hook(lambda mod, i, o: F.linear(o.mean(-1), w))
    found = count(m, torch.randn(3, 4, 7))
    assert found.profile.macs == 3 * 7 * 4 * 8 + 3 * 8 * 5 + 3 * 5 * 2
    assert found.profile.params == 40 + 40 + 12


def test_an_adapter_beside_each_layer() -> None:
    """A low-rank update that hooks add."""

    def make() -> nn.Module:
        m: Any = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
        m.down, m.up = nn.ModuleList([nn.Linear(8, 2), nn.Linear(6, 2)]), nn.ModuleList([nn.Linear(2, 6), nn.Linear(2, 4)])
        for i, layer in enumerate((m[0], m[2])):
            layer.register_forward_hook(lambda mod, args, out, i=i: out + m.up[i](m.down[i](args[0])))
        m.forward = lambda x: m[2](m[1](m[0](x)))
        return m  # type: ignore[no-any-return]

    found = count(make(), torch.randn(3, 8))
    assert found.profile.macs == 3 * (8 * 6 + 8 * 2 + 2 * 6 + 6 * 4 + 6 * 2 + 2 * 4)
    assert found.profile.params == sum(p.numel() for p in make().parameters())


def pre(m: nn.Module, args: Any) -> Any:
    return (args[0][:2],)


def pre_with_names(m: nn.Module, args: Any, kwargs: Any) -> Any:
    return args, {name: value[:2] for name, value in kwargs.items()}


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_hooks_of_a_layer(device: str) -> None:
    x = torch.zeros(3, 8, device=device)
    m = two().to(device)
    m[0].register_forward_pre_hook(pre)
    m[0].register_forward_hook(lambda m, i, o: o[:, ::2])
    assert count(m, x).profile.macs == 2 * 8 * 16 + 2 * 8 * 4
    m[0].register_forward_hook(lambda m, i, o: o[:1])
    assert count(m, x).profile.macs == 2 * 8 * 16 + 1 * 8 * 4


def test_hooks_that_take_names() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.Linear(8, 4)
            self.l.register_forward_pre_hook(pre_with_names, with_kwargs=True)

        def forward(self, x: Tensor) -> Any:
            return self.l(input=x)

    assert count_on_both(Named, torch.randn(3, 8)).profile.macs == 2 * 8 * 4


def test_hooks_of_a_container_and_of_the_root() -> None:
    m = nn.Sequential(nn.Sequential(nn.Linear(8, 8), nn.ReLU()), nn.Linear(8, 4))
    m.register_forward_pre_hook(lambda mod, args: (args[0].repeat(2, 1),))
    m[0].register_forward_hook(lambda mod, args, out: out[:5])
    found = count(m, torch.randn(3, 8))
    assert found.profile.macs == 6 * 8 * 8 + 5 * 8 * 4


def test_a_hook_that_removes_itself_runs_again_next_time() -> None:
    m = two()

    def once(mod: nn.Module, args: Any, out: Tensor) -> Tensor:
        handle.remove()
        return out[:, :8]

    handle = m[0].register_forward_hook(once)
    from profiler import trace

    for _ in range(2):
        assert trace(m, (torch.randn(3, 8),)).profile.macs == 3 * 8 * 16 + 3 * 8 * 4
    assert len(m[0]._forward_hooks) == 1


def test_hooks_on_gradients_change_nothing() -> None:
    m = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))
    m[0].register_full_backward_hook(lambda mod, i, o: None)
    m[1].register_full_backward_pre_hook(lambda mod, o: None)
    weight: Any = m[0].weight
    weight.register_hook(lambda g: g)
    found = count(m, torch.randn(3, 8))
    assert (found.profile.macs, found.rung, found.reason) == (3 * 64 + 3 * 32, "meta", "")
    with held(hooks.register_module_full_backward_hook(lambda mod, i, o: None)):
        again = count(m, torch.randn(3, 8))
    assert again.profile.rows == found.profile.rows


def test_a_hook_on_attention() -> None:
    m = nn.MultiheadAttention(8, 2, batch_first=True)
    m.register_forward_hook(lambda mod, args, out: out[0][:, :2])
    x = torch.randn(3, 5, 8)
    found = count(nn.ModuleList([m])[0], x, x, x)
    assert found.profile.macs == 3 * (4 * 5 * 64 + 2 * 5 * 5 * 8)
    assert count(m.to("meta"), *meta((x, x, x))).profile.macs == found.profile.macs
