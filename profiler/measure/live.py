"""A workload alive in a worker: the module on its device in its setting, and the one call that is timed."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler.errors import ProfilerError
from profiler.measure.plan import Setting
from profiler.network.layers import Shape

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ASIDE_WEIGHT = 0.3
"""What an auxiliary classifier's loss counts for (GoogLeNet, section 5)."""
SEED = 0
RATE = 1e-4
"""Learning rate of a timed step: small, since hundreds of steps on one batch must not take the weights anywhere odd."""

Made = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""A callable (a module, mostly) with its arguments."""


def random_inputs(shapes: Sequence[Shape], batch: int) -> tuple[Tensor, ...]:
    """Seeded normal inputs: zeros would be faster than any real image."""
    generator = torch.Generator().manual_seed(SEED)
    return tuple(torch.randn(batch, *shape, generator=generator) for shape in shapes)


def spin(seconds: float) -> None:
    """Read the clock until so many seconds have passed."""
    end = time.perf_counter_ns() + int(seconds * 1e9)
    while time.perf_counter_ns() < end:
        pass


class Live:
    """What is timed. `call()` runs it once and waits for nothing; `sync()` waits for the device."""

    def __init__(self, make: Callable[[], Made], setting: Setting) -> None:
        self.setting = setting
        self.device = torch.device(setting.device)
        self.by_torch = False
        self.graph: Any = None
        self.uncaptured = True
        before = self._memory_before()
        start = time.perf_counter()
        self.module, self.args, self.kwargs = self._placed(*make())
        self.sync()
        self.build_s = time.perf_counter() - start
        self.call: Callable[[], object] = self._training() if setting.mode == "train" else self._inference()
        self.first_call_s = self._once()
        self.compile_s: float | None = None
        if setting.compile:  # the first call compiled; a second is the plain one
            self.compile_s = max(self.first_call_s - self._once(), 0.0)
        self.peak_bytes = self._memory_since(before)

    def slow_by(self, share: float) -> None:
        """Spin at the end of every call for `share` of the time that it took."""
        plain = self.call

        def slowed() -> object:
            before = time.perf_counter()
            answer = plain()
            self.sync()
            spin(share * (time.perf_counter() - before))
            return answer

        self.call = slowed

    def sync(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def _once(self) -> float:
        start = time.perf_counter()
        self.call()
        self.sync()
        return time.perf_counter() - start

    def _placed(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Made:
        if not isinstance(module, nn.Module):
            return module, args, kwargs
        setting = self.setting
        # training keeps its weights in full precision and computes in less: that is what autocast is for
        dtype = DTYPES[setting.dtype] if setting.mode == "infer" else torch.float32
        module = module.to(self.device, dtype) if dtype != torch.float32 else module.to(self.device)
        module.train(setting.mode == "train")
        args, kwargs = self._moved((args, kwargs), dtype)
        if setting.memory_format == "channels_last":
            module, args = _channels_last(module), tuple(_channels_last(arg) for arg in args)
        if setting.compile:
            module = torch.compile(module)
        return module, args, kwargs

    def _moved(self, value: Any, dtype: torch.dtype) -> Any:
        match value:
            case Tensor():
                return value.to(self.device, dtype) if value.is_floating_point() else value.to(self.device)
            case tuple() | list():
                return type(value)(self._moved(item, dtype) for item in value)
            case dict():
                return {key: self._moved(item, dtype) for key, item in value.items()}
            case _:
                return value

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
        scaler = torch.amp.GradScaler("cuda") if setting.dtype == "fp16" and self.device.type == "cuda" else None
        targets: dict[Any, Tensor] = {}

        def precision() -> AbstractContextManager[object]:
            if setting.dtype == "fp32":
                return nullcontext()
            return torch.autocast(self.device.type, DTYPES[setting.dtype])

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
        """Capture a CUDA graph of the call, where the network allows it: its replays are the device's own time."""
        if self.device.type != "cuda" or self.setting.mode == "train" or not self.uncaptured:
            return
        self.uncaptured = False  # what could not be captured once cannot be captured later
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        try:
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self.call()
            torch.cuda.current_stream(self.device).wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.kept = self.call()
            graph.replay()
            self.sync()
            self.graph = graph
        except RuntimeError:  # a network that synchronises or allocates as it goes cannot be captured; events time it
            self.graph = None

    def _memory_before(self) -> int | None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return torch.cuda.memory_allocated(self.device)
        if self.device.type == "cpu":
            _give_back()
            try:
                Path("/proc/self/clear_refs").write_text("5")  # the peak of the resident set is now the set itself
            except OSError:
                return None
            return _resident("VmRSS")
        return None

    def _memory_since(self, before: int | None) -> int | None:
        """Bytes at the peak of building and running once, over what was taken before."""
        if before is None:
            return None
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) - before
        peak = _resident("VmHWM")
        return None if peak is None else max(peak - before, 0)


def _give_back() -> None:
    """Return what earlier cells freed to the system, so that it is not taken for free by the next. glibc alone can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident(what: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(what)), None)


def _channels_last(thing: Any) -> Any:
    """A module or tensor with its channels last in memory, 4 axes or 5; what has other axes stays."""
    if isinstance(thing, nn.Module):
        ranks = {weight.ndim for weight in thing.parameters()}
        for rank, form in ((4, torch.channels_last), (5, torch.channels_last_3d)):
            if rank in ranks:
                thing = thing.to(memory_format=form)  # type: ignore[call-overload]
        return thing
    if isinstance(thing, Tensor) and thing.ndim in (4, 5):
        return thing.contiguous(memory_format=torch.channels_last if thing.ndim == 4 else torch.channels_last_3d)
    return thing


def _loss(output: Any, targets: dict[Any, Tensor]) -> Tensor:
    """Cross-entropy against random labels where classes are on axis 1, asides weighed 0.3, else the mean square."""
    if isinstance(output, tuple) and len(output) == 2 and isinstance(output[1], dict):
        main, asides = output
        parts = [_loss(main, targets), *(ASIDE_WEIGHT * _loss(aside, targets) for aside in asides.values())]
        return torch.stack([part.float() for part in parts]).sum()
    tensors = list(_tensors(output))
    if not tensors:
        raise ProfilerError(f"its output ({type(output).__name__}) holds no tensor with a gradient to make a loss of")
    return torch.stack([_single_loss(tensor, targets) for tensor in tensors]).sum()


def _single_loss(output: Tensor, targets: dict[Any, Tensor]) -> Tensor:
    if output.ndim < 2 or output.shape[1] < 2:
        return output.float().square().mean()
    key = (output.shape, output.device)
    if key not in targets:
        generator = torch.Generator().manual_seed(SEED)
        labels = torch.randint(output.shape[1], (output.shape[0], *output.shape[2:]), generator=generator)
        targets[key] = labels.to(output.device)
    return F.cross_entropy(output.float(), targets[key])


def _tensors(value: Any) -> Any:
    match value:
        case Tensor():
            if value.requires_grad:
                yield value
        case dict():
            for item in value.values():
                yield from _tensors(item)
        case tuple() | list():
            for item in value:
                yield from _tensors(item)
