"""Rows and their wires → a picture's nodes and edges, to a depth of the module tree: one node a module, or a row below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from profiler.errors import ProfilerError
from profiler.records.profile import Row, Shape
from profiler.records.shown import Shown
from profiler.records.wiring import Wiring
from profiler.report import units

JOINS = {"add": "+", "multiply": "×", "concatenate": "concat", "cat": "concat", "mul": "×"}
"""Operations drawn as a joint, with what stands in it."""
SHARES = (0.0, 0.01, 0.05, 0.10)
"""From the next of these shares of the multiply-adds on, a node is a shade darker."""
MOST_OPS = 3


@dataclass
class Node:
    """One box, joint or end of the picture."""

    name: str
    """Its whole path; of an end, `input` or `output`."""
    lines: list[str]
    shape: str = "box"
    """box, joint or end."""
    shade: int = 0
    """0 where it has no multiply-adds, to 4 where it has most."""
    aside: bool = False


@dataclass(frozen=True)
class Edge:
    """From a node to another, by their numbers, with the shapes that go there."""

    start: int
    end: int
    label: str
    aside: bool


@dataclass
class Cluster:
    """Nodes of one module, by their numbers, and the modules in it."""

    name: str
    nodes: list[int] = field(default_factory=list)
    parts: dict[str, Cluster] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.parts.values())


@dataclass(frozen=True)
class Picture:
    """A network, ready to be written in any language of graphs."""

    title: str
    nodes: list[Node]
    edges: list[Edge]
    root: Cluster


def picture(shown: object, depth: int) -> Picture:
    """What `shown` looks like to a depth of names; 0 draws every row. Raises ProfilerError where nothing is known to draw."""
    if not isinstance(shown, Shown) or shown.wiring is None:
        raise ProfilerError(
            "a drawing needs the layers of one network, and this result has none; write it with `profiler show`"
        )
    rows, wiring = shown.profile.rows, _without_identities(shown.profile.rows, shown.wiring)
    groups: dict[str, list[int]] = {}
    used = {wire for given in wiring.sources for wire in given} | set(wiring.outputs)
    for i, row in enumerate(rows):
        if row.op != "identity" and (wiring.sources[i] or i in used or not row.side):
            groups.setdefault(_key(row.path, depth), []).append(i)
    paths = list(groups)
    numbers = {i: number for number, members in enumerate(groups.values()) for i in members}
    nodes = [_node(path, [rows[i] for i in members], shown.profile.macs) for path, members in groups.items()]
    ends = {-1 - i: len(nodes) + i for i in range(len(wiring.inputs))}
    nodes += [Node("input", [units.shape(_sample(shape))], "end") for shape in wiring.inputs]
    edges: dict[tuple[int, int], dict[str, bool]] = {}

    def connect(wire: int, end: int, aside: bool) -> None:
        start = ends[wire] if wire < 0 else numbers[wire]
        shape = wiring.inputs[-1 - wire] if wire < 0 else rows[wire].output
        if start != end:
            label = units.shape(_sample(shape))
            known = edges.setdefault((start, end), {})
            known[label] = known.get(label, True) and aside

    for i, given in enumerate(wiring.sources):
        for wire in given if i in numbers else ():
            connect(wire, numbers[i], rows[i].side)
    for wire in wiring.outputs:
        shape = wiring.inputs[-1 - wire] if wire < 0 else rows[wire].output
        nodes.append(Node("output", [units.shape(_sample(shape))], "end"))
        connect(wire, len(nodes) - 1, False)
    drawn = [Edge(*pair, ", ".join(labels), all(labels.values())) for pair, labels in edges.items()]
    return Picture(_title(shown), nodes, drawn, _clusters(paths))


def _title(shown: Shown) -> str:
    profile = shown.profile
    return f"{profile.model}: {units.count(profile.macs, 'auto')} MACs, {units.count(profile.params, 'auto')} params"


def _key(path: str, depth: int) -> str:
    return ".".join(path.split(".")[:depth]) if depth else path


def _sample(shape: Shape) -> Shape:
    """A shape without its batch axis, where it has others."""
    return shape if len(shape) < 2 else shape[1:]


def _without_identities(rows: tuple[Row, ...], wiring: Wiring) -> Wiring:
    """A shortcut is a wire, as in the papers, and no box."""

    def through(wires: tuple[int, ...]) -> tuple[int, ...]:
        found: list[int] = []
        for wire in wires:
            found += through(wiring.sources[wire]) if wire >= 0 and rows[wire].op == "identity" else (wire,)
        return tuple(found)

    return Wiring(wiring.inputs, tuple(map(through, wiring.sources)), through(wiring.outputs))


def _node(path: str, rows: list[Row], whole: int) -> Node:
    macs = sum(row.macs for row in rows)
    aside = all(row.side for row in rows)
    share = macs / whole if whole and not aside else 0.0
    shade = sum(share >= least for least in SHARES) if macs and not aside else 0
    if len(rows) == 1 and rows[0].op in JOINS and len(rows[0].inputs) > 1:
        return Node(path, [JOINS[rows[0].op]], "joint", 0, aside)
    lines = [path or rows[0].op, _what(rows)]
    if macs:
        lines.append(f"{units.count(macs, 'auto')} MACs" + (f", {100 * share:.1f} %" if not aside else ", in training only"))
    return Node(path, lines, "box", shade, aside)


def _what(rows: list[Row]) -> str:
    """`conv 3×3, stride 2`; of several rows the sorts that cost: `2 conv, linear`."""
    if len(rows) == 1:
        return _operation(rows[0])
    counts: dict[str, int] = {}
    for row in rows:
        if row.macs:
            counts[_operation(row)] = counts.get(_operation(row), 0) + 1
    if len(counts) > MOST_OPS:
        counts = {}
        for row in rows:
            if row.macs:
                counts[row.kind] = counts.get(row.kind, 0) + 1
    if not counts:
        counts = dict.fromkeys((row.op.replace("_", " ") for row in rows), 1)
    said = [name if n == 1 else f"{n} × {name}" for name, n in counts.items()]
    return ", ".join(said[:MOST_OPS]) + (" …" if len(said) > MOST_OPS else "")


def _operation(row: Row) -> str:
    kernel, stride = row.facts.get("kernel"), row.facts.get("stride")
    name = (row.kind if row.macs else row.op).replace("_", " ")
    window = f" {units.shape(_axes(kernel))}" if kernel and row.kind != "pointwise" else ""
    steps = set(_axes(stride)) if stride else {1}
    return name + window + (f" /{'×'.join(map(str, sorted(steps)))}" if steps != {1} else "")


def _axes(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)  # type: ignore[return-value]


def _clusters(paths: list[str]) -> Cluster:
    """The modules around the nodes; one that would hold a single thing is not drawn."""
    root = Cluster("")
    for number, path in enumerate(paths):
        names = path.split(".")[:-1]
        where = root
        for k in range(len(names)):
            name = ".".join(names[: k + 1])
            where = where.parts.setdefault(name, Cluster(name))
        where.nodes.append(number)
    return _thinned(root)


def _thinned(cluster: Cluster) -> Cluster:
    kept = Cluster(cluster.name, list(cluster.nodes))
    for part in map(_thinned, cluster):
        if len(part.nodes) + len(part.parts) == 1:
            kept.nodes += part.nodes
            kept.parts |= part.parts
        else:
            kept.parts[part.name] = part
    return kept
