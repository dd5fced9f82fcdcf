"""The process that counts a network in the folder of a revision, and writes what it found as a saved run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from profiler.errors import InputNeeded, ProfilerError
from profiler.load.load import parse
from profiler.records.place import Place
from profiler.report.answers import registry
from profiler.study.show import in_full

OURS = ("profiler", "archs", "cli")


def main(root: str, tree: str, answer: str) -> None:
    """Count what stdin asks for, and write it to the file `answer`.

    `tree` holds the files of the revision; nothing of the working tree below `root` may be loaded in their place.
    """
    request = json.load(sys.stdin)
    os.dup2(2, 1)  # what its code prints is no answer
    try:
        document = _counted(request)
        _check_origin(Path(root), Path(tree))
    except ProfilerError as fault:
        document = {"error": str(fault), "code": fault.exit_code}
    Path(answer).write_text(json.dumps(document), encoding="utf-8")


def _counted(request: dict[str, Any]) -> dict[str, Any]:
    place = Place(request["model"], **request["place"])
    if isinstance(place.input, list) and all(isinstance(side, int) for side in place.input):
        place = place._replace(input=tuple(place.input))
    if place.batch is None:
        place = place._replace(batch=1)
    try:
        found = in_full(place)
    except InputNeeded:  # what the run beside it was given
        inputs = request["known"].get(parse(request["model"])[0], ())
        if len(inputs) != 1:
            raise
        found = in_full(place._replace(input=inputs[0]))
    return registry.answer(found).document()


def _check_origin(root: Path, tree: Path) -> None:
    """Raises ProfilerError where code of today's working tree was imported in the place of the revision's."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] in OURS:
            continue
        place = Path(file).resolve()
        if place.is_relative_to(root) and not place.is_relative_to(tree.resolve()) and "site-packages" not in place.parts:
            raise ProfilerError(
                f"{name} was imported from {place}, which is not in the revision; name its file, as in path/net.py:Net"
            )
