"""Rules over the last axis: layers, functions of weights, views, shared, replaced and tied weights, hooks, casts."""

from __future__ import annotations

from tests.tracing.grammar.writer import Writer, rule


@rule(2, 3)
def linear(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    w.say(f"x = {w.own(f'nn.Linear({n}, {m}, bias={w.rng.random() < 0.5})')}(x)")
    w.last(m)


@rule(2, 3)
def square(w: Writer) -> None:
    """A layer that may be called again later on."""
    n = w.shape[-1]
    layer = w.own(f"nn.Linear({n}, {n})")
    w.square.append((layer, n, 0))
    w.say(f"x = {layer}(x)")


@rule(2, 3, 4)
def again(w: Writer) -> None:
    """A shared layer."""
    fit = [
        layer
        for layer, n, axes in w.square
        if (axes == 0 and len(w.shape) < 4 and w.shape[-1] == n) or (axes == 4 == len(w.shape) and w.shape[1] == n)
    ]
    if fit:
        w.say(f"x = x + {w.rng.choice(fit)}(x)")


@rule(2, 3)
def function_of_a_weight(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    w.say(w.one(
        lambda: f"x = F.linear(x, {w.weight(m, n)})", lambda: f"x = x @ {w.weight(n, m)}", lambda: f"x = torch.einsum('...i,io->...o', x, {w.weight(n, m)})",
        lambda: f"x = torch.tensordot(x, {w.weight(n, m)}, 1)", lambda: f"x = x.matmul({w.weight(n, m)})",
    ))  # fmt: skip
    w.last(m)


@rule(2, 3)
def view_of_a_weight(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    form, shape = w.rng.choice((
        ("{}.t()", (n, m)), ("{}[1]", (3, m, n)), (f"{{}}[:{m}]", (m + 2, n)), ("{}.unbind()[0]", (2, m, n)), (f"{{}}.view({m}, {n})", (m * n,)),
        ("{}.detach()", (m, n)), (f"{{}}.narrow(1, 0, {n})", (m, n + 1)), ("{}.squeeze(0)", (1, m, n)), ("{}.chunk(2)[1]", (2 * m, n)),
        ("{}[::2]", (2 * m, n)), ("next(iter({}))", (2, m, n)), ("{}.data", (m, n)), ("{}.permute(1, 0)", (n, m)),
    ))  # fmt: skip
    w.say(f"x = F.linear(x, {form.format(w.weight(*shape))})")
    w.last(m)


@rule(2, 3)
def parameter_of_the_input(w: Writer) -> None:
    """A parameter given to a stock module."""
    n = w.shape[-1]
    layer = w.own(f"nn.Linear({n}, {n})")
    w.say(f"x = x + {layer}({w.weight(n)}[None])")


@rule(2, 3)
def gate(w: Writer) -> None:
    w.say(f"x = x * {w.weight(2)}[0]")


@rule(2, 3)
def norm(w: Writer) -> None:
    n = w.shape[-1]
    w.say(w.one(
        lambda: f"x = {w.own(f'nn.LayerNorm({n})')}(x)", lambda: f"x = {w.own(f'nn.RMSNorm({n})')}(x)", lambda: f"x = F.layer_norm(x, ({n},), {w.weight(n)})",
        lambda: "x = F.normalize(x, dim=-1)", lambda: f"x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * {w.weight(n)}",
    ))  # fmt: skip


@rule(2, 3, 4)
def activation(w: Writer) -> None:
    w.say(w.one(
        lambda: "x = F.gelu(x)", lambda: "x = x.relu()", lambda: f"x = {w.own('nn.SiLU()')}(x)", lambda: f"x = {w.own('nn.Dropout(0.5)')}(x)", lambda: "x = x.softmax(-1)",
        lambda: f"x = {w.own('nn.PReLU()')}(x)", lambda: "x = torch.where(x > 0, x, 0.1 * x)", lambda: f"x = {w.own('nn.Identity()')}(x)", lambda: "x = F.glu(torch.cat((x, x), 1), 1)",
        lambda: f"x = {w.own('nn.ReLU(inplace=True)')}(x + 0)", lambda: "x = x.clamp(0, 6) * x.sigmoid()",
    ))  # fmt: skip


@rule(2, 3, 4)
def in_place(w: Writer) -> None:
    w.say(w.rng.choice((
        "x = (x + 0).relu_()", "x = x.clone(); x[:, 0] = 0", "x = (x * 1).add_(1).mul_(2)", "x = x.clone(); x.masked_fill_(x > 0, 0.0)",
        "x = x.clone(); x[:, :1].zero_()", "x = x.clone().clamp_(0, 1)", "y = x.clone(); y += x; x = y",
    )))  # fmt: skip


@rule(2, 3)
def replaced(w: Writer) -> None:
    """A layer whose weight was replaced by one of another size."""
    n, m = w.shape[-1], w.width()
    layer = w.own(f"nn.Linear({n}, {m + 3})")
    w.init.append(w.rng.choice((
        f"{layer}.weight, {layer}.bias = nn.Parameter(torch.zeros({m}, {n})), nn.Parameter(torch.zeros({m}))",
        f"{layer}.weight.data, {layer}.bias.data = {layer}.weight.data[:{m}], {layer}.bias.data[:{m}]",
        f"{layer}.weight, {layer}.bias = nn.Parameter(torch.zeros({m}, {n})), None",
    )))  # fmt: skip
    w.say(f"x = {layer}(x)")
    w.last(m)


@rule(2, 3)
def functional(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    layer = w.own(f"nn.Linear({n}, {m})")
    w.say(w.one(
        lambda: f"x = functional_call({layer}, dict({layer}.named_parameters()), (x,))",
        lambda: f"x = functional_call({layer}, {{k: v * 0.5 for k, v in {layer}.named_parameters()}}, (x,))",
        lambda: f"x = functional_call({layer}, {{'weight': {w.weight(m, n)}}}, (x,))",
    ))  # fmt: skip
    w.last(m)


@rule(2, 3)
def tied(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    a, b = w.own(f"nn.Linear({n}, {m}, bias=False)"), w.own(f"nn.Linear({n}, {m})")
    w.init.append(f"{b}.weight = {a}.weight")
    w.say(f"x = {a}(x) + {b}(x)")
    w.last(m)


@rule(2, 3)
def hooked(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    layer = w.own(f"nn.Linear({n}, {m})")
    hook = w.one(
        lambda: "hook(lambda m, i, o: o * 2)", lambda: "pre_hook(lambda m, i: (i[0] + 1,))", lambda: "hook(lambda m, i, o: None)",
        lambda: f"hook(lambda m, i, o: {w.own(f'nn.Linear({m}, {m})', 'extra')}(o))",
        lambda: f"hook(lambda m, i, o: torch.cat((o, o), -1)[..., :{m}])",
    )  # fmt: skip
    w.init.append(f"{layer}.register_forward_{hook}")
    w.say(f"x = {layer}(x)")
    w.last(m)


@rule(2, 3, 4)
def unread(w: Writer) -> None:
    """A layer that nothing calls, or whose weight alone is read."""
    n = w.shape[-1]
    layer = w.own(f"nn.Linear({n}, 5)")
    if w.rng.random() < 0.5:
        w.say(f"x = x + {layer}.weight[0]")


@rule(2, 3)
def experts(w: Writer) -> None:
    """Two experts on all rows at once."""
    n, m = w.shape[-1], w.width()
    w.say(
        f"x = torch.{w.rng.choice(('bmm', 'matmul'))}(x.reshape(1, -1, {n}).expand(2, -1, -1), {w.weight(2, n, m)}).sum(0).view({', '.join(map(str, w.shape[:-1]))}, {m})"
    )
    w.last(m)


@rule(2)
def of_vectors(w: Writer) -> None:
    """Products that torch's counter has no formula for; vmap makes products of matrices of some of them."""
    if w.mapped > 1:
        return
    n = w.shape[-1]
    w.say(
        w.one(
            lambda: f"x = x * (x @ {w.weight(n)})[:, None]",
            lambda: f"x = x + torch.mv(x, {w.weight(n)})[:, None]",
            lambda: f"x = x + {w.weight(n)}.dot({w.weight(n)})",
        )
    )
    w.missed += n if ".dot(" in w.body[-1] else w.rows * n


@rule(2, 3)
def bilinear(w: Writer) -> None:
    if w.mapped > 1:
        return
    n = w.shape[-1]
    w.say(f"x = {w.own(f'nn.Bilinear({n}, {n}, 4)')}(x, x)")
    w.missed += w.rows * (4 * n * n + 4 * n)
    w.last(4)


@rule(2, 3)
def complex_product(w: Writer) -> None:
    n = w.shape[-1]
    w.say(w.one(
        lambda: f"x = (torch.complex(x, x) @ {w.weight(n, 4, dtype='torch.complex64')}).real",
        lambda: f"x = {w.own(f'nn.Linear({n}, 4, bias=False, dtype=torch.complex64)')}(torch.complex(x, x)).abs()",
    ))  # fmt: skip
    w.missed += 3 * w.rows * n * 4
    w.last(4)


@rule(2, 3)
def other_dtype(w: Writer) -> None:
    n, m = w.shape[-1], w.width()
    method = w.rng.choice(("half", "bfloat16", "double"))
    w.say(f"x = {w.own(f'nn.Linear({n}, {m}).{method}()')}(x.{method}()).float()")
    w.last(m)


@rule(2, 3)
def lazy(w: Writer) -> None:
    if w.mapped > 1:
        return
    m = w.width()
    w.say(f"x = {w.own(f'nn.LazyLinear({m})', 'lazy')}(x)")
    w.last(m)


@rule(2)
def added(w: Writer) -> None:
    """A product with what is added to it, in the order of its arguments, into a place, or scaled."""
    n = w.shape[-1]
    m = w.width()
    w.say(w.one(
        lambda: f"x = torch.addmm({w.weight(m)}, x, {w.weight(n, m)})", lambda: f"x = torch.addmm({w.weight(m)}, x, {w.weight(n, m)}, beta=0.5, alpha=2)",
        lambda: f"x = torch.mm(x, {w.weight(n, m)})", lambda: f"x = torch.linalg.multi_dot([x, {w.weight(n, m)}])",
    ))  # fmt: skip
    w.last(m)


@rule(2, 3)
def normalised_weight(w: Writer) -> None:
    """Weights that are made of parameters at every call."""
    n, m = w.shape[-1], w.width()
    w.say(w.one(
        lambda: f"x = {w.own(f'nn.utils.parametrizations.weight_norm(nn.Linear({n}, {m}))')}(x)",
        lambda: f"x = F.linear(x, F.layer_norm({w.weight(m, n)}, ({n},)))",
        lambda: f"x = F.linear(x, {w.weight(m, 2)} @ {w.weight(2, n)})",
        lambda: f"x = F.linear(x, torch.cat(({w.weight(1, n)}, {w.weight(m - 1, n)})))",
        lambda: f"x = F.linear(x, {w.weight(m, n)}.tril())",
    ))  # fmt: skip
    w.last(m)


@rule(2, 3, 4)
def listed(w: Writer) -> None:
    """Layers in containers, of which one that torch does not know."""
    n = w.shape[-1]
    w.say(w.one(
        lambda: f"for layer in {w.own(f'nn.ModuleList([nn.Linear({n}, {n}) for _ in range(2)])')}:\n    x = layer(x)",
        lambda: f"x = {w.own(f'nn.Sequential(nn.Linear({n}, {n}), nn.GELU(), nn.Sequential(nn.Linear({n}, {n}, bias=False)))')}(x)",
        lambda: f"x = {w.own(f'nn.ModuleDict({{chr(97): nn.Linear({n}, {n})}})')}['a'](x)",
        lambda: f"x = x @ {w.own(f'nn.ParameterList([nn.Parameter(torch.zeros({n}, {n}))])')}[0]",
        lambda: f"x = {w.own(f'[nn.Linear({n}, {n})]', 'plain')}[0](x)",
    ))  # fmt: skip
    if "self.plain" in w.body[-1]:
        w.outside += n * n + n
