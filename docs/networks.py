"""A page a family (a file of archs/): its networks' counts, the first one as a table, its formula, its published figures."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from profiler.load.load import Network
from profiler.load.load import in_closed_form as load
from profiler.network.registry import Architecture, find, names, zoo_folder
from profiler.records.published import FigureCheck
from profiler.report import units
from profiler.report.answers import formula
from profiler.report.answers.verify import figures_sheet
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.layers import layers_sheet
from profiler.report.sheets.sheet import Sheet
from profiler.report.writers.markdown import markdown_text
from profiler.study.formula import formula as formula_of
from profiler.study.published import figures, ours

MOST_DRAWN = 64
"""Layers of a network that is drawn one by one; a deeper one is drawn by its parts."""


def pages(folder: Path) -> dict[Path, str]:
    """Every page of docs/networks/ and its text."""
    families: dict[str, list[Architecture]] = {}
    for name in names():
        made = find(name)
        families.setdefault(Path(inspect.getfile(inspect.unwrap(made.factory))).stem, []).append(made)
    out = {folder / f"{family}.md": page(family, members) for family, members in sorted(families.items())}
    links = [
        f"- [{family}]({family}.md): {', '.join(made.name for made in members)}" for family, members in sorted(families.items())
    ]
    return out | {folder / "README.md": "# Networks\n\n" + "\n".join(links) + "\n"}


def page(family: str, members: list[Architecture]) -> str:
    """The page of one family."""
    source = (zoo_folder() / f"{family}.py").read_text(encoding="utf-8")
    title = (ast.get_docstring(ast.parse(source)) or family).splitlines()[0]
    parts = [f"# {title}\n", _counts(members)]
    parts += [f"`{made.name}`: {made.note}.\n" for made in members if made.note]
    first = load(members[0].name)
    described = inspect.getdoc(members[0].factory)
    parts.append(f"## {first.name}\n\n{described}\n")
    parts.append(_options(members[0]))
    parts.append(_drawn(first))
    # formula.lines indents by two, which a code block does not need
    lines = "\n".join(line[2:] if line.startswith("  ") else line for line in formula.lines(formula_of(members[0].name)[0]))
    parts.append(f"```text\n{lines}\n```\n")
    held = [figure for made in members for figure in figures() if figure.model == made.name]
    if held:
        checks = [FigureCheck(figure, None if figure.verdict == "quoted" else ours(figure)) for figure in held]
        parts.append("## Published figures\n\n" + markdown_text([figures_sheet(checks)]))
    else:
        parts.append("## Published figures\n\nNone. A test compares it with an independent module, counted by torch.\n")
    return "\n".join(parts)


def _drawn(network: Network) -> str:
    """The network as the papers draw theirs, layer by layer: type, kernel, stride, output; its parts where it is deep."""
    profile = network.profile()
    layers = [row for row in profile.rows if not row.side and (row.params or row.kind == "pool") and row.kind != "norm"]
    if len(layers) > MOST_DRAWN:
        return markdown_text([layers_sheet(profile, depth=2)])
    heads = [
        Heading("layer", right=False),
        Heading("type", right=False),
        *map(Heading, ("kernel", "stride", "output", "params", "MACs")),
    ]
    rows = []
    for row in layers:
        kernel, stride = (units.shape(row.facts.get(key, ())) for key in ("kernel", "stride"))
        rows.append([row.path, row.kind, kernel, stride, units.shape(row.output[1:]), f"{row.params:,}", f"{row.macs:,}"])
    return markdown_text([Sheet(heads, rows, "layers with parameters, and pooling; normalisation and activation are left out")])


def _counts(members: list[Architecture]) -> str:
    lines = [
        "| network | year | input | params | MACs | activations | in training only |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for made in members:
        totals = load(made.name).totals()
        shapes = " ".join("x".join(map(str, shape)) for shape in made.inputs())
        counts = " | ".join(units.count(n) for n in (totals.params, totals.macs, totals.activations))
        aside = units.count(totals.side_params) if totals.side_params else ""
        lines.append(f"| {made.name} | {made.year} | {shapes} | {counts} | {aside} |")
    return "\n".join(lines) + "\n"


def _options(made: Architecture) -> str:
    if not made.options:
        return ""
    rule = "`alpha` is the paper's own width multiplier." if made.own_alpha else "`alpha` scales all widths."
    settings = ", ".join(f"`{name}={str(option.default).lower()}`" for name, option in made.options.items())
    return f"Options: {settings}. {rule}\n"
