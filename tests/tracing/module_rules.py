"""The rules of the grammar of modules: layers, functions, views, shared and replaced weights, transforms, casts, hooks."""

from __future__ import annotations

from math import prod
from textwrap import indent

from tests.tracing.module_grammar import Writer, rule

# Over the last axis


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
    fit = [layer for layer, n, axes in w.square if (axes == 0 and len(w.shape) < 4 and w.shape[-1] == n) or (axes == 4 == len(w.shape) and w.shape[1] == n)]
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
        ("{}.t()", (n, m)), ("{}[1]", (3, m, n)), ("{}[:%d]" % m, (m + 2, n)), ("{}.unbind()[0]", (2, m, n)), ("{}.view(%d, %d)" % (m, n), (m * n,)),
        ("{}.detach()", (m, n)), ("{}.narrow(1, 0, %d)" % n, (m, n + 1)), ("{}.squeeze(0)", (1, m, n)), ("{}.chunk(2)[1]", (2 * m, n)),
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
    w.say(f"x = torch.{w.rng.choice(('bmm', 'matmul'))}(x.reshape(1, -1, {n}).expand(2, -1, -1), {w.weight(2, n, m)}).sum(0).view({', '.join(map(str, w.shape[:-1]))}, {m})")
    w.last(m)


@rule(2)
def of_vectors(w: Writer) -> None:
    """Products that torch's counter has no formula for."""
    n = w.shape[-1]
    w.say(w.one(lambda: f"x = x * (x @ {w.weight(n)})[:, None]", lambda: f"x = x + torch.mv(x, {w.weight(n)})[:, None]", lambda: f"x = x + {w.weight(n)}.dot({w.weight(n)})"))
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


# Sequences


@rule(3)
def attention(w: Writer) -> None:
    """In batch, heads and width as they come, causal, masked, or with learned queries for all samples."""
    _, t, n = w.shape
    w.say(w.one(
        lambda: "x = F.scaled_dot_product_attention(x, x, x)", lambda: "x = F.scaled_dot_product_attention(x, x, x, is_causal=True)",
        lambda: f"q = x.unflatten(-1, (2, {n // 2})).transpose(1, 2); x = F.scaled_dot_product_attention(q, q, q).transpose(1, 2).flatten(-2)",
        lambda: f"x = F.scaled_dot_product_attention(x, x, x, attn_mask=torch.ones({t}, {t}, dtype=torch.bool, device=x.device).tril())",
        lambda: f"x = F.scaled_dot_product_attention({w.weight(1, t, n)}.expand(x.shape[0], -1, -1), x, x)",
        lambda: "x = (x @ x.mT / 2).softmax(-1) @ x", lambda: "x = (x @ x.transpose(-2, -1)).masked_fill(x[..., :1] > 0, -1e9).softmax(-1) @ x",
    ))  # fmt: skip


@rule(3)
def layer_of_attention(w: Writer) -> None:
    n = w.shape[-1]
    if w.mapped > 1:
        return
    layer = w.rng.choice((f"nn.MultiheadAttention({n}, 2, batch_first=True)", f"nn.TransformerEncoderLayer({n}, 2, 16, batch_first=True)"))
    own = w.own(layer)
    w.say(f"x = {own}(x)" if "Encoder" in layer else f"x = {own}(x, x, x, need_weights={w.rng.random() < 0.5})[0]")


@rule(3)
def recurrent(w: Writer) -> None:
    if w.mapped > 1:
        return
    n, m, cell = w.shape[-1], w.width(), w.rng.choice(("GRU", "LSTM", "RNN"))
    w.say(f"x = {w.own(f'nn.{cell}({n}, {m}, batch_first=True, num_layers={w.rng.randint(1, 2)})')}(x)[0]")
    w.last(m)


@rule(3)
def turned(w: Writer) -> None:
    b, t, n = w.shape
    w.say(w.rng.choice(("x = x.transpose(1, 2)", "x = x.mT.contiguous()", "x = torch.einsum('btc->bct', x)")))
    w.to(b, n, t)


@rule(3)
def conv_of_a_sequence(w: Writer) -> None:
    b, t, n = w.shape
    m, k = w.width(), w.rng.choice((1, 3))
    w.say(f"x = {w.own(f'nn.Conv1d({n}, {m}, {k}, padding={k // 2})')}(x.mT).mT")
    w.to(b, t, m)


@rule(3)
def to_a_vector(w: Writer) -> None:
    b, t, n = w.shape
    w.say(w.rng.choice(("x = x.mean(1)", "x = x[:, -1]", "x = x.amax(1)")))
    w.to(b, n)


@rule(2)
def to_a_sequence(w: Writer) -> None:
    b, n = w.shape
    if n % 2 == 0:
        w.say(f"x = x.unflatten(1, (2, {n // 2}))")
        w.to(b, 2, n // 2)


# Images


@rule(4)
def convolution(w: Writer) -> None:
    b, n, h, width = w.shape
    m, k, s = 2 * w.rng.randint(2, 4), w.rng.choice((1, 3)), w.rng.randint(1, 2)
    groups = w.rng.choice((1, 2))
    mode = w.rng.choice(("zeros", "zeros", "reflect" if k == 3 and min(h, width) > 1 else "zeros"))
    layer = w.own(f"nn.Conv2d({n}, {m}, {k}, stride={s}, padding={k // 2}, groups={groups if n % groups == 0 else 1}, padding_mode='{mode}')")
    w.say(f"x = {layer}(x)")
    w.to(b, m, (h - 1) // s + 1, (width - 1) // s + 1)


@rule(4)
def square_convolution(w: Writer) -> None:
    n = w.shape[1]
    layer = w.own(f"nn.Conv2d({n}, {n}, 3, padding='same', groups={w.rng.choice((1, n))})")
    w.square.append((layer, n, 4))
    w.say(f"x = {layer}(x)")


@rule(4)
def changed(w: Writer) -> None:
    """One layer with several dilations."""
    b, n, h, width = w.shape
    layer = w.own(f"nn.Conv2d({n}, {n}, 3, padding=1)")
    w.say(f"x = x + {layer}(x)")
    w.say(f"{layer}.dilation = {layer}.padding = (2, 2)")
    w.say(f"x = x + {layer}(x)")
    w.say(f"{layer}.dilation = {layer}.padding = (1, 1)")
    w.changes = True


@rule(4)
def transposed_convolution(w: Writer) -> None:
    b, n, h, width = w.shape
    if max(h, width) > 8:
        return
    m = w.width()
    w.say(f"x = {w.own(f'nn.ConvTranspose2d({n}, {m}, 2, stride=2)')}(x)")
    w.to(b, m, 2 * h, 2 * width)


@rule(4)
def function_of_a_kernel(w: Writer) -> None:
    b, n, h, width = w.shape
    kernel = w.one(
        lambda: w.weight(4, n, 1, 1), lambda: f"{w.weight(2, 4, n, 1, 1)}[0]", lambda: f"F.normalize({w.weight(4, n, 1, 1)})",
        lambda: f"{w.weight(4 * n)}.view(4, {n}, 1, 1)",
    )  # fmt: skip
    w.say(f"x = F.conv2d(x, {kernel}, {w.one(lambda: 'None', lambda: w.weight(4))})")
    w.to(b, 4, h, width)


@rule(4)
def norm_of_an_image(w: Writer) -> None:
    _, n, h, width = w.shape
    norms = [f"nn.BatchNorm2d({n})", f"nn.GroupNorm({2 if n % 2 == 0 else 1}, {n})"]
    if h * width > 1:  # what torch refuses of one element
        norms.append(f"nn.InstanceNorm2d({n}, affine=True)")
    w.say(f"x = {w.own(w.rng.choice(norms))}(x)")


@rule(4)
def pool(w: Writer) -> None:
    b, n, h, width = w.shape
    if min(h, width) >= 2:
        last = "x = x.to(memory_format=torch.channels_last); x = F.max_pool2d(x, 2)" if w.mapped == 1 else "x = F.max_pool2d(x, 2)"
        w.say(w.one(lambda: f"x = {w.own('nn.MaxPool2d(2)')}(x)", lambda: "x = F.avg_pool2d(x, 2)", lambda: last))
        w.to(b, n, h // 2, width // 2)


@rule(4)
def resize(w: Writer) -> None:
    b, n, h, width = w.shape
    w.say(w.one(lambda: f"x = {w.own('nn.AdaptiveAvgPool2d(3)')}(x)", lambda: "x = F.interpolate(x, (3, 3))", lambda: "x = F.interpolate(x, (3, 3), mode='bilinear')"))
    w.to(b, n, 3, 3)


@rule(4)
def to_tokens(w: Writer) -> None:
    b, n, h, width = w.shape
    w.say("x = x.flatten(2).transpose(1, 2)")
    w.to(b, h * width, n)


@rule(4)
def squeeze_and_excite(w: Writer) -> None:
    n = w.shape[1]
    a, b = w.own(f"nn.Conv2d({n}, 2, 1)"), w.own(f"nn.Conv2d(2, {n}, 1)")
    w.say(f"x = x * {b}({a}(x.mean((2, 3), keepdim=True)).relu()).sigmoid()")


# Around other statements


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
    w.say(f"x = vmap({name})(x)")
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
