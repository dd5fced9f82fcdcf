"""Seconds and memory of a limit of latency on every combination of stages: python benchmarks/fit_latency.py

No clock is read: the latencies that predictions are fitted to are made up, since how long the search takes does not depend on
them. Each network is searched in a process of its own; some combinations are held to the prediction of the built network.
"""

from __future__ import annotations

import csv
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.fit import AIM_MIB, AIM_S, MIB, ROUNDS, STAGED  # the checkout is on the path only now
from profiler import costs, fit_stages, predict, profile
from profiler.network.registry import names

MADE_UP = 50
"""Networks in the table of latencies: each of the zoo's, at several widths and sides."""
HELD = 20
"""Combinations that are held to the prediction of the built network, of each network."""


def made_up(file: Path) -> None:
    """A table of latencies that a machine of 20 G multiply-adds a second might have."""
    draw = Random(0)
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["model", "alpha", "resolution", "latency_s"])
        for name in STAGED:
            for _ in range(MADE_UP // len(STAGED)):
                alpha, side = draw.choice(("0.25", "0.5", "0.75", "1", "1.25", "1.5")), draw.choice((128, 160, 192, 224, 256))
                found = profile(name, alpha=alpha, resolution=side)
                table.writerow([name, alpha, side, (found.macs / 20e9 + found.moved / 10e9) * draw.uniform(0.97, 1.03)])


def one(name: str, source: str) -> None:
    """One network: its row."""
    native = predict(name, source=source)[0]
    limit = (native["predicted_s"] or 0.02) / 2
    took = []
    for _ in range(ROUNDS):
        start = perf_counter()
        found = fit_stages(name, widths=STAGED[name], max_latency=limit, max_params=profile(name).params // 2, source=source)
        took.append(perf_counter() - start)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    draw, held = Random(0), 0
    some = draw.sample(range(len(found.maximal)), min(HELD, len(found.maximal)))
    cost, records = costs(name), [found.maximal[i] for i in some]
    built = [cost.reference([int(n) for n in record["widths"].split(":")]) for record in records]
    for record, there in zip(records, predict(*built, source=source, force=True) if built else [], strict=True):
        held += abs(record["predicted_s"] / there["predicted_s"] - 1) < 1e-9
    latency = found.latency
    assert latency is not None
    aim = "held" if max(took) <= AIM_S and used <= AIM_MIB else "missed"
    as_predicted = f"{held} of {len(some)}"
    print(
        f"| {name} | {found.combinations:,} | {found.fitting:,} | {latency.undecided:,} | {latency.unknown:,} | "
        f"{median(took):.2f} s | {max(took):.2f} s | {used:.0f} MiB | {as_predicted} | {AIM_S:g} s, {AIM_MIB} MiB: {aim} |"
    )


def main() -> None:
    if sys.argv[1:2] == ["one"]:
        one(*sys.argv[2:4])
        return
    import numpy

    assert set(STAGED) <= set(names())
    print(f"{ROUNDS} rounds; {platform.machine()}, Python {platform.python_version()}, numpy {numpy.__version__}\n")
    print("| network | combinations | fit | undecided | unknown | median | slowest | memory | as predict has it | aim |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        made_up(table)
        for name in STAGED:
            ran = subprocess.run([sys.executable, __file__, "one", name, table], capture_output=True, text=True, check=False)
            print(ran.stdout or ran.stderr, end="", flush=True)


if __name__ == "__main__":
    main()
