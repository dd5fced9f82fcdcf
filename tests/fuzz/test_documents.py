"""Saved runs that were changed at random places, or cut, or are no such thing: a sentence, and nothing run or written."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.fuzz.chance import DIGITS, EITHER, TEXTS, drawn
from tests.fuzz.inside import World, world
from tests.golden.cases import SAVED

__all__ = ["world"]
RUNS = sorted(
    path for path in (*SAVED.glob("*.json"), *(Path(__file__).parent / "saved").glob("*.json")) if path.stat().st_size < 30_000
)
"""Of every command, and sweeps over options and a fit besides."""
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 10**30, int(DIGITS[:400]), -2.5, 1e308, 1e-320, [], [1], [[1]], [None], {}, {"a": 1}, {"__proto__": 1},
    *(text for text in TEXTS if text != DIGITS),
)  # fmt: skip
FORMS = ("table", "csv", "json", "jsonl", "markdown", "latex", "speedscope", "trace", "mermaid", "dot")


def _places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(part, dict | list):
        return [path]
    keys = part if isinstance(part, dict) else range(min(len(part), 3))
    return [*([path] if path else []), *(place for key in keys for place in _places(part[key], (*path, key)))]


def _changed(document: Any, chance: random.Random) -> Any:
    """A document in which one to three places were set, taken out, or given a neighbour."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        *outer, last = chance.choice(_places(document))
        part = document
        for key in outer:
            part = part[key]
        how, value = chance.random(), chance.choice(VALUES)
        if how < 0.2:
            del part[last]
        elif how < 0.3 and isinstance(part, dict):
            part[chance.choice(TEXTS)] = value
        else:
            part[last] = value
    return document


def _bytes(chance: random.Random) -> bytes:
    text = json.dumps(_changed(json.loads(chance.choice(RUNS).read_text()), chance))
    how = chance.random()
    if how < 0.1:
        return text[: chance.randrange(len(text))].encode()
    if how < 0.2:
        at = chance.randrange(len(text))
        return text[:at].encode() + chance.randbytes(3) + text[at + 3 :].encode()
    if how < 0.23:
        return chance.choice(
            (b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xef\xbb\xbf{}", chance.randbytes(50), DIGITS.encode(), b"null")
        )
    return text.encode()


@EITHER
def test_any_bytes_are_a_run_or_a_sentence(cases: int, world: World) -> None:
    good = world.inside / "good.json"
    good.write_text((SAVED / "compare.json").read_text())
    for seed, chance in drawn(cases):
        Path("run.json").write_bytes(_bytes(chance))
        form = chance.choice(FORMS)
        words = chance.choice(
            [
                ["report", "run.json", "-f", form],
                ["report", "run.json", "-f", form, "--depth", "0", "--formulas", "-v"],
                ["report", "run.json", "--unit", "auto", "--sort", "macs", "-o", "out.csv", "-o", "out.md"],
                ["diff", "run.json", "good.json", "-f", form],
                ["diff", "good.json", "run.json"],
                ["check", "lenet5", "--baseline", "run.json"],
                ["predict", "lenet5", "--from", "run.json", "--force"],
                ["check", "--baseline", "run.json", "--junit", "out.xml"],
            ]
        )
        world.run(words, seed)
