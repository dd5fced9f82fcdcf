"""What a forward does not take, or lacks, is said by its signature, before anything is run; and the axes of an input."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.api import profile
from profiler.errors import ProfilerError, UnknownName
from profiler.load.load import load
from profiler.module.decorators import a_decorator_takes


class Runs(nn.Module):
    """Counts how often a forward is entered."""

    entered = 0

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 2)

    def use(self, *given: Any) -> Any:
        type(self).entered += 1
        return sum(self.head(each) for each in given if isinstance(each, Tensor))


class Two(Runs):
    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> Any:
        return self.use(x, y, mask)


class Only(Runs):
    def forward(self, x: Tensor, /, *, scale: float) -> Any:
        return self.use(x) * scale


class Swallows(Runs):
    def forward(self, x: Tensor, **rest: Any) -> Any:
        return self.use(x)


class Asks(Runs):
    def forward(self, **batch: Any) -> Any:
        more = batch.get("y")
        return self.use(batch["x"], more, batch.pop("z", None) if "z" in batch else None)


class All(Runs):
    def forward(self, **batch: Any) -> Any:
        return self.use(*batch.values())


class HandsOn(Runs):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Asks()

    def forward(self, **batch: Any) -> Any:
        return self.inner(**batch)


class Star(Runs):
    def forward(self, *given: Tensor) -> Any:
        return self.use(*given)


REFUSED: list[tuple[type[nn.Module], list[str], str]] = [
    (Two, ["8"], "Two: its forward needs y; give it beside the others, as --input y=128"),
    (Two, ["y=8"], "Two: its forward needs x; give it beside the others"),
    (Two, ["mask=8"], "Two: its forward needs x and y; give each beside the others"),
    (Two, ["8", "8", "8", "8"], "Two: its forward takes 3 inputs by place (x, y, mask) but is given 4"),
    (Two, ["8", "x=8"], "Two: its input x is given by its place and by its name; give it once"),
    (Two, ["8", "8", "maks=8"], "unknown input of Two 'maks'; did you mean mask?"),
    (Only, ["8"], "Only: its forward needs scale"),
    (Only, ["scale:=2.0"], "Only: its forward needs x"),
    (Swallows, ["8", "seq=128"], "unknown input of Swallows 'seq'; use x"),
    (Asks, ["x=8", "w=8"], "unknown input of Asks 'w'; use x, y or z"),
]


@pytest.mark.parametrize(("kind", "given", "message"), REFUSED, ids=[f"{case[0].__name__} {case[1]}" for case in REFUSED])
def test_what_a_forward_does_not_take_is_refused_before_it_runs(kind: type[Runs], given: list[str], message: str) -> None:
    kind.entered = 0
    with pytest.raises(ProfilerError) as caught:
        load(kind(), input=given).profile()
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert kind.entered == 0


TAKEN: list[tuple[type[nn.Module], list[str], int]] = [
    (Two, ["8", "8"], 2),
    (Two, ["y=8", "x=8", "mask=8"], 3),
    (Only, ["8", "scale:=2.0"], 1),
    (Asks, ["x=8", "y=8", "z=8"], 3),
    (All, ["a=8", "b=8"], 2),
    (HandsOn, ["x=8", "y=8"], 2),
    (Star, ["8", "8", "8"], 3),
]


@pytest.mark.parametrize(("kind", "given", "layers"), TAKEN, ids=[f"{case[0].__name__} {case[1]}" for case in TAKEN])
def test_what_it_takes_runs(kind: type[nn.Module], given: list[str], layers: int) -> None:
    assert load(kind(), input=given).profile().macs == layers * 8 * 2


def test_the_callers_own_arguments_are_held_to_it_as_well() -> None:
    with pytest.raises(ProfilerError, match="Two: its forward needs y"):
        profile(Two(), args=(torch.zeros(1, 8),))
    with pytest.raises(UnknownName, match="unknown input of Two 'w'"):
        profile(Two(), args=(torch.zeros(1, 8),), kwargs={"y": torch.zeros(1, 8), "w": 1})


def renaming(**renamed: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that takes the names that arguments had before."""

    def decorator(forward: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(forward)
        def wrapper(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return forward(self, *args, **{renamed.get(key, key): value for key, value in kwargs.items()})

        return wrapper

    return decorator


class Renamed(Runs):
    @renaming(image="x")
    def forward(self, x: Tensor) -> Any:
        return self.use(x)


def test_a_name_that_a_decorator_holds_is_taken() -> None:
    assert profile(Renamed(), kwargs={"image": torch.zeros(1, 8)}).macs == 8 * 2
    with pytest.raises(UnknownName, match="unknown input of Renamed 'picture'; use x"):
        profile(Renamed(), kwargs={"picture": torch.zeros(1, 8)})


def test_a_forward_that_wraps_itself_has_an_end() -> None:
    class Wraps(Runs):
        def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
            return self.use(x, y)

    function: Any = Wraps.forward
    function.__wrapped__ = function
    assert not a_decorator_takes(function, "picture")
    assert profile(Wraps(), kwargs={"x": torch.zeros(1, 8), "y": torch.zeros(1, 8)}).macs == 2 * 8 * 2


def test_a_model_of_transformers_takes_the_earlier_name_of_its_cache() -> None:
    """Renamed to cache in transformers 5; counting it again finds the cache as it was."""
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 50}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(num_hidden_layers=1, **sizes))
    cache = transformers.DynamicCache(config=model.config)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model(torch.ones(1, 7, dtype=torch.long), past_key_values=cache)
        given = {"input_ids": torch.ones(1, 1, dtype=torch.long), "past_key_values": cache}
        counted = [profile(model, kwargs=given).macs for _ in range(3)]
    attention = 2 * 16 * 16 + 2 * 16 * 8 + 2 * 2 * 8 * (7 + 1)  # q and o, k and v, and the products of 2 heads with 8 tokens
    assert counted == [attention + 3 * 16 * 32 + 16 * 50] * 3
    assert cache.get_seq_length() == 7


def test_a_hook_that_gives_arguments_is_believed() -> None:
    module = Two()
    module.register_forward_pre_hook(lambda _, args: (*args, args[0]))
    assert load(module, input="8").profile().macs == 2 * 8 * 2


@pytest.mark.parametrize("name", ["seq", "input_id", "attention"])
def test_a_model_of_transformers_does_not_swallow_a_name(name: str) -> None:
    llama = "hf:LlamaConfig@num_hidden_layers=1,hidden_size=64,num_attention_heads=4,intermediate_size=96,vocab_size=100"
    with pytest.raises(UnknownName, match=f"unknown input of hf:LlamaConfig '{name}'; .*(input_ids|attention_mask)"):
        load(llama, input=["8", f"{name}=8"]).profile()
    assert load(llama, input=["8", "attention_mask=8"]).profile().macs > 0


# Axes


class Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        rows, _, _, _ = x.shape
        return self.head(self.body(x).mean((2, 3)).reshape(rows, 8))  # type: ignore[no-any-return]


AXES: list[tuple[Any, str]] = [
    ("1x3x16x16", "Image takes 1x3x16x16, and --batch adds the batch axis in front; leave that axis out, as --input 3x16x16, or give --batch none"),
    ((8, 3, 16, 16), "Image takes 8x3x16x16, and --batch adds"),
    ("x=1x3x16x16", "Image takes x=1x3x16x16, and --batch adds the batch axis in front; leave that axis out, as --input x=3x16x16"),
    ("224", "Image: input 224 has one axis; give an image with its channels, e.g. 3x224x224"),
    ("32x32x3", "Image, body.0: takes 3 channels but is given 32, of (1, 32, 32, 3); channels come first, so write --input 3x32x32"),
    ("4x16x16", "Image, body.0: takes 3 channels but is given 4"),
    ("3x1048576x1048576x1048576", "input '3x1048576x1048576x1048576' has 3458764513820540928 elements with its batch"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), AXES, ids=[str(case[0]) for case in AXES])
def test_axes_that_do_not_fit_say_what_to_write(given: Any, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        load(Image(), input=given).profile()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_scalar_by_its_shape() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(10, 5)

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return self.head(x * t)  # type: ignore[no-any-return]

    found = profile(Scaled(), input=[(10,), ()])
    assert (found.macs, found.inputs) == (10 * 5, ((10,), ()))
