"""Networks rewritten on paper: what they would cost, as values and as rows, by the closed forms. No torch.

`separable`: every standard convolution with a window of more than one pixel as a depthwise one and a pointwise one after it
(MobileNets, arXiv 1704.04861, section 3.1): D_K²·M·N·D_F² becomes D_K²·M·D_F² + M·N·D_F². `folded`: every BatchNorm that
follows a convolution, and nothing else, into that convolution's weights and bias (as inference engines do): its scale and shift
become a bias of N, and its elementwise operations go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from profiler.errors import UnknownName
from profiler.network import combinators as C
from profiler.network import layers as L
from profiler.network.widths import times
from profiler.records.profile import Row

REWRITINGS = {
    "separable": "standard convolutions of more than one pixel as depthwise and pointwise ones",
    "folded": "BatchNorm folded into the convolution before it",
}

Rewritten = tuple[str, tuple[Row, ...], tuple[Row, ...]]
"""The path of a layer, its rows before, and after."""


def known(name: str) -> str:
    """The rewriting called `name`. Raises UnknownName."""
    if name not in REWRITINGS:
        raise UnknownName("rewriting", name, REWRITINGS)
    return name


# Values


def value(network: L.Layer, rewriting: str) -> L.Layer:
    """The network as `rewriting` makes it. Raises UnknownName."""
    return C.rebuilt(network, _separable) if known(rewriting) == "separable" else _folded(network)


def _separable(leaf: L.Layer) -> L.Layer:
    if not isinstance(leaf, L.Conv) or leaf.groups != 1 or _area(leaf.kernel) == 1:
        return leaf
    return C.Chain(
        depthwise=replace(leaf, out=times(1), groups="each", bias=False),
        pointwise=L.Conv(leaf.out, 1, bias=leaf.bias),
    )


def _area(kernel: L.Ints) -> int:
    return kernel if isinstance(kernel, int) else prod(kernel)


def _folded(layer: L.Layer) -> L.Layer:
    match layer:
        case C.Chain(parts):
            made = [(name, _folded(part)) for name, part in parts]
            for i in range(len(made) - 1):
                (before, conv), (after, norm) = made[i], made[i + 1]
                if _takes(_last(conv)) and _goes(_first(norm)):
                    made[i], made[i + 1] = (before, _at_last(conv, _with_bias)), (after, _at_first(norm, _gone))
            return C.Chain(*made)
        case C.Branches(parts, join):
            return C.Branches(*((name, _folded(part)) for name, part in parts), join=join)
        case C.Graph(inputs, nodes, outputs):
            found = {name: (_folded(part), sources) for name, part, sources in nodes}
            uses = [source for _, _, sources in nodes for source in sources] + list(outputs)
            for name, _, sources in nodes:
                source = sources[0]
                single = len(sources) == 1 and source in found and uses.count(source) == 1
                if single and _takes(_last(found[source][0])) and _goes(_first(found[name][0])):
                    found[source] = (_at_last(found[source][0], _with_bias), found[source][1])
                    found[name] = (_at_first(found[name][0], _gone), found[name][1])
            return C.Graph(inputs=inputs, nodes={name: (part, *s) for name, (part, s) in found.items()}, outputs=outputs)
        case C.Aside(part):
            return C.Aside(_folded(part))
        case _:
            return layer


def _first(layer: L.Layer) -> L.Layer:
    return _first(layer.parts[0][1]) if isinstance(layer, C.Chain) and layer.parts else layer


def _last(layer: L.Layer) -> L.Layer:
    return _last(layer.parts[-1][1]) if isinstance(layer, C.Chain) and layer.parts else layer


def _takes(layer: L.Layer) -> bool:
    return isinstance(layer, L.Conv | L.ConvTranspose)


def _goes(layer: L.Layer) -> bool:
    return isinstance(layer, L.BatchNorm) and layer.track_running_stats


def _at_first(layer: L.Layer, change: Callable[[Any], L.Layer]) -> L.Layer:
    if not isinstance(layer, C.Chain):
        return change(layer)
    (name, part), *rest = layer.parts
    return C.Chain((name, _at_first(part, change)), *rest)


def _at_last(layer: L.Layer, change: Callable[[Any], L.Layer]) -> L.Layer:
    if not isinstance(layer, C.Chain):
        return change(layer)
    *rest, (name, part) = layer.parts
    return C.Chain(*rest, (name, _at_last(part, change)))


def _with_bias(leaf: Any) -> L.Layer:
    made: L.Layer = replace(leaf, bias=True)
    return made


def _gone(_: Any) -> L.Layer:
    return L.Identity()


def pairs(before: Iterable[Row], after: Iterable[Row]) -> list[Rewritten]:
    """The layers that two walks of one network tell apart, by path; what a layer became stands below its path.

    A BatchNorm that is gone stands with the convolution that took it.
    """
    old = {row.path: row for row in before}
    new: dict[str, list[Row]] = {}
    for row in after:
        path = row.path
        while path not in old:
            path = path.rpartition(".")[0]
        new.setdefault(path, []).append(row)
    found: list[Rewritten] = []
    for path, row in old.items():
        became = tuple(new.get(path, ()))
        if row.op == "batch_norm" and became != (row,):
            fits = (i for i, (_, conv, _) in enumerate(found) if conv[1:] == () and conv[0].kind in _FOLDING)
            at = max(i for i in fits if found[i][1][0].output == row.inputs[0])
            found[at] = (found[at][0], (*found[at][1], row), found[at][2])
        else:
            found.append((path, (row,), became))
    return [(path, a, b) for path, a, b in found if a != b]


_FOLDING = frozenset({"conv", "pointwise", "depthwise", "grouped", "conv_transpose"})


# Rows


def rows(given: Iterable[Row], rewriting: str, fed: Mapping[str, str]) -> list[Rewritten]:
    """The rows that `rewriting` changes, beside what they become. `fed`: {BatchNorm: the convolution that alone feeds it}."""
    every = list(given)
    if known(rewriting) == "separable":
        return [(row.path, (row,), _separable_rows(row)) for row in every if _is_standard(row)]
    calls: dict[str, list[Row]] = {}
    for row in every:
        calls.setdefault(row.path, []).append(row)
    met = {conv: norm for norm, conv in fed.items() if norm in calls and len(calls[norm]) == len(calls.get(conv, ()))}
    norms = {conv: iter(calls[norm]) for conv, norm in met.items()}
    found: list[Rewritten] = []
    for row in every:
        norm = next(norms[row.path], None) if row.path in norms else None  # a layer that runs twice meets its norm twice
        if norm is not None:
            new = row.output[1] if row.weights and not row.bias else 0
            found.append((row.path, (row, norm), (row._replace(bias=row.bias + new),)))
    return found


def _is_standard(row: Row) -> bool:
    kernel = row.facts.get("kernel", ())
    return row.op == "conv" and row.facts.get("groups") == 1 and prod(kernel) > 1 and row.kind != "conv_transpose"


def _separable_rows(row: Row) -> tuple[Row, ...]:
    """D_K²·M at D_F² positions, and M·N at as many; a layer that runs again has its parameters in the first row alone."""
    kernel = row.facts["kernel"]
    rank = len(kernel)
    samples, d_f = row.output[: -rank - 1], row.output[-rank:]
    m, n, positions = row.inputs[0][-rank - 1], row.output[-rank - 1], prod(samples) * prod(d_f)
    between = (*samples, m, *d_f)
    depthwise = row._replace(
        path=f"{row.path}.depthwise",
        kind="depthwise",
        facts={**row.facts, "groups": m, "bias": False},
        output=between,
        weights=prod(kernel) * m if row.weights else 0,
        bias=0,
        macs=prod(kernel) * m * positions,
        activations=m * positions,
    )
    pointwise = row._replace(
        path=f"{row.path}.pointwise",
        kind="pointwise",
        facts={**row.facts, "kernel": (1,) * rank},
        inputs=(between,),
        weights=m * n if row.weights else 0,
        macs=m * n * positions,
    )
    return depthwise, pointwise
