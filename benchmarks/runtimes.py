"""The same networks in eager torch, compiled, in ONNX Runtime and in OpenVINO; our timing beside a plain loop. Five minutes.

python benchmarks/runtimes.py > docs/runtimes-measured.md
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from profiler.measure import host  # noqa: E402  # the checkout is on the path only now
from profiler.measure.plan import RUNTIMES, Setting, Spec  # noqa: E402  # the checkout is on the path only now
from profiler.measure.pool import Pool  # noqa: E402  # the checkout is on the path only now
from profiler.records.environment import environment  # noqa: E402  # the checkout is on the path only now
from profiler.records.results import Results  # noqa: E402  # the checkout is on the path only now
from profiler.study.bench import bench  # noqa: E402  # the checkout is on the path only now
from profiler.study.bench_options import BenchOptions  # noqa: E402  # the checkout is on the path only now

NETWORKS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2_x1_0", "squeezenet1_0", "resnet18")
FIRST = "mobilenet_v1"
PAPER = ("mobilenet_v2", 75 / 113, "75 against 113 ms on the phone of MobileNetV2's Table 4")
LOOP = """
import sys, time
import numpy, onnxruntime
path, calls = sys.argv[1], int(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
given = session.get_inputs()[0]
x = {given.name: numpy.random.default_rng(0).standard_normal(given.shape, dtype=numpy.float32)}
for _ in range(5):
    session.run(None, x)
print("ready", flush=True)
for line in sys.stdin:
    taken = []
    for _ in range(calls):
        begun = time.perf_counter()
        session.run(None, x)
        taken.append(time.perf_counter() - begun)
    print(sorted(taken)[len(taken) // 2], flush=True)
"""


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def table(*heads: str) -> str:
    return f"{row(*heads)}\n{row(*(':---' if i == 0 else '---:' for i in range(len(heads))))}"


def milliseconds(record: dict[str, Any]) -> str:
    """`12.3 ±0.8 % A`, or why it was not measured."""
    latency, low, high = record["latency_s"], record["latency_low_s"], record["latency_high_s"]
    if latency is None:
        return str(record["reason"])
    return f"{1e3 * latency:.3g} ±{50 * (high - low) / latency:.1f} % {record['grade']}"


def tables(found: Results) -> None:
    """Milliseconds by runtime, the factor from eager, and each network over the first in the same runtime."""
    by = {(record["model"], record["runtime"]): record for record in found}
    print("## Milliseconds an image, one thread\n")
    print(table("network", *RUNTIMES))
    for name in NETWORKS:
        print(row(name, *(milliseconds(by[name, runtime]) for runtime in RUNTIMES)))

    def ratio(above: tuple[str, str], below: tuple[str, str]) -> str:
        a, b = by[above]["latency_s"], by[below]["latency_s"]
        return "–" if a is None or b is None else f"{a / b:.2f}"

    print("\n## As a multiple of eager\n")
    print(table("network", *RUNTIMES[1:]))
    for name in NETWORKS:
        print(row(name, *(ratio((name, runtime), (name, "eager")) for runtime in RUNTIMES[1:])))
    print(f"\n## As a multiple of {FIRST} in the same runtime\n")
    print(table("network", "MACs", *RUNTIMES))
    for name in NETWORKS[1:]:
        macs = by[name, "eager"]["macs"] / by[FIRST, "eager"]["macs"]
        print(row(name, f"{macs:.2f}", *(ratio((name, runtime), (FIRST, runtime)) for runtime in RUNTIMES)))
    name, published, where = PAPER
    print(f"\nPublished for {name}: {published:.2f} ({where}).")
    print("\n## What each runtime made of the network\n")
    print(table("network", "runtime", "operations", "export", "load", "first call", "exported file", "outputs differ by"))
    for (name, runtime), record in by.items():
        if record["artifact_bytes"] is not None:
            seconds = [
                "kept" if record[key] is None else f"{record[key]:.2f} s" for key in ("export_s", "load_s", "first_call_s")
            ]
            size, differs = f"{record['artifact_bytes'] / 2**20:.1f} MiB", f"{record['output_difference']:.0e}"
            print(row(name, runtime, record["nodes"], *seconds, size, differs))


def against_a_plain_loop(name: str, rounds: int) -> None:
    """ONNX Runtime's own call in a process without torch, and our visits to a worker, in turns on one file."""
    import tempfile

    from profiler.load.load import load
    from profiler.module.onnx_export import export_onnx
    from profiler.study.measuring import spec_of

    network: Any = load(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        args, kwargs = network.example(1, "cpu")
        export_onnx(network.module("cpu"), tuple(args), path, kwargs)
        spec: Spec = spec_of(network, 1, Setting(runtime="onnxruntime"))
        with (
            Pool([spec], keep_exports=False) as pool,
            subprocess.Popen(
                [sys.executable, "-c", LOOP, str(path), "20"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as loop,
        ):
            assert loop.stdin is not None
            assert loop.stdout is not None
            loop.stdout.readline()
            pool.prepare(0)
            pool.warm(0, 3.0)
            ours, theirs = [], []
            for i in range(rounds):
                for turn in (0, 1) if i % 2 else (1, 0):
                    if turn:
                        ours.append(median(pool.visit(0, 1, 20, 1).seconds))
                    else:
                        print("go", file=loop.stdin, flush=True)
                        theirs.append(float(loop.stdout.readline()))
            loop.stdin.close()
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        row(name, f"{1e3 * median(ours):.2f} ms", f"{1e3 * median(theirs):.2f} ms", f"{median(ratios):.3f}",
            f"{ratios[len(ratios) // 4]:.3f} … {ratios[3 * len(ratios) // 4]:.3f}")
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default="150s", help="for all cells of the tables")
    parser.add_argument("--rounds", type=int, default=60, help="turns with the plain loop")
    given = parser.parse_args()
    made, machine = environment(), host.machine()
    print("# Runtimes, measured\n\nWritten by `python benchmarks/runtimes.py`.\n")
    options = BenchOptions(device="cpu", threads=1, runtime=RUNTIMES, time=given.time, outputs=())
    found = bench(*NETWORKS, bench=options)
    workers = {worker.get("runtime"): worker for worker in (found.machine or {}).get("workers", ())}
    versions = ", ".join(f"{name} {workers[name]['version']}" for name in ("onnxruntime", "openvino") if name in workers)
    print(f"{machine['cpu']}, {machine['processors']} processors, Python {made.python}, torch {made.torch}, {versions};")
    print(f"{made.date}.\n")
    tables(found)
    print("\n## Our timing beside a plain loop\n")
    print("`session.run` in a loop in a process without torch, in turns with our measuring: medians of 20 calls.\n")
    print(table("network", "ours", "plain loop", "ratio", "its quartiles"))
    for name in ("mobilenet_v1", "squeezenet1_0"):
        against_a_plain_loop(name, given.rounds)


if __name__ == "__main__":
    main()
