"""Write docs/commands/ and docs/reference.md from the program's own declarations, and docs/compare.svg from its real output.

python docs/generate.py            write them
python docs/generate.py --check    exit 1 if a page is not what would be written, or has a line of prose over 100 columns
"""

from __future__ import annotations

import re
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import typer.main

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from docs import networks, reference  # noqa: E402  # the checkout is on the path only now
from docs.prose import too_long, wrapped  # noqa: E402  # the checkout is on the path only now
from profiler.commands import help_pages  # noqa: E402

ROOT = DOCS.parent


def page(name: str, command: Any) -> str:
    """A command's page: what it does, examples, its arguments, and its options under their headings."""
    about, examples = help_pages.parts(command.help)
    arguments = " ".join(command.collect_usage_pieces(None)[1:])
    usage = f"profiler {name} [OPTIONS] {arguments}".rstrip()
    lines = [
        f"# profiler {name}",
        "",
        " ".join(about.split()),
        "",
        f"    {usage}",
        "",
        "For example:",
        "",
        "```sh",
        *examples,
        "```",
    ]
    for heading, params in help_pages.sections(name, [p for p in command.params if p.name != "help"]).items():
        if heading == "Arguments":
            lines += ["", "| argument | |", "| :--- | :--- |"]
            lines += [f"| `{help_pages.name(p)}` | {_escaped(p.help)} |" for p in params]
            continue
        lines += ["", f"**{heading}**", "", "| option | | default |", "| :--- | :--- | :--- |"]
        for option in params:
            flags = ", ".join(f"`{flag}`" for flag in option.opts)
            metavar = f" {option.metavar}" if option.metavar else ""
            default = "" if option.default in (None, False, ()) else f"`{option.default}`"
            lines.append(f"| {flags}{metavar} | {_escaped(option.help)} | {default} |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _example(path: Path) -> str:
    """What a command's page has from `## Example` on: written by hand, its output by docs/refresh.py."""
    _, heading, rest = path.read_text(encoding="utf-8").partition("\n## Example") if path.exists() else ("", "", "")
    return heading + rest


def pages() -> dict[Path, str]:
    """Every page that is made, and its text: of docs/commands/ and docs/networks/, and the reference."""
    from profiler.__main__ import load_cli

    group: Any = typer.main.get_command(load_cli().app)
    paths = {name: DOCS / "commands" / f"{name}.md" for name in group.commands}
    made = {paths[name]: page(name, command) + _example(paths[name]) for name, command in group.commands.items()}
    links = "".join(f"- [{name}]({name}.md): {command.short_help}\n" for name, command in group.commands.items())
    made |= {DOCS / "commands" / "README.md": f"# Commands\n\n{links}", DOCS / "reference.md": reference.page()}
    made |= networks.pages(DOCS / "networks")
    return {path: wrapped(text) for path, text in made.items()}


def long_lines() -> list[str]:
    """Places of lines of prose that are too long, in all pages of the checkout."""
    every = [*ROOT.glob("*.md"), *sorted(DOCS.rglob("*.md"))]
    return [f"{page.relative_to(ROOT)}:{n}" for page in every for n in too_long(page.read_text(encoding="utf-8"))]


def picture() -> str:
    """`profiler compare mobilenet_v1 vgg16` as it looks, in SVG."""
    from rich.console import Console

    from profiler import compare

    console = Console(record=True, width=96, file=StringIO(), force_terminal=True)
    console.print("$ profiler compare mobilenet_v1 vgg16", highlight=False)
    console.print(compare("mobilenet_v1", "vgg16").__rich__())
    svg = console.export_svg(title="profiler", unique_id="profiler")
    # the reader's own monospaced font: a picture should not reach for the network
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL).replace("Fira Code, monospace", "monospace")


def main() -> int:
    made = pages()
    if "--check" in sys.argv[1:]:
        stale = [path.name for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        stale += [path.name for path in (DOCS / "commands").glob("*.md") if path not in made]
        if stale:
            print(f"docs/ is not what the program says: {', '.join(stale)}; run python docs/generate.py", file=sys.stderr)
        long = long_lines()
        if long:
            print(f"lines over 100 columns: {', '.join(long)}; run python docs/prose.py PAGE", file=sys.stderr)
        return 1 if stale or long else 0
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (DOCS / "compare.svg").write_text(picture(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
