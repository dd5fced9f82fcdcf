"""Tensors wherever a model puts them: in namedtuples, dataclasses, dicts and lists, in arguments and in results."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from profiler.errors import ProfilerError
from profiler.module.trees import first_tensor, map_leaves, map_tensors, mapped_tensors, tensors, tensors_of_call
from profiler.tracing.tables.registered import register, unregister
from profiler.tracing.traced import trace
from profiler.witness.witnesses import flop_counter, fvcore


class Pair(NamedTuple):
    """A namedtuple of a tensor and a number."""

    image: Tensor
    scale: float = 2.0


@dataclass(frozen=True)
class Batch:
    """A dataclass that torch.utils._pytree was not told of."""

    image: Tensor
    name: str = "a"


class Encoding(UserDict[str, Any]):
    """A mapping as tokenizers give it."""


class Output(OrderedDict[str, Any]):
    """A dict of its own class, as outputs of transformers are."""


class Bag(list[Any]):
    """A list of its own class, which pytree does not open."""


class Size(tuple[Any, ...]):
    """A tuple that is not made of its items."""

    def __new__(cls, height: Any, width: Any) -> Size:
        return super().__new__(cls, (height, width))


X, Y = torch.zeros(2, 3), torch.ones(4, dtype=torch.long)
VALUES: list[tuple[str, Any, list[Tensor]]] = [
    ("a tensor", X, [X]),
    ("none", (1, "a", None, 2.0, torch.float32, torch.Size([2])), []),
    ("a tuple", (X, 3, Y), [X, Y]),
    ("lists in tuples", ([X, [1, Y]], ()), [X, Y]),
    ("a dict in a list", [{"a": X, "b": {"c": (Y,)}}], [X, Y]),
    ("a namedtuple", (Pair(X), [Pair(Y)]), [X, Y]),
    ("a dataclass", (Batch(X), {"b": Batch(Y)}), [X, Y]),
    ("a mapping", Encoding(a=X, b=[Y]), [X, Y]),
    ("a dict of its own class", Output(a=X, b=Y), [X, Y]),
    ("a mapping that cannot be changed", MappingProxyType({"a": X, "b": (Y,)}), [X, Y]),
    ("a list of its own class", Bag([X, {"a": Y}]), [X, Y]),
]


@pytest.mark.parametrize(("value", "expected"), [pytest.param(*c[1:], id=c[0]) for c in VALUES])
def test_tensors_are_listed_and_changed_in_order(value: Any, expected: list[Tensor]) -> None:
    found = tensors(value)
    assert [id(t) for t in found] == [id(t) for t in expected]
    assert first_tensor(value) is (expected[0] if expected else None)
    changed = map_tensors(value, lambda t: t.to("meta"))
    assert type(changed) is type(value)
    assert [(t.device.type, t.shape) for t in tensors(changed)] == [("meta", t.shape) for t in expected]
    assert [id(t) for t in tensors(value)] == [id(t) for t in expected]  # the value itself is as it was
    assert [id(t) for t in mapped_tensors(value)] == [id(t) for t in expected]


def test_what_is_no_tensor_stays() -> None:
    pair, batch, rest = map_tensors((Pair(X, 0.5), Batch(X, "b"), {"n": [3, None]}), lambda t: t.to("meta"))
    assert (pair.scale, batch.name, rest) == (0.5, "b", {"n": [3, None]})
    assert map_leaves((1, [2, {"a": 3}]), lambda n: n + 1) == (2, [3, {"a": 4}])


def test_keywords_come_after_positions() -> None:
    assert [id(t) for t in tensors_of_call((Y,), {"a": [X]})] == [id(Y), id(X)]


def test_the_lengths_of_a_packed_sequence_stay_on_the_cpu() -> None:
    packed = pack_padded_sequence(torch.zeros(5, 3, 4), torch.tensor([5, 3, 2]))
    moved = map_tensors([packed], lambda t: t.to("meta"))[0]
    assert (moved.data.device.type, moved.batch_sizes.device.type) == ("meta", "cpu")
    assert [tuple(t.shape) for t in mapped_tensors(packed)] == [(10, 4)]


class Net(nn.Module):
    """Takes a batch in any of the forms, and answers in the same."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, batch: Any) -> Any:
        if isinstance(batch, list):
            return [{"y": self.fc(batch[0]["image"])}]
        if isinstance(batch, Pair):
            return Pair(self.fc(batch.image) * batch.scale)
        if isinstance(batch, UserDict):
            return Encoding(image=self.fc(batch["image"]))
        return Batch(self.fc(batch.image))


BATCHES = [Pair(X), Batch(X), [{"image": X}], Encoding(image=X)]


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: type(batch).__name__)
def test_a_model_is_traced_on_meta_and_wired_whatever_its_input_is_in(batch: Any) -> None:
    found = trace(Net(), (batch,), wired=True)
    assert (found.rung, found.profile.macs, found.profile.inputs) == ("meta", 2 * 3 * 5, ((3,),))
    assert found.wiring is not None
    assert found.wiring.sources[0] == (-1,)  # the linear layer reads the network's own input
    assert found.wiring.outputs == (len(found.profile.rows) - 1,)


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: type(batch).__name__)
@pytest.mark.parametrize("witness", [fvcore, flop_counter], ids=["fvcore", "torch"])
def test_witnesses_take_it_too(batch: Any, witness: Any) -> None:
    assert witness(Net().eval(), (batch,)).macs == 2 * 3 * 5


class Scored(nn.Module):
    """A module with a formula of its own, on a namedtuple."""

    def forward(self, pair: Pair, *, more: dict[str, list[Pair]]) -> Pair:
        return Pair(pair.image + more["a"][0].image)


@pytest.fixture
def formula() -> Iterator[list[Any]]:
    given: list[Any] = []

    @register(Scored)
    def macs(module: nn.Module, pair: Any, *, more: Any, out_shape: Any) -> int:
        given.append((pair, more, out_shape))
        return 7 * int(pair.image[0])

    yield given
    unregister(Scored)


def test_a_registered_formula_is_given_shapes_in_the_namedtuple(formula: list[Any]) -> None:
    found = trace(Scored(), (Pair(X),), {"more": {"a": [Pair(X)]}})
    assert found.profile.macs == 7 * 2
    assert formula == [(Pair(X.shape), {"a": [Pair(X.shape)]}, Pair(X.shape))]  # type: ignore[arg-type]


def test_a_container_that_cannot_be_made_again() -> None:
    size = Size(2, 3)
    assert map_tensors((X, size), lambda t: t + 1)[1] is size, "it holds no tensors"
    with pytest.raises(ProfilerError, match="a Size that holds tensors cannot be made again of a list"):
        map_tensors(Size(X, Y), lambda t: t + 1)
