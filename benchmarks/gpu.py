"""Everything that needs a GPU, in one command of eight minutes at most; what it finds is written as it is found.

python benchmarks/gpu.py --out FOLDER            on the machine with the GPU
python benchmarks/gpu.py --rehearse --out FOLDER every part as far as it goes without one, in a minute or two
python benchmarks/gpu.py --report FOLDER         what a folder holds, as docs/gpu-measured.md

It runs from the checkout; nothing need be installed but torch and what docs/gpu.md lists. FOLDER has three files: gpu.json
(every part's results, whole after each part), samples.zip (the raw samples) and log.txt (what the parts printed).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gpu_parts import PARTS, Part, Step  # noqa: E402  # the checkout is on the path only now
from benchmarks.gpu_report import report  # noqa: E402  # the checkout is on the path only now

MINUTES = 8.0
PAGE = ROOT / "docs" / "gpu-measured.md"
LARGEST_FILE = 16_000_000
"""Bytes: what a machine that is lent gives back may be limited to so much a file."""
LOG_OF_A_STEP = 60_000
LEFT_TO_END_S = 10.0
"""A part that was interrupted has so long to write what it has, before it is killed."""
LEAST_S = 15.0
"""With less time left no part is begun."""
MACHINE = """
import json, platform, sys, torch
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
found = {"python": platform.python_version(), "platform": platform.platform(), "torch": torch.__version__,
         "cuda": torch.version.cuda, "triton": version("triton"), "packages": {name: version(name) for name in sys.argv[1:]}}
if torch.cuda.is_available():
    properties = torch.cuda.get_device_properties(0)
    found |= {"gpu": properties.name, "gpu_memory_bytes": properties.total_memory, "cudnn": torch.backends.cudnn.version(),
              "multiprocessors": properties.multi_processor_count, "gpus": torch.cuda.device_count()}
print(json.dumps(found))
"""
PACKAGES = ("fvcore", "thop", "plotext", "msgspec", "numpy", "scipy", "nvidia-ml-py", "rich", "typer", "pytest", "hypothesis")
SMI = "name,driver_version,power.limit,clocks.max.sm,clocks.max.mem,pstate,mig.mode.current,ecc.mode.current"


class Folder:
    """Where results go: three files, none over its limit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        for name in ("gpu.json", "samples.zip", "log.txt"):
            (path / name).unlink(missing_ok=True)

    def write(self, found: Mapping[str, Any]) -> None:
        """gpu.json anew, whole at any moment."""
        text = json.dumps(found, indent=1)
        if len(text) > LARGEST_FILE:  # no document is worth the loss of all
            slim = [{**part, "steps": [{**step, "document": None} for step in part["steps"]]} for part in found["parts"]]
            text = json.dumps({**found, "parts": slim, "left_out": "documents, which were too large together"})
        new = self.path / "gpu.json.new"
        new.write_text(text + "\n", encoding="utf-8")
        os.replace(new, self.path / "gpu.json")

    def log(self, text: str) -> None:
        path = self.path / "log.txt"
        size = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text[-LOG_OF_A_STEP:] if size < LARGEST_FILE - 10 * LOG_OF_A_STEP else "")

    def samples(self, found: Sequence[Path]) -> list[str]:
        """Add files of samples; the names of those that there was no room for."""
        path = self.path / "samples.zip"
        left = []
        for each in found:
            size = path.stat().st_size if path.exists() else 0
            if size + each.stat().st_size / 3 > LARGEST_FILE:  # they are text, which packs to a fifth or less
                left.append(each.name)
                continue
            with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
                file.write(each, each.name)
        return left


def run(step: Step, work: Path, limit_s: float, folder: Folder, **environment: str) -> dict[str, Any]:
    """One command under its limit: interrupted then, so that it can write what it has, and killed soon after."""
    environment = {
        **os.environ,
        **environment,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
        "XDG_CACHE_HOME": str(work / "cache"),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    words = [sys.executable, *step.words(work)]
    begun = time.monotonic()
    said = work / f"{step.name}.log"
    ended = "done"
    with said.open("wb") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        for wait_s, sent in ((limit_s, signal.SIGINT), (LEFT_TO_END_S, signal.SIGKILL), (5.0, signal.SIGKILL)):
            try:
                process.wait(max(wait_s, 0.1))
                break
            except subprocess.TimeoutExpired:
                ended = "out of time"
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, sent)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # whatever it left running would measure beside the next part
    text = said.read_text(encoding="utf-8", errors="replace")
    folder.log(f"\n== {step.name}: {' '.join(words[1:])}\n{text}")
    document = step.document(work)
    if ended == "done" and process.returncode not in (0, *step.also_fine):
        ended = f"exit code {process.returncode}"
    return {
        "name": step.name,
        "command": " ".join(words[1:]).replace(str(work), "FOLDER"),
        "ended": ended,
        "seconds": round(time.monotonic() - begun, 1),
        "last_lines": text.strip().splitlines()[-12:],
        "document": document,
    }


def machine() -> dict[str, Any]:
    """What the figures are of."""
    try:
        ran = subprocess.run([sys.executable, "-c", MACHINE, *PACKAGES], capture_output=True, text=True, timeout=90, check=True)
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError) as fault:
        found = {"fault": f"torch cannot be asked: {fault}"}
    if shutil.which("nvidia-smi"):
        try:
            asked = ["nvidia-smi", f"--query-gpu={SMI}", "--format=csv,noheader"]
            lines = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
            found["nvidia_smi"] = [dict(zip(SMI.split(","), map(str.strip, line.split(",")), strict=False)) for line in lines]
        except (OSError, subprocess.SubprocessError) as fault:
            found["nvidia_smi"] = f"nvidia-smi cannot be asked: {fault}"
    return found


def measure(folder: Folder, device: str, stand_in: bool, seconds: float, only: str) -> dict[str, Any]:
    """Every part in turn, each written as soon as it is over; `stand_in` is for the GPU that the tests make."""
    rehearsal = device == "cpu"
    end = time.monotonic() + seconds
    found: dict[str, Any] = {
        "device": device,
        "rehearsal": rehearsal,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    found |= {"machine": machine(), "parts": []}
    folder.write(found)
    with tempfile.TemporaryDirectory(prefix="gpu-") as scratch:
        work = Path(scratch)
        for part in PARTS:
            if only and part.letter not in only:
                continue
            found["parts"].append(_part(part, _steps(part, device, stand_in), rehearsal, end, work, folder))
            found["seconds"] = round(seconds - (end - time.monotonic()), 1)
            folder.write(found)
    return found


def _steps(part: Part, device: str, stand_in: bool) -> list[Step]:
    made = part.steps(device, device == "cpu")
    return [step.on_stand_in() for step in made] if stand_in else made


def _part(part: Part, made: Sequence[Step], rehearsal: bool, end: float, work: Path, folder: Folder) -> dict[str, Any]:
    begun = time.monotonic()
    until = min(begun + part.limit_s, end - LEFT_TO_END_S)
    print(f"({part.letter}) {part.title}, {part.limit_s:.0f} s at most", flush=True)
    steps = []
    for step in made:
        left = until - time.monotonic()
        if left < (LEAST_S if not rehearsal else 1.0):
            steps.append({"name": step.name, "ended": "not run: no time was left", "seconds": 0.0, "document": None})
            continue
        # a rehearsal waits for nobody: its figures are of no use, and need no quiet machine
        own_locks = {"TMPDIR": str(work)} if rehearsal else {}
        steps.append(run(step, work, left, folder, **own_locks))
        print(f"    {step.name}: {steps[-1]['ended']}, {steps[-1]['seconds']:.0f} s", flush=True)
    left_out = folder.samples(sorted(work.glob("*.samples.jsonl")))
    for path in work.glob("*.samples.jsonl*"):
        path.unlink()
    more = {"samples_left_out": left_out} if left_out else {}
    return {"part": part.letter, "title": part.title, "seconds": round(time.monotonic() - begun, 1), "steps": steps, **more}


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where the results go; those of an earlier run there are replaced"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="write a page of what this folder holds, and measure nothing"
    )
    parser.add_argument(
        "--to", type=Path, default=None, metavar="FILE", help=f"the page of --report [default: {PAGE.name} of docs]"
    )
    parser.add_argument("--rehearse", action="store_true", help="every part on the stand-in of the tests and on the CPU")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1; cpu rehearses [default: cuda]")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for all parts [default: 8]")
    parser.add_argument("--parts", default="", metavar="LETTERS", help="these parts alone, as abd")
    given = parser.parse_args(words)
    if (given.out is None) == (given.report is None):
        parser.error("give --out FOLDER to measure, or --report FOLDER to write the page of a folder")
    if given.report is not None:
        return _report(given.report, given.to)
    device = "cpu" if given.rehearse else given.device
    found = measure(Folder(given.out), device, given.rehearse, 60 * given.minutes, given.parts)
    print(f"{found.get('seconds', 0):.0f} s in all; written to {given.out}", flush=True)
    print("\n".join(report(found).splitlines()[:60]))
    return 0


def _report(folder: Path, to: Path | None) -> int:
    try:
        found = json.loads((folder / "gpu.json").read_text(encoding="utf-8"))
        text = report(found)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        print(f"error: '{folder}' holds no gpu.json of this script: {fault}; give the folder of --out", file=sys.stderr)
        return 2
    if to is None and found["rehearsal"]:
        print(
            f"error: '{folder}' is of a rehearsal without a GPU, and {PAGE.name} is of a GPU; name another page with --to",
            file=sys.stderr,
        )
        return 2
    (to or PAGE).write_text(text, encoding="utf-8")
    print(f"written to {to or PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
