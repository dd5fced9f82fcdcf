"""Which BatchNorms a convolution alone feeds, by following a module's tensors through one evaluation on the meta device."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profiler.errors import ProfilerError
from profiler.module.trees import map_tensors, tensors
from profiler.module.user_code import guarded


class _Uses(TorchFunctionMode):
    """Counts how often each followed tensor is an argument of something that makes a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.followed: dict[int, tuple[Tensor, str]] = {}
        self.uses: dict[int, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if tensors(out):
            for each in tensors((args, kwargs or {})):
                if id(each) in self.followed:
                    self.uses[id(each)] = self.uses.get(id(each), 0) + 1
        return out


@guarded
def foldable_batchnorms(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> dict[str, str]:
    """{path of a BatchNorm: path of the convolution whose output it alone takes}, of modules that run once.

    The module is a copy; arguments of any device. Raises ProfilerError where it does not run on the meta device.
    """
    made = {id(t): _meta(t) for t in (*module.parameters(), *module.buffers())}
    twin = copy.deepcopy(module, made).eval()
    args, kwargs = map_tensors((args, dict(kwargs)), lambda t: t.to("meta"))
    mode, takers, calls = _Uses(), dict[str, int](), dict[str, int]()

    def made_by(path: str) -> Any:
        def hook(_: nn.Module, __: Any, out: Any) -> None:
            mode.followed[id(out)] = (out, path)
            calls[path] = calls.get(path, 0) + 1

        return hook

    def taken_by(path: str) -> Any:
        def hook(_: nn.Module, given: Any) -> None:
            if given and id(given[0]) in mode.followed:  # looked up now: an id is given again to what is made later
                takers[path] = id(given[0])
            calls[path] = calls.get(path, 0) + 1

        return hook

    for path, part in twin.named_modules():
        if isinstance(part, nn.modules.conv._ConvNd):
            part.register_forward_hook(made_by(path))
        elif isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats:
            part.register_forward_pre_hook(taken_by(path))
    try:
        with torch.no_grad(), torch.device("meta"), mode:
            out = twin(*args, **kwargs)
    except Exception as fault:  # the user's own code may raise anything
        why = (str(fault) or type(fault).__name__).splitlines()[0]
        raise ProfilerError(f"{name}: its tensors are followed on the meta device, where it does not run ({why})") from None
    given_out = {id(each) for each in tensors(out)}
    found = {}
    for norm, key in takers.items():
        conv = mode.followed[key][1]
        if key not in given_out and mode.uses.get(key) == 1 and calls[norm] == calls[conv] == 1:
            found[norm] = conv
    return found


def _meta(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty
