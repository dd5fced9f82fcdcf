"""How long `profiler inspect` takes for a file of 500 MB, and how much memory: python benchmarks/weights.py [--megabytes N].

The file is a transformer's in fp32, matrices of 1,024 and 4,096, of random numbers; the command is a process of its own. With
--sparse it holds zeros that take no disk: for 30 GB, --megabytes 30000 --sparse.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SHAPES = ((1024, 1024), (1024, 1024), (4096, 1024), (1024, 4096))


def write(path: Path, megabytes: int, sparse: bool) -> int:
    """A file of about so many megabytes, of random numbers or of holes; its tensors."""
    header: dict[str, object] = {}
    at = 0
    while at < megabytes * 10**6:
        for rows, columns in SHAPES:
            header[f"layers.{len(header)}.weight"] = {
                "dtype": "F32",
                "shape": [rows, columns],
                "data_offsets": [at, at + 4 * rows * columns],
            }
            at += 4 * rows * columns
    text = json.dumps(header).encode()
    chance = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        if sparse:
            file.truncate(8 + len(text) + at)
            return len(header)
        for i in range(len(header)):
            file.write(chance.standard_normal(SHAPES[i % len(SHAPES)], dtype=np.float32).tobytes())
    return len(header)


def main() -> None:
    """Write the file, inspect it, say seconds and bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--sparse", action="store_true", help="zeros that take no disk, in place of random numbers")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        tensors = write(path, given.megabytes, given.sparse)
        root = Path(__file__).resolve().parents[1]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "profiler", "inspect", str(path), "-q", "-o", str(Path(folder) / "run.json")],
            check=True,
            cwd=root,
            env={**os.environ, "NO_COLOR": "1"},
        )
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        size = path.stat().st_size / 1e6
        print(f"{size:.0f} MB, {tensors} tensors: {seconds:.1f} s, peak of the process {peak / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
