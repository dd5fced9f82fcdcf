"""A `.pt` or `.pth` of torch.save: read with `weights_only=True`, which makes tensors and containers and nothing else."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from profiler.checkpoint.tensors import BLOCK, ITEM_BYTES, Array, Checkpoint, StoredTensor, checked_names, refuse
from profiler.errors import ProfilerError, shortened

STATES = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params")
"""Under which of its names a training script keeps the weights in what it saves; the first that there is."""
MOST_DEPTH = 8


def read(path: Path) -> Checkpoint:
    """The tensors of a file; of a zip archive, which torch writes since 1.6, mapped and not read. Raises ProfilerError."""
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _check_archive(path)
    state, under = _weights(_loaded(path, zipped))
    tensors, others = [], 0
    for name, value in _flattened(state, "", 0):
        if not hasattr(value, "element_size"):
            others += 1
            continue
        tensor = _stored(path, name, value)
        if tensor is None:
            others += 1
        else:
            tensors.append(tensor)
    if not tensors:
        refuse(path, "it holds no tensors", "save a state dict, as torch.save(model.state_dict(), PATH)")
    notes = [f"read under {under!a}"] if under else []
    notes += [f"{others} entries are no dense tensors of numbers, and were passed over"] if others else []
    return Checkpoint(str(path), "torch", checked_names(path, tensors), tuple(notes))


def _check_archive(path: Path) -> None:
    """An archive as torch writes it: nothing compressed, so that no entry is larger than the file. Raises ProfilerError."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as fault:
        refuse(path, f"it is a broken zip archive ({shortened(str(fault), 100)})")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            refuse(path, f"its entry '{entry.filename[:60]}' is compressed, which torch.save never does")
    if len({entry.filename for entry in entries}) != len(entries):
        refuse(path, "its archive holds an entry twice")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        refuse(path, "its entries claim more bytes than the file has")


def _loaded(path: Path, zipped: bool) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except MemoryError:
        raise ProfilerError(
            f"'{path}': not enough memory to read it; save it with torch 1.6 or newer, or as safetensors"
        ) from None
    except Exception as fault:  # torch says by many types what it will not unpickle, and what is no archive
        said = shortened(str(fault).partition("\n")[0].partition("(1)")[0], 160)
        if "weights_only" in str(fault) or "Unsupported" in str(fault):
            said = "it holds more than tensors, and nothing in it is run"
        refuse(path, f"torch.load refuses it with weights_only=True: {said}", "save the state dict alone, or as safetensors")


def _weights(found: Any) -> tuple[Any, str]:
    """What of a saved dict the weights are, and its name in it."""
    if isinstance(found, Mapping) and not any(hasattr(value, "element_size") for value in found.values()):
        for name in STATES:
            if isinstance(found.get(name), Mapping):
                return found[name], name
    return found, ""


def _flattened(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth < MOST_DEPTH and isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _flattened(inside, f"{name}.{key}" if name else str(key), depth + 1)
    elif depth < MOST_DEPTH and isinstance(value, list | tuple):
        for i, inside in enumerate(value):
            yield from _flattened(inside, f"{name}.{i}" if name else str(i), depth + 1)
    else:
        yield name, value


def _stored(path: Path, name: str, tensor: Any) -> StoredTensor | None:
    """A tensor that is dense and of numbers; None of any other."""
    import torch

    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or dtype not in ITEM_BYTES:
        return None
    if tensor.numel() > 1 and 0 in tensor.stride():
        refuse(path, f"tensor '{name[:60]}' claims {tensor.numel():,} elements of a storage of fewer")
    return StoredTensor(name, tuple(tensor.shape), dtype, partial(_blocks, tensor.detach()))


def _blocks(tensor: Any) -> Iterator[Array]:
    import torch

    flat = tensor.reshape(-1)
    known = tensor.dtype not in (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
    for start in range(0, flat.numel(), BLOCK):
        block = flat[start : start + BLOCK]
        yield (block if known else block.float()).numpy()
