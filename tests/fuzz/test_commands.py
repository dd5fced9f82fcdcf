"""Command lines of options and words at random: a code of the contract, a sentence, and no file but those that were named."""

from __future__ import annotations

import random
from typing import Any

import typer.main

import cli
from tests.fuzz.chance import EITHER, TEXTS, drawn
from tests.fuzz.inside import World, world

__all__ = ["world"]
COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
QUICK = ("list", "show", "compare", "formula", "check", "diff", "report", "verify", "sweep", "fit")
"""The commands that neither measure nor wait, but for predict, which has little to do without a file."""
SLOW = {
    "--max-latency",
    "--max-memory",
    "--min-memory",
    "--bench",
    "--what-if",
    "--plot",
    "--engine",
    "--memory",
    "--training",
    "--resume",
    "--layers",
}
MODELS = (
    "lenet5",
    "vgg11",
    "lenet5@classes=3",
    "lenet5@alpha=0.5,resolution=32",
    "net.py:Net",
    "nonesuch",
    "net.py:None",
    "@",
    "lenet5@",
    ":",
    "x:y",
    ".py",
)
FILES = (
    "a.csv",
    "b.json",
    "sub/c.md",
    "d.xml",
    "e.tex",
    "f.txt",
    "no/x.csv",
    "sub",
    "g",
    ".csv",
    "n" * 251 + ".csv",
    "n" * 252 + ".csv",
    "/dev/null",
)
VALUES = {
    "--alpha": ("0.5", "1", "0.5,1", "2..1"), "--resolution": ("32", "28,32", "28..36:4"), "--batch": ("1", "2", "none"), "--input": ("4", "1x28x28"),
    "--set": ("classes=3", "n=2", "a"), "--unit": ("raw", "M", "flops"), "--format": ("csv", "json", "markdown", "latex"), "-f": ("jsonl", "table"),
    "--depth": ("0", "1"), "--top": ("1", "0"), "--max-macs": ("1M", "1"), "--columns": ("model,macs", "path"), "--sort": ("macs", "-params"),
    "--over": ("classes=1..3", "n=2,3", "n=1..1e9", "alpha=0.5,1", "batch=1..2", "x", "n=\x1b[2J,=1"), "--max-params": ("1M", "1"),
    "--convention": ("torch", "fvcore"), "--tolerance": ("1%",),
}  # fmt: skip
PATHS = ("--output", "-o", "--csv", "--junit", "--baseline")


def _words(chance: random.Random) -> list[str]:
    name = chance.choice(QUICK)
    words = [name]
    for param in COMMANDS[name].params:
        if param.param_type_name == "argument":
            words += [
                chance.choice(MODELS) if chance.random() < 0.8 else chance.choice(TEXTS)
                for _ in range(chance.choice((1, 1, 1, 2)))
            ]
    options = [param for param in COMMANDS[name].params if param.param_type_name == "option" and not SLOW & set(param.opts)]
    for param in chance.sample(options, chance.choice((0, 1, 1, 2, 3))):
        option = chance.choice(param.opts)
        words.append(option)
        if not param.is_flag:
            known = FILES if option in PATHS else VALUES.get(option, ("1", "x"))
            words.append(
                chance.choice(known) if chance.random() < 0.7 else chance.choice(TEXTS if option not in PATHS else FILES)
            )
    if name in ("compare", "sweep", "verify"):
        words += ["--engine", "closed"]
    if chance.random() < 0.05:
        words.insert(chance.randrange(len(words)), chance.choice(TEXTS))
    return [word.replace("\ud800", "\udcff") for word in words]  # as the system hands over what is no UTF-8


@EITHER
def test_any_command_line_ends_in_its_contract(cases: int, world: World) -> None:
    for seed, chance in drawn(cases):
        words = _words(chance)
        before = {path for path in world.inside.rglob("*") if path.is_file()}
        world.run(words, seed)
        new = {str(path.relative_to(world.inside)) for path in world.inside.rglob("*") if path.is_file()} - {
            str(path.relative_to(world.inside)) for path in before
        }
        assert {name for name in new if "__pycache__" not in name} <= {word.removeprefix("./") for word in words}, (
            seed,
            words,
            new,
        )
