"""Rules of images (N, C, H, W): convolutions, transposed, of changed attributes and of made kernels, norms, pools."""

from __future__ import annotations

from tests.tracing.grammar.writer import Writer, rule


@rule(4)
def convolution(w: Writer) -> None:
    b, n, h, width = w.shape
    m, k, s = 2 * w.rng.randint(2, 4), w.rng.choice((1, 3)), w.rng.randint(1, 2)
    groups = w.rng.choice((1, 2))
    mode = w.rng.choice(("zeros", "zeros", "reflect" if k == 3 and min(h, width) > 1 else "zeros"))
    layer = w.own(
        f"nn.Conv2d({n}, {m}, {k}, stride={s}, padding={k // 2}, groups={groups if n % groups == 0 else 1}, padding_mode='{mode}')"
    )
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
    n = w.shape[1]
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
        last = (
            "x = x.to(memory_format=torch.channels_last); x = F.max_pool2d(x, 2)" if w.mapped == 1 else "x = F.max_pool2d(x, 2)"
        )
        w.say(w.one(lambda: f"x = {w.own('nn.MaxPool2d(2)')}(x)", lambda: "x = F.avg_pool2d(x, 2)", lambda: last))
        w.to(b, n, h // 2, width // 2)


@rule(4)
def resize(w: Writer) -> None:
    b, n = w.shape[:2]
    w.say(
        w.one(
            lambda: f"x = {w.own('nn.AdaptiveAvgPool2d(3)')}(x)",
            lambda: "x = F.interpolate(x, (3, 3))",
            lambda: "x = F.interpolate(x, (3, 3), mode='bilinear')",
        )
    )
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
