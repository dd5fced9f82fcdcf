"""Rules of sequences (N, T, C): attention in its forms, recurrent layers, turns, and the ways from and to vectors."""

from __future__ import annotations

from tests.tracing.grammar.writer import Writer, rule


@rule(3)
def attention(w: Writer) -> None:
    """In batch, heads and width as they come, causal, masked, or with learned queries for all samples."""
    _, t, n = w.shape
    heads = 2 if n % 2 == 0 else 1
    w.say(w.one(
        lambda: "x = F.scaled_dot_product_attention(x, x, x)", lambda: "x = F.scaled_dot_product_attention(x, x, x, is_causal=True)",
        lambda: f"q = x.unflatten(-1, ({heads}, {n // heads})).transpose(-3, -2); x = F.scaled_dot_product_attention(q, q, q).transpose(-3, -2).flatten(-2)",
        lambda: f"x = F.scaled_dot_product_attention(x, x, x, attn_mask=torch.ones({t}, {t}, dtype=torch.bool, device=x.device).tril())",
        lambda: f"x = F.scaled_dot_product_attention({w.weight(1, t, n)}.expand(x.shape[0], -1, -1), x, x)",
        lambda: f"x = F.scaled_dot_product_attention({w.weight(1, t, n)}, x, x)",
        lambda: f"x = F.scaled_dot_product_attention(x, {w.weight(1, 7, n)}, {w.weight(1, 7, n)})",
        lambda: "q = torch.stack((x, x), 1); x = F.scaled_dot_product_attention(q, x[:, None], x[:, None], enable_gqa=True).sum(1)",
        lambda: "x = torch.einsum('bqk,bkd->bqd', torch.einsum('bqd,bkd->bqk', x, x).softmax(-1), x)",
        lambda: "x = (x @ x.mT / 2).softmax(-1) @ x", lambda: "x = (x @ x.transpose(-2, -1)).masked_fill(x[..., :1] > 0, -1e9).softmax(-1) @ x",
    ))  # fmt: skip


@rule(3)
def layer_of_attention(w: Writer) -> None:
    n = w.shape[-1]
    if w.mapped > 1:
        return
    heads = 2 if n % 2 == 0 else 1
    kind = w.rng.choice(("MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer"))
    layer = w.own(f"nn.{kind}({n}, {heads}, {'' if kind.startswith('M') else '16, '}batch_first=True)")
    w.say({
        "M": f"x = {layer}(x, x, x, need_weights={w.rng.random() < 0.5})[0]", "E": f"x = {layer}(x)", "D": f"x = {layer}(x, x)",
    }[kind.removeprefix("Transformer")[0]])  # fmt: skip


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
    b, _, n = w.shape
    w.say(w.rng.choice(("x = x.mean(1)", "x = x[:, -1]", "x = x.amax(1)")))
    w.to(b, n)


@rule(2)
def to_a_sequence(w: Writer) -> None:
    b, n = w.shape
    if n % 2 == 0:
        w.say(f"x = x.unflatten(1, (2, {n // 2}))")
        w.to(b, 2, n // 2)


@rule(3)
def steps(w: Writer) -> None:
    """A cell, called once a step."""
    if w.mapped > 1:
        return
    b, _, n = w.shape
    m, cell = w.width(), w.rng.choice(("GRUCell", "LSTMCell", "RNNCell"))
    layer, state = w.own(f"nn.{cell}({n}, {m})"), w.name("h")
    w.say(f"{state} = None")
    w.say(f"for step in x.unbind(1):\n    {state} = {layer}(step, {state})")
    w.say(f"x = {state}[0]" if cell == "LSTMCell" else f"x = {state}")
    w.to(b, m)


@rule(3)
def by_samples(w: Writer) -> None:
    """Batched products with what is added to them."""
    b, t, n = w.shape
    m = w.width()
    if w.mapped == 1:
        w.say(w.one(
            lambda: f"x = torch.baddbmm({w.weight(1, t, m)}.expand({b}, -1, -1), x, {w.weight(b, n, m)})",
            lambda: f"x = torch.bmm(x.detach(), {w.weight(b, n, m)}.detach(), out=x.new_empty({b}, {t}, {m}))",
            lambda: f"x = torch.einsum('btc,bcd->btd', x, {w.weight(b, n, m)})", lambda: f"x = x @ {w.weight(b, n, m)}",
        ))  # fmt: skip
        w.to(b, t, m)
