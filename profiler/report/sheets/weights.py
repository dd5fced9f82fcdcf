"""Weights as signs, on a page: a histogram a tensor, and a map of the channels that are dead."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.records.inspected import TensorRecord
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet

BARS = " ▁▂▃▄▅▆▇█"
ALIVE, SOME, DEAD = "·", "▒", "█"
WIDEST = 128
"""Signs of a map; of more channels each sign is of several."""


def histograms(tensors: Sequence[TensorRecord]) -> Sheet:
    """The values of each weight in 32 steps, from the largest magnitude below zero to that above; bars are of logarithms."""
    rows = []
    for each in tensors:
        if each.histogram and each.low is not None and each.high is not None:
            most = max(abs(each.low), abs(each.high))
            rows.append([each.name, f"{-most:.3g}", bars(each.histogram), f"{most:.3g}"])
    heads = [Heading("tensor", right=False), Heading("from"), Heading("values", right=False), Heading("to")]
    notes = ["Each bar is as high as the number of its values has digits in base 2, compared with the highest."]
    return Sheet(heads, rows, "histograms", notes)


def bars(counts: Sequence[int]) -> str:
    """One sign a step; nothing where there is no value."""
    most = max(counts).bit_length()
    return "".join(BARS[-(-n.bit_length() * (len(BARS) - 1) // most)] if n else BARS[0] for n in counts)


def dead_maps(tensors: Sequence[TensorRecord]) -> Sheet:
    """The channels of each tensor that has dead ones, in their order."""
    rows = [
        [each.name, f"{len(each.dead):,} of {each.channels:,}", channel_map(each)]
        for each in tensors
        if each.dead and each.channels
    ]
    heads = [Heading("tensor", right=False), Heading("dead"), Heading("channels", right=False)]
    notes = [
        f"{DEAD} dead, {ALIVE} alive; with more than {WIDEST} channels a sign stands for several, {SOME} if some of "
        "them are dead."
    ]
    return Sheet(heads, rows, "dead channels", notes)


def channel_map(each: TensorRecord) -> str:
    """One sign a channel, or for several of them."""
    channels, dead = each.channels or 0, set(each.dead)
    step = -(-channels // WIDEST)
    signs = []
    for first in range(0, channels, step):
        held = range(first, min(first + step, channels))
        gone = sum(i in dead for i in held)
        signs.append(DEAD if gone == len(held) else SOME if gone else ALIVE)
    return "".join(signs)
