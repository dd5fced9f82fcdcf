"""Prose of the Markdown pages in lines of at most 100 columns.

python docs/prose.py PAGE...    wraps what is longer; code, tables, headings and pictures stay as they are
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

WIDTH = 100
_ITEM = re.compile(r"( *)([-*+]|\d+[.)])( +)(.*)")
_FENCE = re.compile(r" *(`{3,})")
_ONE_WORD = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)|!?\[[^\]]*\]\([^)\s]*\)|[^\s`\[!]+|[`\[!]")
"""Code and links are not broken, unless a link is longer than half of a line."""
_OPENS_A_BLOCK = re.compile(r"[-*+>=]+|#+|\d+[.)]")
_NOT_PROSE = re.compile(r" *(?:\||#|<|:::|---|!\[|\[!\[|\[[^\]]+\]:)")


def too_long(text: str) -> list[int]:
    """Numbers of the lines that `wrapped` would break."""
    lines = text.split("\n")
    kept = set(wrapped(text).split("\n"))
    return [number for number, line in enumerate(lines, 1) if len(line) > WIDTH and line not in kept]


def wrapped(text: str) -> str:
    """The text with its paragraphs and items in lines of at most WIDTH columns, where words allow it."""
    made: list[str] = []
    for block, prose in _blocks(text.split("\n")):
        made += _filled(block) if prose and any(len(line) > WIDTH for line in block) else block
    return "\n".join(made)


def _blocks(lines: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Runs of lines, and whether they are one paragraph or one item of a list."""
    block: list[str] = []
    fence = ""
    for line in lines:
        opening = _FENCE.match(line)
        indented = line.startswith("    ") and not block
        if fence or opening or not line.strip() or _NOT_PROSE.match(line) or indented:
            if block:
                yield block, True
                block = []
            yield [line], False
            if fence and line.strip() == fence:
                fence = ""
            elif not fence and opening:
                fence = opening[1]
        elif _ITEM.match(line):
            if block:
                yield block, True
            block = [line]
        else:
            block.append(line)
    if block:
        yield block, True


def _filled(block: list[str]) -> list[str]:
    item = _ITEM.match(block[0])
    start = item[1] + item[2] + item[3] if item else re.match(" *", block[0])[0]  # type: ignore[index]  # it always matches
    indent = " " * len(start)
    made, line = [], start
    for word in _words(" ".join([block[0][len(start) :], *block[1:]])):
        room = len(line) + 1 + len(word) <= WIDTH or _OPENS_A_BLOCK.fullmatch(word)
        if line in (start, indent):
            line += word
        elif room:
            line += f" {word}"
        else:
            made.append(line)
            line = indent + word
    return [*made, line]


def _words(text: str) -> Iterator[str]:
    """What may stand on a line of its own."""
    word = ""
    at = 0
    while at < len(text):
        if text[at].isspace():
            if word:
                yield word
            word, at = "", at + 1
            continue
        found = _ONE_WORD.match(text, at)
        assert found is not None
        part = found[0] if found[0][0] == "`" or len(found[0]) <= WIDTH // 2 else found[0].split()[0]
        word, at = word + part, at + len(part)
    if word:
        yield word


def main() -> None:
    for page in map(Path, sys.argv[1:]):
        page.write_text(wrapped(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
