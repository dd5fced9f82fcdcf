"""An answer as a page: one HTML file with its data, its plots and what draws them, that opens offline."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from profiler.records.columns import options_of
from profiler.report import palette, units
from profiler.report.answer import Answer
from profiler.report.page.columns import coded, columns, label
from profiler.report.page.content import Content, content
from profiler.report.page.networks import packed
from profiler.report.writers import plain

MOST_BYTES = 6_000_000
ROOM = 20_000
"""Bytes kept for the markup around the data and the scripts."""
MOST_DRAWN = 60
"""Cells whose rounds are drawn, so that each has a line that can be read."""
SCRIPTS = (
    "core.js",
    "svg.js",
    "table.js",
    "limits.js",
    "tradeoff.js",
    "networks.js",
    "tree.js",
    "areas.js",
    "clock.js",
    "main.js",
)


def page(answer: Answer) -> str:
    """One self-contained HTML file: it loads nothing, and what the user named stands in it as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    made = content(answer.subject, answer.columns)
    document = answer.document()
    measured, clocked = any(made.rounds), any(network.clock for network in made.networks)
    # shares and layers are drawn by the page's own scripts, so that a page of one network alone is small
    plotly = get_plotlyjs() if len(made.axes) > 1 or made.map or measured or clocked else ""
    script = _script()
    plotly_bytes, compressed = _compressed(plotly) if plotly else (0, "")
    data = _data(made, document["command"], room=MOST_BYTES - ROOM - len(compressed) - len(script.encode()))
    environment = Environment(
        loader=PackageLoader("profiler.report.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html").render(
        made=made,
        command=document["command"],
        environment=_flat(document["environment"]),
        measured=measured,
        layers=any(each.get("at") for each in data["networks"]),
        limited=any(bound.quantity != "latency" for bound in made.limits),
        heat=" × ".join(label(name) for name in made.map),
        clocked=clocked,
        style=Markup(palette.style() + _asset("page.css")),
        plotly=Markup(compressed),
        bytes=plotly_bytes,
        script=Markup(script),
        hashes=[_hash(each) for each in (plotly, script) if each],
        data=Markup(_embedded(data)),
    )
    # a name from elsewhere may hold half of a surrogate pair, which no file can
    return text.encode("utf-8", "replace").decode()


def _data(made: Content, command: str, room: int) -> dict[str, Any]:
    """What the scripts draw. Networks for which there is no room show their shares by kind only, and a note says so."""
    data: dict[str, Any] = {
        "command": command,
        "palette": palette.plain(),
        "caption": made.caption,
        "records": columns(made.records, made.columns, made.over),
        "shown": list(made.shown),
        "axes": made.axes,
        "map": made.map,
        "over": list(made.over),
        "limits": [
            {"column": bound.column, "most": bound.most, "least": bound.least}
            for bound in made.limits
            if bound.quantity != "latency"
        ],
        **_rest(made),
        "rounds": [
            [float(f"{seconds:.5g}") for seconds in rounds if record.get("latency_s") is not None]
            for record, rounds in zip(made.records[:MOST_DRAWN], made.rounds, strict=False)
        ],
    }
    if len(made.rounds) > MOST_DRAWN:
        made.notes.append(f"Latency: the first {MOST_DRAWN} of {len(made.rounds):,} cells are drawn; the table has all.")
    networks, left_out = packed(made.networks, room - len(_embedded(data)))
    if left_out:
        made.notes.append(
            f"The layers of {left_out:,} of {len(made.networks):,} networks have no room on a page of 6 MB; the JSON has them."
        )
    return data | networks


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON that no reader of HTML takes for markup: ASCII, without `<`, `>` and `&`."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _rest(made: Content) -> dict[str, Any]:
    """The options of the records without those that are axes, which tell series apart no more."""
    if not made.over:
        return {}
    apart = options_of(made.over)
    options = [{key: value for key, value in record["options"].items() if key not in apart} for record in made.records]
    return {"rest": coded([plain.shown(each) for each in options])}


def _flat(environment: Mapping[str, Any], under: str = "") -> list[tuple[str, str]]:
    """What the figures were made with, one line each; what is not known is left out."""
    lines = []
    for key, value in environment.items():
        name = f"{under}{key.replace('_', ' ')}"
        match value:
            case Mapping():
                lines += _flat(value, "" if key == "machine" else f"{name}: ")
            case [Mapping(), *_]:
                for each in value:
                    lines += _flat(each, f"{name}: ")
            case None | "" | []:
                pass
            case bool():
                lines.append((name, "yes" if value else "no"))
            case list() | tuple():
                lines.append((name, ", ".join(f"{item:.3g}" if isinstance(item, float) else str(item) for item in value)))
            case int() if key.endswith("bytes"):
                lines.append((name.removesuffix(" bytes"), units.size(value)))
            case _:
                lines.append((name, str(value)))
    return lines


def _script() -> str:
    """Our own scripts as one, whose names are nobody else's."""
    return "\n".join(("(() => {", "'use strict';", *map(_asset, SCRIPTS), "})();"))


@cache
def _asset(name: str) -> str:
    return (files("profiler.report.page") / "assets" / name).read_text(encoding="utf-8")


@cache
def _compressed(script: str) -> tuple[int, str]:
    """The script by gzip: its bytes, and they in base 85, zeros after them; a comma for the digit that is a sign of HTML."""
    data = gzip.compress(script.encode(), 6, mtime=0)
    return len(data), base64.b85encode(data, pad=True).decode().replace("<", ",")


def _hash(script: str) -> str:
    """What the page's own policy knows a script by, so that no other runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
