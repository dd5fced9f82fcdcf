"""The networks that a study is given → one by one: patterns become all that they match, labels are taken off. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

from profiler import grid
from profiler.errors import ProfilerError, UnknownName, quoted
from profiler.load.load import Model, checked_label, is_reference, labelled, parse
from profiler.records.place import Place
from profiler.study.axes import Grid, cells_over, value_of
from profiler.study.cells import Cell
from profiler.study.listing import names_of

Given = Model | Mapping[str, Model]
"""A model, a pattern of names, or models by their labels."""
MOST_MATCHED = 64
"""Networks of a library that a pattern may name unasked: each is built and traced."""


def most_matched(asked: bool) -> int:
    """How many networks of a library a pattern may name: any number that a table holds, where the user says who counts them."""
    return grid.MOST_POINTS if asked else MOST_MATCHED


class Named(NamedTuple):
    """A network of a study, and what its rows are called where the user says."""

    model: Model
    label: str | None = None

    @property
    def name(self) -> str:
        """What its rows are called."""
        if self.label is not None:
            return self.label
        return parse(self.model)[0] if isinstance(self.model, str) else type(self.model).__name__


def named(models: Iterable[Given | Named], most: int = MOST_MATCHED) -> list[Named]:
    """The networks in their order. `Ours=net.py:Net` and `{"Ours": module}` are labels, `mobilenet_v3*` is a pattern.

    A pattern of a library may name `most` networks.

    Raises ProfilerError for a label that two rows would have, UnknownName for a pattern that matches nothing.
    """
    found: list[Named] = []
    for given in models:
        if isinstance(given, Named):
            found.append(given)
        elif isinstance(given, Mapping):
            for label, model in given.items():
                found += _of_label(model, checked_label(quoted(label)), most)
        elif isinstance(given, str):
            own, name = labelled(given)
            there = [each.model for each in found if each.label is None] if is_pattern(str(name)) else []
            found += [each for each in _of_label(name, own, most) if each.model not in there]
        else:
            found.append(Named(given))
    _check_labels(found)
    return found


def _of_label(model: Model, label: str | None, most: int) -> list[Named]:
    if not isinstance(model, str) or not is_pattern(model):
        return [Named(model, label)]
    matched = expanded(model, most)
    if label is not None and len(matched) > 1:
        raise ProfilerError(f"label '{label}': {model} matches {len(matched)} networks; label them one by one")
    return [Named(each, label) for each in matched]


def _check_labels(found: Sequence[Named]) -> None:
    names = [each.name for each in found]
    for each in found:
        if each.label is None or names.count(each.label) == 1:
            continue
        if [other.label for other in found].count(each.label) > 1:
            raise ProfilerError(f"label '{each.label}' is given to two networks; give each its own")
        raise ProfilerError(f"label '{each.label}' is the name of another network here; choose another label")


# Patterns


def is_pattern(model: str) -> bool:
    """Whether the name of a model, before its options, has `*` or `?`, or of the zoo a set of letters in brackets."""
    name = model.partition("@")[0]
    return any(sign in name for sign in "*?") or ("[" in name and not is_reference(name))


def expanded(model: str, most: int = MOST_MATCHED) -> list[str]:
    """The models that a pattern names, each with the options behind its `@`; of the zoo, or of `torchvision:`, `timm:`, `hf:`.

    Raises UnknownName where it matches nothing, ProfilerError for more than `most` of a library.
    """
    pattern, at, options = model.partition("@")
    if not is_reference(pattern):
        return [f"{name}{at}{options}" for name in names_of(None, pattern)]
    from profiler.load.schemes import matching  # of libraries, which a network of the zoo does not need

    names = matching(pattern)
    if len(names) > most:
        cure = " or give --jobs, which counts them all" if most == MOST_MATCHED else ""
        raise ProfilerError(
            f"model '{pattern}' matches {len(names):,} networks, more than {most:,}; narrow it{cure}: "
            f"`profiler list '{pattern}'` shows them"
        )
    return [f"{name}{at}{options}" for name in names]


# Their cells


def grid_over(models: Iterable[Given], at: Place, top1: Mapping[str, Any] | None = None, most: int = MOST_MATCHED) -> Grid:
    """Every network at every point of the ranges of `at`, with labels and accuracies. Raises as `cells_over` and `named`."""
    networks = named(models, most)
    made = cells_over([each.model for each in networks], at)
    return made._replace(cells=described(made.cells, networks, top1))


def described(cells: Sequence[Cell], networks: Sequence[Named], top1: Mapping[str, Any] | None = None) -> list[Cell]:
    """The cells of these networks, as many of each, with their labels and the accuracies that the user gives.

    An accuracy is of a label or a model, as written or with the options that single out a point (`mobilenet_v1@alpha=0.5`).
    Raises UnknownName for one of no network here, ProfilerError for one of several points, or that is no percentage.
    """
    each = len(cells) // len(networks)
    made = [replace(cell, label=networks[i // each].label) for i, cell in enumerate(cells)]
    return with_accuracies(made, [networks[i // each] for i in range(len(made))], top1)


def with_accuracies(cells: Sequence[Cell], networks: Sequence[Named], top1: Mapping[str, Any] | None = None) -> list[Cell]:
    """The cells, each of the network beside it, with the accuracies that the user gives. Raises as `described` does."""
    made = list(cells)
    for name, value in (top1 or {}).items():
        percent = _percent(name, value)
        hits = _hits(made, networks, name)
        points = list(dict.fromkeys(str(made[i].place._replace(batch=None)) for i in hits))
        if len(points) > 1:
            some = ", ".join(points[:3]) + (f" and {len(points) - 3} more" if len(points) > 3 else "")
            raise ProfilerError(
                f"--top1 {name}: one accuracy for {len(points)} points ({some}); single one out, as "
                f"--top1 {name.partition('@')[0]}@alpha=0.5,resolution=192={grid.shown(percent)}"
            )
        for i in hits:
            made[i] = replace(made[i], top1=float(percent))
    return made


def _hits(cells: Sequence[Cell], networks: Sequence[Named], name: str) -> list[int]:
    """The cells that `name` is of: a label, a model as written, or either with settings that hold there."""
    written = [i for i, each in enumerate(networks) if name in (each.label, each.model)]
    if written:
        return written
    wanted, own = parse(name)
    found = [
        i
        for i, cell in enumerate(cells)
        if wanted in (cell.label, cell.network.name) and all(_holds(cell, key, value) for key, value in own.items())
    ]
    if not found:
        known = list(dict.fromkeys(each.name for each in networks))
        if wanted in known:
            raise ProfilerError(f"--top1 {name}: {wanted} is not counted at that point here; name one that is")
        raise UnknownName("network", wanted, known, "(in --top1)")
    return found


def _holds(cell: Cell, key: str, value: str) -> bool:
    """Whether a setting of a reference holds at a cell."""
    if key == "alpha":
        return cell.network.alpha is not None and grid.alpha(value) == cell.network.alpha
    if key == "resolution":
        return cell.network.resolution == grid.side(value)
    if key == "input":
        return bool(cell.place.input == value)
    if key == "rho":
        made = cell.network.architecture
        native = made.inputs(cell.network.options)[0][-1] if made is not None else None
        return native is not None and cell.network.resolution == floor(grid.rho(value) * native + Fraction(1, 2))
    found = value_of(cell.network, key)
    return found is not None and str(found).lower() == value.lower()


def _percent(name: str, value: Any) -> Fraction:
    text = value.strip().removesuffix("%") if isinstance(value, str) else value
    found = grid.exact(text, f"--top1 {name}", "74.1")
    if 0 < found < 1:
        raise ProfilerError(f"--top1 {name}: {grid.shown(found)} is below 1; write the accuracy in percent, as 74.1")
    if not 1 <= found <= 100:
        raise ProfilerError(f"--top1 {name}: {grid.shown(found)} is not a percentage; write the accuracy in percent, as 74.1")
    return found
