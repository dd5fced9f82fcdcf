"""A network as a drawing: Mermaid, DOT, and SVG through Graphviz where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from profiler.errors import ProfilerError, Unavailable
from profiler.report import palette
from profiler.report.encoding import FORBIDDEN, printable
from profiler.report.writers.graph import Cluster, Edge, Node, Picture, picture

INK, LINE, WHITE = palette.THEMES["light"]["text"], palette.THEMES["light"]["soft"], palette.THEMES["light"]["surface"]
DARK = 4
"""From this shade on the text is white."""
DEPTH = 2


# Mermaid


def mermaid(subject: Any, depth: int = DEPTH) -> str:
    """`subject` as a Mermaid flowchart. Raises ProfilerError where it is no network's layers."""
    made = picture(subject, depth)
    lines = ["---", f"title: {_quoted(made.title)}", "---", "flowchart TB"]
    lines += _mermaid_cluster(made, made.root, "  ")
    lines += [f"  {_mermaid_node(i, node)}" for i, node in enumerate(made.nodes) if node.shape == "end"]
    lines += [f"  {_mermaid_edge(edge)}" for edge in made.edges]
    for shade, fill in enumerate(palette.SHARES):
        members = [f"n{i}" for i, node in enumerate(made.nodes) if node.shade == shade]
        if members:
            ink = WHITE if shade >= DARK else INK
            lines.append(f"  classDef shade{shade} fill:{fill},stroke:{LINE},color:{ink}")
            lines.append(f"  class {','.join(members)} shade{shade}")
    asides = [f"n{i}" for i, node in enumerate(made.nodes) if node.aside]
    if asides:
        lines += ["  classDef aside stroke-dasharray:4 3", f"  class {','.join(asides)} aside"]
    return "\n".join(lines) + "\n"


def _mermaid_cluster(made: Picture, cluster: Cluster, indent: str, number: str = "c") -> list[str]:
    lines = [f"{indent}{_mermaid_node(i, made.nodes[i])}" for i in cluster.nodes]
    for k, part in enumerate(cluster):
        inside = _mermaid_cluster(made, part, f"{indent}  ", f"{number}_{k}")
        lines += [f'{indent}subgraph {number}_{k}["{_entities(part.name)}"]', *inside, f"{indent}end"]
    return lines


def _mermaid_node(number: int, node: Node) -> str:
    text = "<br/>".join(map(_entities, _lines(node)))
    match node.shape:
        case "end":
            return f'n{number}(["{text}"])'
        case "joint":
            return f'n{number}(("{text}"))'
        case _:
            return f'n{number}["{text}"]'


def _mermaid_edge(edge: Edge) -> str:
    arrow = "-.->" if edge.aside else "-->"
    return f"n{edge.start} {arrow}" + (f'|"{_entities(edge.label)}"| ' if edge.label else " ") + f"n{edge.end}"


def _entities(text: str) -> str:
    """Text in Mermaid's quotes: what could end it, be read as markup or as an entity stands as its number."""
    return "".join(c if c.isalnum() or c in " .,:_-/×+%…/()=@" else f"#{ord(c)};" for c in _clean(text))


# DOT


def dot(subject: Any, depth: int = DEPTH) -> str:
    """`subject` in Graphviz's language. Raises ProfilerError where it is no network's layers."""
    made = picture(subject, depth)
    lines = [
        "digraph network {",
        f"  graph [label={_labelled(made.title)} labelloc=t fontsize=16 rankdir=TB bgcolor=white nodesep=0.3 ranksep=0.35]",
        f'  graph [fontname="Helvetica" fontcolor="{INK}"]',
        f'  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11 color="{LINE}" margin="0.12,0.06"]',
        f'  edge [fontname="Helvetica" fontsize=9 color="{LINE}" fontcolor="{LINE}" arrowsize=0.7]',
        *_dot_cluster(made, made.root, "  "),
        *(f"  {_dot_node(i, node)}" for i, node in enumerate(made.nodes) if node.shape == "end"),
        *(f"  {_dot_edge(edge)}" for edge in made.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _dot_cluster(made: Picture, cluster: Cluster, indent: str, number: str = "cluster") -> list[str]:
    lines = [f"{indent}{_dot_node(i, made.nodes[i])}" for i in cluster.nodes]
    for k, part in enumerate(cluster):
        about = f'label={_labelled(part.name)} labeljust=l fontsize=11 style=rounded color="{LINE}"'
        inside = _dot_cluster(made, part, f"{indent}  ", f"{number}_{k}")
        lines += [f"{indent}subgraph {number}_{k} {{", f"{indent}  graph [{about}]", *inside, f"{indent}}}"]
    return lines


def _dot_node(number: int, node: Node) -> str:
    label = _labelled(*_lines(node))
    ink = WHITE if node.shade >= DARK else INK
    about = f'label={label} fillcolor="{palette.SHARES[node.shade]}" fontcolor="{ink}"'
    match node.shape:
        case "end":
            about += ' style="filled" shape=oval'
        case "joint":
            about += ' shape=circle margin="0.02" style="filled"' if len(node.lines[0]) == 1 else " shape=box"
    if node.aside:
        about += ' style="rounded,filled,dashed"'
    return f"n{number} [{about}]"


def _dot_edge(edge: Edge) -> str:
    return f"n{edge.start} -> n{edge.end} [label={_labelled(edge.label)}{' style=dashed' if edge.aside else ''}]"


def _quoted(*lines: str) -> str:
    r"""Lines of text in double quotes, as DOT and YAML read it; between them stands `\n`."""
    return '"' + "\\n".join(_clean(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


def _labelled(*lines: str) -> str:
    """The same as a label of DOT, which reads entities too: `&#27;` would be a control character of its SVG."""
    return _quoted(*(line.replace("&", "&amp;") for line in lines))


def _clean(text: str) -> str:
    """One line of what YAML, DOT and XML may hold."""
    return FORBIDDEN.sub("\ufffd", printable(" ".join(text.split())))


def _lines(node: Node) -> list[str]:
    return [node.name, *node.lines] if node.shape == "end" else node.lines


# SVG


def svg(subject: Any, depth: int = DEPTH) -> str:
    """`subject` as Graphviz lays it out. Raises ProfilerError as `dot` does, Unavailable where Graphviz is not installed."""
    program = shutil.which("dot")
    if program is None:
        raise Unavailable("svg needs the program 'dot' of Graphviz, not installed; install graphviz, or write .mmd or .dot")
    ran = subprocess.run([program, "-Tsvg"], input=dot(subject, depth), capture_output=True, encoding="utf-8", check=False)
    if ran.returncode:
        said = " ".join(ran.stderr.split()) or f"exit code {ran.returncode}"
        raise ProfilerError(f"Graphviz cannot lay it out: {said[:200]}; draw it with a smaller --depth, or as .mmd")
    return ran.stdout
