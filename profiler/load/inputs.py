"""What a module is given: inputs of one sample with their names and dtypes, from text or Python values. No torch at import.

`3x224x224` is a tensor given by its place, `ids=128:int64` one given by its name, `grid=[1,16,16]` one that holds these
numbers; `mask=none`, `cache=false` and `k:=4` are values. A dot in a name puts it into a dict, or into a list where what
follows is a number: `batch.image=3x32x32`, `images.0=3x300x400`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.errors import ProfilerError, UnknownName
from profiler.network.layers import Shape

if TYPE_CHECKING:
    from torch import Tensor

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional arguments and keywords of a forward."""

DTYPES = (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128",
)  # fmt: skip
_SHORT = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}
_WORDS = {"none": None, "null": None, "true": True, "false": False}
_FORM = re.compile(r"(?:(?P<name>[A-Za-z_][\w.]*)?\s*(?P<equals>:?=))?(?P<rest>.*)", re.DOTALL)
EXAMPLES = "3x224x224, ids=128:int64, mask=none or k:=4"
MOST_ELEMENTS = 1 << 56
"""Elements of a tensor that torch can still tell the bytes of."""
MOST_AXES = 25
"""Axes of a tensor: torch's kernels take no more."""
MOST_NUMBERS = 4096
"""Numbers of a tensor that are written out, at most."""


@dataclass(frozen=True)
class Input:
    """One argument of a forward: a tensor of `shape`, or a `value`."""

    name: str | None = None
    """None where it is given by its place."""
    shape: Shape | None = None
    """Of one sample, without the batch axis; None of a value."""
    dtype: str | None = None
    """None until the network's own or float32 takes its place."""
    value: Any = None
    """Of an input that has a shape as well: the numbers that the tensor holds, in lists."""
    whole: bool = False
    """True where the shape is that of the whole argument: no batch axis is added."""
    like: str | None = None
    """The input whose first axis is as long: a box for every token."""

    def __str__(self) -> str:
        """The text that `parse` reads."""
        name = self.name or ""
        if self.shape is None:
            return f"{name}:={_compact(self.value)}"
        shape = "x".join(map(str, self.shape)) or "scalar"
        if self.value is not None:
            return f"{name}={_compact(self.value)}:{self.dtype}"
        dtype = f":{self.dtype}" if self.dtype not in (None, "float32") else ""
        return f"{name}={shape}{dtype}" if name else shape + dtype


def _compact(value: Any) -> str:
    """A literal without the blanks between its parts: a record holds several inputs with a blank between them."""
    if isinstance(value, list):
        return f"[{','.join(map(_compact, value))}]"
    if isinstance(value, tuple):
        return f"({','.join(map(_compact, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_compact(key)}:{_compact(each)}' for key, each in value.items())}}}"
    return repr(value)


def parse(text: str) -> Input:
    """One `--input`. Raises ProfilerError, UnknownName."""
    found = _FORM.fullmatch(text.strip())
    assert found is not None
    name, equals, rest = found["name"], found["equals"], found["rest"].strip()
    if equals == ":=":
        return Input(name, value=_literal(rest, text))
    if (equals and not name) or not rest:
        raise ProfilerError(f"input '{text}' is not a valid input; write it as {EXAMPLES}")
    if rest.lower() in _WORDS:
        return Input(name, value=_WORDS[rest.lower()])
    sides, colon, dtype = rest.partition(":")
    if colon:
        dtype = _SHORT.get(dtype.strip().lower(), dtype.strip().lower())
        if dtype not in DTYPES:
            raise UnknownName("dtype", dtype, DTYPES, f"(in --input {text})")
    if sides.lstrip().startswith("["):
        return _numbers(name, sides, dtype, text)
    if sides.strip().lower() == "scalar":
        return Input(name, (), dtype or None)
    if not name:
        grid.check_one_shape(rest)
    try:
        shape = grid.shape(sides)
        if len(shape) > MOST_AXES:
            raise ValueError
        return Input(name, shape, dtype or None)
    except (ProfilerError, ValueError):  # a number of 5,000 digits is none to Python
        text = text if len(text) <= 80 else f"{text[:80]}…"
        raise ProfilerError(f"input '{text}' is neither a shape nor a value; write it as {EXAMPLES}") from None


def _literal(text: str, whole: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # TypeError: {[]: 1}, a key that cannot be one
        shown = text if len(text) <= 80 else f"{text[:80]}…"
        raise ProfilerError(
            f"input '{whole[:80]}': '{shown}' is not a Python literal; write a number, a 'text', [1, 2] or none"
        ) from None


def _numbers(name: str | None, text: str, dtype: str, whole: str) -> Input:
    """A tensor that holds the numbers of a list, as `[1,16,16]` or `[[0,1],[2,3]]`."""
    value = _literal(text.strip(), whole)
    shape: list[int] = []
    flat: list[Any] = [value]
    while flat and all(isinstance(each, list) for each in flat):
        sides = {len(each) for each in flat}
        flat = [each for row in flat for each in row]
        shape.append(max(sides))
        if len(sides) > 1 or not flat or len(flat) > MOST_NUMBERS or len(shape) > 8:
            break
    if not flat or prod(shape) != len(flat) or not all(isinstance(each, bool | int | float) for each in flat):
        raise ProfilerError(
            f"input '{whole[:80]}' is not a list of numbers, of up to {MOST_NUMBERS} in equal rows; write it as "
            "grid=[[1,16,16]]"
        )
    kind = "bool" if all(isinstance(each, bool) for each in flat) else "int64"
    return Input(name, tuple(shape), dtype or ("float32" if any(isinstance(each, float) for each in flat) else kind), value)


def inputs(given: Any) -> tuple[Input, ...]:
    """Inputs from what a caller writes: a shape or a text, several of them, or a dict of them by name. Raises as `parse`."""
    if given is None:
        return ()
    if isinstance(given, Mapping):
        return tuple(replace(_one(each), name=str(name)) for name, each in given.items())
    several = isinstance(given, list | tuple) and not (given and all(isinstance(side, int) for side in given))
    found = tuple(map(_one, given)) if several else (_one(given),)
    names = [each.name for each in found if each.name is not None]
    for name in names:
        if names.count(name) > 1:
            raise ProfilerError(f"input '{name}' is given twice; give each once")
        if any(other.startswith(f"{name}.") for other in names):
            raise ProfilerError(f"input '{name}' is given as one tensor and as a dict of several; give one of them")
    after_a_name = False
    for each in found:
        if each.name is None and after_a_name:
            raise ProfilerError(f"input '{each}' has no name but follows one that has; give inputs without a name first")
        after_a_name = each.name is not None
    return found


def _one(given: Any) -> Input:
    if isinstance(given, Input):
        return given
    if isinstance(given, str):
        return parse(given)
    if given is None or isinstance(given, bool | float):
        return Input(value=given)
    if isinstance(given, list | tuple) and not given:
        return Input(None, ())  # one number a sample
    return Input(None, grid.sample(given))


def merged(given: Sequence[Input], native: Sequence[Input], dtype_of: Mapping[str, str] | None = None) -> tuple[Input, ...]:
    """`given` with the names and dtypes that the network's own inputs have; those of its own that are not given stay.

    `dtype_of` says what a name that ends in one of its keys holds.
    """
    own = {each.name: each for each in native}
    free = [each for each in native if each.name not in {one.name for one in given}]
    found = []
    for each in given:
        like = own.get(each.name) if each.name is not None else (free.pop(0) if free else None)
        if like is not None and each.shape is not None:
            each = replace(each, name=like.name, dtype=each.dtype or like.dtype, whole=like.whole)
        elif like is not None:
            each = replace(each, name=like.name)
        for ending, dtype in (dtype_of or {}).items():
            if each.shape is not None and each.dtype is None and (each.name or "").endswith(ending):
                each = replace(each, dtype=dtype)
        found.append(each)
    kept = [each for each in native if each.name is not None and each.name not in {one.name for one in found}]
    lengths = {each.name: each.shape[0] for each in found if each.shape}
    for i, each in enumerate(kept):
        if each.like in lengths and each.shape:
            kept[i] = replace(each, shape=(lengths[each.like], *each.shape[1:]))
    return (*found, *kept)


def shapes(given: Iterable[Input]) -> tuple[Shape, ...]:
    """The shapes of the tensors among `given`."""
    return tuple(each.shape for each in given if each.shape is not None)


def resized(given: Sequence[Input], side: int, name: str) -> tuple[Input, ...]:
    """`given` with the last two axes of the first image at `side`, those of other images in proportion.

    An image has three axes or more. Raises ProfilerError where there is none, or where pixels would be cut.
    """
    images = [each.shape for each in given if each.shape is not None and len(each.shape) >= 3]
    if not images:
        raise ProfilerError(
            f"{name}: the input {' '.join(map(str, given)) or 'nothing'} has no height and width to set; give --input"
        )
    base = images[0][-1]
    found = []
    for each in given:
        if each.shape is not None and len(each.shape) >= 3:
            first = each.shape == images[0]
            if not first and any(size * side % base for size in each.shape[-2:]):
                raise ProfilerError(f"{name}: at a side of {side} its other inputs would not be whole pixels; give a multiple")
            sides = (side, side) if first else tuple(size * side // base for size in each.shape[-2:])
            each = replace(each, shape=(*each.shape[:-2], *sides))
        found.append(each)
    return tuple(found)


def example(given: Iterable[Input], batch: int | None, device: str) -> Call:
    """Arguments for a forward: (args, kwargs), tensors on `device`, a batch axis put before each shape unless `batch` is None.

    Off the meta device, floats are drawn from a generator of their own, integers are 0 (1 in a mask) and booleans True.
    Integers that were written out keep their values, there too. Raises ProfilerError for more elements than a tensor has.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for each in given:
        value = each.value if each.shape is None else _tensor(each, batch, device, generator)
        if each.name is None:
            args.append(value)
            continue
        at: dict[str, Any] = kwargs
        *folders, last = each.name.split(".")
        for folder in folders:
            at = at.setdefault(folder, {})
        at[last] = value
    return tuple(args), {name: _listed(value) for name, value in kwargs.items()}


def _tensor(given: Input, batch: int | None, device: str, generator: Any) -> Tensor:
    import torch

    assert given.shape is not None
    shape = given.shape if batch is None or given.whole else (batch, *given.shape)
    if prod(shape) > MOST_ELEMENTS:
        raise ProfilerError(
            f"input '{given}' has {prod(shape)} elements with its batch, more than a tensor holds; give a smaller shape"
        )
    dtype: Any = getattr(torch, given.dtype or "float32")
    if given.value is not None and not (device == "meta" and dtype.is_floating_point):
        # values stay values beside the meta device, for the forward that asks for them
        held = torch.tensor(given.value, dtype=dtype, device="cpu" if device == "meta" else device)
        return held.expand(shape).clone()
    if device == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    if dtype.is_floating_point or dtype.is_complex:
        wide = dtype if dtype.is_complex else torch.float32
        return torch.randn(shape, dtype=wide, generator=generator, device="cpu").to(dtype=dtype, device=device)
    full = dtype is torch.bool or "mask" in (given.name or "")
    return torch.full(shape, int(full), dtype=dtype, device=device)


def _listed(value: Any) -> Any:
    """Nested dicts whose keys are 0, 1, … as lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(each) for key, each in value.items()}
    return list(inner.values()) if inner and list(inner) == [str(i) for i in range(len(inner))] else inner
