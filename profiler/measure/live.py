"""A workload alive in a worker: the module on its device in its setting, and the one call that is timed."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter, perf_counter_ns  # the clocks themselves: measured code may replace those of the module
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler.errors import ProfilerError
from profiler.measure.device import Graph
from profiler.measure.devices import opened
from profiler.measure.outputs import MOST, check_same, largest_difference
from profiler.measure.plan import Setting, Source
from profiler.measure.visits import Visit, Warmed
from profiler.module.trees import map_tensors, tensors
from profiler.network.layers import Shape

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ASIDE_WEIGHT = 0.3
"""What an auxiliary classifier's loss counts for (GoogLeNet, section 5)."""
SEED = 0
RATE = 1e-4
"""Learning rate of a timed step: small, since hundreds of steps on one batch must not take the weights anywhere odd."""

_exit, _process = os._exit, os.getpid  # which measured code may replace

Made = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""A callable (a module, mostly) with its arguments."""


def random_inputs(shapes: Sequence[Shape], tables: Sequence[int | None], batch: int) -> tuple[Tensor, ...]:
    """Seeded normal inputs, or whole numbers below `tables`: zeros would be faster than any real image, or text."""
    generator = torch.Generator().manual_seed(SEED)
    return tuple(
        torch.randn(batch, *shape, generator=generator)
        if vectors is None
        else torch.randint(vectors, (batch, *shape), generator=generator)
        for shape, vectors in zip(shapes, tables, strict=True)
    )


def array(tensor: Tensor) -> Any:
    """The values of a tensor as numpy holds them; of bf16, which it has not, as fp32."""
    plain = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
    return plain.cpu().contiguous().numpy()


def eager_outputs(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
    """The outputs of a module that runs in torch; None where they are random, since two calls differ."""
    with torch.no_grad():
        first, second = (list(map(array, tensors(module(*args, **kwargs)))) for _ in range(2))
    return first if largest_difference(second, first) <= MOST else None


def spin(seconds: float) -> None:
    """Read the clock until so many seconds have passed."""
    end = perf_counter_ns() + int(seconds * 1e9)
    while perf_counter_ns() < end:
        pass


class Live:
    """What is timed. `call()` runs it once and waits for nothing; `sync()` waits for the device."""

    clocks_itself: ClassVar[bool] = False
    """Whether `warm_up` and `visited` run and clock it, in the place of calls that are clocked here."""

    def __init__(self, make: Callable[[], Made], setting: Setting) -> None:
        self.setting = setting
        self.process = _process()
        self.device = opened(setting.device)
        self.by_torch = False
        self.graph: Graph | None = None
        self.uncaptured = True
        self.compile_s: float | None = None
        self.export_s: float | None = None
        self.load_s: float | None = None
        self.artifact_bytes: int | None = None
        self.nodes: int | None = None
        self.output_difference: float | None = None
        self.facts: dict[str, str] = {}
        self.module: Any = None
        self.call: Callable[[], object]
        gc.collect()
        self._bring_alive(make)

    def _bring_alive(self, make: Callable[[], Made]) -> None:
        """Build it, run it once, and say what both took."""
        setting = self.setting
        before = self.device.memory_before()
        start = perf_counter()
        built = make()
        self.source = Source.of(built[0])
        self.module, self.args, self.kwargs = self._placed(*built)
        self.sync()
        self.build_s = perf_counter() - start
        self.call = self._training() if setting.mode == "train" else self._inference()
        self.first_call_s = self._once()
        if setting.compile:  # the first call compiled; a second is the plain one
            self.compile_s = max(self.first_call_s - self._once(), 0.0)
        self.peak_bytes = self.device.peak_since(before)
        if setting.compile and setting.mode == "infer" and isinstance(self.module, nn.Module):
            self._compare()

    def _compare(self) -> None:
        """Hold the outputs of compiled code against those of the module as it was written."""
        expected = eager_outputs(self.module._orig_mod, self.args, self.kwargs)
        if expected is not None:
            self.output_difference = largest_difference(list(map(array, tensors(self.call()))), expected)
            check_same(self.output_difference, self.setting.dtype)

    @property
    def has_own_time(self) -> bool:
        """Whether the device clocks it beside us."""
        return self.device.has_own_time

    def slow_by(self, share: float) -> None:
        """Spin at the end of every call for `share` of the time that it took."""
        plain = self.call

        def slowed() -> object:
            before = perf_counter()
            answer = plain()
            self.sync()
            spin(share * (perf_counter() - before))
            return answer

        self.call = slowed
        self.uncaptured = False  # it waits for the device, and no graph may

    def warm_up(self, seconds: float) -> Warmed:
        """Warm what clocks itself, for about so many seconds.

        Asked only of a subclass that clocks itself, which has it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not clock itself")

    def visited(self, settle: int, samples: int, block: int) -> Visit:
        """The samples of one round, of what clocks itself."""
        raise NotImplementedError

    def sync(self) -> None:
        self.device.synchronize()

    def _once(self) -> float:
        start = perf_counter()
        self.call()
        self.sync()
        spent = perf_counter() - start
        self.end_if_forked()
        return spent

    def end_if_forked(self) -> None:
        """End a child that the measured code forked, and that came back from its call as if it were the worker."""
        if _process() != self.process:
            _exit(0)

    def _placed(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Made:
        if not isinstance(module, nn.Module):
            return module, args, kwargs
        setting = self.setting
        # training keeps its weights in full precision and computes in less: that is what autocast is for
        dtype = DTYPES[setting.dtype] if setting.mode == "infer" else torch.float32
        where = self.device.torch_device
        module = module.to(where, dtype) if dtype != torch.float32 else module.to(where)
        module.train(setting.mode == "train")
        args, kwargs = map_tensors((args, kwargs), lambda x: x.to(where, dtype) if x.is_floating_point() else x.to(where))
        if setting.memory_format == "channels_last":
            module, (args, kwargs) = _module_channels_last(module), map_tensors((args, kwargs), _channels_last)
        if setting.compile:
            module = torch.compile(module)
        return module, args, kwargs

    def _inference(self) -> Callable[[], object]:
        module, args, kwargs = self.module, self.args, self.kwargs
        # compiled code pays for inference mode's guards at every call (pytorch#114119)
        mode: Callable[[], Any] = torch.no_grad if self.setting.compile else torch.inference_mode

        def call() -> object:
            with mode():
                return module(*args, **kwargs)

        return call

    def _training(self) -> Callable[[], object]:
        """Forward, loss, backward, optimiser step."""
        module, setting = self.module, self.setting
        if not isinstance(module, nn.Module):
            raise ProfilerError("only a module can be trained")
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        if not weights:
            raise ProfilerError("it has no parameters to train; leave out --train")
        optimizer: torch.optim.Optimizer = (
            torch.optim.Adam(weights, lr=RATE)
            if setting.optimizer == "adam"
            else torch.optim.SGD(weights, lr=RATE, momentum=0.9)
        )
        dtype = DTYPES[setting.dtype]
        scaler = self.device.scaler(dtype)
        targets: dict[Any, Tensor] = {}

        def precision() -> AbstractContextManager[object]:
            return nullcontext() if dtype == torch.float32 else self.device.autocast(dtype)

        def step() -> object:
            optimizer.zero_grad(set_to_none=True)
            with precision():
                loss = _loss(module(*self.args, **self.kwargs), targets)
            if scaler is None:
                loss.backward()
                optimizer.step()
            else:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
            return loss

        return step

    def capture(self) -> None:
        """Capture the call as a graph, where the device has such and the network allows it: its replays are its own time."""
        if self.setting.mode == "train" or not self.uncaptured or not isinstance(self.module, nn.Module):
            return
        self.uncaptured = False  # what could not be captured once cannot be captured later
        self.graph = self.device.capture(self.call)


CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By the number of axes; what has another stays."""


def _module_channels_last(module: nn.Module) -> nn.Module:
    ranks = {weight.ndim for weight in module.parameters()}
    for rank, form in CHANNELS_LAST.items():
        if rank in ranks:
            module = module.to(memory_format=form)  # type: ignore[call-overload]
    return module


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=CHANNELS_LAST[tensor.ndim]) if tensor.ndim in CHANNELS_LAST else tensor


def _loss(output: Any, targets: dict[Any, Tensor]) -> Tensor:
    """Cross-entropy against random labels where classes are on axis 1, asides weighed 0.3, else the mean square."""
    if isinstance(output, tuple) and len(output) == 2 and isinstance(output[1], dict):
        main, asides = output
        parts = [_loss(main, targets), *(ASIDE_WEIGHT * _loss(aside, targets) for aside in asides.values())]
        return torch.stack([part.float() for part in parts]).sum()
    found = [tensor for tensor in tensors(output) if tensor.requires_grad]
    if not found:
        raise ProfilerError(f"its output ({type(output).__name__}) holds no tensor with a gradient to make a loss of")
    return torch.stack([_single_loss(tensor, targets) for tensor in found]).sum()


def _single_loss(output: Tensor, targets: dict[Any, Tensor]) -> Tensor:
    if output.ndim < 2 or output.shape[1] < 2:
        return output.float().square().mean()
    key = (output.shape, output.device)
    if key not in targets:
        generator = torch.Generator().manual_seed(SEED)
        labels = torch.randint(output.shape[1], (output.shape[0], *output.shape[2:]), generator=generator)
        targets[key] = labels.to(output.device)
    return F.cross_entropy(output.float(), targets[key])
