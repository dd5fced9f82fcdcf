"""Memory: storages once, whatever holds them; attention as the kernel that runs keeps it; recipes of optimisers."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError
from profiler.records.training import Memory
from profiler.tracing.training.ledger import Held
from profiler.tracing.training.memory import memories, memory

FLOAT = 4


# Storages


class Views(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        t = torch.zeros(1000, 64)
        self.register_buffer("all", t)
        self.register_buffer("a", t[:500])
        self.register_buffer("b", t[400:])
        self.register_buffer("m", torch.zeros(1, 1, dtype=torch.float64).expand(1000, 1000))

    def forward(self, x: Tensor) -> Tensor:
        all_, a = self.get_buffer("all"), self.get_buffer("a")
        return x + all_[0] + a[0]


def test_every_storage_counts_once() -> None:
    assert memory(Views(), (torch.zeros(2, 64),)).buffers == {"float32": 1000 * 64 * FLOAT, "float64": 8}
    whole = torch.zeros(10, 8)
    assert Held().bytes([whole[:4], whole[2:6]]) == {"float32": 6 * 8 * FLOAT}
    assert Held().bytes([whole[:4]]) == {"float32": 4 * 8 * FLOAT}
    assert Held().bytes([whole[:, :2]]) == {"float32": 10 * 2 * FLOAT}
    held = Held()
    assert held.bytes([whole]) == {"float32": 80 * FLOAT}
    assert held.bytes([whole[0], torch.zeros(3)]) == {
        "float32": 3 * FLOAT
    }  # what a group before it counted is in none after it


def test_parameters_that_share_a_storage() -> None:
    tied = nn.ModuleList([nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)])
    tied[1].weight = tied[0].weight

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = tied

        def forward(self, x: Tensor) -> Tensor:
            return self.layers[1](self.layers[0](x))  # type: ignore[no-any-return]

    held = memory(Tied(), (torch.zeros(2, 4),), training=True, optimizer="adam")
    assert held.params == held.gradients == {"float32": 16 * FLOAT}
    assert held.optimizer == {"float32": 2 * 16 * FLOAT}


@dataclasses.dataclass
class Batch:
    x: Tensor


class Graph:
    def __init__(self, x: Tensor) -> None:
        self.nodes = [x]

    @property
    def x(self) -> Tensor:
        return self.nodes[0]


class Takes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(8, 4)

    def forward(self, given: Any) -> Tensor:
        return self.l(given["x"] if hasattr(given, "keys") else given.x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "wrap",
    [lambda x: {"x": x}, lambda x: collections.OrderedDict(x=x), lambda x: collections.UserDict(x=x), Batch, Graph],
    ids=["dict", "OrderedDict", "UserDict", "dataclass", "object"],
)
@pytest.mark.parametrize("training", [False, True])
def test_inputs_in_any_container(wrap: Callable[[Tensor], Any], training: bool) -> None:
    held = memory(Takes(), (wrap(torch.ones(3, 8)),), training=training)
    assert held.inputs == {"float32": 3 * 8 * FLOAT}
    assert held.timeline[0].bytes == 3 * 4 * FLOAT or training  # the input is no activation


def test_what_is_computed_anew_is_freed() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = torch.zeros(1000)

        def forward(self, x: Tensor) -> Tensor:
            self.last = x + 1
            return self.last * 2

    line = memory(Keeps(), (torch.zeros(10),)).timeline
    assert [moment.bytes for moment in line] == [FLOAT * (1000 + 10), FLOAT * (10 + 10)]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_with_a_history() -> None:
    held = memory(nn.utils.weight_norm(nn.Conv1d(4, 6, 3)), (torch.zeros(2, 4, 10),), training=True)
    assert held.params == held.gradients == {"float32": (72 + 6 + 6) * FLOAT}


def test_lazy_modules_have_their_shapes_from_the_run() -> None:
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    held = memory(lazy, (torch.zeros(2, 3, 8, 8),), training=True, optimizer="adam")
    params = (4 * 27 + 4) + (4 + 4) + (144 * 2 + 2)
    assert held.params == held.gradients == {"float32": params * FLOAT}
    assert held.optimizer == {"float32": 2 * params * FLOAT}
    assert all(nn.parameter.is_lazy(p) for p in lazy.parameters())


class Halves(Tensor):
    """A weight of bytes with a scale for each row, which says that it is float32."""

    @staticmethod
    def __new__(cls, data: Tensor, scale: Tensor) -> Halves:
        made: Halves = Tensor._make_wrapper_subclass(cls, data.shape, dtype=torch.float32, device=data.device)
        return made

    def __init__(self, data: Tensor, scale: Tensor) -> None:
        self.codes, self.factor = data, scale

    def __tensor_flatten__(self) -> Any:
        return ["codes", "factor"], None

    @classmethod
    def __tensor_unflatten__(cls, inner: Any, context: Any, size: Any, stride: Any) -> Halves:
        return cls(inner["codes"], inner["factor"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        if func is torch.ops.aten.detach.default:
            return cls(args[0].codes, args[0].factor)
        plain = [x.codes.float() * x.factor if isinstance(x, Halves) else x for x in args]
        return func(*plain, **(kwargs or {}))


def test_weights_that_wrap_others() -> None:
    layer = nn.Linear(8, 4)
    layer.weight = nn.Parameter(Halves(torch.zeros(4, 8, dtype=torch.int8), torch.ones(4, 1)), requires_grad=False)
    held = memory(layer, (torch.zeros(3, 8),))
    assert held.params == {"int8": 4 * 8, "float32": (4 + 4) * FLOAT}


@pytest.mark.filterwarnings("ignore")
def test_packed_weights() -> None:
    import torch.ao.quantization as quantization

    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("torch has no fbgemm on this machine")
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        layer = quantization.quantize_dynamic(nn.Sequential(nn.Linear(64, 64)), {nn.Linear})
        held = memory(layer, (torch.zeros(2, 64),))
        plain = nn.Identity()  # a class of torch's that somebody has hung such an object on
        plain.packed = layer[0]._packed_params._packed_params
        hung = memory(plain, (torch.zeros(2, 64),))
    finally:
        torch.backends.quantized.engine = before
    assert held.params == hung.params == {"qint8": 64 * 64, "float32": 64 * FLOAT}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_sparse_buffers(layout: str) -> None:
    edges = torch.tensor([[0, 1, 2, 2], [1, 0, 0, 2]])
    adjacent = torch.sparse_coo_tensor(edges, torch.ones(4), (3, 3)).coalesce()

    class Gcn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.Linear(5, 4, bias=False)
            self.register_buffer("a", adjacent if layout == "coo" else adjacent.to_sparse_csr())

        def forward(self, x: Tensor) -> Tensor:
            return torch.mm(self.get_buffer("a"), self.l(x))

    held = memory(Gcn(), (torch.zeros(3, 5),))
    places = {"coo": 2 * 4, "csr": (3 + 1) + 4}[layout]
    assert held.buffers == {"int64": 8 * places, "float32": 4 * FLOAT}
    assert held.activations >= 2 * 3 * 4 * FLOAT


def test_autocast_makes_activations_small() -> None:
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.l(x)  # type: ignore[no-any-return]

    # in and out in bfloat16, with the weight and the bias that were cast for it, as the real run has them
    assert memory(Cast(), (torch.zeros(2048, 64),)).activations == 2 * 2 * 2048 * 64 + 2 * (64 * 64 + 64)


# What a real step keeps


def kept_for_backward(model: nn.Module, ids: Tensor) -> int:
    """Bytes of a real forward on the CPU that stand after it: what autograd saved, and the output."""
    own = {t.untyped_storage()._cdata for t in (*model.parameters(), *model.buffers(), ids)}
    kept: dict[int, Any] = {}

    def keep(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        keep(model(input_ids=ids, use_cache=False).logits)
    return sum(storage.nbytes() for storage in kept.values())


def gpt2() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        n_layer=2, n_embd=64, n_head=4, vocab_size=100, n_positions=64, bos_token_id=0, eos_token_id=1,
        attn_pdrop=0, resid_pdrop=0, embd_pdrop=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)  # type: ignore[no-any-return]


def llama() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=100
    )
    return transformers.LlamaForCausalLM(config)  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", [gpt2, llama])
def test_attention_keeps_what_the_kernel_keeps(make: Callable[[], nn.Module]) -> None:
    model, ids = make().train(), torch.ones(2, 48, dtype=torch.int64)
    line = [
        m for m in memory(model, (), {"input_ids": ids, "use_cache": False}, training=True).timeline if m.phase == "forward"
    ]
    gradient = 2 * 48 * 100 * FLOAT  # that of the logits, with which the backward begins
    assert line[-1].bytes - gradient == kept_for_backward(model, ids)
    assert "attention" in {m.op for m in line}


def test_scores_are_weighed_where_they_are_made() -> None:
    class Attends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x @ x.mT).softmax(-1) @ x

    x = torch.zeros(2, 64, 8, requires_grad=True)
    assert memory(Attends(), (x,), training=True).activations > 2 * 64 * 64 * FLOAT
    fused = memory(Fused(), (x[:, None],), training=True)
    assert fused.activations < 2 * 64 * 64 * FLOAT


class Fused(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=0.1)


# Optimisers


@pytest.mark.parametrize(
    ("optimizer", "dtype", "states"),
    [
        ("sgd", torch.bfloat16, {}),
        ("sgd-mixed", torch.bfloat16, {"float32": 4}),
        ("momentum", torch.bfloat16, {"bfloat16": 2}),
        ("adam", torch.bfloat16, {"bfloat16": 2 * 2}),
        ("adam", torch.float32, {"float32": 2 * 4}),
        ("adam-mixed", torch.bfloat16, {"float32": 4 + 2 * 4}),
        ("adamw-mixed", torch.float16, {"float32": 4 + 2 * 4}),
        ("adam-mixed", torch.float32, {"float32": 2 * 4}),  # which is its own master copy
    ],
)
def test_optimisers_by_recipe(optimizer: str, dtype: torch.dtype, states: dict[str, int]) -> None:
    layer = nn.Linear(8, 4, dtype=dtype)
    held = memory(layer, (torch.zeros(3, 8, dtype=dtype),), training=True, optimizer=optimizer)
    assert held.mode == f"training, {optimizer}"
    assert held.optimizer == {name: bytes_ * 36 for name, bytes_ in states.items()}
    assert held.gradients == held.params == {str(dtype).removeprefix("torch."): dtype.itemsize * 36}


def test_several_optimisers_after_one_step() -> None:
    layer, x = nn.Linear(8, 4), torch.zeros(3, 8)
    several = memories(layer, (x,), optimizers=("", "sgd", "adam"))
    alone = memory(layer, (x,)), memory(layer, (x,), training=True), memory(layer, (x,), training=True, optimizer="adam")

    def figures(each: Memory) -> Any:
        return each.mode, each.parts, each.activations, each.timeline

    assert [figures(each) for each in several] == [figures(each) for each in alone]


def test_whose_error_it_is() -> None:
    with pytest.raises(ProfilerError, match=r"^Linear: it does not run \(RuntimeError: .*\); check the input, or the model"):
        memory(nn.Linear(3, 3), (torch.zeros(2, 4),))


def test_a_forward_that_differentiates_is_weighed() -> None:
    class Forces(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            force: Tensor = torch.autograd.grad(self.l(x).sum(), x)[0]
            return force

    # the gradient of x, beside the sum and where its gradient begins: in a graph that is gone, the layer's output is too
    assert memory(Forces(), (torch.zeros(3, 8),)).activations == (3 * 8 + 1 + 1) * FLOAT
