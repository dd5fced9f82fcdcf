"""What was read of a mapped file is given back: it is no memory of this process any more, and reads the same again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profiler.checkpoint.read import read
from profiler.checkpoint.tensors import BLOCK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of its memory")
BLOCKS = 12


def resident(path: Path) -> int:
    """Bytes of the file that count as memory of this process."""
    found, here = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        head, _, rest = line.partition(" ")
        if not head.endswith(":"):
            here = line.endswith(str(path))
        elif here and head == "Rss:":
            found += 1024 * int(rest.split()[0])
    return found


def safetensors(path: Path, values: Any) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + values.tobytes())


def torch_file(path: Path, values: Any) -> None:
    import torch

    torch.save({"w": torch.from_numpy(values)}, path)


@pytest.mark.parametrize(("write", "name"), [(safetensors, "w.safetensors"), (torch_file, "w.pt")])
def test_no_more_than_a_block_of_a_file_is_in_memory(write: Any, name: str, tmp_path: Path) -> None:
    """Twelve blocks of 16 MB: half of one may be more than it, since systems read ahead."""
    values = np.arange(BLOCKS * BLOCK, dtype=np.float32).reshape(BLOCKS, BLOCK)
    path = tmp_path / name
    write(path, values)
    (tensor,) = read(str(path)).tensors
    most = 0
    for _ in range(2):  # and the second time as the first
        total, blocks = 0.0, 0
        for block in tensor.blocks():
            total += float(block.sum(dtype=np.float64))
            most, blocks = max(most, resident(path)), blocks + 1
        assert (blocks, total) == (BLOCKS, float(values.sum(dtype=np.float64)))
    assert 0 < most < 1.5 * 4 * BLOCK
    assert resident(path) < 4 * BLOCK / 2


def test_what_is_no_mapping_of_the_file_is_left_alone(tmp_path: Path) -> None:
    """A tensor in the heap, whose pages would be lost."""
    import torch

    from profiler.checkpoint.torch_file import _blocks

    values = torch.arange(1 << 20, dtype=torch.float32)
    (tmp_path / "w.pt").write_bytes(b"")
    for _ in range(2):
        (block,) = _blocks(values, tmp_path / "w.pt")
        assert block.tolist()[-3:] == [1048573.0, 1048574.0, 1048575.0]
    assert torch.equal(values, torch.arange(1 << 20, dtype=torch.float32))
