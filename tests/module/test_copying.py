"""Deep copies with every tensor replaced: what holds them, what they share, and what cannot be copied."""

from __future__ import annotations

import collections
import copy
import dataclasses
import io
import threading
import weakref
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune as prune
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from profiler.errors import ProfilerError
from profiler.module.copying import copied
from profiler.module.trees import tensors


def meta(t: Tensor) -> Tensor:
    return torch.empty_like(t, device="meta")


def same(t: Tensor) -> Tensor:
    return t.detach().clone()


@dataclasses.dataclass(frozen=True)
class Held:
    x: Tensor
    others: list[Tensor]


class Cache:
    __slots__ = ("keys",)

    def __init__(self, keys: Tensor) -> None:
        self.keys = keys

    def given(self) -> Tensor:
        return self.keys


def with_attribute(t: Tensor) -> Any:
    held: Any = t.clone()
    held.more = t
    return held


class Own(Tensor):
    pass


CONTAINERS: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any], Any]]] = {
    "dataclass": (lambda t: Held(t, []), lambda v: v.x),
    "list in a dataclass": (lambda t: Held(t, [t]), lambda v: v.others[0]),
    "OrderedDict": (lambda t: collections.OrderedDict(x=t), lambda v: v["x"]),
    "UserDict": (lambda t: collections.UserDict(x=t), lambda v: v["x"]),
    "deque": (lambda t: collections.deque([t], 3), lambda v: v[0]),
    "slots": (Cache, lambda v: v.keys),
    "values of a dict": (lambda t: {"x": t}.values(), lambda v: next(iter(v))),
    "proxy of a dict": (lambda t: MappingProxyType({"x": t}), lambda v: v["x"]),
    "iterator of a list": (lambda t: iter([t]), lambda v: next(v)),
    "closure": (lambda t: lambda: t, lambda v: v()),
    "default": (lambda t: lambda x=t: x, lambda v: v()),
    "method": (lambda t: Cache(t).given, lambda v: v()),
    "method of a list": (lambda t: [t].copy, lambda v: v()[0]),
    "PackedSequence": (lambda t: pack_sequence([t, t]), lambda v: v.data),
    "attribute of a tensor": (with_attribute, lambda v: v.more),
    "sparse": (lambda t: [t.to_sparse()], lambda v: v[0]),
    "subclass": (lambda t: [t.as_subclass(Own)], lambda v: v[0]),
    "expanded": (lambda t: t[None].expand(7, 4, 5), lambda v: v),
}


@pytest.mark.parametrize(("make", "take"), CONTAINERS.values(), ids=CONTAINERS)
def test_tensors_are_changed_wherever_they_are_held(make: Callable[[Tensor], Any], take: Callable[[Any], Any]) -> None:
    held = make(torch.ones(4, 5))
    found = take(copied(held, meta))
    assert isinstance(found, Tensor)
    assert found.is_meta
    assert not take(held).is_meta


def test_what_was_one_object_stays_one() -> None:
    t = torch.ones(4, 5)
    held: dict[str, Any] = copied({"t": t, "row": t[1], "turned": t.T, "list": [t], "other": t.double()}, meta)
    assert held["list"][0] is held["t"]
    storage = held["t"].untyped_storage()._cdata
    assert [held[name].untyped_storage()._cdata == storage for name in ("row", "turned", "other")] == [True, True, False]
    assert (held["row"].storage_offset(), held["turned"].stride()) == (5, (1, 5))
    memo: dict[Any, Any] = {}
    layer = nn.Linear(3, 4)
    assert copied([layer.weight], meta, memo=memo)[0] is copied(layer, meta, memo=memo).weight


def test_values_come_along_where_they_are_kept() -> None:
    held: dict[str, Any] = copied({"t": torch.arange(6.0).view(2, 3), "n": np.arange(3)}, same)
    assert held["t"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert held["n"].tolist() == [0, 1, 2]
    drawn = torch.Generator().manual_seed(5)
    again = copied([drawn], same)[0]
    assert torch.equal(torch.rand(3, generator=drawn), torch.rand(3, generator=again))


def test_objects_that_are_kept_are_not_copied() -> None:
    layer, t = nn.Linear(2, 2), torch.ones(2)
    held: list[Any] = copied([layer, t, [t]], meta, keep=(layer, t))
    assert held[0] is layer
    assert held[1] is t
    assert held[2][0] is t
    lock = threading.Lock()
    assert copied([lock], meta)[0] is lock


def test_parameters_stay_parameters() -> None:
    layer = nn.LSTM(3, 4)
    layer.bias_hh_l0.requires_grad_(False)
    twin = copied(layer, meta)
    assert all(type(p) is nn.Parameter and p.is_meta for p in twin.parameters())
    assert not twin.bias_hh_l0.requires_grad
    assert twin.weight_hh_l0.requires_grad
    assert twin._flat_weights[0] is twin.weight_ih_l0
    assert not layer.weight_ih_l0.is_meta
    tied = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
    tied[1].weight = tied[0].weight
    twin_list = copied(tied, meta)
    assert twin_list[0].weight is twin_list[1].weight


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_tensors_with_a_history() -> None:
    normed = copied(nn.utils.weight_norm(nn.Conv1d(4, 6, 3)), meta)
    assert normed(torch.empty(2, 4, 10, device="meta")).shape == (2, 6, 8)
    pruned = nn.Linear(8, 6)
    prune.l1_unstructured(pruned, "weight", 0.5)
    twin = copied(pruned, same)
    assert torch.equal(twin(torch.ones(8)), pruned(torch.ones(8)))
    assert twin.weight_orig is not pruned.weight_orig
    kept = nn.Linear(2, 2)
    object.__setattr__(kept, "last", kept(torch.ones(1, 2)))
    last: Any = copied(kept, same).last
    assert last.requires_grad
    last.zero_()  # as one that was computed, it may be written into


def test_lazy_modules_stay_lazy() -> None:
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    twin = copied(lazy, meta)
    assert [type(p).__name__ for p in twin.parameters()] == ["UninitializedParameter"] * 6
    assert twin(torch.empty(2, 3, 8, 8, device="meta")).shape == (2, 2)
    assert sum(p.numel() for p in twin.parameters()) == (4 * 27 + 4) + (4 + 4) + (144 * 2 + 2)
    assert all(nn.parameter.is_lazy(p) for p in lazy.parameters())


def test_closures_are_copied_with_what_they_change() -> None:
    heard: list[Tensor] = []

    def hears(t: Tensor, again: int = 1) -> None:
        heard.append(t)
        if again:
            hears(t, again - 1)

    twin = copied(hears, meta)
    twin(torch.ones(1))
    assert heard == []
    assert copied(meta, meta) is meta


def numbers() -> Iterator[int]:
    yield 1


class Handle:
    def __reduce__(self) -> Any:
        raise OSError("it is a handle")


class Holds(nn.Module):
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (numbers(), "a generator, which cannot be read without using it up; give a list"),
        (io.TextIOWrapper(io.BytesIO()), "an open file, which cannot be read without moving its position"),
        (Handle(), r"an object of class Handle, which cannot be copied \(OSError: it is a handle\)"),
    ],
)
def test_what_cannot_be_copied_is_named(value: object, said: str) -> None:
    with pytest.raises(ProfilerError, match=f"arguments hold {said}"):
        copied({"deep": [value]}, meta)
    with pytest.raises(ProfilerError, match=f"Holds holds {said}"):
        copied(Holds(value), meta)


class Part(nn.Module):
    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = weakref.ref(whole)


def test_a_part_refers_to_the_copy_of_the_whole() -> None:
    whole: Any = nn.Module()
    other = nn.Linear(2, 2)
    whole.part, whole.other = Part(whole), Part(other)
    twin = copied(whole, meta)
    assert twin.part.whole() is twin
    assert twin.other.whole() is other  # no part of what is copied


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_modules_of_torchscript() -> None:
    script = torch.jit.script(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    twin = copied(script, meta)
    assert all(t.is_meta for t in (*twin.parameters(), *twin.buffers()))
    assert all(p.requires_grad for p in twin.parameters())
    assert not any(p.is_meta for p in script.parameters())


def test_what_the_change_raises_is_raised() -> None:
    def refuses(t: Tensor) -> Tensor:
        raise NotImplementedError(f"no kernel for {t.dtype}")

    with pytest.raises(NotImplementedError, match=r"no kernel for torch.float32"):
        copied([torch.ones(1)], refuses)
    assert copied([torch.ones(1)], meta)[0].is_meta


def test_deepcopy_is_as_before_and_of_other_threads_as_ever() -> None:
    own, table = Tensor.__deepcopy__, dict(vars(copy)["_deepcopy_dispatch"])
    seen: list[Any] = []

    def change(t: Tensor) -> Tensor:
        other = threading.Thread(target=lambda: seen.append(copy.deepcopy((t, pack_sequence([t]), len))))
        other.start()
        other.join()
        return meta(t)

    assert copied([torch.ones(2)], change)[0].is_meta
    assert [t.is_meta for t in tensors(seen)] == [False] * 3
    with pytest.raises(ProfilerError):
        copied([numbers()], meta)
    assert Tensor.__deepcopy__ is own
    assert vars(copy)["_deepcopy_dispatch"] == table
    assert "__deepcopy__" not in vars(torch.nn.utils.rnn.PackedSequence)
