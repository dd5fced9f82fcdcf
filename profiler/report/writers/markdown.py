"""Sheets → tables as GitHub reads them, with their notes below; whatever a name holds is shown as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from profiler.report.sheets.sheet import Math, Sheet
from profiler.report.writers.papers import captioned, footnote, laid, notes


def markdown_text(sheets: Sequence[Sheet], caption: str = "") -> str:
    """The tables as GitHub reads them, the best in bold, their notes and the convention below; above them a caption, if any."""
    out, tables = [], [laid(content) for content in sheets]
    for content, (headings, units, rows, bold) in zip(sheets, tables, strict=True):
        if content.lead:
            title, *lines = content.lead
            out.append(f"**{escaped(title)}**\n\n" + "\n".join(f"- {escaped(line, START)}" for line in lines) + "\n")
        if title := captioned(content, caption, len(sheets)):
            out.append(f"**{escaped(title)}**\n")
        out.append(_line([escaped(_with_unit(head, unit)) for head, unit in zip(headings, units, strict=True)]))
        out.append(_line(["---:" if column.right else ":---" for column in content.columns]))
        for y, row in enumerate(rows):
            cells = [f"$`{cell}`$" if isinstance(cell, Math) else escaped(cell) for cell in row]
            out.append(_line([f"**{cell}**" if (y, x) in bold else cell for x, cell in enumerate(cells)]))
        out += [f"\n{escaped(note, START)}" for note in notes(content)]
        out.append("")
    return "\n".join([*out, footnote(sheets, tables), ""])


SIGNS = re.compile(r"[\\`*|<>\[\]~$&]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads as its own; an underscore between letters it does not."""
START = re.compile(r"^(?:[#+=-]|\d+(?=[.)]))")
"""What it reads as its own at the start of a paragraph."""


def escaped(text: str, start: re.Pattern[str] | None = None) -> str:
    """`text` so that Markdown shows it as it is, in one line."""
    text = SIGNS.sub(lambda sign: f"\\{sign[0]}", " ".join(text.split()))
    if start is not None and (found := start.match(text)):
        text = f"{found[0]}\\{text[found.end() :]}" if found[0].isdigit() else f"\\{text}"
    return text


def _with_unit(head: str, unit: str) -> str:
    """`params (M)`; `weights (fp32, MiB)` where the heading ends in a bracket."""
    if not unit:
        return head
    return f"{head[:-1]}, {unit})" if head.endswith(")") else f"{head} ({unit})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
