"""What a run wrote as one text to be compared: what differs from machine to machine and day to day is masked."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from tests.golden.cases import HERE, ROOT, Case

KEYS = "profiler|python|platform|torch|fvcore|thop|date"
"""The parts of a document's environment."""
MASKS = (
    (rf'("(?:{KEYS})": ?)"[^"]*"', r'\1"…"'),
    (rf"(<dt>(?:{KEYS})</dt><dd>)[^<]*", r"\1…"),
    (r"\b(profiler|python|platform|torch|fvcore|thop) (?:v?\d+(?:\.\d+)+\S*?|Linux-\S+?|macOS-\S+?)(?=[\s,:;)<|&]|$)", r"\1 …"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00", "…"),
    (r'( time=)"\d+\.\d+"', r'\1"…"'),
    (r"'sha256-[^']*'", "'sha256-…'"),
)


def told(case: Case, found: dict[str, Any]) -> str:
    """The case's command, exit code, streams and files, one below the other."""
    parts = [f"$ profiler {shlex.join(case.words)}", f"exit {found['exit']}"]
    texts = {"stdout": found["stdout"], "stderr": found["stderr"]}
    texts |= {f"file {name}": text for name, text in found["files"].items()}
    if case.words[:1] == ("report",) and (document := texts.get("file run.json")):
        saved = HERE / case.words[1]
        if document == saved.read_text():
            texts["file run.json"] = f"(what {case.words[1]} holds, byte by byte)\n"
    for name, text in texts.items():
        if text:
            parts += [f"== {name}", masked(text, Path(found["folder"])).removesuffix("\n")]
            if not text.endswith("\n"):
                parts.append("== (no newline at the end)")
    return "\n".join(parts) + "\n"


def masked(text: str, folder: Path) -> str:
    """The text without what differs between runs."""
    text = text.replace("\x1b", "␛").replace("\r", "␍")
    if text.lstrip().startswith("<?xml") and "<svg" in text:
        return drawn(text)
    if text.lstrip().startswith("<!DOCTYPE html"):
        text = page(text)
    text = text.replace(str(folder), "<folder>").replace(str(ROOT), "<checkout>")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return text


def page(text: str) -> str:
    """A page without its style and scripts, which are the same in all; its data a row a line."""
    text = re.sub(r"<style>.*?</style>", "<style>…</style>", text, flags=re.DOTALL)
    text = re.sub(r"<script>.*?</script>", "<script>…</script>", text, flags=re.DOTALL)
    text = re.sub(r'(<script type="application/gzip" id="plotly") .*?</script>', r"\1>…</script>", text, flags=re.DOTALL)
    before, opening, rest = text.partition('<script type="application/json" id="data">')
    data, closing, after = rest.partition("</script>")
    json.loads(data)
    return before + opening + re.sub(r"(?<=[}\]]),\s?(?=[{\[\"])", ",\n", data) + closing + after


def drawn(text: str) -> str:
    """What a drawing says, in its order; where it stands differs between versions of Graphviz."""
    found = re.findall(r"<(title|text|a)\b([^>]*)>([^<]*)", text)
    return "<svg> …\n" + "".join(f"{tag}: {body}\n" for tag, _, body in found if body.strip())
