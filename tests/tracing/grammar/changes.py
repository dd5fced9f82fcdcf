"""Rules that change the module while it runs: weights, layers, forwards and attributes between two calls, and gradients inside."""

from __future__ import annotations

from tests.tracing.grammar.writer import Writer, rule


@rule(2, 3)
def weight_between(w: Writer) -> None:
    """Another weight for the second call of a layer, and its own again."""
    n, m = w.shape[-1], w.width()
    layer, other = w.own(f"nn.Linear({n}, {n}, bias=False)"), w.weight(m, n)
    w.say(f"x = {layer}(x)")
    w.say(f"kept = {layer}.weight\n{layer}.weight = {other}\nx = {layer}(x)\n{layer}.weight = kept")
    w.last(m)
    w.changes = True


@rule(2, 3)
def layer_between(w: Writer) -> None:
    """Another layer in a container for its second call."""
    n = w.shape[-1]
    block, other = w.own(f"nn.Sequential(nn.Linear({n}, {n}), nn.ReLU())"), w.own(f"nn.Linear({n}, {n}, bias=False)")
    w.say(f"x = {block}(x)")
    w.say(f"kept = {block}[0]\n{block}[0] = {other}\nx = {block}(x)\n{block}[0] = kept")
    w.changes = True


@rule(2, 3)
def forward_between(w: Writer) -> None:
    """A forward of an object's own for the second call."""
    n, m = w.shape[-1], w.width()
    layer, other = w.own(f"nn.Linear({n}, {n})"), w.weight(m, n)
    w.say(f"x = {layer}(x)\n{layer}.forward = lambda y: F.linear(y, {other})\nx = {layer}(x)\ndel {layer}.forward")
    w.last(m)
    w.changes = True


@rule(4)
def pool_between(w: Writer) -> None:
    """One adaptive pool to several sides, each before the same convolution."""
    b, n = w.shape[:2]
    pool, conv = w.own("nn.AdaptiveAvgPool2d(1)"), w.own(f"nn.Conv2d({n}, 4, 1)")
    w.say(
        f"y = []\nfor side in (1, 2):\n    {pool}.output_size = side\n    y.append({conv}({pool}(x)).flatten(1))\n{pool}.output_size = 1"
    )
    w.say("x = torch.cat(y, 1)")
    w.to(b, 4 * (1 + 4))
    w.changes = True


@rule(2, 3)
def hook_between(w: Writer) -> None:
    """A hook that is there for one of two calls."""
    n = w.shape[-1]
    layer = w.own(f"nn.Linear({n}, {n})")
    w.say(f"handle = {layer}.register_forward_hook(lambda m, i, o: torch.cat((o, o), 0))")
    w.say(f"x = {layer}(x)\nhandle.remove()\nx = {layer}(x)\nx = x[: x.shape[0] // 2]")
    w.changes = True


@rule(2, 3)
def forward_mode(w: Writer) -> None:
    """A tangent beside the value; torch makes one of the weight as well, of zeros."""
    if w.mapped > 1:
        return
    n, m = w.shape[-1], w.width()
    w.say(f"x = torch.func.jvp(lambda y: y @ {w.weight(n, m)}, (x,), (torch.ones_like(x),))[1]")
    w.last(m)


@rule(2, 3)
def gradient(w: Writer) -> None:
    """The gradient of a product by its input, by functorch."""
    if w.mapped > 1:
        return
    n, m = w.shape[-1], w.width()
    w.say(f"x = torch.func.grad(lambda y: (y @ {w.weight(n, m)}).pow(2).sum())(x)")
