"""A grammar of modules: a seed makes the source of one, as Python text that can be read and run again, with what torch's counter misses."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from textwrap import indent

HEAD = """
import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
"""


@dataclass(frozen=True)
class Generated:
    """One module's source, and what FlopCounterMode leaves out of its multiply-adds."""

    source: str
    missed: int
    """Products with vectors, bilinear ones, and three of the four products of complex numbers."""
    outside: int
    """Parameters that it reads and that are in no attribute that torch knows."""
    changes: bool
    """Whether its forward changes attributes of the module."""


@dataclass
class Writer:
    """Writes one class: `body` takes `x` of `shape` (N, C), (N, T, C) or (N, C, H, W) and gives it another."""

    rng: random.Random
    shape: tuple[int, ...]
    names: list[int] = field(default_factory=lambda: [0])
    classes: list[str] = field(default_factory=list)
    init: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    square: list[tuple[str, int, int]] = field(default_factory=list)
    """Layers that give the width and axes that they take, which may be called again."""
    missed: int = 0
    outside: int = 0
    changes: bool = False
    mapped: int = 1
    """Members of the vmap around it."""
    depth: int = 0

    def name(self, prefix: str) -> str:
        self.names[0] += 1
        return f"{prefix}{self.names[0]}"

    def own(self, value: str, prefix: str = "l") -> str:
        """An attribute of the module."""
        name = self.name(prefix)
        self.init.append(f"self.{name} = {value}")
        return f"self.{name}"

    def weight(self, *shape: int, dtype: str = "torch.float32") -> str:
        return self.own(f"nn.Parameter(torch.zeros({', '.join(map(str, shape))}, dtype={dtype}))", "w")

    def one(self, *options: Callable[[], str]) -> str:
        """One of several, of which only it makes what it needs."""
        return self.rng.choice(options)()

    def say(self, line: str) -> None:
        self.body.append(line)

    def width(self) -> int:
        return self.rng.choice((4, 6, 8, 12))

    def to(self, *shape: int) -> None:
        self.shape = shape

    def last(self, width: int) -> None:
        self.shape = (*self.shape[:-1], width)

    @property
    def rows(self) -> int:
        """Rows of a product over the last axis, those of every member."""
        return prod(self.shape[:-1]) * self.mapped

    def inside(self) -> Writer:
        """A writer of a function within this class."""
        return Writer(
            self.rng, self.shape, self.names, self.classes, self.init, [], self.square, mapped=self.mapped, depth=self.depth + 1
        )  # fmt: skip

    def take(self, inner: Writer) -> None:
        self.shape, self.changes = inner.shape, self.changes or inner.changes
        self.missed += inner.missed
        self.outside += inner.outside

    def function(self, inner: Writer) -> str:
        name = self.name("f")
        self.body.append(f"def {name}(x):\n{indent(chr(10).join([*inner.body, 'return x']), '    ')}")
        return name

    def statements(self, least: int, most: int) -> None:
        for _ in range(self.rng.randint(least, most)):
            usable = [rule for axes, rule in RULES if len(self.shape) in axes]
            self.rng.choice(usable)(self)
            if prod(self.shape) > 4000:
                self.say("x = x[:, :2]")
                self.to(self.shape[0], 2, *self.shape[2:])

    def written(self, name: str) -> str:
        init = "\n".join(["super().__init__()", *self.init])
        body = "\n".join([*self.body, "return x"])
        return f"class {name}(nn.Module):\n    def __init__(self):\n{indent(init, ' ' * 8)}\n\n    def forward(self, x):\n{indent(body, ' ' * 8)}\n"


Rule = Callable[[Writer], None]
RULES: list[tuple[tuple[int, ...], Rule]] = []
"""Every rule with the numbers of axes that it takes."""


def rule(*axes: int) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        RULES.append((axes, function))
        return function

    return add


def generate(seed: int) -> Generated:
    """The module of a seed: `make()` builds it, `given()` its arguments, `hooks()` sets hooks of all modules and gives their handles."""
    from tests.tracing.grammar import around, changes, images, rows, sequences  # noqa: F401  # they fill RULES

    rng = random.Random(seed)
    n = rng.randint(2, 3)
    shape = rng.choice(((n, 8), (n, rng.randint(2, 5), 8), (n, rng.choice((4, 6)), rng.randint(5, 7), rng.randint(5, 7))))
    writer = Writer(rng, shape)
    writer.statements(3, 7)
    everywhere = rng.choice(("[]",) * 5 + (
        "[nn.modules.module.register_module_forward_hook(lambda m, i, o: o * 2 if isinstance(m, nn.Linear) else None)]",
        "[nn.modules.module.register_module_forward_pre_hook(lambda m, i: (i[0] + 1,) if isinstance(m, nn.Conv2d) else None)]",
    ))  # fmt: skip
    source = "\n\n".join([
        HEAD.strip(), *writer.classes, writer.written("Net"), "def make():\n    return Net().eval()",
        f"def given():\n    return (torch.ones({', '.join(map(str, shape))}),)", f"def hooks():\n    return {everywhere}\n",
    ])  # fmt: skip
    return Generated(source, writer.missed, writer.outside, writer.changes)
