"""A pyproject.toml of anybody: whatever it sets, a command ends in a sentence and writes nothing outside its folder."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.fuzz.chance import EITHER, TEXTS, drawn
from tests.fuzz.inside import World, world

__all__ = ["world"]
PATHS = (
    "out.csv",
    "sub/out.json",
    "../victim.csv",
    "link.csv",
    "../x.json",
    "/dev/null",
    "sub",
    "no/x.md",
    "a.xml",
    "../victim.xml",
    "net.py",
    ".bashrc",
)
KEYS = (
    "output", "csv", "junit", "resume", "baseline", "format", "unit", "columns", "sort", "depth", "top", "alpha", "resolution", "rho", "input", "batch",
    "set", "convention", "engine", "quiet", "verbose", "formulas", "tolerance", "strict", "max-macs", "max_latency", "year", "task", "plot", "nonsense",
    "over", "from", "table", "max-params",
)  # fmt: skip
TABLES = (
    "tool.profiler",
    "tool.profiler.list",
    "tool.profiler.show",
    "tool.profiler.compare",
    "tool.profiler.check",
    "tool.profiler.formula",
    "tool.profiler.fit",
    "tool.profiler.predict",
)
COMMANDS = (
    "list lenet5", "show lenet5", "compare lenet5 vgg11 --engine closed", "formula lenet5", "check lenet5 --max-macs 1M", "check", "diff lenet5 lenet5",
    "list --help", "show lenet5 -o sub/own.md", "fit lenet5 --max-macs 1M", "sweep lenet5 --engine closed", "predict lenet5 --from table.csv",
)  # fmt: skip


def _value(chance: random.Random, key: str) -> str:
    """A value as TOML writes it, now and then of another type, or none at all."""
    how = chance.random()
    if key in ("output", "csv", "junit", "resume", "baseline", "from", "table") and how < 0.8:
        paths = [json.dumps(chance.choice(PATHS)) for _ in range(chance.choice((1, 1, 2)))]
        return paths[0] if len(paths) == 1 else f"[{', '.join(paths)}]"
    if how < 0.5:
        return json.dumps(chance.choice(TEXTS).replace("\ud800", ""))
    if how < 0.8:
        return chance.choice(
            ("1", "0", "-3", "0.5", "1e400", "nan", "true", "false", "2026-01-01", "9" * 400, "9" * 5000, "0x10")
        )
    return chance.choice(('["closed"]', "[]", "[[1]]", "{ a = 1 }", "[" * 3000, "", '["a", 1]', '"\\u0000"'))


def _text(chance: random.Random) -> str:
    lines = []
    for table in chance.sample(TABLES, chance.choice((1, 1, 2))):
        lines.append(f"[{table}]")
        lines += [f"{key} = {_value(chance, key)}" for key in chance.sample(KEYS, chance.choice((0, 1, 1, 2, 3)))]
    if chance.random() < 0.2:
        name = json.dumps(chance.choice(("lenet5", "net.py:Net", "nonesuch", "lenet5@alpha=2", "")))
        key = chance.choice(("macs", "params", "memory", "input", "set", "alpha", "zzz"))
        lines += [f"[tool.profiler.budgets.{name}]", f"{key} = {_value(chance, key)}", 'macs = "1G"' if key != "macs" else ""]
    return "\n".join(lines) + "\n"


@EITHER
def test_settings_write_nothing_outside_their_folder(cases: int, world: World) -> None:
    for seed, chance in drawn(cases):
        Path("pyproject.toml").write_text(_text(chance), encoding="utf-8")
        words = chance.choice(COMMANDS).split()
        if chance.random() < 0.3:
            world.patch.chdir(world.inside / "sub")
            words = [word.removeprefix("sub/") for word in words]
        world.run(words, seed)
        world.patch.chdir(world.inside)
        assert Path("net.py").read_text().startswith("from torch"), f"seed {seed}"
