"""Files of weights are data: whatever they hold, nothing of it runs, and what is malformed is one sentence and exit code 2."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profiler import inspect
from profiler.errors import ProfilerError
from tests.checkpoint import files
from tests.hostile.inside import ended, refused

MARK = "made_by_a_file"
ONE = {"a": np.arange(6, dtype="f4").reshape(2, 3)}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Evil:
    """What unpickling would run."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {MARK}",)


def torch_saved(value: Any, zipped: bool = True) -> bytes:
    import torch

    held = io.BytesIO()
    torch.save(value, held, _use_new_zipfile_serialization=zipped)
    return held.getvalue()


def npz(**arrays: Any) -> bytes:
    held = io.BytesIO()
    np.savez(held, **arrays)
    return held.getvalue()


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return held.getvalue()


def bomb() -> bytes:
    """A torch archive whose storage is 64 MB of zeros in some 64 KB."""
    whole = torch_saved({})
    with zipfile.ZipFile(io.BytesIO(whole)) as source:
        entries = {entry.filename: source.read(entry) for entry in source.infolist()}
    return archive(entries | {"archive/data/0": b"\0" * (1 << 26)})


def claimed(shape: list[int], end: int) -> bytes:
    return files.safetensors(ONE, {"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}})


GRAPH = files.graph([files.graph_node("w", "Const", array=ONE["a"]), files.graph_node("c", "MatMul", ["x", "w"])])
ONNX = files.onnx([files.onnx_tensor("w", ONE["a"], 1)])
HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": (".safetensors", lambda: b"", "it is empty"),
    "short": (".safetensors", lambda: b"\1\0", "it has 2 bytes"),
    "header beyond the file": (".safetensors", lambda: (10**12).to_bytes(8, "little") + b"{}", "its header should be 1,000,000,000,000 bytes long"),
    "no JSON": (".safetensors", lambda: files.safetensors({}, header=b"{x"), "its header is not JSON"),
    "nested": (".safetensors", lambda: files.safetensors({}, header=b'{"a":' * 100_000), "its header is not JSON"),
    "a list": (".safetensors", lambda: files.safetensors({}, header=b"[]"), "not a JSON object"),
    "truncated": (".safetensors", lambda: files.safetensors(ONE)[:-4], "should end at byte 24, but the file has only 20"),
    "more than it says": (".safetensors", lambda: files.safetensors(ONE, tail=b"1234"), "its tensors end at byte 24 of 28"),
    "a claim of 10¹² bytes": (".safetensors", lambda: claimed([10**6, 250_000], 10**12), "should end at byte 1,000,000,000,000"),
    "another size": (".safetensors", lambda: claimed([2, 2], 24), "needs 16 bytes for its shape but has 24 by its offsets"),
    "a side below 0": (".safetensors", lambda: claimed([-2, -3], 24), "sizes must be whole numbers from 0"),
    "a side that is no number": (".safetensors", lambda: files.safetensors(ONE, {"a": {"dtype": "F32", "shape": [True, 6], "data_offsets": [0, 24]}}), "sizes must be whole numbers"),
    "offsets backwards": (".safetensors", lambda: files.safetensors(ONE, {"a": {"dtype": "F32", "shape": [6], "data_offsets": [24, 0]}}), "has the offsets [24, 0]"),
    "overlapping": (".safetensors", lambda: files.safetensors(ONE, {"b": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]}}), "overlaps the tensor before it"),
    "a hole": (".safetensors", lambda: files.safetensors({}, {"b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, tail=b"12345678"), "leaves a hole before it"),
    "a name twice": (".safetensors", lambda: files.safetensors({}, header=b'{"a":{},"a":{}}'), "its header names a twice"),
    "an unknown dtype": (".safetensors", lambda: files.safetensors(ONE, {"a": {"dtype": "F9", "shape": [6], "data_offsets": [0, 24]}}), "has the unknown dtype F9"),
    "a pickle": (".pth", lambda: torch_saved({"a": Evil()}), "nothing in it is run"),
    "an old pickle": (".pt", lambda: torch_saved({"a": Evil()}, zipped=False), "nothing in it is run"),
    "a bare pickle": (".pt", lambda: pickle.dumps({"a": Evil()}), "torch.load refuses it"),
    "a zip bomb": (".pth", bomb, "is compressed, which torch.save never does"),
    "a broken zip": (".pth", lambda: b"PK\3\4" + b"\0" * 40, "torch.load refuses it"),
    "no tensor": (".pth", lambda: torch_saved({"epoch": 3}), "it holds no tensors"),
    "a storage that is too small": (".pth", lambda: expanded(), "claims 1,000,000 elements of a storage of fewer"),
    "objects": (".npz", lambda: npz(a=np.array([Evil()], dtype=object)), "is of objects, which are pickles and are not read"),
    "a bomb of zeros": (".npz", lambda: archive({"a.npy": npy(b"\0" * (1 << 26), 1 << 26, "|u1")}), "are more than 200 times as large as the file"),
    "a claim in numpy's header": (".npz", lambda: archive({"a.npy": npy(b"1234", 10**12, "<f4")}), "has the shape [1000000000000] but only 4 bytes"),
    "no archive": (".npz", lambda: b"\x93NUMPY\1\0", "it is not an archive of numpy.savez"),
    "no npy": (".npz", lambda: archive({"a.npy": b"what?"}), "it is not an archive of numpy.savez"),
    "a graph cut short": (".pb", lambda: GRAPH[:-3], "it is not a TensorFlow graph"),
    "a graph of another size": (".pb", lambda: GRAPH.replace(b"\x12\x02\x08\x03", b"\x12\x02\x08\x7f"), "for its shape but has 24"),
    "a constant of one number": (".pb", lambda: files.graph([constant([1 << 40])]), "has 1,099,511,627,776 elements by its shape but holds 1"),
    "a name twice in a graph": (".onnx", lambda: files.onnx([files.onnx_tensor("w", ONE["a"], 1)] * 2), "tensor w occurs twice in it"),
    "an ONNX file cut short": (".onnx", lambda: ONNX[:-3], "it is not an ONNX model"),
    "ONNX of another size": (".onnx", lambda: ONNX.replace(b"\x08\x03", b"\x08\x7f", 1), "for its shape but has 24"),
    "ONNX beside the file": (".onnx", lambda: files.onnx([files.onnx_tensor("w", ONE["a"], 1) + files.field(14, 1) + files.field(13, files.field(1, "location") + files.field(2, "/etc/passwd"))]), "are in another file, which is not read"),
    "an unknown type of ONNX": (".onnx", lambda: files.onnx([files.onnx_tensor("w", ONE["a"], 99)]), "has the unknown ONNX data type 99"),
    "no ONNX": (".onnx", lambda: b"\xff" * 40, "it is not an ONNX model"),
    "no TFLite": (".tflite", lambda: b"\0" * 40, "it is not a TFLite model"),
    "TFLite cut short": (".tflite", lambda: files.tflite("w", ONE["a"])[:200], "it is not a TFLite model"),
    "offsets that lead away": (".tflite", lambda: struct.pack("<I4s", 1 << 30, b"TFL3") + b"\0" * 40, "an offset leads out of it"),
}  # fmt: skip
"""{what: (suffix, what makes the bytes, what is said)}."""


def expanded() -> bytes:
    import torch

    return torch_saved({"a": torch.zeros(1).expand(1_000_000)})


def constant(sides: list[int]) -> bytes:
    """A constant that claims a shape and holds one number."""
    shape = b"".join(files.field(2, files.field(1, side)) for side in sides)
    tensor = files.field(1, 1) + files.field(2, shape) + files.field(5, struct.pack("<f", 1.0))
    return files.graph_node("w", "Const") + files.field(5, files.field(1, "value") + files.field(2, files.field(8, tensor)))


def npy(data: bytes, count: int, kind: str) -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count},), }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_one_sentence(what: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suffix, make, said = HOSTILE[what]
    (folder / f"weights{suffix}").write_bytes(make())
    refused(ended(monkeypatch, "inspect", f"weights{suffix}"), f"'weights{suffix}'", said)
    assert not (folder / MARK).exists()
    assert not [path for path in folder.iterdir() if path.name != f"weights{suffix}"]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".npz", ".onnx", ".pb", ".tflite"])
def test_any_byte_of_a_file_may_be_wrong(suffix: str, folder: Path) -> None:
    """Every file, cut anywhere and with any byte changed, is read or refused: no other exception, nothing that runs."""
    makers: dict[str, Callable[[], bytes]] = {
        ".safetensors": lambda: files.safetensors(ONE),
        ".pth": lambda: torch_saved({"a": __import__("torch").arange(6.0)}),
        ".npz": lambda: npz(**ONE),
        ".onnx": lambda: ONNX,
        ".pb": lambda: GRAPH,
        ".tflite": lambda: files.tflite("w", ONE["a"]),
    }
    whole = makers[suffix]()
    path = folder / f"w{suffix}"
    chance = np.random.default_rng(7)
    for i in range(120):
        data = bytearray(whole)
        if i % 3 == 0:
            data = data[: int(chance.integers(1, len(data)))]
        else:
            for _ in range(1 + i % 5):
                data[int(chance.integers(len(data)))] = int(chance.integers(256))
        path.write_bytes(data)
        with suppress(ProfilerError):
            inspect(str(path))


def test_numbers_that_are_not_finite_are_counted(folder: Path) -> None:
    array = np.array([[np.nan, 1.0], [np.inf, -np.inf]], "f4")
    (folder / "a.safetensors").write_bytes(
        files.safetensors({"a": array, "b": np.array(np.nan, "f4"), "c": np.zeros((0, 4), "f4")})
    )
    found = inspect("a.safetensors")
    assert [each.nonfinite for each in found.tensors] == [3, 1, 0]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["weights", "weights.h5", "weights.bin", "net.py", "weights.safetensors/x", "a\0.pt"])
def test_what_is_no_file_of_weights(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended(monkeypatch, "inspect", name)
    assert found.code in (2, 3)
    assert found.err.count("\n") == 1


def test_a_name_of_a_tensor_commands_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.safetensors").write_bytes(files.safetensors({"\x1b[31m=1+1\n::error::x.weight": ONE["a"]}))
    found = ended(monkeypatch, "inspect", "a.safetensors")
    assert (found.code, found.err) == (0, "")
    assert "\x1b" not in found.out
    text = ended(monkeypatch, "inspect", "a.safetensors", "-f", "csv").out
    assert "\n=1" not in text
