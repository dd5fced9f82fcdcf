"""The parameters of a module as they would be stored: which are weights of layers, tables, the head, routers and experts."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from profiler.count.stored_weights import Stored
from profiler.records.profile import Row


def stored_weights(module: nn.Module, rows: Iterable[Row]) -> list[Stored]:
    """Every parameter once, in order, by what it is for; `rows` are those of a trace of the module, and say what is routed."""
    routed = _experts(rows)
    head = _head(module)
    found: list[Stored] = []
    seen: set[int] = set()
    for path, m in module.named_modules():
        table = isinstance(m, nn.Embedding) or type(m).__name__.endswith("Embedding")
        expert = next(((k, of) for at, (k, of) in routed.items() if path == at or path.startswith(f"{at}.")), None)
        last = path.rpartition(".")[2]
        router = expert is None and (
            last in ("gate", "router") or ("router" in path and last in ("classifier", "layer", "weight"))
        )
        for name, p in m._parameters.items():
            if p is None or id(p) in seen:
                continue
            seen.add(id(p))
            sort = "weight"
            if p.ndim < 2 or "bias" in name:
                sort = "rest"
            elif p is head:
                sort = "head"
            elif table:
                sort = "embedding"
            elif router:
                sort = "router"
            active, of = expert or (1, 1)
            transposed = type(m).__name__ == "Conv1D" or bool(getattr(m, "is_transposed", False))
            where = f"{path}.{name}" if path else name
            found.append(Stored(where, tuple(p.shape), p.element_size(), sort, active, of, transposed))
    return found


def _experts(rows: Iterable[Row]) -> dict[str, tuple[int, int]]:
    """{path of a module of experts: (taken, of so many)}."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        if "active" not in row.facts:
            continue
        steps = row.path.split(".")
        named = [i for i, step in enumerate(steps) if "experts" in step]
        at = ".".join(steps[: named[-1] + 1] if named else steps[:-1])
        found.setdefault(at, (row.facts["active"], row.facts["experts"]))
    return found


def _head(module: nn.Module) -> nn.Parameter | None:
    """The weight that makes logits, which may be the table of the embedding too."""
    get = getattr(module, "get_output_embeddings", None)
    try:
        found = get() if callable(get) else None
    except (NotImplementedError, AttributeError):
        found = None
    weight = getattr(found, "weight", None)
    return weight if isinstance(weight, nn.Parameter) else None
