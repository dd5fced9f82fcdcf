"""Rules around other statements: parts, residuals, checkpoints, autocast, vmap and ensembles."""

from __future__ import annotations

from math import prod
from textwrap import indent

from tests.tracing.grammar.images import convolution, norm_of_an_image
from tests.tracing.grammar.rows import activation, linear, norm
from tests.tracing.grammar.writer import Writer, rule


@rule(2, 3, 4)
def part(w: Writer) -> None:
    """A module of its own, called once, or twice where it gives what it takes."""
    if w.depth > 1:
        return
    inner = Writer(w.rng, w.shape, w.names, w.classes, depth=w.depth + 1, mapped=w.mapped)
    inner.statements(1, 3)
    name = w.name("Part")
    w.classes.append(inner.written(name))
    layer = w.own(f"{name}()", "part")
    twice = inner.shape == w.shape and w.rng.random() < 0.5
    w.take(inner)
    w.missed += inner.missed if twice else 0
    w.say(f"x = {layer}({layer}(x))" if twice else f"x = {layer}(x)")


@rule(2, 3, 4)
def residual(w: Writer) -> None:
    if w.depth > 1:
        return
    inner = w.inside()
    inner.statements(1, 2)
    name, same = w.function(inner), inner.shape == w.shape
    w.take(inner)
    w.say(f"x = x + {name}(x)" if same else f"x = {name}(x)")


@rule(2, 3, 4)
def checkpointed(w: Writer) -> None:
    if w.depth > 1 or w.mapped > 1:
        return
    inner = w.inside()
    inner.statements(1, 3)
    name = w.function(inner)
    w.take(inner)
    w.say(f"x = checkpoint({name}, x, use_reentrant=False)")


@rule(2, 3, 4)
def autocast(w: Writer) -> None:
    """A region of bfloat16, of a product and what follows it."""
    if w.mapped > 1 or w.depth > 1:
        return
    inner = w.inside()
    (convolution if len(w.shape) == 4 else linear)(inner)
    (norm_of_an_image if len(w.shape) == 4 else norm)(inner)
    activation(inner)
    w.take(inner)
    w.say("with torch.autocast('cpu', torch.bfloat16):\n" + indent("\n".join(inner.body), "    "))
    w.say("x = x.float()")


@rule(3, 4)
def mapped(w: Writer) -> None:
    """vmap over the first axis: of a sequence its samples are matrices, of images each is a batch of one."""
    if w.depth > 1 or w.mapped > 1:
        return
    b = w.shape[0]
    inner = w.inside()
    inner.mapped = b
    image = len(w.shape) == 4
    inner.shape = (1, *w.shape[1:]) if image else w.shape[1:]
    inner.statements(1, 3)
    if image:
        inner.body = ["x = x.unsqueeze(0)", *inner.body, "x = x.squeeze(0)"]
    name = w.function(inner)
    w.take(inner)
    w.to(b, *(inner.shape[1:] if image else inner.shape))
    w.say(f"x = vmap({name}, randomness='different')(x)")
    if len(w.shape) > 4 or prod(w.shape) == 0:
        raise ValueError(w.shape)


@rule(2, 3)
def ensemble(w: Writer) -> None:
    """Weights stacked, and a layer mapped over them."""
    if w.mapped > 1:
        return
    n, m = w.shape[-1], w.width()
    layer, weight = w.own(f"nn.Linear({n}, {m}, bias=False)"), w.weight(3, m, n)
    w.say(f"x = vmap(lambda p, y: functional_call({layer}, {{'weight': p}}, (y,)), in_dims=(0, None))({weight}, x).sum(0)")
    w.last(m)
