"""Traced modules: places, parameters by identity, the ladder, errors in one sentence, and nothing harmed."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from profiler import build
from profiler.errors import ProfilerError, ShapeError
from profiler.load.load import load
from profiler.module.meta import on_meta
from profiler.network.registry import names
from profiler.tracing.tables import registered
from profiler.tracing.tables.registered import register, unregister
from profiler.tracing.traced import trace

LARGE = {"resnet1202_cifar"}
"""4,808 rows; its smaller siblings are the same blocks."""


@pytest.mark.parametrize("name", [name for name in names() if name not in LARGE])
def test_the_zoo_traced_is_its_closed_form(name: str) -> None:
    """Row by row, facts and all, in the order they run, the branches of training included."""
    network = load(name)
    module = build(name, device="meta")
    for batch in (1, 2) if name in ("mobilenet_v2", "googlenet", "vit_b_16", "unet") else (2,):
        inputs = tuple(torch.empty(batch, *shape, device="meta") for shape in network.inputs)
        found = trace(module, inputs, name=name, options=network.options, inputs=network.inputs, batch=batch)
        expected = network.profile(batch)
        assert found.profile.rows == expected.rows
        assert found.profile.totals == expected.totals
        assert (found.rung, found.reason, found.harm, found.profile.uncounted) == ("meta", "", (), ())
        assert (found.profile.inputs, found.profile.resolution) == (expected.inputs, expected.resolution)
        assert found.coverage.share == 1


class Block(nn.Module):
    def __init__(self, n: int = 4) -> None:
        super().__init__()
        self.layer = nn.Linear(n, n)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layer(x)) + 1


def test_functions_are_booked_where_they_run() -> None:
    found = trace(nn.Sequential(Block(), Block()), (torch.zeros(2, 4),))
    assert [(row.path, row.op, row.kind, row.elementwise) for row in found.profile.rows] == [
        ("0.layer", "linear", "linear", 0),
        ("0.add", "add", "elementwise", 8),
        ("0.relu", "relu", "activation", 8),
        ("0.add_1", "add", "elementwise", 8),
        ("1.layer", "linear", "linear", 0),
        ("1.add", "add", "elementwise", 8),
        ("1.relu", "relu", "activation", 8),
        ("1.add_1", "add", "elementwise", 8),
    ]


def test_a_function_never_takes_the_name_of_a_module() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.add(x) + x  # type: ignore[no-any-return]

    assert [row.path for row in trace(Named(), (torch.zeros(2, 4),)).profile.rows] == ["add", "add_1"]


def test_a_module_called_twice_works_twice_and_is_owned_once() -> None:
    shared = nn.Linear(4, 4)
    found = trace(nn.Sequential(shared, nn.ReLU(), shared), (torch.zeros(3, 4),))
    assert [(row.path, row.params, row.macs) for row in found.profile.rows if row.op == "linear"] == [
        ("0", 4 * 4 + 4, 3 * 4 * 4),
        ("2", 0, 3 * 4 * 4),
    ]
    assert found.profile.params == 4 * 4 + 4


def test_recursion() -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor, depth: int) -> Tensor:
            return self(self.layer(x), depth - 1) * 2 if depth else x

    found = trace(Deep(), (torch.zeros(3, 4), 3))
    assert found.profile.macs == 3 * (3 * 4 * 4)
    assert found.profile.params == 4 * 4 + 4
    assert [row.path for row in found.profile.rows] == ["layer"] * 3 + ["multiply"] * 3


def test_tied_parameters_are_counted_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(50, 8), nn.Linear(8, 50, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embed(ids))  # type: ignore[no-any-return]

    found = trace(Tied(), (torch.zeros(2, 3, dtype=torch.long),))
    assert (found.profile.params, found.profile.macs) == (50 * 8, 2 * 3 * 8 * 50)
    assert found.tied == ("head.weight",)


def test_forward_called_directly_stands_at_the_module() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 5), nn.Conv1d(5, 6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.second.forward(self.first.forward(x).transpose(1, 2))

    found = trace(Direct(), (torch.zeros(2, 7, 4),))
    assert [(row.path, row.op, row.kind, row.weights, row.bias, row.macs) for row in found.profile.rows] == [
        ("first", "linear", "linear", 4 * 5, 5, 2 * 7 * 4 * 5),
        ("second", "conv", "conv", 3 * 5 * 6, 6, 2 * 5 * (3 * 5 * 6)),
    ]
    assert found.unused == ()


def test_parameters_of_functions_and_what_is_never_read() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(4, 6)), nn.Parameter(torch.zeros(6))
            self.token, self.never = nn.Parameter(torch.zeros(1, 6)), nn.Parameter(torch.zeros(99))
            self.register_buffer("mean", torch.zeros(4))
            self.spare = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

        def forward(self, x: Tensor) -> Tensor:
            y = (x - self.mean) @ self.weight + self.bias  # type: ignore[operator]
            return torch.cat([self.token.expand(1, -1), y])

    found = trace(Own(), (torch.zeros(3, 4),))
    assert [(row.path, row.kind, row.weights, row.bias, row.buffers) for row in found.profile.rows] == [
        ("subtract", "elementwise", 0, 0, 4),
        ("matmul", "linear", 4 * 6, 0, 0),
        ("add", "elementwise", 0, 6, 0),
        ("concatenate", "reshape", 6, 0, 0),
    ]
    assert found.profile.params == 4 * 6 + 6 + 6
    assert found.unread == 99 + 4 * 4 + 4
    assert found.unused == ("spare",)


def test_a_parametrised_module_reads_its_own_parameters() -> None:
    layer = parametrizations.weight_norm(nn.Linear(4, 6))
    found = trace(nn.Sequential(layer), (torch.zeros(3, 4),))
    assert found.profile.macs == 3 * 4 * 6
    assert found.profile.params == 4 * 6 + 6 + 6  # direction, length, bias


def test_lists_of_modules_that_torch_does_not_know() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = [nn.Linear(4, 5), nn.Linear(5, 6)]

        def forward(self, x: Tensor) -> Tensor:
            for part in self.parts:
                x = part(x)
            return x

    found = trace(Hidden(), (torch.zeros(3, 4),))
    assert (found.profile.macs, found.profile.params) == (3 * (4 * 5 + 5 * 6), 4 * 5 + 5 + 5 * 6 + 6)


def test_lazy_modules_stay_lazy() -> None:
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.Flatten(), nn.LazyLinear(5))
    found = trace(model, (torch.zeros(2, 3, 6, 6),))
    assert found.profile.macs == 2 * (3 * 3 * 3 * 8 * 4 * 4 + 8 * 16 * 5)
    assert found.profile.params == 3 * 3 * 3 * 8 + 8 + 8 * 16 * 5 + 5
    assert isinstance(model[0], nn.LazyConv2d)
    assert model[2].has_uninitialized_params()  # type: ignore[operator]


def test_keyword_arguments_dicts_none_and_numbers() -> None:
    class Many(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: dict[str, Any], scale: float, *, mask: Tensor | None = None, extra: Any = None) -> Any:
            y = self.layer(input=x["deep"][0]) * scale
            return {"y": y if mask is None else y.masked_fill(mask, 0.0), "extra": extra}

    mask = torch.zeros(3, 4, dtype=torch.bool)
    found = trace(Many(), ({"deep": [torch.zeros(3, 4)]}, 2.0), {"mask": mask, "extra": None})
    assert found.profile.macs == 3 * 4 * 4
    assert found.profile.inputs == ((4,), (4,))


# The ladder


class Chooses(nn.Module):
    """Takes one of two ways by the values of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(4, 4), nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.large(x) if x.sum() > 0 else self.small(x)  # type: ignore[no-any-return]


def test_value_dependent_models_are_counted_on_this_input() -> None:
    for x, n in ((torch.ones(3, 4), 8), (-torch.ones(3, 4), 4)):
        found = trace(Chooses(), (x,))
        assert (found.rung, found.profile.macs) == ("data-dependent", 3 * 4 * n)
        assert found.reason.endswith("counted on this input")
        assert found.harm == ()


def test_constants_may_be_asked_for_their_values() -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.register_buffer("times", torch.tensor([2, 1]))

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(int(self.times.sum().item()) + torch.arange(3, device=x.device).max().item()):  # type: ignore[operator,arg-type]
                x = self.layer(x)
            return x

    found = trace(Steps(), (torch.zeros(3, 4),))
    assert (found.rung, found.profile.macs) == ("meta", (2 + 1 + 2) * 3 * 4 * 4)


def test_a_constant_that_was_written_is_one_no_more() -> None:
    class Written(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            mask = torch.ones(3, device=x.device)
            kept = torch.zeros_like(x)
            if mask.all() and not kept.any():  # both are constants, and may be asked
                x = self.layer(x)
            kept[1] = x[0]
            return self.layer(x) if kept.sum() > 0 else x  # now it depends on the input

    for x, times in ((torch.ones(3, 4), 2), (-torch.ones(3, 4), 1)):
        model = Written()
        nn.init.eye_(model.layer.weight)
        nn.init.zeros_(model.layer.bias)
        found = trace(model, (x,))
        assert (found.rung, found.profile.macs) == ("data-dependent", times * 3 * 4 * 4)


def test_tensors_made_on_the_cpu_meet_meta_ones() -> None:
    class Mixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x + torch.zeros(4)) @ torch.ones(4, 2)

    found = trace(Mixed(), (torch.zeros(3, 4),))
    assert (found.rung, found.profile.macs) == ("meta", 3 * 4 * 2)


def test_a_forward_that_differentiates() -> None:
    class Forces(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(3, 8), nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                x = x.requires_grad_()
                energy = self.last(torch.tanh(self.first(x))).sum()
                return torch.autograd.grad(energy, x)[0]

    found = trace(Forces(), (torch.zeros(5, 3),))
    # forward, and the gradients of the two inputs; those of the weights are not asked for
    assert found.profile.macs == 5 * (3 * 8 + 8 * 1) + 5 * (8 * 1 + 3 * 8)
    assert (found.rung, found.profile.params) == ("meta", 3 * 8 + 8 + 8 + 1)
    assert [(row.path, row.op, row.macs) for row in found.profile.rows if row.macs][:2] == [
        ("first", "linear", 120),
        ("last", "linear", 40),
    ]


def test_lists_for_windows() -> None:
    found = trace(
        nn.MaxPool3d([1, 2, 2], [1, 2, 2]),  # type: ignore[arg-type]
        (torch.zeros(1, 2, 3, 4, 4),),
    )
    assert found.profile.elementwise == 2 * 3 * 2 * 2


def test_real_tensors_where_an_operator_has_no_meta_kernel() -> None:
    with torch.library._scoped_library("profiler_tests", "DEF") as library:
        library.define("double(Tensor x) -> Tensor")
        library.impl("double", lambda x: x * 2, "CPU")

        class Custom(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = nn.Linear(4, 5)

            def forward(self, x: Tensor) -> Tensor:
                return torch.ops.profiler_tests.double(self.layer(x))  # type: ignore[no-any-return]

        found = trace(Custom(), (torch.zeros(3, 4),))
        assert (found.rung, found.profile.macs) == ("real", 3 * 4 * 5)
        assert "double" in found.reason
        assert found.profile.uncounted == ("profiler_tests::double",)
        assert found.unused == ()
        assert found.unread == 0

        register("profiler_tests::double", kind="elementwise")(lambda *_, **__: 0)
        try:
            assert trace(Custom(), (torch.zeros(3, 4),)).profile.uncounted == ()
        finally:
            unregister("profiler_tests::double")


# Extending


def test_registering_operators_and_modules() -> None:
    with torch.library._scoped_library("profiler_tests", "DEF") as library:
        library.define("product(Tensor a, Tensor b) -> Tensor")
        for key in ("CPU", "Meta"):
            library.impl("product", lambda a, b: a.new_empty(a.shape[0], b.shape[1]), key)

        class Custom(nn.Module):
            def forward(self, a: Tensor, b: Tensor) -> Tensor:
                return torch.ops.profiler_tests.product(a, b)  # type: ignore[no-any-return]

        inputs = (torch.zeros(3, 4), torch.zeros(4, 5))
        assert trace(Custom(), inputs).profile.uncounted == ("profiler_tests::product",)

        def flops(a: Any, b: Any, out_shape: Any = None, **named: Any) -> int:  # as torch's register_flop_formula has it
            return 2 * int(a[0]) * int(a[1]) * int(b[1])

        register(torch.ops.profiler_tests.product, unit="flops")(flops)
        with pytest.raises(ProfilerError, match="has a formula"):
            register("profiler_tests::product")(flops)
        assert trace(Custom(), inputs).profile.macs == 3 * 4 * 5
        unregister("profiler_tests::product")

        from torch.utils.flop_counter import flop_registry, register_flop_formula

        register_flop_formula(torch.ops.profiler_tests.product)(flops)
        registered.forget()
        assert trace(Custom(), inputs).profile.macs == 3 * 4 * 5
        del flop_registry[torch.ops.profiler_tests.product]
        registered.forget()

    @register(Chooses, kind="linear")
    def macs(module: Chooses, x: Any, out_shape: Any = None) -> int:
        return int(x[0]) * 1000

    try:
        found = trace(nn.Sequential(Chooses()), (torch.ones(3, 4),))
        assert [(row.path, row.kind, row.macs) for row in found.profile.rows] == [("0", "linear", 3000)]
    finally:
        unregister(Chooses)
    with pytest.raises(ProfilerError, match="neither macs nor flops"):
        register("a::b", unit="bits")
    with pytest.raises(ProfilerError, match="not an operator's name"):
        register("nonsense")(flops)


# Errors


class Raises(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(4, 4), Bug())

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)  # type: ignore[no-any-return]


class Bug(nn.Module):
    def forward(self, _: Tensor) -> Tensor:
        raise KeyError("no such thing")


class Elsewhere(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.to("cuda:7")


BROKEN: list[tuple[nn.Module, tuple[Any, ...], str]] = [
    (Raises(), (torch.zeros(3, 4),), r"Raises, in inner\.1: its forward raises KeyError: 'no such thing'"),
    (
        nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 4)),
        (torch.zeros(3, 4),),
        r"1: takes 5 features on the last axis but is given 4",
    ),
    (nn.Sequential(nn.Conv2d(3, 4, 7)), (torch.zeros(1, 3, 5, 5),), r"0: a window of 7 does not fit 5 pixels"),
    (nn.Sequential(nn.Conv2d(3, 4, 3)), (torch.zeros(1, 4, 5, 5),), r"0: takes 3 channels but is given 4"),
    (nn.Sequential(nn.Sequential(nn.LSTM(4, 5))), (torch.zeros(3, 2, 6),), r"Sequential, in 0\.0: its forward raises"),
    (
        Block(),
        (torch.zeros(2, 4), torch.zeros(2, 4)),
        r"Block: its forward\(x\) cannot be called so: too many positional arguments",
    ),
    (Block(), (), r"Block: its forward\(x\) cannot be called so: missing a required argument: 'x'"),
    (nn.Sequential(Elsewhere()), (torch.zeros(2, 4),), r"Sequential, in 0: its forward raises"),
]


@pytest.mark.parametrize(("model", "inputs", "said"), BROKEN)
def test_broken_models_are_one_sentence_with_the_path(model: nn.Module, inputs: tuple[Any, ...], said: str) -> None:
    before = state(model)
    with pytest.raises(ProfilerError, match=said) as raised:
        trace(model, inputs)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2
    assert state(model) == before


def test_a_shape_that_does_not_fit_is_a_shape_error() -> None:
    with pytest.raises(ShapeError) as raised:
        trace(nn.Sequential(Block(5)), (torch.zeros(2, 4),))
    assert raised.value.path == "0.layer"


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(ProfilerError, match=r"nn\.Module"):
        trace(3)  # type: ignore[arg-type]


# No harm


def state(model: nn.Module) -> Any:
    """Everything that must be as before."""
    return (
        torch.get_rng_state().tolist(),
        random.getstate(),
        str(np.random.get_state()),
        {key: (id(value), value._version if not value.is_inference() else 0) for key, value in model.state_dict(keep_vars=True).items()},
        [(m.training, sorted(m.__dict__), len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()],
        (nn.Module.__call__, F.linear, F.conv2d, F.scaled_dot_product_attention, torch.matmul),
        (torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled(), torch.get_default_dtype()),
        [p.requires_grad for p in model.parameters()],
    )  # fmt: skip


class Careless(nn.Module):
    """Keeps a cache, counts its calls, draws numbers, writes its buffer and a list."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.register_buffer("seen", torch.zeros(1))
        self.calls, self.history = 0, list[int]()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.cache = x
        self.history.append(1)
        self.seen += 1  # type: ignore[operator,assignment]
        torch.rand(3), random.random(), np.random.rand()
        torch.set_grad_enabled(False)
        return self.norm(self.layer(x)) + torch.rand(4)  # type: ignore[no-any-return]


def test_no_harm_is_done_and_what_was_put_back_is_said() -> None:
    model = Careless().train()
    model.norm.eval()
    before = state(model)
    found = trace(model, (torch.zeros(3, 4),))
    assert state(model) == before
    assert (model.calls, model.history, hasattr(model, "cache"), float(model.seen.sum())) == (0, [], False, 0.0)  # type: ignore[operator]
    assert found.harm == ("the module: cache, calls", "the module: history", "seen: its version")
    assert model.training
    assert not model.norm.training


@pytest.mark.parametrize("model", [nn.Sequential(Block(), nn.Dropout(0.5), nn.Linear(4, 2)), nn.LSTM(4, 3), nn.BatchNorm1d(4)])
def test_no_harm_is_found_where_there_is_none(model: nn.Module) -> None:
    before = state(model.train())
    assert trace(model, (torch.zeros(3, 4),)).harm == ()
    assert state(model) == before
    assert not re.search("meta", str([p.device for p in model.parameters()]))


def test_building_on_meta_fills_nothing_and_leaves_torch_alone() -> None:
    before = torch.get_rng_state().tolist(), nn.Linear.reset_parameters
    with on_meta():
        model = nn.Sequential(nn.Linear(10**6, 10**6), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.MultiheadAttention(8, 2))
    assert {t.device.type for t in [*model.parameters(), *model.buffers()]} == {"meta"}
    assert (torch.get_rng_state().tolist(), nn.Linear.reset_parameters) == before
    assert torch.zeros(1).device.type == "cpu"


def test_a_trace_loads_no_compiler() -> None:
    script = (
        "import sys, torch\nfrom torch import nn\nfrom profiler import trace\n"
        "trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (torch.zeros(2, 3),))\n"
        "print([name for name in ('sympy', 'torch._dynamo', 'torch._inductor', 'fvcore', 'thop') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
