"""The mass of public models against torch's own counter: timm's registry, torchvision's models, the classes of transformers.

    python -m venv public; public/bin/pip install . torchvision timm transformers   (torchvision built for its torch)
    public/bin/python benchmarks/public_models.py --results public.jsonl --write docs/public-models.md

A result is kept as soon as it is there, so that a run that was cut off goes on where it was.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import selectors
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from threading import Lock, local
from typing import Any

FAMILIES = ("timm", "torchvision", "transformers")
SERVES = 150
"""Models that a worker counts before another takes its place."""
VERDICTS = (
    "equal",
    "different",
    "uncounted",
    "parameters differ",
    "refused",
    "no reference",
    "over the limit",
    "failed",
    "not built",
)
MEANING = {
    "equal": "the total is torch's to the integer, and read and unread parameters are all that there are",
    "different": "the totals differ; the reason names the deepest module in which they do",
    "uncounted": "the total is torch's, but ours names operators that have no formula",
    "parameters differ": "the total is torch's, but read and unread parameters are not all that there are",
    "refused": "ours ends in a sentence where torch's counter gives a total",
    "no reference": "torch's counter runs it neither on the meta device nor with values; ours counts it",
    "over the limit": "it takes more time or memory than a model is given",
    "failed": "ours ends in an exception other than ProfilerError, or the process ends",
    "not built": "its library does not build it, or neither runs it, from a configuration alone",
}


class Worker:
    """A process that counts one model after the other."""

    def __init__(self, first: str) -> None:
        words = [sys.executable, str(Path(__file__).with_name("public_model_counts.py")), first]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.left = SERVES

    def ask(self, line: str, seconds: float) -> Any:
        """Its answer; raises TimeoutError after `seconds` of work, EOFError where the process ends."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.left -= 1
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        answer = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            before, waited = self.spent(), 0
            while not answer.endswith(b"\n"):
                if not selector.select(1):
                    waited += 1
                    if self.spent() - before > seconds or waited > 20 * seconds:
                        raise TimeoutError
                    continue
                read = os.read(self.process.stdout.fileno(), 1 << 16)
                if not read:
                    raise EOFError
                answer += read
        return json.loads(answer)

    def spent(self) -> float:
        """Seconds of the processor that it has used; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        self.process.wait()


def run(families: list[str], results: Path, first: str, workers: int, limit: int, seconds: float, again: list[str]) -> None:
    """Counts what is not in `results` yet, or is there with a verdict that is to be looked at again."""
    listing = Worker(first)
    known = {(each["family"], each["name"]) for each in records(results) if each["verdict"] not in again}
    try:
        wanted = [(family, name) for family in families for name in listing.ask(family, 600)[: limit or None]]
    finally:
        listing.end()
    todo = [each for each in wanted if each not in known]
    random.Random(0).shuffle(todo)  # what a run that is cut off has counted is a sample
    print(f"{len(wanted)} models, {len(todo)} of them to count", file=sys.stderr)
    held, lock, started = local(), Lock(), []

    def one(each: tuple[str, str]) -> None:
        if getattr(held, "worker", None) is None:
            held.worker = Worker(first)
            started.append(held.worker)
        try:
            found = held.worker.ask(" ".join(each), seconds)
        except (TimeoutError, EOFError, BrokenPipeError) as fault:
            held.worker.end()
            over = isinstance(fault, TimeoutError)
            verdict, reason = (
                ("over the limit", f"{seconds:g} s of work")
                if over
                else ("failed", f"the process ended with {held.worker.process.returncode}")
            )
            found, held.worker.left = {"family": each[0], "name": each[1], "verdict": verdict, "reason": reason}, 0
        if held.worker.left <= 0:
            held.worker.end()
            held.worker = None
        with lock, results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")

    try:
        with ThreadPoolExecutor(workers) as pool:
            for i, _ in enumerate(pool.map(one, todo)):
                if i % 100 == 99:
                    print(f"{i + 1} of {len(todo)}", file=sys.stderr)
    finally:
        for worker in started:
            worker.end()


def records(results: Path) -> list[dict[str, Any]]:
    """What was counted before, the last of each model."""
    if not results.exists():
        return []
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return list({(each["family"], each["name"]): each for each in lines}.values())


def page(found: list[dict[str, Any]]) -> str:
    """The table and the list of what is not equal, in Markdown."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", *FAMILIES) if installed(name))
    used = [verdict for verdict in VERDICTS if any(each["verdict"] == verdict for each in found)]
    lines = [
        "# The mass of public models",
        "",
        "Written by `benchmarks/public_models.py`: every model built on the meta device without weights, traced here and",
        "counted by torch's FlopCounterMode, halved. That counter gets the formulas that it lacks (products with",
        "vectors, `addbmm`, `cdist`, bilinear and grouped ones), and attention is taken apart for it. A model",
        "that asks for values is counted with values by both.",
        f"Configurations of transformers are cut to two layers and small widths where they allow it. {versions}.",
        "",
        f"| library | models | {' | '.join(used)} |",
        f"| :--- | ---: |{' ---: |' * len(used)}",
    ]
    for family in FAMILIES:
        of_family = [each for each in found if each["family"] == family]
        if of_family:
            counts = collections.Counter(each["verdict"] for each in of_family)
            lines.append(f"| {family} | {len(of_family):,} | {' | '.join(f'{counts[verdict]:,}' for verdict in used)} |")
    lines += ["", *(f"- **{verdict}**: {MEANING[verdict]}." for verdict in used)]
    for verdict in used:
        those = sorted((each["reason"], each["family"], each["name"]) for each in found if each["verdict"] == verdict)
        if verdict == "equal":
            continue
        lines += ["", f"## {verdict.capitalize()}", ""]
        by_reason: dict[str, list[str]] = {}
        for reason, family, name in those:
            by_reason.setdefault(reason, []).append(f"{family}:{name}")
        lines += [f"- {', '.join(f'`{name}`' for name in named)}: {text(reason)}" for reason, named in by_reason.items()]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def text(reason: str) -> str:
    """A reason as Markdown shows it as it is."""
    return reason.replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Counts, then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=list(FAMILIES), metavar="LIBRARY", help=f"of {', '.join(FAMILIES)}")
    parser.add_argument("--results", type=Path, default=Path("public.jsonl"), help="where results are kept")
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0, help="the first of each library only")
    parser.add_argument("--seconds", type=float, default=120, help="of the processor that a model may take")
    parser.add_argument("--first", default="", help="modules that are imported before the libraries, separated by commas")
    parser.add_argument("--again", default="", help=f"verdicts that are counted anew, of {', '.join(VERDICTS)}")
    given = parser.parse_args()
    again = [verdict.strip() for verdict in given.again.split(",")]
    run(given.families, given.results, given.first, given.workers, given.limit, given.seconds, again)
    if given.write:
        given.write.write_text(page(records(given.results)), encoding="utf-8")


if __name__ == "__main__":
    main()
