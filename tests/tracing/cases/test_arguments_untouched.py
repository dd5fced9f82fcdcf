"""Nothing that the caller hands over changes, whatever holds the tensors: it is as before, or the count is refused."""

from __future__ import annotations

import collections
import copy
import dataclasses
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils import _pytree as pytree

from profiler import ProfilerError
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

hf: Any = transformers

# transformers names its arguments anew from one version to the next
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


class Pair(NamedTuple):
    x: Tensor
    note: list[str]


@dataclasses.dataclass
class Batch:
    x: Tensor
    more: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Tensor


class Graph:
    """A class of the user's with methods that change it."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.seen = x, [x]

    def add(self, x: Tensor) -> None:
        self.seen.append(x)
        self.x = x


class Slots:
    __slots__ = ("seen", "x")

    def __init__(self, x: Tensor) -> None:
        self.x, self.seen = x, [x]


class Reads(collections.UserDict[str, Any]):
    """A dict of the user's that counts how often it was read."""

    reads = 0

    def __getitem__(self, key: str) -> Any:
        self.reads += 1
        return super().__getitem__(key)


def circle(x: Tensor) -> list[Any]:
    held: list[Any] = [x]
    held.append(held)
    return held


def state(value: Any, seen: dict[int, int] | None = None) -> Any:
    """What a value holds, tensors by identity, place, version and content, whatever the container."""
    seen = {} if seen is None else seen
    if id(value) in seen:
        return ("again", seen[id(value)])
    seen[id(value)] = len(seen)
    if isinstance(value, Tensor):
        content = value.values() if value.is_nested else value
        return ("tensor", id(value), str(value.device), tuple(content.shape), content.stride(), value.requires_grad,
                value.grad is None if value.is_leaf else None, tuple(value.__dict__),
                None if value.is_meta else content.detach().flatten().tolist())  # fmt: skip
    if isinstance(value, np.ndarray):
        return ("array", value.tolist(), value.flags.writeable)
    if isinstance(value, torch.Generator):
        return value.get_state().tolist()
    if isinstance(value, dict):
        return (
            type(value),
            [(key, state(each, seen)) for key, each in value.items()],
            state(getattr(value, "__dict__", None), seen),
        )
    if isinstance(value, list | tuple | collections.deque):
        return (type(value), [state(each, seen) for each in value])
    if isinstance(value, str | int | float | bool | type(None) | type | torch.dtype | torch.device | types.FunctionType):
        return value
    slots = {name: getattr(value, name, None) for name in getattr(type(value), "__slots__", ())}
    return (type(value), state(dict(getattr(value, "__dict__", {})), seen), state(slots, seen))


def setting(name: str) -> Callable[[Any, Tensor], None]:
    return lambda held, y: setattr(held, name, y)


def append(held: Any, y: Tensor) -> None:
    held.append(y)


def put(held: Any, y: Tensor) -> None:
    held["x"] = y
    held["new"] = y


def both(held: Any, y: Tensor) -> None:
    held.x = y
    held.seen.append(y)


Make = Callable[[Tensor], Any]
CONTAINERS: list[tuple[str, Make, Callable[[Any], Tensor], Callable[[Any, Tensor], Any]]] = [
    ("list", lambda x: [x, 1], lambda h: h[0], append),
    ("list, its first", lambda x: [x, 1], lambda h: h[0], lambda h, y: h.__setitem__(0, y)),
    ("list, emptied", lambda x: [x, 1], lambda h: h[0], lambda h, y: h.clear()),
    ("tuple of lists", lambda x: ([x], [2]), lambda h: h[0][0], lambda h, y: h[1].append(y)),
    ("dict", lambda x: {"x": x}, lambda h: h["x"], put),
    ("dict, taken from", lambda x: {"x": x, "y": 1}, lambda h: h.pop("x"), lambda h, y: None),
    ("nested", lambda x: {"a": [{"x": x}, (x, [x])]}, lambda h: h["a"][1][1][0], lambda h, y: put(h["a"][0], y)),
    ("OrderedDict", lambda x: collections.OrderedDict(x=x, y=1), lambda h: h["x"], lambda h, y: h.move_to_end("x")),
    ("defaultdict", lambda x: collections.defaultdict(list, x=x), lambda h: h["x"], lambda h, y: h["new"].append(y)),
    ("Counter and tensor", lambda x: [x, collections.Counter("ab")], lambda h: h[0], lambda h, y: h[1].update("c")),
    ("UserDict", lambda x: collections.UserDict(x=x), lambda h: h["x"], put),
    ("UserDict that counts its reads", lambda x: Reads(x=x), lambda h: h["x"], put),
    ("UserList", lambda x: collections.UserList([x]), lambda h: h[0], append),
    ("deque", lambda x: collections.deque([x], 2), lambda h: h[0], append),
    ("namedtuple", lambda x: Pair(x, []), lambda h: h.x, lambda h, y: h.note.append("seen")),
    ("dataclass", lambda x: Batch(x), lambda h: h.x, setting("x")),
    ("dataclass, its list", lambda x: Batch(x, [x]), lambda h: h.x, lambda h, y: h.more.append(y)),
    ("frozen dataclass", Frozen, lambda h: h.x, lambda h, y: object.__setattr__(h, "x", y)),
    ("SimpleNamespace", lambda x: types.SimpleNamespace(x=x), lambda h: h.x, setting("new")),
    ("a class", Graph, lambda h: h.x, lambda h, y: h.add(y)),
    ("a class with slots", Slots, lambda h: h.x, both),
    ("a class in a list in a dict", lambda x: {"a": [Graph(x)]}, lambda h: h["a"][0].x, lambda h, y: h["a"][0].add(y)),
    ("a list that holds itself", circle, lambda h: h[1][1][0], append),
    ("ModelOutput", lambda x: hf.modeling_outputs.BaseModelOutput(last_hidden_state=x), lambda h: h.last_hidden_state, lambda h, y: h.__setitem__("attentions", (y,))),
    ("BatchEncoding", lambda x: hf.BatchEncoding({"x": x}), lambda h: h["x"], put),
    ("PackedSequence", lambda x: pack_padded_sequence(x[:, None], [3]), lambda h: h.data, lambda h, y: h.data.mul_(2)),
    ("a tensor's attribute", lambda x: x, lambda h: h, setting("note")),
    ("a tensor written in place", lambda x: x, lambda h: h.add_(1), lambda h, y: h.zero_()),
    ("a tensor's data", lambda x: x, lambda h: h, lambda h, y: setattr(h, "data", h.data[:1])),
    ("a tensor that is resized", lambda x: x, lambda h: h, lambda h, y: h.unsqueeze_(0)),
    ("a tensor that asks for a gradient", lambda x: x, lambda h: h, lambda h, y: h.requires_grad_()),
    ("a view of a tensor", lambda x: [x, x[1:]], lambda h: h[0], lambda h, y: h[1].zero_()),
]  # fmt: skip


@pytest.mark.parametrize(("make", "read", "change"), [case[1:] for case in CONTAINERS], ids=[case[0] for case in CONTAINERS])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_containers_are_as_before(
    make: Make, read: Callable[[Any], Tensor], change: Callable[[Any, Tensor], Any], device: str
) -> None:
    def forward(m: Any, held: Any) -> Any:
        y = m.l(read(held))
        change(held, y)
        return y

    module = Run(forward, l=nn.Linear(8, 4, bias=False))
    held = make(torch.randn(3, 8, device=device))
    leaves = [id(leaf) for leaf in pytree.tree_leaves(held)] if not isinstance(held, list) or held not in held[1:] else []
    before = state(held)
    for given, named in (((held,), {}), ((), {"held": held}), ((held,), {})):
        found = trace(module, given, named, batch=None)
        assert found.profile.macs == 3 * 8 * 4
        assert state(held) == before
        if leaves:
            assert [id(leaf) for leaf in pytree.tree_leaves(held)] == leaves


def test_one_object_given_twice_is_one_object_in_the_forward() -> None:
    def forward(m: Any, a: Any, b: Any, c: dict[str, Any]) -> Any:
        return m.l(a) if a is b and c["a"] is a else m.l(a) + m.l(b)

    x = torch.randn(3, 8)
    assert trace(Run(forward, l=nn.Linear(8, 4)), (x, x, {"a": x}), batch=None).profile.macs == 3 * 8 * 4
    held = Graph(x)
    module = Run(lambda m, a, b: m.l(a.x) if a is b else m.l(torch.cat((a.x, b.x))), l=nn.Linear(8, 4))
    assert trace(module, (held, held), batch=None).profile.macs == 3 * 8 * 4


def test_arrays_of_numpy() -> None:
    def forward(m: Any, a: np.ndarray[Any, Any]) -> Any:
        y = m.l(torch.from_numpy(a))
        a += 1
        return y

    a = np.ones((3, 8), np.float32)
    found = trace(Run(forward, l=nn.Linear(8, 4)), (a,), batch=None)
    assert found.profile.macs == 3 * 8 * 4
    assert a.tolist() == np.ones((3, 8)).tolist()


def test_a_generator_of_random_numbers() -> None:
    given = torch.Generator().manual_seed(3)
    before = given.get_state().tolist()
    module = Run(lambda m, x, g: m.l(x + torch.randn(3, 8, generator=g)), l=nn.Linear(8, 4))
    assert trace(module, (torch.randn(3, 8), given), batch=None).profile.macs == 3 * 8 * 4
    assert given.get_state().tolist() == before


def tensors(n: int) -> Iterator[Tensor]:
    for _ in range(n):
        yield torch.ones(3, 8)


ITERATORS: list[tuple[str, Callable[[], Any], bool]] = [
    ("of a list", lambda: iter([torch.ones(3, 8), 2]), True),
    ("of a tuple", lambda: iter((torch.ones(3, 8), 2)), True),
    ("of a dict", lambda: iter({"x": torch.ones(3, 8)}.values()), False),
    ("enumerate", lambda: enumerate([torch.ones(3, 8)]), False),
    ("zip", lambda: zip([torch.ones(3, 8)], [1], strict=True), False),
    ("map", lambda: map(torch.ones, [(3, 8)]), False),
]


@pytest.mark.parametrize(("make", "counts"), [case[1:] for case in ITERATORS], ids=[case[0] for case in ITERATORS])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_iterators_are_not_used_up(make: Callable[[], Any], counts: bool) -> None:
    def forward(m: Any, it: Iterator[Any]) -> Any:
        first = next(it)
        return m.l(first if isinstance(first, Tensor) else next(each for each in first if isinstance(each, Tensor)))

    given = make()
    try:
        assert trace(Run(forward, l=nn.Linear(8, 4)), (given,), batch=None).profile.macs == 3 * 8 * 4
    except ProfilerError as refusal:
        assert not counts
        assert type(given).__name__ in str(refusal)  # noqa: PT017  # either way is right
    first = next(given)
    assert isinstance(first, Tensor) or any(isinstance(each, Tensor) and not each.is_meta for each in first)


@pytest.mark.parametrize("make", [lambda: tensors(2), lambda: [tensors(2)], lambda: {"x": tensors(2)}, lambda: types.SimpleNamespace(x=tensors(2))],
                         ids=["as it is", "in a list", "in a dict", "in an object"])  # fmt: skip
def test_generators_are_refused(make: Callable[[], Any]) -> None:
    """What they gave cannot be put back."""

    def forward(m: Any, given: Any) -> Any:
        it = given[0] if isinstance(given, list) else given["x"] if isinstance(given, dict) else getattr(given, "x", given)
        return m.l(next(it))

    given = make()
    with pytest.raises(ProfilerError, match="generator"):
        trace(Run(forward, l=nn.Linear(8, 4)), (given,), batch=None)
    it = given[0] if isinstance(given, list) else given["x"] if isinstance(given, dict) else getattr(given, "x", given)
    assert len(list(it)) == 2


class Locked(Graph):
    """An object that cannot be copied."""

    def __init__(self, x: Tensor) -> None:
        super().__init__(x)
        self.lock = threading.Lock()


def test_what_cannot_be_copied_is_left_alone() -> None:
    def forward(m: Any, held: Locked) -> Any:
        with held.lock:
            held.add(m.l(held.x))
        return held.x

    held = Locked(torch.randn(3, 8))
    x = held.x
    with pytest.raises(TypeError):
        copy.deepcopy(held)
    try:
        assert trace(Run(forward, l=nn.Linear(8, 4)), (held,), batch=None).profile.macs == 3 * 8 * 4
    except ProfilerError as refusal:
        assert "Locked" in str(refusal)  # noqa: PT017  # either way is right
    assert held.x is x
    assert held.seen == [x]
    assert not x.is_meta


def test_modules_as_arguments() -> None:
    """Their parameters are read where they stand, and they stay where they are."""
    inner = nn.Linear(8, 4)
    found = trace(Run(lambda m, x, f: f(x)), (torch.randn(3, 8), inner), batch=None)
    assert (found.profile.macs, found.profile.params) == (3 * 8 * 4, 36)
    assert inner.weight.device.type == "cpu"
    assert inner(torch.randn(3, 8)).shape == (3, 4)


def test_parameters_as_arguments_are_parameters() -> None:
    w = nn.Parameter(torch.zeros(4, 8))
    found = trace(Run(lambda m, x, w: nn.functional.linear(x, w)), (torch.randn(3, 8), w), batch=None)
    assert (found.profile.macs, found.profile.params) == (3 * 8 * 4, 32)
    assert w.device.type == "cpu"


def test_a_packed_sequence_is_counted_by_its_steps() -> None:
    packed: PackedSequence = pack_padded_sequence(torch.randn(5, 3, 8), [5, 3, 1])
    before = state(tuple(packed))
    found = trace(Run(lambda m, p: m.r(p), r=nn.LSTM(8, 6)), (packed,), batch=None)
    assert found.profile.macs == (5 + 3 + 1) * 4 * 6 * (8 + 6)
    assert state(tuple(packed)) == before


CONFIG = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}
ONE_TOKEN = 2 * (1024 + 2 * 512 + 1024 + 3 * 2048) + 3200


@pytest.mark.parametrize("length", [0, 1, 10])
def test_a_cache_of_keys_and_values(length: int) -> None:
    """One token against those that are kept, each time that it is asked, and the caller's own step afterwards."""
    config = hf.LlamaConfig(**CONFIG)
    model = hf.LlamaForCausalLM(config).eval()
    cache = hf.DynamicCache(config=config)
    if length:
        for layer in range(2):
            cache.update(torch.zeros(1, 2, length, 8), torch.zeros(1, 2, length, 8), layer)
    ask = {"input_ids": torch.tensor([[5]]), "past_key_values": cache, "use_cache": True}
    for _ in range(3):
        found = trace(model, (), ask)
        assert (
            sum(row.macs for row in found.profile.rows if "rotary" not in row.path) == ONE_TOKEN + 2 * 4 * 1 * (length + 1) * 16
        )
        assert cache.get_seq_length() == length
    with torch.no_grad():
        assert model(**ask).logits.shape == (1, 1, 100)
    assert cache.get_seq_length() == length + 1


def test_a_cache_of_fixed_size() -> None:
    """Attention runs over all of its places."""
    config = hf.LlamaConfig(**CONFIG)
    model = hf.LlamaForCausalLM(config).eval()
    ask = {
        "input_ids": torch.tensor([[5]]),
        "past_key_values": hf.StaticCache(config=config, max_cache_len=16),
        "use_cache": True,
    }
    for _ in range(2):
        found = trace(model, (), ask)
        assert sum(row.macs for row in found.profile.rows if "rotary" not in row.path) == ONE_TOKEN + 2 * 4 * 1 * 16 * 16
    with torch.no_grad():
        assert model(**ask).logits.shape == (1, 1, 100)
