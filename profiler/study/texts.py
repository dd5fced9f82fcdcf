"""The lengths of text that a study runs over. No torch."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from profiler import grid
from profiler.errors import ProfilerError
from profiler.records.place import Place

MOST_TOKENS = 1 << 30


def over_texts(at: Place, prefill: Any, decode: Any) -> Place:
    """The place of a sweep with an axis of texts: each length of `prefill`, and with `decode` a step behind each of them.

    Raises ProfilerError for an invalid range, and for inputs that are given as well.
    """
    if prefill is None and decode is None:
        return at
    if prefill is None:
        raise ProfilerError("--decode needs the length of the prompt; add it, e.g. --prefill 512..2048:512")
    if at.input is not None or "input" in at.over:
        raise ProfilerError("--prefill sets the input; leave out --input")
    if isinstance(prefill, str):
        lengths = [tokens_of(each, "--prefill") for each in grid.points(prefill, "prefill", Fraction(512))]
    else:
        lengths = [tokens_of(each, "--prefill") for each in (prefill if isinstance(prefill, list | tuple) else [prefill])]
    texts: list[list[str]] = []
    for length in lengths:
        texts.append([f"input_ids={length}"])
        if decode is not None:
            texts.append([f"input_ids={tokens_of(decode, '--decode')}", f"cache={length}"])
    return at._replace(over={**at.over, "input": texts})


def tokens_of(given: object, option: str) -> int:
    """A number of tokens that an option gives. Raises ProfilerError."""
    found = grid.exact(given, option.lstrip("-"), "2048")
    if found.denominator != 1 or not 1 <= found <= MOST_TOKENS:
        raise ProfilerError(f"{option} {given} is not a number of tokens from 1 to {MOST_TOKENS:,}; write it as {option} 2048")
    return int(found)
