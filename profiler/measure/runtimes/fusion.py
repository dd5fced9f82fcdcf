"""Which layers an operation of a runtime holds: the nodes of the exported file say of which module they are. No torch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SCOPES = "pkg.torch.onnx.name_scopes"
"""Where torch's exporter writes the modules that a node is inside of, the innermost but one, and its own name last."""
ADDED = ("_nchwc", "/WithoutBiases")
"""What runtimes add to the name of a node, or of its output, that they run in another form."""


class Operation(NamedTuple):
    """One operation that a runtime runs."""

    kind: str
    """What the runtime calls it: Conv, Reorder …"""
    names: tuple[str, ...]
    """Names, as the runtime says them, of the nodes of the file that it holds, or of their outputs."""


class _Node(NamedTuple):
    kind: str
    inputs: tuple[str, ...]
    layers: tuple[str, ...]
    weighted: bool
    """Whether it reads weights, as a convolution does."""


def layers_of(path: Path, of_node: Callable[[Any], Iterable[str]], operations: Sequence[Operation]) -> list[tuple[str, ...]]:
    """The paths of the layers that each operation holds, by those of each node; none of what the runtime added by itself.

    A node that no operation names was fused. An operation of another kind than the node whose output it is named by, as a Conv
    named by a Relu's, holds what is between that and the weights; all else went into the operation that computes its input.
    """
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    matrices = {each.name for each in graph.initializer if len(each.dims) > 1}  # and not the bounds of a ReLU6
    nodes = [
        _Node(each.op_type, tuple(each.input), tuple(of_node(each)), not matrices.isdisjoint(each.input)) for each in graph.node
    ]
    names = {each.name: i for i, each in enumerate(graph.node)}
    made = {output: i for i, each in enumerate(graph.node) for output in each.output}
    owner: dict[int, int] = {}
    for k, operation in enumerate(operations):
        for name in operation.names:
            plain = _plain(name)
            found = names.get(name, made.get(name, names.get(plain, made.get(plain))))
            if found is not None:
                owner.setdefault(found, k)
    for i, k in list(owner.items()):
        waiting = [i] if nodes[i].kind != operations[k].kind else []
        while waiting:
            node = nodes[waiting.pop()]
            before = [made[name] for name in node.inputs if name in made and not node.weighted]
            fused = [j for j in before if j not in owner]
            owner.update(dict.fromkeys(fused, k))
            waiting += fused
    for i, node in enumerate(nodes):
        before = [owner[made[name]] for name in node.inputs if name in made and made[name] in owner]
        if i not in owner and before:
            owner[i] = before[0]
    held: list[dict[str, None]] = [{} for _ in operations]
    for i in sorted(owner):
        held[owner[i]].update(dict.fromkeys(nodes[i].layers))
    return [tuple(each) for each in held]


def _plain(name: str) -> str:
    for end in ADDED:
        name = name.removesuffix(end)
    return name


def of_modules(modules: Collection[str]) -> Callable[[Any], Iterator[str]]:
    """What tells the modules of a node that torch exported: those whose weights it reads, then the one that it is inside of.

    Of a convolution with its norm, these are both.
    """

    def of_node(node: Any) -> Iterator[str]:
        for name in node.input:
            while name and name not in modules:
                name = name.rpartition(".")[0]
            if name in modules:
                yield name
        for entry in node.metadata_props:
            if entry.key == SCOPES:
                inside = [each for each in ast.literal_eval(entry.value)[:-1] if each in modules]
                yield from inside[-1:]

    return of_node
