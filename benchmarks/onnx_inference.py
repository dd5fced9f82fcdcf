"""Looks for operators whose inference in onnx's C++ ends the process: random attributes, shapes and values of every operator.

    python -m benchmarks.onnx_inference [FIRST [CASES]]

Each case is given to the inference as profiler/onnx_graph/inference.py gives it, after its own checks. A process that dies is
named with its case, and the search goes on behind it. What it found stands in profiler/onnx_graph/own_shapes.py.
"""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from typing import Any

import numpy as np
from onnx import AttributeProto, defs, helper

from profiler.errors import ProfilerError
from profiler.onnx_graph.calls import Call
from profiler.onnx_graph.inference import Inference
from profiler.onnx_graph.names import CONTROL
from profiler.onnx_graph.values import Value

NUMBERS = [0, -1, 1, 2, 3, 5, 7, 1 << 31, 1 << 62, -(1 << 63), (1 << 63) - 1]
TEXTS = [
    "",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "linear",
    "ij,jk->ik",
    "...i,...i->...",
    "forward",
    "bidirectional",
    "mean",
]
CODES = {
    "tensor(float)": 1,
    "tensor(int64)": 7,
    "tensor(int32)": 6,
    "tensor(bool)": 9,
    "tensor(float16)": 10,
    "tensor(uint8)": 2,
}
INPUTS, OUTPUTS = 8, 3


def attribute(draw: random.Random, kind: int) -> Any:
    """A value of an attribute of a kind; None where none is drawn."""
    if kind == AttributeProto.INT:
        return draw.choice(NUMBERS)
    if kind == AttributeProto.INTS:
        return [draw.choice(NUMBERS) for _ in range(draw.choice([0, 1, 2, 2, 3, 4]))] or None
    if kind in (AttributeProto.FLOAT, AttributeProto.FLOATS):
        numbers = [draw.choice([0.0, -1.0, 0.5, 1e38, float("nan")]) for _ in range(draw.choice([1, 4]))]
        return numbers if kind == AttributeProto.FLOATS else numbers[0]
    if kind == AttributeProto.STRING:
        return draw.choice(TEXTS)
    return helper.make_tensor("t", 1, [1], [1.0]) if kind == AttributeProto.TENSOR else None


def value(draw: random.Random, types: set[str]) -> Value:
    """A tensor of one of these types, of any sides, with its values or without."""
    code = draw.choice([CODES[each] for each in sorted(types) if each in CODES] or [1])
    sides = draw.choice([[1, 2, 3, 4], [0, 1, 2, 3, 1 << 20, 1 << 31]])
    shape = tuple(draw.choice(sides) for _ in range(draw.choice([0, 1, 1, 2, 3, 4, 4, 5])))
    if code not in (6, 7, 9) or draw.random() < 0.4:
        return Value(shape if draw.random() < 0.95 else None, code)
    numbers = [draw.choice(NUMBERS) for _ in range(draw.choice([0, 1, 1, 2, 3, 4, 8]))]
    kind, low, high = {6: ("i4", -(1 << 31), (1 << 31) - 1), 7: ("i8", NUMBERS[-2], NUMBERS[-1]), 9: ("?", 0, 1)}[code]
    data: Any = np.array([min(max(n, low), high) for n in numbers], dtype=kind)
    data = data.reshape(()) if data.size == 1 and draw.random() < 0.3 else data
    return Value(data.shape, code, data)


def ask(case: int, schemas: list[Any]) -> None:
    """One case."""
    draw, schema = random.Random(case), schemas[case % len(schemas)]
    print(case, schema.name, schema.since_version, flush=True)
    wanted = {name: each for name, each in schema.attributes.items() if each.required or draw.random() < 0.8}
    attributes = {name: attribute(draw, int(each.type.value)) for name, each in wanted.items()}
    attributes = {name: each for name, each in attributes.items() if each is not None}
    count = draw.randint(schema.min_input, max(schema.min_input, min(schema.max_input, INPUTS)))
    values = [value(draw, set(schema.inputs[min(i, len(schema.inputs) - 1)].types)) for i in range(count)]
    made = [f"o{i}" for i in range(max(1, min(schema.max_output, OUTPUTS)))]
    node = helper.make_node(schema.name, [f"i{i}" for i in range(count)], made, **attributes)
    with suppress(ProfilerError):
        Inference("case").outputs(Call(node, "", values), {"": schema.since_version})


def run(first: int, last: int) -> None:
    """The cases from `first` to before `last`, in this process."""
    schemas = [each for each in defs.get_all_schemas_with_history() if not each.domain and not each.deprecated]
    schemas = [each for each in schemas if each.name not in CONTROL]
    for case in range(first, last):
        ask(case, schemas)


def main() -> None:
    """The search, each stretch of it in a process that may die."""
    first, cases = (int(word) for word in (*sys.argv[1:], *("0", "40000")[len(sys.argv[1:]) :]))
    at, died = first, 0
    while at < first + cases:
        code = f"from benchmarks.onnx_inference import run; run({at}, {first + cases})"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            break
        last = ran.stdout.splitlines()[-1]
        print(f"ends the process: case {last} ({ran.returncode}) {ran.stderr.strip().splitlines()[-1:]}")
        at, died = int(last.split()[0]) + 1, died + 1
    print(f"{cases:,} cases, {died} of which ended the process")


if __name__ == "__main__":
    main()
