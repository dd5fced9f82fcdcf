"""One public model counted by us and by torch's FlopCounterMode: the worker of benchmarks/public_models.py.

It reads a family and a name a line and answers one JSON record a line. torch's own counter gets the formulas that it lacks.
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402  # the checkout is on the path only now
from torch import nn  # noqa: E402  # the checkout is on the path only now
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402  # the checkout is on the path only now
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402  # the checkout is on the path only now

from profiler import ProfilerError, Traced, trace  # noqa: E402  # the checkout is on the path only now
from profiler.load.inputs import Call, example  # noqa: E402  # the checkout is on the path only now
from profiler.load.libraries import offline  # noqa: E402  # the checkout is on the path only now
from profiler.load.natural import natural  # noqa: E402  # the checkout is on the path only now
from profiler.load.schemes import recipe  # noqa: E402  # the checkout is on the path only now
from profiler.module.meta import on_meta  # noqa: E402  # the checkout is on the path only now
from profiler.module.trees import map_tensors  # noqa: E402  # the checkout is on the path only now

MEMORY = 3 << 30
"""Bytes that a worker may hold."""
LARGEST_WITH_VALUES = 1 << 27
"""Parameters of a model that is counted with values, at most."""
TOKENS = 32
"""Tokens of a text, at most."""


class NotBuilt(Exception):
    """A model that its library does not build or run from a configuration alone."""


# Which models there are


def names(family: str) -> list[str]:
    """Every model of a library."""
    if family == "timm":
        return list(importlib.import_module("timm").list_models())
    if family == "torchvision":
        return list(importlib.import_module("torchvision.models").list_models())
    auto: Any = importlib.import_module("transformers.models.auto.modeling_auto")
    found: set[str] = set()
    for mapping in (value for key, value in vars(auto).items() if key.endswith("_MAPPING_NAMES") and "CONFIG" not in key):
        for value in mapping.values():
            found.update([value] if isinstance(value, str) else value)
    return sorted(found & set(dir(importlib.import_module("transformers"))))


# How they are built, on meta


def built(family: str, name: str) -> Iterator[tuple[Callable[[], nn.Module], Callable[[str], Call]]]:
    """Ways of building a model, smallest first, each with its arguments by device."""
    if family != "transformers":
        made = recipe(f"{family}:{name}", {})
        yield made.make, lambda device: example(made.inputs, 1, device)
        return
    model: Any = getattr(importlib.import_module("transformers"), name)
    for much in (2, 1, 0):
        try:
            config = shrunk(model.config_class, much)
        except Exception:  # a configuration checks itself with errors of its own
            continue
        given = []
        for each in natural(model, config):
            if each.dtype == "int64" and each.shape is not None:
                choices = (2,) if name.endswith("ForMultipleChoice") else ()
                each = replace(each, shape=(*choices, *(min(n, TOKENS) for n in each.shape)))
            given.append(each)
        if not given:
            raise NotBuilt("its input is not known")
        yield lambda config=config: model._from_config(config), lambda device, given=given: example(given, 1, device)  # type: ignore[misc]


SMALL = {
    r"(hidden_size|d_model|n_embd|embed_dim|word_embed_proj_dim|dim|embedding_size)": 64,
    r"(.*intermediate_size|.*ffn_dim|n_inner|d_ff|mlp_dim)": 128,
    r"(num_attention_heads|.*encoder_attention_heads|decoder_attention_heads|n_head|n_heads|num_heads)": 4,
    r"(num_key_value_heads)": 2,
    r"(head_dim|d_kv)": 16,
    r"(num_experts|num_local_experts|n_routed_experts)": 4,
}
LAYERS = r"(num_(hidden_|encoder_|decoder_)?layers|n_layers?|(en|de)coder_layers|num_blocks|depth|num_stacks)"


def shrunk(kind: Any, much: int) -> Any:
    """A configuration with 2 layers, at 2 also of a small width; 0 leaves it as it is."""
    default = kind()
    if not much:
        return default
    changes: dict[str, Any] = {}
    inner = set(getattr(kind, "sub_configs", {}) or {})
    for key, value in vars(default).items():
        if key in inner and value is not None:
            changes[key] = shrunk(type(value), much).to_dict()
        elif type(value) is int and value > 0:
            if re.fullmatch(LAYERS, key):
                changes[key] = min(value, 2)
            for pattern, small in SMALL.items():
                if much == 2 and re.fullmatch(pattern, key):
                    same = key == "num_key_value_heads" and value == getattr(default, "num_attention_heads", None)
                    changes[key] = min(value, 4 if same else small)
    return kind(**changes)


# What each counts


def _product(a: Any, b: Any) -> int:
    """2 FLOPs a multiply-add of a (…, k) and b (k, …), of which a row meets one of several."""
    return int(2 * prod((*a, *b[1:])))


def _trilinear(_: Any, w: Any, *__: Any, out_shape: Any, **___: Any) -> int:
    outputs, first, second = w
    return int(2 * prod(out_shape[:-1])) * int(outputs * first * second + outputs * second)


aten: Any = torch.ops.aten
MISSING = {
    aten.mv: lambda a, b, **_: _product(a, b),
    aten.dot: lambda a, b, **_: _product(a, b),
    aten.vdot: lambda a, b, **_: _product(a, b),
    aten.addmv: lambda _, a, b, **__: _product(a, b),
    aten.addbmm: lambda _, a, b, **__: _product(a, b[1:]),
    aten._trilinear: _trilinear,
    aten._cdist_forward: lambda a, b, *_, **__: _product(a, (1, b[-2])),
    aten._euclidean_dist: lambda a, b, **_: _product(a, (1, b[-2])),
    aten._grouped_mm: lambda a, b, *_, **__: _product(a, b[-2:]),
}
"""Formulas of products that torch's counter has none for."""


def by_torch(module: nn.Module, call: Call) -> tuple[int, dict[str, int]]:
    """Half of torch's total, and of each module by its path.

    Attention and recurrent layers are taken apart, so that no kernel of a device hides them.
    """
    counter = FlopCounterMode(display=False, custom_mapping=MISSING)
    args, kwargs = call
    torch.manual_seed(0)  # as ours draws, where the forward draws lengths
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH), counter:
        module(*args, **kwargs)
    modules = {key.partition(".")[2]: sum(found.values()) // 2 for key, found in counter.get_flop_counts().items()}
    return counter.get_total_flops() // 2, modules


def reference(
    make: Callable[[], nn.Module], given: Callable[[str], Call]
) -> tuple[nn.Module, Call, int | None, dict[str, int], str]:
    """A module and its arguments with torch's count: on meta, there in bfloat16, or with values.

    None where it runs in no way, with why.
    """
    call, fault = given("meta"), ""
    try:
        module = on(on_meta(), make)
    except NotImplementedError as raised:  # its constructor computes with tensors
        module, fault = on(nullcontext(), make), said(raised)
    else:
        try:
            return module, call, *by_torch(module, call), ""
        except Exception as raised:
            fault = said(raised)
        if "BF16" in fault:
            try:
                cast = map_tensors(call, lambda t: t.to(torch.bfloat16) if t.is_floating_point() else t)
                return module, call, *by_torch(on(on_meta(), make).to(torch.bfloat16), cast), ""
            except Exception as raised:
                fault = said(raised)
    if sum(p.numel() for p in module.parameters()) <= LARGEST_WITH_VALUES:
        try:
            real = on(nullcontext(), make)
            return real, given("cpu"), *by_torch(real, given("cpu")), ""
        except Exception as raised:
            fault = said(raised)
    return module, call, None, {}, fault


def on(device: AbstractContextManager[Any], make: Callable[[], nn.Module]) -> nn.Module:
    """A model in evaluation, the same weights every time."""
    with offline(), torch.random.fork_rng(devices=[]), device:
        torch.manual_seed(0)
        return make().eval().requires_grad_(False)


def first_difference(rows: Any, modules: dict[str, int]) -> str:
    """The deepest module, in the order of torch's, of which the counts differ, with both."""
    found = ""
    for path, theirs in modules.items():
        ours = sum(row.macs for row in rows if not row.side and (not path or f"{row.path}.".startswith(f"{path}.")))
        if ours != theirs and (not found or path.startswith(found.partition(":")[0])):
            found = f"{path or 'its forward'}: {ours:,} here, {theirs:,} by torch"
    return found


def compared(module: nn.Module, found: Traced, total: int, modules: dict[str, int]) -> dict[str, str]:
    """The verdict on a count that torch has a total of, with its reason."""
    profile = found.profile
    if profile.macs != total:
        four = " (complex numbers count four times here)" if any(p.is_complex() for p in module.parameters()) else ""
        return {"verdict": "different", "reason": first_difference(profile.rows, modules) + four}
    if profile.uncounted:
        return {"verdict": "uncounted", "reason": ", ".join(profile.uncounted)}
    held = sum(p.numel() for p in module.parameters())
    if profile.params + profile.side_params + found.unread != held:
        each = f"{profile.params:,} read, {profile.side_params:,} in training only, {found.unread:,} unread"
        return {"verdict": "parameters differ", "reason": f"{each}, {held:,} held"}
    return {"verdict": "equal", "reason": ""}


def counted(family: str, name: str) -> dict[str, Any]:
    """The record of one model."""
    record: dict[str, Any] = {"family": family, "name": name}
    faults: list[str] = []
    for make, given in built(family, name):
        try:
            module, call, total, modules, fault = reference(make, given)
        except Exception as raised:
            faults.append(said(raised))
            continue
        if total is None:
            faults.append(fault)
        start = time.perf_counter()
        try:
            found = trace(module, *call, batch=1)
        except ProfilerError as refusal:
            if total is None:
                faults.append(said(refusal))
                continue
            if "allocate memory" in str(refusal):
                return record | {"verdict": "over the limit", "reason": f"{MEMORY >> 30} GiB of memory", "torch": total}
            return record | {"verdict": "refused", "reason": str(refusal), "torch": total}
        record |= {
            "macs": found.profile.macs, "params": found.profile.params, "torch": total, "rung": found.rung,
            "seconds": round(time.perf_counter() - start, 3),
        }  # fmt: skip
        if total is None:
            return record | {"verdict": "no reference", "reason": faults[-1]}
        return record | compared(module, found, total, modules)
    return record | {"verdict": "not built", "reason": faults[-1] if faults else "its configuration has no defaults"}


def said(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {' '.join(str(fault).split())[:200]}"


def main() -> None:
    """Answers until its input ends."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    for first in filter(None, sys.argv[1].split(",")):
        importlib.import_module(first)
    answers = sys.stdout
    for line in sys.stdin:
        family, _, name = line.strip().partition(" ")
        with redirect_stdout(sys.stderr):
            if not name:
                answer: Any = names(family)
            else:
                try:
                    answer = counted(family, name)
                except NotBuilt as fault:
                    answer = {"family": family, "name": name, "verdict": "not built", "reason": str(fault)}
                except Exception as fault:
                    answer = {"family": family, "name": name, "verdict": "failed", "reason": said(fault)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
