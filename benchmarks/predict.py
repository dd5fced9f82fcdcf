"""How well latencies are predicted that were not measured: a table for docs/prediction-measured.md. On a quiet machine.

python benchmarks/predict.py --seconds 120         # five grids of 16 cells, then ten networks: some 15 minutes
python benchmarks/predict.py --seconds 10          # whether it works
python benchmarks/predict.py --table gpu.csv       # a table of measured networks instead, each family predicted from the others
python benchmarks/predict.py --table gpu.csv --scale-to other.csv --measured 6    # and another device's, scaled to some
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.predict_table import networks_of  # noqa: E402  # the checkout is on the path only now
from profiler.measure import host  # noqa: E402  # the checkout is on the path only now
from profiler.measure.statistics import rank_correlation  # noqa: E402  # the checkout is on the path only now
from profiler.prediction import choice  # noqa: E402  # the checkout is on the path only now
from profiler.prediction.calibration import MeasuredNetwork, calibrated  # noqa: E402  # the checkout is on the path only now
from profiler.prediction.scaling import Pair, scaled  # noqa: E402  # the checkout is on the path only now
from profiler.records.environment import environment  # noqa: E402  # the checkout is on the path only now
from profiler.study.predict_networks import family_of  # noqa: E402  # the checkout is on the path only now
from profiler.study.predict_sources import source  # noqa: E402  # the checkout is on the path only now

GRIDS = ("mobilenet_v1", "mobilenet_v2", "shufflenet_v2_x1_0", "resnet18", "squeezenet1_1")
ALPHAS, SIDES = "0.25..1.0", "128..224"
SIDES_EACH = 4
OTHERS = (
    "mobilenet_v1", "mobilenet_v1@alpha=0.5", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v1", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "shufflenet_v2_x2_0", "resnet18", "resnet34", "resnet50", "resnet56_cifar", "squeezenet1_0",
    "squeezenet1_1", "densenet121", "densenet_bc100_k12_cifar", "efficientnet_b0", "googlenet_torchvision", "inception_v2",
    "inception_v3@resolution=224", "alexnet_torchvision", "nin_fashion", "vgg11", "vgg11@resolution=128",
    "nasnet_mobile", "xception@resolution=160", "vit_b_32",
)  # fmt: skip
MEASURED = 6
CLOSE = log(1.1)


class Judged(NamedTuple):
    """A cell that was predicted from others, and measured too."""

    name: str
    seconds: float
    noise: float
    """Half the measured interval, as a share."""
    predicted: float
    low: float
    high: float
    refused: str

    @property
    def off(self) -> float:
        """The logarithm of measured over predicted."""
        return log(self.seconds / self.predicted)

    @property
    def covered(self) -> bool:
        return self.low <= self.seconds <= self.high


def clocked(words: Sequence[str], seconds: float, folder: Path) -> list[MeasuredNetwork]:
    """`profiler bench --layers` of these, read back."""
    file = folder / f"{abs(hash(tuple(words)))}.json"
    command = [sys.executable, "-m", "profiler", "bench", *words, "--layers", "--device", "cpu", "--threads", "1"]
    subprocess.run([*command, "--time", f"{seconds:g}s", "-o", str(file), "-q"], cwd=ROOT, env=dict(os.environ), check=True)
    return [each.measured for each in source(str(file)).timed]


def of_grid(name: str, cells: Sequence[MeasuredNetwork]) -> list[Judged]:
    """The cells of a grid, but for the measured six, predicted from these."""
    anchors = choice.chosen([cell.works for cell in cells], MEASURED, [divmod(i, SIDES_EACH) for i in range(len(cells))])
    found = calibrated([cells[i]._replace(family="") for i in anchors])
    made = []
    for i, cell in enumerate(cells):
        if i not in anchors:
            middle, low, high = found.predict(cell.works)
            made.append(
                Judged(
                    f"{name}, cell {i + 1}",
                    cell.seconds.estimate,
                    cell.seconds.half_width,
                    middle,
                    low,
                    high,
                    found.refusal(cell.works),
                )
            )
    return made


def of_families(cells: Sequence[tuple[str, MeasuredNetwork]]) -> list[Judged]:
    """Each network predicted from those of other families."""
    made = []
    for name, cell in cells:
        others = [each._replace(family=family_of(other)) for other, each in cells if family_of(other) != family_of(name)]
        found = calibrated(others)
        middle, low, high = found.predict(cell.works)
        made.append(Judged(name, cell.seconds.estimate, cell.seconds.half_width, middle, low, high, found.refusal(cell.works)))
    return made


def of_table(cells: Sequence[tuple[str, MeasuredNetwork]]) -> list[Judged]:
    """Each family of a table predicted from the other families."""
    made = []
    for family in dict.fromkeys(cell.family for _, cell in cells):
        found = calibrated([cell for _, cell in cells if cell.family != family])
        for name, cell in cells:
            if cell.family == family:
                middle, low, high = found.predict(cell.works)
                noise = cell.seconds.half_width
                made.append(Judged(name, cell.seconds.estimate, noise, middle, low, high, found.refusal(cell.works)))
    return made


def of_scaled(
    there: Sequence[tuple[str, MeasuredNetwork]], here: Sequence[tuple[str, MeasuredNetwork]], measured: int
) -> list[Judged]:
    """What both tables hold: some measured here, the others scaled from the other device."""
    both = [(name, dict(there)[name], cell) for name, cell in here if name in dict(there)]
    anchors = choice.chosen([cell.works for _, _, cell in both], measured)
    by = scaled([Pair(both[i][2].works, both[i][1].seconds.estimate, both[i][2].seconds) for i in anchors])
    made = []
    for i, (name, other, cell) in enumerate(both):
        if i not in anchors:
            there_s = other.seconds.estimate
            middle, half = there_s * by.factor(cell.works), by.half_width
            ends = middle * exp(-half), middle * exp(half)
            made.append(Judged(name, cell.seconds.estimate, cell.seconds.half_width, middle, *ends, by.refusal(there_s)))
    return made


def judge_table(file: Path, scale_to: Path | None, measured: int) -> None:
    """Print what became of a table."""
    there = networks_of(file)
    print(f"# {file.name}: each family predicted from the others\n\n{HEADS}")
    judged = of_table(there)
    print_rows(judged, "families held out")
    if scale_to is not None:
        other = of_scaled(there, networks_of(scale_to), measured)
        print_rows(other, f"{scale_to.name}, scaled from {file.name} by {measured} networks")
    print(f"\n{ALSO}")
    for each in judged:
        print(line(each))


def print_rows(judged: Sequence[Judged], name: str) -> None:
    told, refused = [each for each in judged if not each.refused], [each for each in judged if each.refused]
    print("\n".join([*([row(name, told)] if told else []), *([row("of these refused, by force", refused)] if refused else [])]))


def row(name: str, judged: Sequence[Judged]) -> str:
    errors = [abs(each.off) for each in judged]
    ranks = (
        rank_correlation([each.predicted for each in judged], [each.seconds for each in judged]) if len(judged) > 2 else None
    )
    width = median(log(each.high / each.low) / 2 for each in judged)
    shares = (
        exp(median(errors)) - 1,
        sum(error <= CLOSE for error in errors) / len(errors),
        sum(each.covered for each in judged) / len(judged),
        width,
    )
    cells = [name, str(len(judged)), *map(percent, shares), "–" if ranks is None else f"{ranks:.3f}"]
    cells.append(percent(median(each.noise for each in judged)))
    return f"| {' | '.join(cells)} |"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


HEADS = "\n".join(
    (
        "| | cells | median error | within ±10 % | in the 95 % interval | ± of the interval | Spearman | ± of the clock |",
        f"| :--- |{' ---: |' * 7}",
    )
)
ALSO = (
    "## Every cell\n\n| cell | measured | predicted | interval | off | refused |\n| :--- | ---: | ---: | ---: | ---: | :--- |"
)


def line(each: Judged) -> str:
    interval = f"{1e3 * each.low:.3g} – {1e3 * each.high:.3g}"
    off = f"{100 * (exp(each.off) - 1):+.1f} %"
    return (
        f"| {each.name} | {1e3 * each.seconds:.3g} ms | {1e3 * each.predicted:.3g} ms | {interval} | {off} | {each.refused} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="of each grid, and of the networks")
    parser.add_argument("--table", type=Path, help="a table of measured networks to judge, and nothing measured here")
    parser.add_argument("--scale-to", type=Path, help="another device's, of which some are taken as measured")
    parser.add_argument("--measured", type=int, default=MEASURED, help="how many of them")
    given = parser.parse_args()
    if given.table is not None:
        judge_table(given.table, given.scale_to, given.measured)
        return
    made, machine = environment(), host.machine()
    print("# Predicted latencies, measured\n\nWritten by `python benchmarks/predict.py`.\n")
    print(f"{machine['cpu']}, 1 thread, fp32, {made.platform}, torch {made.torch}; {made.date}; {given.seconds:g} s a grid.\n")
    table = [HEADS]
    every: list[Judged] = []
    with TemporaryDirectory() as folder:
        for name in GRIDS:
            grid = of_grid(name, clocked([name, "--alpha", ALPHAS, "--resolution", SIDES], given.seconds, Path(folder)))
            every += grid
            table.append(row(name, grid))
        table.append(row("all grids", every))
        cells = list(zip(OTHERS, clocked(OTHERS, given.seconds, Path(folder)), strict=True))
        families = of_families(cells)
    told = [each for each in families if not each.refused]
    refused = [each for each in families if each.refused]
    table += [row("families held out", told)] if told else []
    table += [row("of these refused, predicted by force", refused)] if refused else []
    print(
        f"{MEASURED} of the 16 cells of each grid are measured, and the others predicted from them; these were measured in the "
        "same run.\n"
    )
    print("\n".join(table))
    print(
        "\nAims: of a grid at least 90 % within ±10 %, 90 to 98 % in the interval, Spearman at least 0.98; of families held out"
    )
    print("at least 60 % within ±10 % and 90 % in the interval; what is refused is worse than what is not.\n")
    print(ALSO)
    for each in (*every, *families):
        print(line(each))


if __name__ == "__main__":
    main()
