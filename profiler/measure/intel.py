"""Intel's GPUs and NPUs, which OpenVINO alone runs networks on here: torch sees none of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from profiler.measure.device import Device

if TYPE_CHECKING:
    import torch


class IntelGpu(Device):
    """`gpu` is the first of them, `gpu:1` the second. A call has ended when it returns; the reference kernel is the CPU's."""

    type = "gpu"
    numbered = True
    has_leaf_marks = False
    openvino: ClassVar[str] = "GPU"
    """What OpenVINO calls it."""

    @classmethod
    def title(cls, name: str) -> str:
        return f"Intel {name.upper()}"

    @cached_property
    def torch_device(self) -> torch.device:
        import torch

        return torch.device("cpu")


class Npu(IntelGpu):
    """The one that the processor has."""

    type = "npu"
    numbered = False
    openvino = "NPU"
