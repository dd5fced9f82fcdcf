"""Lines of the pages are at most 100 columns wide, and wrapping them changes no word and no code."""

from __future__ import annotations

import pytest

from docs.prose import WIDTH, too_long, wrapped

LONG = "word " * 30


@pytest.mark.parametrize(
    "text",
    [
        f"```console\n$ profiler {LONG}\n```\n",
        f"| {LONG} |\n",
        f"# {LONG}\n",
        f"![{LONG}](page.png)\n",
        f"    {LONG}\n",
        f"- an item\n\n```text\n{LONG}\n- {LONG}\n```\n",
        "short\nlines that\nsomebody broke by hand\n",
        f"`{'x' * 120}`\n",
    ],
    ids=["code", "table", "heading", "picture", "indented", "code after an item", "short", "one word"],
)
def test_what_stays(text: str) -> None:
    assert wrapped(text) == text
    assert too_long(text) == []


@pytest.mark.parametrize("start", ["", "- ", "12. ", "  - "])
def test_a_paragraph_and_an_item_are_wrapped(start: str) -> None:
    text = f"{start}{LONG.strip()}\n\nnext\n"
    lines = wrapped(text).split("\n")
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[0].startswith(start)
    assert lines[1].startswith(f"{' ' * len(start)}word")
    assert " ".join(lines).split() == text.split()
    assert too_long(text) == [1]
    assert wrapped(wrapped(text)) == wrapped(text)


def test_code_and_links_are_not_broken() -> None:
    text = f"{'word ' * 18}`profiler show mobilenet_v1` and [the page](page.md#heading), then `a  b`.\n"
    made = wrapped(text)
    assert "`profiler show mobilenet_v1`" in made
    assert "[the page](page.md#heading)," in made
    assert "`a  b`." in made


def test_no_line_begins_as_another_block() -> None:
    text = f"{'word ' * 19}wor - 3 + 4 # 5. and so on, which is long enough to be broken here\n"
    assert not [line for line in wrapped(text).split("\n") if line[:2] in ("- ", "+ ", "# ")]
