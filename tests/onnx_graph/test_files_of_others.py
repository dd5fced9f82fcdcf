"""Files that others wrote: the networks and operators that the onnx package brings, and its own examples of every operator."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from profiler import profile
from profiler.errors import ProfilerError
from profiler.load.load import load
from profiler.onnx_graph.reading import read
from profiler.onnx_graph.sizes import declared
from profiler.onnx_graph.values import Value
from profiler.onnx_graph.walk import Walk
from tests.onnx_graph.graphs import saved

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
PUBLISHED = {
    "bvlc_alexnet": (60_965_224, "Caffe's AlexNet: 96 and 256 filters, two groups; 60,965,224 is also archs/alexnet"),
    "resnet50": (25_557_032, "as torchvision prints of resnet50"),
    "vgg19": (143_667_240, "as torchvision prints of vgg19"),
    "squeezenet": (1_235_496, "as torchvision prints of squeezenet1_1"),
    "inception_v1": (6_998_552, "GoogLeNet with biases and without its auxiliary heads, as archs/googlenet"),
}
"""Parameters of the networks of the ONNX model zoo, whose weights the package leaves out and fills when they run."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_have_the_parameters_that_are_known(name: str) -> None:
    found = profile(str(DATA / "light" / f"light_{name}.onnx"))
    assert (found.params, found.uncounted) == (PUBLISHED[name][0], ())


@pytest.mark.parametrize(("ours", "name"), [("vgg19", "vgg19"), ("squeezenet1_1", "squeezenet")])
def test_networks_of_caffe_multiply_as_the_zoo_does(ours: str, name: str) -> None:
    assert profile(str(DATA / "light" / f"light_{name}.onnx")).macs == profile(ours).macs


FILES = sorted(DATA.glob("pytorch-*/*/model.onnx")) + sorted(DATA.glob("simple/*/model.onnx"))


def test_every_file_of_the_package_is_counted() -> None:
    """Operators of strings and of training are named; none ends in anything but a count."""
    assert len(FILES) > 100
    named = set()
    for path in FILES:
        try:
            named |= set(load(str(path)).profile(1).uncounted)
        except ProfilerError as fault:
            assert "is no tensor" in str(fault) or "is not in the file" in str(fault)  # noqa: PT017
    assert named <= {"ai.onnx.preview.training::Gradient", "onnx::StringNormalizer"}


def counted_example(case: Any, folder: Path) -> str:
    """How the shapes of an example compare with what onnx's own runs gave."""
    path = saved(case.model, folder / "case.onnx")
    file = read(str(path), path)
    try:
        inputs = declared(file)
    except ProfilerError:
        return "no tensor"
    given, made = case.data_sets[0]
    values = {}
    for each, data in zip(inputs, given, strict=False):
        if not isinstance(data, np.ndarray) and not np.isscalar(data):
            return "no tensor"
        array = np.asarray(data)
        values[each.name] = Value(array.shape, each.code, array if array.size <= 64 and array.dtype.kind in "iufb" else None)
    found = Walk(file, {}).run(values)
    for value, data in zip(found, made, strict=False):
        if not isinstance(data, np.ndarray):
            continue
        if value.shape is None:
            return "unknown"
        if value.shape != data.shape:
            return f"{value.shape} for {data.shape}"
        if value.data is not None and value.data.dtype.kind in "iufb" and not np.allclose(value.data, data, equal_nan=True):
            return "another value"
    return "same"


def test_shapes_and_values_are_those_of_onnx_own_examples(tmp_path: Path) -> None:
    """Every operator, at its latest version, on the inputs that onnx tests its backends with: 1,800 examples."""
    collect = pytest.importorskip("onnx.backend.test.case.node").collect_testcases
    with np.errstate(all="ignore"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # onnx's examples are older than the newest numpy
            cases = collect(None)
        assert len(cases) > 1000
        found: dict[str, list[str]] = {}
        for case in cases:
            found.setdefault(counted_example(case, tmp_path), []).append(case.name)
    # a slip of onnx's own inference: half of the frequencies are made
    off = {said: names for said, names in found.items() if said not in ("same", "no tensor", "unknown")}
    assert {name for names in off.values() for name in names} <= {"test_stft", "test_stft_with_window"}
    assert len(found["same"]) > 0.85 * len(cases)
