"""A place: a network at a point, by name or as it was given, with its options, α, side, input and batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

PLACE = ("model", "options", "alpha", "resolution", "input", "batch")
"""The columns of a record that say what was counted, and where."""


class Place(NamedTuple):
    """A network at a point: as the user asks for it, or as a record holds it (which has no ρ: its side is known)."""

    model: Any
    """A name of the zoo, a reference, a Layer or an nn.Module."""
    options: Mapping[str, Any] = {}
    alpha: Any = None
    resolution: Any = None
    input: Any = None
    batch: Any = 1
    rho: Any = None
    over: Mapping[str, Any] = {}
    """Ranges of options besides, `{key: values}`, where a study runs over them; a record has none."""
    label: str | None = None
    """What the user calls it, in words alone: two places are of one network whatever it is called."""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Place:
        """The place of a record, or of what else has some of its columns."""
        known = {name: record[name] for name in (*PLACE, "label") if name in record}
        return cls(**{"batch": None, **known, "options": dict(known.get("options") or {})})

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of a record that say where it was counted."""
        return {name: getattr(self, name) for name in PLACE} | {"options": dict(self.options)}

    @property
    def key(self) -> str:
        """The same for the same network at the same point, whatever run it is of."""
        return key(self.columns)

    def __str__(self) -> str:
        """`mobilenet_v1 (separable=false, α 0.5, 160, batch 8)`: what is not as usual, in words."""
        return str(self.label or self.model) + (f" ({', '.join(words)})" if (words := self.words()) else "")

    def words(self) -> list[str]:
        """Its options, and where α, the side and the batch stand."""
        alpha = [] if self.alpha in (None, 1) else [f"α {self.alpha:g}"]
        batch = [] if self.batch in (None, 1) else [f"batch {self.batch}"]
        return [*written(self.options), *alpha, *self._size(), *batch]

    def _size(self) -> list[str]:
        """The side of an image; of anything else the whole input, where that is known."""
        whole = self.input if isinstance(self.input, str) else ""
        sides = whole.split("x")
        if self.resolution and (not whole or (" " not in whole and len(sides) == 3)):
            return [str(self.resolution)]
        return [whole] if whole else [str(self.resolution)] if self.resolution else []


def written(options: Mapping[str, Any]) -> list[str]:
    """`key=value` of each option, as `--set` takes them."""
    return [f"{name}={str(value).lower()}" for name, value in options.items()]


def key(record: Mapping[str, Any], names: Sequence[str] = PLACE) -> str:
    """What two records have in common that are the same in these columns, as JSON."""
    return json.dumps([record.get(name) for name in names], sort_keys=True, default=str)


def shape(sides: Sequence[int]) -> str:
    """`3x224x224`."""
    return "x".join(map(str, sides))
