"""A worker: a fresh process in one state of the device, which keeps its cells alive and measures what it is told to.

Started by measure/start.py; messages come on its own stdin and are answered on its stdout (measure/channel.py).
What the measured code prints on its stdout goes nowhere, and its stdin is empty. It ends when the process that began it does.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from profiler.measure.channel import SAYS, receive, send
from profiler.measure.command_call import end_all
from profiler.measure.device import Device
from profiler.measure.devices import DEVICES, opened
from profiler.measure.plan import Spec, State
from profiler.measure.runtimes import exports, registry
from profiler.measure.visits import Prepared
from profiler.module.remembered import leave_changes

MOST_WORDS = 300
PATIENT = 0.9
"""Share of the time that an answer is waited for after which a command is ended, so that the reason is its own."""
PR_SET_PDEATHSIG = 1
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate")
_exit, _process = os._exit, os.getpid  # which measured code may replace


class Worker:
    """The cells that are alive in this process, by number, and what can be asked of them."""

    def __init__(
        self,
        state: State,
        kind: type[Device],
        keep_exports: bool = False,
        scratch: Path | None = None,
        patience_s: float | None = None,
    ) -> None:
        """`patience_s` is how long an answer of measured code is waited for."""
        import torch

        from profiler.measure.clocks import ReferenceKernel

        torch.set_num_threads(state.threads)
        if state.runtime == "exec" and patience_s is not None:
            from profiler.measure import commanded

            commanded.HERE.run_s = PATIENT * patience_s
        DEVICES[kind.type] = kind  # which the process that schedules may have from elsewhere
        self.device = opened(state.device)
        self.device.begin()
        self.state = state
        exports.HERE.keep, exports.HERE.scratch = keep_exports, scratch
        self.live: dict[int, Any] = {}
        self.clocked: dict[int, Any] = {}
        self.kernel = ReferenceKernel(self.device)
        _loaded(self.device.torch_device)

    def facts(self) -> dict[str, Any]:
        """What this process measures with."""
        import torch

        return {
            "torch": str(torch.__version__),  # a plain text, so that the other side need not load torch to read it
            "threads": torch.get_num_threads(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "mkldnn": torch.backends.mkldnn.is_available(),
            **self.device.facts(),
            **registry.facts(self.state),
        }

    def free(self) -> int | None:
        """Bytes that are free where the cells live."""
        return self.device.free_memory()

    def prepare(self, number: int, spec: Spec, layers: bool) -> Prepared:
        """Bring a cell alive: build, first call, compilation."""
        import gc

        made = spec.workload.live(spec.setting, spec.batch)
        if layers:
            from profiler.measure.exported_layers import ClockedExport
            from profiler.measure.per_layer import Clocked

            self.clocked[number] = ClockedExport(made) if spec.setting.exported else Clocked(made)
        self.live[number] = made
        gc.collect()
        gc.freeze()  # what is alive now stays: later collections need not look at it
        return Prepared(
            made.build_s,
            made.first_call_s,
            made.compile_s,
            made.peak_bytes,
            params=made.source.params,
            file=made.source.file,
            export_s=made.export_s,
            load_s=made.load_s,
            artifact_bytes=made.artifact_bytes,
            nodes=made.nodes,
            output_difference=made.output_difference,
            facts=made.facts,
        )

    def warm(self, number: int, seconds: float) -> Any:
        from profiler.measure.clocks import warm

        return warm(self.live[number], seconds)

    def visit(self, number: int, settle: int, samples: int, block: int, layers: bool = False) -> Any:
        from profiler.measure.clocks import visit

        return visit(self.live[number], self.clocked[number] if layers else None, settle, samples, block)

    def reference(self) -> Any:
        return self.kernel.time()

    def energy(self, number: int, seconds: float) -> Any:
        from profiler.measure.energy import measured_block

        return measured_block(self.live[number], seconds)

    def roofs(self, dtype: str) -> Any:
        from profiler.measure.roofs import roofs

        return roofs(self.device, dtype)

    def release(self, number: int) -> None:
        """Let a cell go."""
        import gc

        self.live.pop(number, None)
        self.clocked.pop(number, None)
        gc.unfreeze()
        gc.collect()
        self.device.release_memory()


def _loaded(device: Any) -> None:
    """Load what torch loads at first use, so that the first cell does not pay for it in memory and time."""
    import torch

    small = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8 * 4 * 4, 2)
    ).to(device)
    labels = torch.zeros(4, dtype=torch.long, device=device)
    loss = torch.nn.functional.cross_entropy(small(torch.randn(4, 1, 6, 6, device=device)), labels)
    loss.backward()
    torch.optim.SGD(small.parameters(), lr=0.1).step()
    with torch.inference_mode():
        small.eval()(torch.randn(1, 1, 6, 6, device=device))


def reason_of(fault: BaseException) -> str:
    """Why a cell cannot be measured, in one sentence."""
    text = " ".join(str(fault).split())
    if isinstance(fault, MemoryError) or any(sign in text.lower() for sign in _OUT_OF_MEMORY):
        return "out of memory"
    if "Expected more than 1 value per channel" in text:
        return "batch normalisation cannot be trained on one sample a channel; give a larger --batch"
    name = type(fault).__name__
    said = text if name == "ProfilerError" else f"{name}: {text}"
    return said if len(said) <= MOST_WORDS else said[: MOST_WORDS - 1] + "…"


def main(parent: int | None, token: bytes) -> None:
    """Answer messages until the other side is gone. `parent` is the process that began this one, if its main thread did."""
    leave_changes()
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # the measured code must not read the messages, nor print between the answers, thousands of times
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    end_with(parent, stdin.fileno())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_Forked())
    worker: Worker | None = None
    own = _process()
    with suppress(BrokenPipeError, EOFError):  # the process that the user started is gone
        while True:
            worker = _answer(stdin, stdout, token, worker, own)
    _exit(0)  # nothing is left to be flushed, and nobody to read it


def end_with(parent: int | None, channel: int) -> None:
    """End this process when `parent` does, or when nobody can write to `channel` any more, whatever it is doing then."""
    if hasattr(select, "poll"):
        threading.Thread(target=_watch, args=(channel,), daemon=True).start()
    if parent is None:
        return
    with suppress(OSError, AttributeError):  # Linux alone can, and does it even where a call never lets the watch run
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(os, "getppid") and os.name == "posix" and os.getppid() != parent:  # it ended before
        _exit(1)


class _Forked:
    """Ends a forked child that forks again, as one that came back from the measured call does in every other."""

    def __init__(self) -> None:
        self.depth = 0

    def __call__(self) -> None:
        self.depth += 1
        if self.depth > 1:
            _exit(0)


def _watch(channel: int) -> None:
    hung_up = select.poll()
    hung_up.register(channel, 0)  # no event but that the other end is closed, which needs no asking
    while not hung_up.poll():
        pass
    end_all()
    _exit(1)


def _answer(stdin: IO[bytes], stdout: IO[bytes], token: bytes, worker: Worker | None, own: int) -> Worker | None:
    """Do what one message says and answer it. Raises EOFError, BrokenPipeError where the other side is gone."""
    number, what, *given = receive(stdin)
    exports.HERE.say = lambda text: send(stdout, (number, SAYS, text), token)
    try:
        if what == "begin":
            worker = Worker(*given)
            answer: Any = worker.facts()
        else:
            answer = getattr(worker, what)(*given)
        outcome = "done"
    except Exception as fault:  # the measured code is somebody's own: whatever it raises is that cell's reason
        outcome, answer = "failed", reason_of(fault)
    if _process() != own:  # a child that the measured code forked came back from it: it is no worker
        _exit(0)
    if outcome == "failed":
        if worker is not None and any(sign in answer for sign in worker.device.fatal):
            send(stdout, (number, "fatal", answer), token)
            _exit(1)
        if what == "prepare" and worker is not None:
            with suppress(RuntimeError):  # what a device cannot give back now, it gives back when the process ends
                worker.release(given[0])
    send(stdout, (number, outcome, answer), token)
    return worker
