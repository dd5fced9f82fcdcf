"""Where values decide what runs, the count is of this input, and the trace says so, whichever way the values are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count_on_both, parameter


def ten() -> Tensor:
    """Ten rows, seven of which are positive."""
    return torch.cat([-torch.ones(3, 8), torch.ones(7, 8)])


PICKS: dict[str, Callable[[Tensor], Tensor]] = {
    "a mask": lambda x: x[x[:, 0] > 0],
    "a mask of every element": lambda x: x[x > 0].view(-1, 8),
    "masked_select": lambda x: x.masked_select(x > 0).view(-1, 8),
    "where": lambda x: x[torch.where(x[:, 0] > 0)[0]],
    "nonzero as a tuple": lambda x: x[(x[:, 0] > 0).nonzero(as_tuple=True)[0]],
    "nonzero": lambda x: x[(x[:, 0] > 0).nonzero()[:, 0]],
    "argwhere": lambda x: x[torch.argwhere(x[:, 0] > 0)[:, 0]],
    "tolist": lambda x: x[: sum((x[:, 0] > 0).tolist())],
    "numpy": lambda x: x[: int((x[:, 0] > 0).numpy().sum())],
    "repeat_interleave": lambda x: x.repeat_interleave((x[:, 0] > 0).long(), 0),
    "item": lambda x: x[: int((x[:, 0] > 0).sum())],
    "count_nonzero": lambda x: x[: x[:, 0].clamp(0).count_nonzero().item()],
    "float": lambda x: x[: round(float(x[:, 0].clamp(0).sum()))],
    "bool": lambda x: x[:7] if bool(x[0, 0] < 0) else x,
    "if": lambda x: x[:7] if x[0, 0] < 0 else x,
    "an assertion": lambda x: x[3:] if not torch.equal(x[0], x[-1]) else x,
    "allclose": lambda x: x if torch.allclose(x[0], x[-1]) else x[3:],
    "iteration": lambda x: torch.stack([row for row in x if row[0] > 0]),
    "bincount": lambda x: x[: torch.bincount((x[:, 0] > 0).long())[1]],
    "unique": lambda x: x[: 5 + len(x[:, 0].unique())],
    "split": lambda x: x.split([3, int((x[:, 0] > 0).sum())])[1],
    "split by a list of values": lambda x: x.split(torch.bincount((x[:, 0] > 0).long()).tolist())[1],
    "index": lambda x: x[int(x[:, 0].argmax()) :],
    "range": lambda x: torch.cat([x[i : i + 1] for i in range(int((x[:, 0] > 0).sum()))]),
    "arange": lambda x: x[torch.arange(int((x[:, 0] > 0).sum()))],
    "is_nonzero": lambda x: x[3:] if torch.is_nonzero(x[0, 0]) else x,
}


@pytest.mark.parametrize("pick", PICKS.values(), ids=PICKS.keys())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_seven_of_ten_rows(pick: Callable[[Tensor], Tensor]) -> None:
    assert pick(ten()).shape == (7, 8)
    found = trace(Run(lambda m, x: m.l(pick(x)), l=nn.Linear(8, 4, bias=False)), (ten(),), batch=None)
    assert found.profile.macs == 7 * 8 * 4
    assert (found.rung, found.profile.uncounted, found.harm) == ("data-dependent", (), ())
    assert "this input" in found.reason
    assert found.profile.params == 32


@pytest.mark.parametrize("rows", [0, 1, 10])
def test_the_count_is_of_the_values_that_are_given(rows: int) -> None:
    x = torch.cat([torch.ones(rows, 8), -torch.ones(10 - rows, 8)])
    found = trace(Run(lambda m, x: m.l(x[x[:, 0] > 0]), l=nn.Linear(8, 4, bias=False)), (x,), batch=None)
    assert (found.profile.macs, found.rung) == (rows * 8 * 4, "data-dependent")


def test_values_that_a_layer_makes() -> None:
    """Experts that are picked by the largest score: the scores are the layer's, of zeros and a bias."""

    def forward(m: Any, x: Tensor) -> Tensor:
        choice = m.router(x).argmax(-1)
        return torch.cat([m.e[i](x[choice == i]) for i in range(3)])

    router = nn.Linear(8, 3)
    with torch.no_grad():
        router.weight.zero_()
        router.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))
    module = Run(forward, router=router, e=nn.ModuleList([nn.Linear(8, 4), nn.Linear(8, 4), nn.Linear(8, 4)]))
    found = trace(module, (torch.randn(5, 8),), batch=None)
    assert (found.profile.macs, found.rung) == (5 * 8 * 3 + 5 * 8 * 4, "data-dependent")


def test_lengths_that_are_given_as_integers() -> None:
    found = trace(
        Run(lambda m, x, n: m.l(x[: n.max()]), l=nn.Linear(8, 4)), (torch.randn(10, 8), torch.tensor([2, 6])), batch=None
    )
    assert (found.profile.macs, found.rung) == (6 * 8 * 4, "data-dependent")


def test_what_only_the_shapes_decide_is_no_question_of_values() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        n = int(torch.arange(x.shape[0]).max()) + 1
        mask = torch.ones(n, n, dtype=torch.bool).tril()
        return m.l(x[:n]).masked_fill(~mask[:, :4], 0.0)

    found = trace(Run(forward, l=nn.Linear(8, 4)), (torch.randn(10, 8),), batch=None)
    assert (found.profile.macs, found.rung, found.reason) == (10 * 8 * 4, "meta", "")


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 8))

    def forward(self, x: Tensor) -> Any:
        return torch.cond(x.sum() > 0, lambda x: self.a(x), lambda x: self.b(x), (x,))


@pytest.mark.parametrize(("sign", "expected"), [(1, 3 * 8 * 8), (-1, 3 * (8 * 5 + 5 * 8))])
@pytest.mark.filterwarnings("ignore")
def test_the_branch_that_runs_is_counted(sign: int, expected: int) -> None:
    found = trace(Branch(), (sign * torch.ones(3, 8),), batch=None)
    assert (found.profile.macs, found.profile.uncounted, found.rung) == (expected, (), "data-dependent")
    assert "this input" in found.reason


@pytest.mark.filterwarnings("ignore")
def test_a_loop_that_values_end() -> None:
    from torch._higher_order_ops.while_loop import while_loop

    def forward(m: Any, x: Tensor) -> Any:
        return while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, y @ m.w), (torch.tensor(0), x))[1]

    found = trace(Run(forward, w=parameter(8, 8)), (torch.randn(3, 8),), batch=None)
    assert (found.profile.macs, found.profile.uncounted) == (4 * 3 * 8 * 8, ())


def test_drawn_values_let_everything_through() -> None:
    """A model on meta, whose statistics are drawn so that nothing is NaN: every row is kept."""

    def forward(m: Any, x: Tensor) -> Any:
        y = m.n(m.c(x)).flatten(1)
        return m.l(y[~y.isnan().any(1)])

    module = Run(forward, c=nn.Conv2d(3, 4, 3), n=nn.BatchNorm2d(4), l=nn.Linear(4 * 49, 2)).eval().to("meta")
    found = trace(module, (torch.empty(10, 3, 9, 9, device="meta"),), batch=None)
    assert found.profile.macs == 10 * 27 * 4 * 49 + 10 * 4 * 49 * 2
    assert found.rung == "data-dependent"


@pytest.mark.parametrize("norm", [lambda: nn.BatchNorm1d(8), lambda: nn.InstanceNorm1d(8, track_running_stats=True, affine=True),
                                  lambda: nn.SyncBatchNorm(8)], ids=["batch", "instance", "sync"])  # fmt: skip
def test_drawn_statistics_have_roots(norm: Callable[[], nn.Module]) -> None:
    def forward(m: Any, x: Tensor) -> Any:
        y = m.n(x).mean(-1)
        return m.l(y[y.isfinite().all(1)])

    module = Run(forward, n=norm(), l=nn.Linear(8, 4)).eval().to("meta")
    found = trace(module, (torch.empty(10, 8, 5, device="meta"),), batch=None)
    assert (found.profile.macs, found.rung) == (10 * 8 * 4, "data-dependent")


def test_random_numbers_in_the_forward_are_the_same_every_time() -> None:
    """Lengths that are drawn do not follow the caller's generator, which is left as it was."""
    module = Run(lambda m, x: m.l(x[: 1 + int(torch.rand(()) * 9)]), l=nn.Linear(8, 4))
    answers = set()
    for seed in range(5):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        answers.add(trace(module, (torch.ones(10, 8),), batch=None).profile.macs)
        assert torch.equal(torch.get_rng_state(), before)
    assert len(answers) == 1


def test_dropout_of_whole_layers_does_not_run_in_evaluation() -> None:
    module = Run(lambda m, x: m.l(x) if not m.training or torch.rand(()) > 0.5 else x, l=nn.Linear(8, 8))
    assert trace(module, (torch.ones(3, 8),), batch=None).profile.macs == 3 * 8 * 8


def test_a_sum_over_members_that_values_choose() -> None:
    found = trace(
        Run(lambda m, x, i: F.linear(x, m.w[i]), w=parameter(5, 4, 8)), (torch.randn(3, 8), torch.tensor(2)), batch=None
    )
    assert found.profile.macs == 3 * 8 * 4


def test_an_output_that_is_not_a_number_is_reported() -> None:
    """log of what is drawn below 0: the boxes of a detector would be lost so."""

    def forward(m: Any, x: Tensor) -> Any:
        y = m.l(x).log()
        return y[y[:, 0] > -1e9], y

    module = Run(forward, l=nn.Linear(8, 4, device="meta"))
    found = trace(module, (torch.randn(5, 8),), batch=None)
    assert found.rung == "data-dependent"
    assert "its output holds NaN" in found.reason
    clean = Run(lambda m, x: m.l(x)[m.l(x)[:, 0] > -1e9], l=nn.Linear(8, 4, device="meta"))
    assert "NaN" not in trace(clean, (torch.randn(5, 8),), batch=None).reason


def test_constants_that_the_forward_writes_have_what_was_written() -> None:
    """A mask that is made and filled, as those of global attention are; a counter; a number put into one place."""

    def marked(m: Any, ids: Tensor, x: Tensor) -> Any:
        mask = torch.zeros_like(ids)
        mask[:, :2] = 1
        return m.l(x[:, : int(mask.sum(1).max())])

    def counted(m: Any, ids: Tensor, x: Tensor) -> Any:
        n = torch.tensor(0)
        for _ in range(3):
            n += 1
        return m.l(x[:, : n.item()])

    def put(m: Any, ids: Tensor, x: Tensor) -> Any:
        last = torch.ones(4, dtype=torch.int64)
        last[1] = 3
        last.mul_(torch.tensor([1, 1, 0, 0]))
        return m.l(x[:, : int(last.max())])

    for forward, length in ((marked, 2), (counted, 3), (put, 3)):
        found = count_on_both(
            lambda forward=forward: Run(forward, l=nn.Linear(8, 4, bias=False)),  # type: ignore[misc]
            torch.ones(2, 5, dtype=torch.int64), torch.randn(2, 5, 8),
        )  # fmt: skip
        assert (found.profile.macs, found.rung) == (2 * length * 32, "meta")


def test_a_table_of_the_module_that_the_forward_writes_is_asked_for_with_values() -> None:
    def forward(m: Any, x: Tensor) -> Any:
        m.kept[0] = 4
        return m.l(x[:, : int(m.kept.max())])

    module = Run(forward, kept=nn.Buffer(torch.ones(3, dtype=torch.int64)), l=nn.Linear(8, 4, bias=False))
    found = trace(module, (torch.randn(2, 5, 8),), batch=None)
    assert found.profile.macs == 2 * 4 * 32
    assert module.kept.tolist() == [1, 1, 1]  # type: ignore[operator]
