"""What the shell offers after TAB: networks, their options after an `@`, and the values of options. No torch."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal, get_args, get_origin

import typer

BREAKS = "@=:"
"""Where bash ends a word of its own accord."""

Offer = Callable[..., list[str]]


@contextmanager
def whole_words(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Asked by bash, put together what it took apart at `@`, `=` and `:`, and answer for the piece that it will replace."""
    if environ.get("_PROFILER_COMPLETE") != "complete_bash":
        yield
        return
    kept, said = _glued(environ), io.StringIO()
    try:
        with redirect_stdout(said):
            yield
    finally:
        sys.stdout.writelines(f"{line.removeprefix(kept)}\n" for line in said.getvalue().splitlines() if line)


def _glued(environ: MutableMapping[str, str]) -> str:
    """What stands of the word before the piece that bash will replace; the words in `environ` are whole afterwards."""
    words = environ.get("COMP_WORDS", "").split()
    cursor = int(environ.get("COMP_CWORD", "0"))
    glued: list[str] = []
    open_ended, piece = False, ""
    for number, word in enumerate(words[: cursor + 1]):
        is_break = not word.strip(BREAKS)
        if glued and number > 1 and (is_break or open_ended):
            glued[-1] += word
            piece = "" if is_break else word
        else:
            glued.append(word)
            piece = word
        open_ended = is_break
    if len(words) <= cursor:
        glued.append("")
        piece = ""
    environ["COMP_WORDS"], environ["COMP_CWORD"] = " ".join(glued), str(len(glued) - 1)
    return glued[-1].removesuffix(piece)


def _of(known: Callable[[], Iterable[str]]) -> Offer:
    """One of them; typer leaves out what does not begin as the word does."""
    return lambda: list(known())


def _listed(known: Callable[[], Iterable[str]]) -> Offer:
    """Of a comma list, its last item."""

    def offer(incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",")
        taken = before.split(",")
        return [f"{before}{comma}{each}" for each in known() if each not in taken]

    return offer


def models(incomplete: str) -> list[str]:
    """Networks of the zoo; after `@`, the options of that network; after a label, `Ours=`, the same behind it."""
    from profiler.network.registry import starting

    label, equals, rest = incomplete.partition("=")
    if equals and not set(BREAKS + "/") & set(label):
        return [f"{label}={each}" for each in models(rest)]
    name, at, settings = incomplete.partition("@")
    if not at:
        return starting(incomplete)
    before, comma, last = settings.rpartition(",")
    taken = [each.partition("=")[0] for each in before.split(",")]
    head = f"{name}@{before}{comma}"
    return [head + each for each in _settings(name, last, True) if each.partition("=")[0] not in taken]


def own_settings(incomplete: str) -> list[str]:
    """For `--set`: the options of the first network that is named on the line."""
    from profiler.network.registry import starting

    names = (word.partition("@")[0] for word in _words()[2:] if not word.startswith("-"))
    named = next((name for name in names if name in starting(name)), "")
    return _settings(named, incomplete, False)


def _words() -> list[str]:
    """The line as it stands: typer has read none of it while an option lacks its value."""
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")).split()


def _settings(model: str, incomplete: str, placed: bool) -> list[str]:
    """`key=` of a network's options; once the key is written, its values where they are few."""
    from profiler.errors import ProfilerError
    from profiler.network.registry import POINT, find

    try:
        options = find(model).options
    except ProfilerError:  # a reference, or an unknown name
        options = {}
    key, equals, _ = incomplete.partition("=")
    if not equals:
        return [f"{each}=" for each in (*(POINT if placed else ()), *options)]
    return [f"{key}={each}" for each in (_values(options[key].annotation) if key in options else ())]


def _values(kind: Any) -> tuple[str, ...]:
    if kind is bool:
        return ("true", "false")
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _engines() -> Iterable[str]:
    from profiler.study.cells import ENGINES

    return ENGINES


def _conventions() -> Iterable[str]:
    from profiler.count.conventions import CONVENTIONS

    return CONVENTIONS


def _units() -> Iterable[str]:
    from profiler.report.units import Scale

    return (*get_args(Scale), "paper")


def _forms() -> Iterable[str]:
    from profiler.report.forms import FORMS

    return FORMS


def _plan(name: str) -> Callable[[], Iterable[str]]:
    def known() -> Iterable[str]:
        from profiler.measure import plan

        found: tuple[str, ...] = getattr(plan, name)
        return found

    return known


def _devices() -> Iterable[str]:
    from profiler.measure.devices import DEVICES

    return "auto", *DEVICES


def _columns(ctx: typer.Context) -> list[str]:
    """The columns that the command on the line shows."""
    if ctx.info_name == "show":
        from profiler.report.sheets.layers import ROW_COLUMNS

        return list(ROW_COLUMNS)
    if ctx.info_name == "list":
        from profiler.study.listing import listing

        return list(listing("lenet5")[0])
    if "--layers" in _words():
        from profiler.report.answers.layer_times import COLUMNS

        return list(COLUMNS)
    from profiler.report.sheets.columns import known

    return known()


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    return _listed(lambda: _columns(ctx))(incomplete)


def sort(ctx: typer.Context) -> list[str]:
    return _columns(ctx)


def rewritings() -> Iterable[str]:
    from profiler.count.rewriting import REWRITINGS

    return REWRITINGS


engines = _listed(_engines)
conventions = _of(_conventions)
units = _of(_units)
forms = _of(_forms)
devices = _listed(_devices)
dtypes = _listed(_plan("DTYPES"))
memory_formats = _listed(_plan("MEMORY_FORMATS"))
runtimes = _listed(_plan("RUNTIMES"))
optimizers = _of(_plan("OPTIMIZERS"))
what_if = _of(rewritings)
